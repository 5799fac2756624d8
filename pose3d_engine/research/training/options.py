"""The settings of a training run on the papers' data, with the papers' values where none are given."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ...contract.errors import UserError
from ...pose.lifters.pstmo import STRIDES
from ..data_sets import h36m

PRETRAIN = "pretrain"
MPI_INF_3DHP, IN_THE_WILD, MOCAP = "3dhp", "in-the-wild", "mocap"
PSTMO, VIDEOPOSE3D = "pstmo", "videopose3d"


@dataclass(frozen=True)
class Options:
    """Settings of a run.

    Attributes:
        stage: ``pretrain`` (masked, P-STMO only) or ``finetune``.
        dataset: ``h36m``, ``3dhp``, ``in-the-wild`` or ``mocap``.
        lifter: ``pstmo`` or ``videopose3d``.
        data: Folder of the data set; the mocap file for ``mocap``.
        output: Folder of state, losses and weights.
        detections: Name of the 2D data of Human3.6M.
        frames: Length of a window.
        tds: Frame step within a window.
        batch: Windows of a batch, over all processes.
        layers: Layers of P-STMO's transformer.
        channels: Width of the transformers or the convolutions.
        d_hid: Width inside P-STMO's layers.
        lr: Learning rate.
        lr_decay: Its factor an epoch.
        epochs: Epochs of the run.
        temporal_mask_rate: Share of frames that pre-training hides.
        spatial_mask_num: Joints that pre-training hides in each visible frame.
        refine: Train P-STMO's refinement too.
        pretrained: Weights of a pre-training to begin with.
        start: Weights of the same network to begin with.
        causal: VideoPose3D sees past frames only.
        dropout: Share of activations that training leaves out.
        epoch_batches: Batches of an epoch of ``mocap``, which is endless.
        seed: Seed of the run.
        device: One of ``device.DEVICES``.
        save_every: Seconds between two saved states.
    """

    stage: str
    dataset: str
    lifter: str
    data: Path
    output: Path
    detections: str = "cpn_ft_h36m_dbb"
    frames: int = 243
    tds: int = 2
    batch: int = 160
    layers: int = 3
    channels: int = 256
    d_hid: int = 512
    lr: float = 7e-4
    lr_decay: float = 0.97
    epochs: int = 80
    temporal_mask_rate: float = 0.8
    spatial_mask_num: int = 2
    refine: bool = False
    pretrained: Path | None = None
    start: Path | None = None
    causal: bool = False
    dropout: float = 0.1
    epoch_batches: int = 1000
    seed: int = 1
    device: str = "auto"
    save_every: float = 300.0

    def __post_init__(self) -> None:
        problem = self._problem()
        if problem:
            raise UserError(problem)

    def _problem(self) -> str | None:
        positive = ("frames", "tds", "batch", "layers", "channels", "d_hid", "lr", "epochs", "epoch_batches")
        for name in positive:
            if getattr(self, name) <= 0:
                return f"{name} is {getattr(self, name)}; give a number above 0"
        if self.stage == PRETRAIN and self.lifter != PSTMO:
            return "masked pre-training is P-STMO's; leave out --lifter videopose3d or use `train finetune`"
        if self.refine and (self.stage == PRETRAIN or self.lifter != PSTMO):
            return "the refinement belongs to the fine-tuning of P-STMO; leave out --refine"
        if self.refine and self.dataset == MPI_INF_3DHP:
            return "the refinement needs the cameras, which MPI-INF-3DHP's files do not hold; leave out --refine"
        if self.lifter == PSTMO and self.frames not in STRIDES:
            return f"P-STMO has windows of {', '.join(map(str, STRIDES))} frames, not {self.frames}; choose one with -f"
        if self.stage == PRETRAIN and not 0 <= self.temporal_mask_rate < 1:
            return f"-tmr is {self.temporal_mask_rate}; give a share of frames from 0 to below 1"
        if not 0 <= self.spatial_mask_num < 17:
            return f"-smn is {self.spatial_mask_num}; give a number of joints from 0 to 16"
        return None

    def as_settings(self) -> dict[str, Any]:
        """Returns the settings that determine the result, without those that may change when a run continues."""
        free = ("data", "output", "epochs", "device", "save_every", "pretrained", "start")
        return {key: value for key, value in asdict(self).items() if key not in free}


def papers(stage: str, dataset: str, lifter: str, data: Path, output: Path) -> Options:
    """Returns the published settings of a stage on a data set."""
    options = Options(stage, dataset, lifter, data, output)
    if dataset == IN_THE_WILD:
        options = replace(options, detections=h36m.IN_THE_WILD)
    elif dataset == MPI_INF_3DHP:
        options = replace(options, frames=81, tds=1, temporal_mask_rate=0.7)
    elif dataset == MOCAP:
        options = replace(options, tds=1)  # mocap comes at 30 frames a second, as videos do
    if lifter == VIDEOPOSE3D:
        return replace(options, tds=1, batch=1024, channels=1024, lr=1e-3, lr_decay=0.95, epochs=60, dropout=0.25)
    return replace(options, lr=1e-4) if stage == PRETRAIN else options
