"""Our own lifter: a temporal convolution that looks straight at the person.

The network is VideoPose3D's (:mod:`.temporal`) with the score as a third number a keypoint; what it is fed and what
it gives is described in :mod:`.view`. Its weights are a ``.safetensors`` file whose metadata holds the configuration.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from .. import files
from ..errors import UserError, brief
from ..progress import Progress
from ..skeletons import COCO17, H36M17
from . import view
from .base import Track2D
from .temporal import TemporalModel

FORMAT = "pose3d-tcn-1"

MAX_ROWS = 4096
"""Frames that are lifted at once: enough to keep every core busy, little enough for any memory."""


@dataclass(frozen=True)
class TcnConfig:
    """The shape of the network. rate: frames a second of its training motion. size_window: frames over which the
    person's size is the median."""

    filter_widths: tuple[int, ...] = (3, 3, 3)
    channels: int = 384
    rate: float = 30.0
    size_window: int = 81

    def model(self, dropout: float = 0.0) -> TemporalModel:
        """A network of this shape with fresh weights."""
        return TemporalModel(17, 3, 17, self.filter_widths, dropout=dropout, channels=self.channels)


def save_weights(path: Path, config: TcnConfig, state: Mapping[str, Tensor]) -> None:
    """Writes weights with their configuration as ``.safetensors``, in half precision, atomically."""
    # Half precision costs less than 0.1 mm and halves the file; counters of batches are of no use after training.
    tensors = {k: v.half().contiguous() for k, v in state.items() if not k.endswith("num_batches_tracked")}
    block = save(tensors, metadata={"format": FORMAT, "config": json.dumps(asdict(config))})
    with files.replacing(path) as temporary:
        temporary.write_bytes(block)


def read_weights(path: Path) -> tuple[TcnConfig, dict[str, Tensor]]:
    """The inverse of :func:`save_weights`, in single precision. Raises UserError on any other file."""
    if not path.is_file():
        raise UserError(f"{path}: no such file; `pose3d weights list` shows the weights that are there")
    try:
        with safe_open(path, framework="pt") as archive:
            metadata = archive.metadata() or {}
            state = {key: archive.get_tensor(key).float() for key in archive.keys()}  # noqa: SIM118 - not a dict
    except (SafetensorError, OSError, ValueError) as error:
        raise UserError(
            f"{path}: damaged or not a .safetensors file ({brief(error)}); fetch or copy it again"
        ) from error
    if metadata.get("format") != FORMAT:
        raise UserError(
            f"{path}: weights of another kind than {FORMAT}; choose weights that `pose3d weights list` names"
        )
    try:
        fields = json.loads(metadata["config"])
        return TcnConfig(**{**fields, "filter_widths": tuple(fields["filter_widths"])}), state
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: its configuration is damaged ({brief(error)}); fetch or copy it again") from error


class TcnLifter:
    """See :class:`.base.Lifter`."""

    def __init__(self, name: str, checkpoint: Path, device: torch.device) -> None:
        self.name, self.checkpoint, self.device = name, checkpoint, device
        self.config, state = read_weights(checkpoint)
        model = self.config.model()
        try:
            model.load_state_dict(state, strict=False)
        except RuntimeError as error:
            raise UserError(f"{checkpoint}: weights and configuration do not fit; fetch or copy it again") from error
        missing = {k for k in model.state_dict() if not k.endswith("num_batches_tracked")} ^ set(state)
        if missing or not all(torch.isfinite(value).all() for value in state.values()):
            raise UserError(f"{checkpoint}: weights are incomplete or not finite; fetch or copy it again")
        self.model = model.eval().to(device)
        self.receptive_field = model.receptive_field
        self.rate = self.config.rate

    def lift(self, track: Track2D, tds: int, flip: bool, progress: Progress) -> np.ndarray:
        """(T,17,3): see :meth:`.base.Lifter.lift`; the size of a person of 1.70 m."""
        inputs, rotation = self._inputs(track, tds)
        joints = self._network(inputs, tds, progress)
        if flip:
            mirrored = self._network(inputs[:, COCO17.mirror] * np.array([-1, 1, 1], np.float32), tds, progress)
            joints = (joints + mirrored[:, H36M17.mirror] * np.array([-1, 1, 1], np.float32)) / 2
        joints[:, 0] = 0  # the origin, which is not trained
        # From the axes of the virtual camera back to those of the real one: rows times R is R transposed times columns.
        return np.matmul(joints, rotation).astype(np.float32)

    def _inputs(self, track: Track2D, tds: int) -> tuple[np.ndarray, np.ndarray]:
        centre = np.array([track.width / 2, track.height / 2], np.float32)
        points = (track.keypoints[..., :2] - centre) / np.float32(track.focal_px)
        scores = track.keypoints[..., 2]
        seen, rotation = view.look_at_torso(points)
        size = view.running_median(view.person_size(seen, scores), self.config.size_window * tds)
        return view.features(seen, scores, size), rotation

    def _network(self, inputs: np.ndarray, tds: int, progress: Progress) -> np.ndarray:
        """Lifts every frame of (T,17,3): the ``tds`` interleaved sequences are a batch, their ends are held."""
        frames, reach = len(inputs), self.receptive_field // 2
        result = np.empty((frames, 17, 3), np.float32)
        rows = -(-frames // tds)
        step = max(1, MAX_ROWS // tds)
        with torch.inference_mode():
            for first in range(0, rows, step):
                last = min(first + step, rows)
                at = np.arange(first - reach, last + reach)[None] * tds + np.arange(tds)[:, None]
                block = torch.from_numpy(inputs[np.clip(at, 0, frames - 1)]).to(self.device)
                joints = self.model(block).float().cpu().numpy()  # (tds, last - first, 17, 3)
                joints = joints.swapaxes(0, 1).reshape(-1, 17, 3)
                begin = first * tds
                result[begin : last * tds] = joints[: frames - begin]
                progress("lift", min(last * tds, frames), frames)
        return result
