"""The orientation of head, hands and feet, from the points that the detector has on them."""

from __future__ import annotations

import numpy as np

from ...pose.lifters import view
from ...take import Shot, Take
from .estimation import orientations


def capture(shot: Shot, take: Take) -> dict[str, np.ndarray]:
    """The arrays of the layer; none where no part is ever observed."""
    layouts = take.main.layouts
    # The detector's 3D is in the axes of a camera that looks at the person.
    rays = shot.camera.rays(take.keypoints[..., :2])
    to_world = take.camera_R @ np.swapaxes(view.look_at_torso(rays)[1], -1, -2)
    scores = np.nan_to_num(layouts["blazepose33"][..., 2])
    found = orientations(layouts["blazepose33_world"], scores, to_world, take.flipped, take.main.fps)
    if found is None:
        return {}
    rotations, valid = found
    return rotations | {f"{name.removesuffix('_R')}_valid": valid[:, i] for i, name in enumerate(rotations)}
