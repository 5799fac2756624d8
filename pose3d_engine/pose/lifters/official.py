"""Lifters for the papers' checkpoints: P-STMO, P-STMO-S, VideoPose3D."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...contract.errors import UserError
from ...contract.skeletons import COCO17, H36M17
from ...progress import Progress
from ...weights import Entry
from . import checkpoint_files, geometry, layouts, pstmo, temporal, whole_clip
from .base import GENERIC_UNCERTAINTY, Track2D
from .pstmo import PSTMO
from .temporal import TemporalModel

JOINTS = {"h36m": H36M17, "mpi": layouts.MPI17}
"""Orders of the 3D output."""

KEYPOINTS = {"coco": COCO17, **JOINTS}
"""Orders of the 2D input. Networks that were trained on other than COCO's get derived keypoints: :mod:`.layouts`."""

MODES = ("exact", "sequence")
"""P-STMO: one window a frame, or all frames of overlapping windows."""


@dataclass(frozen=True)
class Recipe:
    """How weights are used: ``settings`` of an entry of the register or of a checkpoint, by default as in the papers.

    Attributes:
        rate: Frames a second of the training motion.
        normalisation: Width and height by which pixels become screen coordinates: Human3.6M's, which the published
            programs take for every video; None for the picture's.
        keypoints: Order of the input, one of :data:`KEYPOINTS`.
        joints: Order of the output, one of :data:`JOINTS`.
        unit: Metres in the network's unit of length.
        causal: VideoPose3D sees past frames only.
        mode: One of :data:`MODES`.
    """

    rate: float = 25.0
    normalisation: tuple[float, float] | None = (1000.0, 1002.0)
    keypoints: str = "coco"
    joints: str = "h36m"
    unit: float = 1.0
    causal: bool = False
    mode: str = "exact"

    @classmethod
    def of(cls, settings: Mapping[str, Any], where: str) -> Recipe:
        """Returns the recipe of settings by name; ``where`` is their file or entry, for the message.

        Raises:
            UserError: Unknown settings or values.
        """
        known = {field.name for field in fields(cls)}
        recipe = cls(**{key: value for key, value in settings.items() if key in known})
        size = recipe.normalisation
        if (
            not known.issuperset(settings)
            or recipe.keypoints not in KEYPOINTS
            or recipe.joints not in JOINTS
            or recipe.mode not in MODES
            or not all(isinstance(value, int | float) and value > 0 for value in (recipe.rate, recipe.unit))
            or not (size is None or (len(size) == 2 and min(size) > 0))
        ):
            raise UserError(f"{where}: settings {dict(settings)} are not understood; they may hold {', '.join(known)}")
        return recipe


class OfficialLifter:
    """See :class:`.base.Lifter`."""

    def __init__(
        self, name: str, checkpoint: Path, recipe: Recipe, lift_clips: whole_clip.LiftClips, receptive_field: int
    ):
        self.name, self.checkpoint, self.recipe, self._lift_clips = name, checkpoint, recipe, lift_clips
        self.receptive_field, self.rate = receptive_field, float(recipe.rate)
        self.uncertainty = GENERIC_UNCERTAINTY

    def lift(self, track: Track2D, tds: int, flip: bool, progress: Progress) -> np.ndarray:
        """See :meth:`.base.Lifter.lift`. The size of the person is that of the training data."""
        keypoints = self._keypoints(track)
        if not len(keypoints):
            return np.zeros((0, 17, 3), np.float32)
        orders = KEYPOINTS[self.recipe.keypoints], JOINTS[self.recipe.joints]
        joints = whole_clip.lift(self._lift_clips, keypoints, orders, tds, flip, progress)
        if self.recipe.joints == "mpi":
            joints = joints[:, layouts.MPI_IN_H36M]
        joints = joints * self.recipe.unit
        # The root is the origin and was never trained; the other joints stay in place.
        joints[:, 0] = 0
        return joints.astype(np.float32)

    def _keypoints(self, track: Track2D) -> np.ndarray:
        """Returns (T,17,2) float32 on the screen of the weights, in their order."""
        pixels = track.keypoints[..., :2].astype(np.float64)
        if self.recipe.keypoints != "coco":
            pixels = layouts.h36m_from_coco(pixels)
        if self.recipe.keypoints == "mpi":
            pixels = pixels[:, layouts.H36M_IN_MPI]
        width, height = self.recipe.normalisation or (track.width, track.height)
        return geometry.normalise(pixels, width, height).astype(np.float32)


def network(path: Path, entry: Entry | None) -> tuple[PSTMO | TemporalModel, Recipe]:
    """Returns the network of a file on the CPU, and its recipe: the register's, else the file's, else the papers'.

    Raises:
        UserError: The file is damaged, of another kind than its entry, or not made for lifting.
    """
    file = checkpoint_files.read(path)
    if file.architecture == "pstmo-masked":
        raise UserError(f"{path}: a pre-training checkpoint, which gives no 3D; fine-tune it: pose3d train finetune")
    if file.architecture == "pstmo-refine":
        raise UserError(f"{path}: P-STMO's refinement, which needs known cameras; use it in: pose3d evaluate h36m")
    if entry is not None and entry.architecture != file.architecture:
        raise UserError(f"{path}: holds {file.architecture}, but {entry.name} is {entry.architecture}; replace it")
    recipe = Recipe.of(file.settings if entry is None else entry.settings, str(path) if entry is None else entry.name)
    try:
        if file.architecture == "videopose3d":
            return temporal.from_state(file.state, recipe.causal), recipe
        return pstmo.from_state(file.state), recipe
    except (KeyError, IndexError, RuntimeError, ValueError) as error:
        raise checkpoint_files.misfit(path, error) from error


def load(path: Path, entry: Entry | None, device: torch.device) -> OfficialLifter:
    """Returns the lifter of a file; raises as :func:`network`, and if its keypoints or joints are not 17."""
    model, recipe = network(path, entry)
    model = model.to(device)
    lift_clips: whole_clip.LiftClips
    if isinstance(model, TemporalModel):
        shape = (model.joints_in, model.features, model.joints_out)
        lift_clips, receptive_field = partial(whole_clip.convolution, model), model.receptive_field
    else:
        shape = (model.sizes.joints_in, 2, model.sizes.joints_out)
        lift = whole_clip.pstmo_exact if recipe.mode == "exact" else whole_clip.pstmo_sequence
        lift_clips, receptive_field = partial(lift, model), model.sizes.frames
    if shape != (17, 2, 17):
        raise UserError(f"{path}: takes {shape[0]} keypoints of {shape[1]} numbers and gives {shape[2]} joints, not 17")
    return OfficialLifter(path.stem if entry is None else entry.name, path, recipe, lift_clips, receptive_field)
