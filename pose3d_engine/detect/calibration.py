"""Where detectors place their points: measured on rendered people, relative to the anatomical joints.

``calibration.json`` holds a table for each measured detector, and one for all others. ``pose3d measure`` writes it;
docs/technical-director/detectors.md explains and shows it. Lengths are metres for a person of CANONICAL_HEIGHT.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ..contract.errors import UserError
from ..contract.skeletons import COCO17
from .registry import NAMES, source

FILE = Path(__file__).with_name("calibration.json")
CANONICAL_HEIGHT = 1.70  #: Metres, sole to crown, of the person that the lengths are for.
LAGS = (1, 10, 30)  #: Frames, at 30 a second, of the autocorrelations.
FALLBACK = "coco"
"""The table for other layouts: offsets by COCO's definition of its keypoints (anny's regressor), not measured, with the
spread of MediaPipe."""

PARTS = tuple(dict.fromkeys(name.split("_")[-1] for name in COCO17.joints))
"""Points without their side: left and right are measured together."""

BONES: dict[str, tuple[str, ...]] = {
    "shoulder": ("elbow",),
    "elbow": ("wrist", "shoulder"),
    "wrist": ("elbow",),
    "hip": ("knee",),
    "knee": ("ankle", "hip"),
    "ankle": ("knee",),
}
"""Parts at the other ends of a point's bones."""


@dataclass(frozen=True)
class Calibration:
    """The errors of a detector.

    Attributes:
        name: The detector that was measured, or FALLBACK.
        offset: (17,4,3) metres out (to the point's own side), forward and up: constant, and times the direction to the
            camera in the same axes.
        along: (17,2,3) metres along the bones of BONES: constant, and times the cosine between bone and the direction
            to the camera, and its square.
        spread: (17,) standard deviation of the rest along an axis of the picture, outliers left out.
        correlation: (17,3) of the rest over LAGS.
        outliers: (17,2) share of points beyond 150 mm, and the median size of those, metres.
        scores: (17,N,2) lower end of a range of scores, and the median error of points in it; NaN where there are none.
        missing: Share of the frames in which the person was not found.
    """

    name: str
    offset: np.ndarray
    along: np.ndarray
    spread: np.ndarray
    correlation: np.ndarray
    outliers: np.ndarray
    scores: np.ndarray
    missing: float

    def expected(self, points: np.ndarray, axes: np.ndarray, height: float | np.ndarray) -> np.ndarray:
        """Where the detector places the points, on average.

        Args:
            points: (...,17,3) true points of COCO-17, camera axes, metres: limb joints, and the face on the skin.
            axes: (...,3,3) whose columns are left, back and up of the trunk, camera axes.
            height: (...) of the person, sole to crown, metres.

        Returns:
            (...,17,3) points in camera axes, whose projection the detector reports.
        """
        scale = np.asarray(height)[..., None, None] / CANONICAL_HEIGHT
        sides = np.array([-1.0 if name.startswith("right") else 1.0 for name in COCO17.joints])
        towards = np.einsum(
            "...ji,...j->...i", axes, -unit(points[..., COCO17.rows("left_hip", "right_hip"), :].mean(-2))
        )
        # Left, back and up become out, forward and up of each point.
        signs = np.stack([sides, -np.ones(17), np.ones(17)], axis=-1)
        view = np.concatenate([np.ones((*towards.shape[:-1], 17, 1)), towards[..., None, :] * signs], axis=-1)
        offset = np.einsum("...kb,kba->...ka", view, self.offset) * signs
        moved = np.einsum("...ij,...kj->...ki", axes, offset)
        for row, name in enumerate(COCO17.joints):
            for bone, other in enumerate(BONES.get(name.split("_")[-1], ())):
                along = unit(points[..., COCO17.index(f"{name.split('_')[0]}_{other}"), :] - points[..., row, :])
                cosine = -(along * unit(points[..., row, :])).sum(-1, keepdims=True)
                powers = np.concatenate([np.ones_like(cosine), cosine, cosine**2], axis=-1)
                moved[..., row, :] += along * (powers @ self.along[row, bone])[..., None]
        return np.asarray(points + moved * scale)


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors (...,3) of length 1."""
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9))


@lru_cache
def _tables() -> dict[str, Any]:
    try:
        return dict(json.loads(FILE.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise UserError(f"{FILE}: cannot be read ({error}); install the engine again") from error


def load(detector: str) -> Calibration:
    """The table of a detector, or else of one with its layout, or else the fallback, also for keypoints of other
    programs."""
    tables = _tables()
    if detector not in NAMES:
        return from_table(FALLBACK, tables[FALLBACK])
    chosen = source(detector)
    same_layout = (name for name, table in tables.items() if table["layout"] == chosen.layout)
    name = chosen.name if chosen.name in tables else next(same_layout, FALLBACK)
    return from_table(name, tables[name])


def from_table(name: str, table: dict[str, Any]) -> Calibration:
    """A table of the file as arrays in the order of COCO-17."""
    points = [table["points"][joint.split("_")[-1]] for joint in COCO17.joints]
    columns = {key: np.array([point[key] for point in points], float) for key in points[0]}
    return Calibration(name, missing=float(table["missing"]), **columns)
