"""Our own lifters, whose virtual camera looks straight at the person.

:mod:`.view` describes their input and output. The network is one of two: VideoPose3D's temporal convolution
(:mod:`.temporal`) with the score as a third number a keypoint, or P-STMO (:mod:`.pstmo`). Weights are a
``.safetensors`` file whose metadata holds the configuration.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ...contract import atomic
from ...contract.errors import UserError, brief, file_not_found
from ...contract.skeletons import COCO17, H36M17
from ...progress import Progress
from . import view, whole_clip
from .base import GENERIC_UNCERTAINTY, Track2D
from .pstmo import Sizes
from .temporal import TemporalModel
from .whole_clip import WindowedPstmo


@dataclass(frozen=True)
class TcnConfig:
    """The shape of the temporal convolution.

    Attributes:
        filter_widths, channels: See :class:`.TemporalModel`.
        features: Numbers a keypoint, of those of :func:`.view.features`.
        rate: Frames a second of the training motion.
        size_window: Frames of the median of the person's size.
    """

    FORMAT: ClassVar[str] = "pose3d-tcn-1"

    filter_widths: tuple[int, ...] = (3, 3, 3)
    channels: int = 384
    features: int = 4
    rate: float = 30.0
    size_window: int = 81

    def model(self) -> TemporalModel:
        """Returns a network of this shape with fresh weights."""
        return TemporalModel(17, self.features, 17, self.filter_widths, dropout=0.0, channels=self.channels)


@dataclass(frozen=True)
class PstmoConfig:
    """The shape of P-STMO, by default of half the paper's width: see :class:`.Sizes` and :class:`TcnConfig`."""

    FORMAT: ClassVar[str] = "pose3d-pstmo-1"

    frames: int = 27
    layers: int = 3
    channels: int = 128
    d_hid: int = 256
    features: ClassVar[int] = 2
    rate: float = 30.0
    size_window: int = 81

    def model(self) -> WindowedPstmo:
        """Returns a network of this shape with fresh weights."""
        widths = {"channels": self.channels, "d_hid": self.d_hid, "hidden": self.d_hid}
        return WindowedPstmo(Sizes.of(self.frames, layers=self.layers, **widths))


Config = TcnConfig | PstmoConfig
Network = TemporalModel | WindowedPstmo


def save_weights(
    path: Path, config: Config, state: Mapping[str, Tensor], uncertainty: np.ndarray | None = None
) -> None:
    """Writes weights with their configuration as ``.safetensors``, in half precision, atomically. ``uncertainty``
    (17,2): see :class:`.base.Lifter`."""
    # Half precision costs less than 0.1 mm and halves the file; counters of batches have no use after training.
    tensors = {k: v.half().contiguous() for k, v in state.items() if not k.endswith("num_batches_tracked")}
    metadata = {"format": config.FORMAT, "config": json.dumps(asdict(config))}
    if uncertainty is not None:
        metadata["uncertainty"] = json.dumps(np.round(uncertainty, 4).tolist())
    block = save(tensors, metadata=metadata)
    with atomic.replacing(path) as temporary:
        temporary.write_bytes(block)


def read_weights(path: Path) -> tuple[Config, dict[str, Tensor]]:
    """Reads the configuration and the parameters, in single precision, of a file of :func:`save_weights`.

    Raises:
        UserError: The file is missing, damaged or of another kind.
    """
    if not path.is_file():
        raise file_not_found(path, "`pose3d weights list` shows where weights lie")
    try:
        with safe_open(path, framework="pt") as archive:
            metadata = archive.metadata() or {}
            state = {key: archive.get_tensor(key).float() for key in archive.keys()}  # noqa: SIM118 - not a dict
        kind = {kind.FORMAT: kind for kind in (TcnConfig, PstmoConfig)}[metadata["format"]]
        fields = json.loads(metadata["config"])
        if "filter_widths" in fields:
            # Weights of version 0.1 do not say that they have three features.
            fields = {"features": 3, **fields, "filter_widths": tuple(fields["filter_widths"])}
        return kind(**fields), state
    except (SafetensorError, OSError, LookupError, ValueError, TypeError) as error:
        raise UserError(
            f"{path}: damaged, or not weights of a lifter ({brief(error)}); fetch or copy it again"
        ) from error


def read_uncertainty(path: Path) -> np.ndarray:
    """Reads the uncertainty (17,2) beside weights, see :class:`.base.Lifter`; the generic one if there is none.

    Raises:
        UserError: It is damaged.
    """
    try:
        with safe_open(path, framework="pt") as archive:
            stored = (archive.metadata() or {}).get("uncertainty")
        found = GENERIC_UNCERTAINTY if stored is None else np.array(json.loads(stored), np.float64)
    except (SafetensorError, OSError, ValueError, TypeError) as error:
        raise UserError(f"{path}: its uncertainty is damaged ({brief(error)}); fetch or copy it again") from error
    if found.shape != (17, 2) or not (np.isfinite(found) & (found >= 0)).all():
        raise UserError(f"{path}: its uncertainty is damaged; fetch or copy it again")
    return found


class ViewedLifter:
    """See :class:`.base.Lifter`; raises UserError if the weights are missing, damaged or not finite."""

    def __init__(self, name: str, checkpoint: Path, device: torch.device) -> None:
        self.name, self.checkpoint = name, checkpoint
        self.config, state = read_weights(checkpoint)
        if not all(torch.isfinite(value).all() for value in state.values()):
            raise UserError(f"{checkpoint}: weights are not finite; fetch or copy it again")
        try:
            model = self.config.model()
            model.load_state_dict(state)
        except (RuntimeError, ValueError) as error:
            raise UserError(f"{checkpoint}: weights are incomplete or do not fit; fetch or copy it again") from error
        self.uncertainty = read_uncertainty(checkpoint)
        self.model = model.eval().to(device)
        self.receptive_field = model.receptive_field
        self.rate = self.config.rate

    def lift(self, track: Track2D, tds: int, flip: bool, progress: Progress) -> np.ndarray:
        """See :meth:`.base.Lifter.lift`. The size is that of a person of 1.70 m."""
        centre = np.array([track.width / 2, track.height / 2], np.float32)
        points = (track.keypoints[..., :2] - centre) / np.float32(track.focal_px)
        scores = track.keypoints[..., 2]
        seen, rotation = view.look_at_torso(points)
        size = view.running_median(view.person_size(seen, scores), self.config.size_window * tds)
        inputs = view.features(seen, scores, size)[..., : self.config.features]
        network = partial(whole_clip.convolution, self.model)
        joints = whole_clip.lift(network, inputs, (COCO17, H36M17), tds, flip, progress)
        joints[:, 0] = 0  # the origin, which is not trained
        # From the axes of the virtual camera back to those of the real one: rows times R is R transposed times columns.
        return np.matmul(joints, rotation).astype(np.float32)
