"""Two people from four calibrated views each: the references of `scripts.bench.real`, and left and right in them.

    python -m scripts.bench.views

A real man who leans far over on one leg, and a rendered woman who stands and turns (Pose2Sim's, see demo_clip.py), 100
frames each. His reference is in tests/golden, hers is triangulated here from the mean of MediaPipe full's and heavy's
2D. By itself this prints in how many frames the man's left and right are exchanged: a part of `make bench`.
"""

from __future__ import annotations

import functools
import sys
from dataclasses import dataclass, replace
from xml.etree import ElementTree as ET

import numpy as np
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

from pose3d_engine import pipeline, repair, weights
from pose3d_engine.contract.people_file import People
from pose3d_engine.contract.settings import AnalyseSettings
from pose3d_engine.contract.skeletons import COCO_ROWS, H36M_ROWS
from pose3d_engine.progress import silent
from pose3d_engine.research.evaluation.reference import Reference
from pose3d_engine.solve import smoothing
from scripts import ROOT, demo_clip
from scripts.bench.people import VIEWS, labelled, whose
from scripts.bench.tracking import wrong_sides

DETECTORS = ("mediapipe-full", "mediapipe-heavy")  #: The default first. What the woman's reference is made of.
FPS = 60.0
MAN, WOMAN = 0, 1
"""Among the labelled."""

_ROUNDS, _ADJUSTMENTS = 8, 40
_CLEAR = 0.02
"""Of the person's height in a view: a keypoint that is farther from the joint's image counts a quarter of a near one
(Cauchy), and a joint that is so far off in the median of the views is left out."""


@dataclass(frozen=True)
class Camera:
    """matrix (3,3) to pixels; rotation (3,3) and place (3,): camera = rotation @ world + place, metres."""

    matrix: np.ndarray
    rotation: np.ndarray
    place: np.ndarray

    def seen(self, points: np.ndarray) -> np.ndarray:
        """(...,3) of the world in camera axes."""
        return points @ self.rotation.T + self.place

    def pixels(self, points: np.ndarray) -> np.ndarray:
        """(...,2) where points (...,3) of the world are in the picture."""
        return self.image(self.seen(points))

    def image(self, points: np.ndarray) -> np.ndarray:
        """(...,2) where points (...,3) in camera axes are in the picture."""
        image = points @ self.matrix.T
        return image[..., :2] / image[..., 2:]

    def moved(self, by: np.ndarray) -> Camera:
        """The camera turned by a rotation vector and shifted, (6,)."""
        turn = Rotation.from_rotvec(by[:3]).as_matrix()
        return replace(self, rotation=turn @ self.rotation, place=turn @ self.place + by[3:])


def cameras() -> list[Camera]:
    """The four calibrated cameras of the footage (Qualisys' file, axes turned to x right, y down, z forward)."""
    tree = ET.parse(demo_clip.fetch("multi-calibration"))  # noqa: S314 - its hash is known
    forward = np.diag([1.0, -1.0, -1.0])
    found = []
    for camera in tree.iterfind(".//camera"):
        place, lens = camera.find("transform"), camera.find("intrinsic")
        assert place is not None and lens is not None
        turn = forward @ np.array([[float(place.attrib[f"r{i}{j}"]) for j in (1, 2, 3)] for i in (1, 2, 3)])
        at = np.array([float(place.attrib[axis]) for axis in "xyz"]) / 1000
        u, v, cu, cv = (
            float(lens.attrib[name]) / 64 for name in ("focalLengthU", "focalLengthV", "centerPointU", "centerPointV")
        )
        found.append(Camera(np.array([[u, 0, cu], [0, v, cv], [0, 0, 1]]), turn, -turn @ at))
    return found


@functools.cache
def analysed(clip: str, detector: str = DETECTORS[0]) -> People:
    """Everybody in a clip of demo_clip.py; kept in .cache/people until `make clean`."""
    path = demo_clip.CACHE / "people" / f"{clip}-{detector}.npz"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        weights.fetch(detector, silent)
        pipeline.analyse(demo_clip.fetch(clip), AnalyseSettings(detector)).save(path)
    return People.load(path)


def track_of(people: People, view: str, person: int) -> int:
    """The track that is on a labelled person in most frames."""
    rows = whose(people.keypoints2d, labelled(view, people.frames))[person]
    return int(np.bincount(rows[rows >= 0]).argmax())


def repaired(people: People, row: int) -> np.ndarray:
    """(T,17,3): a track as it is lifted."""
    return repair.repair(people.keypoints2d[row], people.times, FPS, None, repair.REPAIR_STEPS).keypoints


def off_keypoints(views: list[Camera], points: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """(V,T,J) pixels between points (T,J,3) of the world, as the views see them, and (V,T,J,2)."""
    return np.stack([np.linalg.norm(c.pixels(points) - p, axis=-1) for c, p in zip(views, pixels, strict=True)])


def triangulated(views: list[Camera], keypoints: np.ndarray, near: np.ndarray) -> np.ndarray:
    """(T,J,3): where the weighted lines of sight (V,T,J,3: pixels, score) meet best, robustly.

    near: (V,) pixels that a keypoint may be off. NaN where fewer than two views have the joint.
    """
    pixels, scores = keypoints[..., :2], np.nan_to_num(keypoints[..., 2])
    projections = np.stack([c.matrix @ np.column_stack([c.rotation, c.place]) for c in views])
    known = scores > 0
    points, weight = np.zeros((*pixels.shape[1:3], 3)), scores
    for _ in range(_ROUNDS):
        rows = np.nan_to_num(pixels)[..., None] * projections[:, None, None, 2:] - projections[:, None, None, :2]
        depth = np.stack([c.seen(points)[..., 2] for c in views]) if points.any() else np.ones(scores.shape)
        rows = rows * (weight / np.abs(depth))[..., None, None]
        system = np.moveaxis(rows, 0, 2).reshape(*points.shape[:2], -1, 4)
        points = -(np.linalg.pinv(system[..., :3]) @ system[..., 3:])[..., 0]
        off = np.nan_to_num(off_keypoints(views, points, pixels))
        weight = scores / (1 + 3 * (off / near[:, None, None]) ** 2)
    points[known.sum(axis=0) < 2] = np.nan
    return points


def adjusted(views: list[Camera], keypoints: np.ndarray, near: np.ndarray) -> list[Camera]:
    """The cameras, each moved to where what it sees agrees with the others."""
    for _ in range(_ADJUSTMENTS):
        points = triangulated(views, keypoints, near)
        moved = []
        for camera, seen, reach in zip(views, keypoints, near, strict=True):
            sure = np.isfinite(points).all(axis=-1) & (np.nan_to_num(seen[..., 2]) > 0.5)
            moved.append(camera.moved(_towards(camera, points[sure], seen[sure][:, :2], reach)))
        views = moved
    return views


def _towards(camera: Camera, points: np.ndarray, pixels: np.ndarray, near: float) -> np.ndarray:
    """(6,): how the camera is to be moved so that it sees points (N,3) at pixels (N,2)."""

    def off(by: np.ndarray) -> np.ndarray:
        return (camera.moved(by).pixels(points) - pixels).ravel()

    return least_squares(off, np.zeros(6), loss="cauchy", f_scale=near / 3).x


def his() -> list[Reference]:
    """The man's joints in the axes of each view: those of the first view, turned."""
    with np.load(ROOT / "tests" / "golden" / "ref_single_cam01.npz") as stored:
        world = (stored["joints3d"] - stored["t_world_to_cam"].reshape(3)) @ stored["R_world_to_cam"]
        return [Reference(camera.seen(world), stored["valid"]) for camera in cameras()]


def _her_track(view: str, detector: str) -> np.ndarray:
    people = analysed(f"multi-{view}", detector)
    return repaired(people, track_of(people, view, WOMAN))[:, COCO_ROWS].astype(np.float64)


def hers() -> list[Reference]:
    """The woman's joints in the axes of each view. She was not put into the pictures quite where she belongs, so the
    cameras are adjusted to her."""
    seen = np.stack([[_her_track(view, detector) for view in VIEWS] for detector in DETECTORS])
    keypoints = np.concatenate([seen[..., :2].mean(axis=0), seen[..., 2:].min(axis=0)], axis=-1)
    heights = np.median(np.ptp(keypoints[..., 1], axis=2), axis=1)
    views = adjusted(cameras(), keypoints, _CLEAR * heights)
    points = triangulated(views, keypoints, _CLEAR * heights)
    off = off_keypoints(views, points, keypoints[..., :2])
    share = np.median(off / heights[:, None, None], axis=0)
    print(
        f"the woman's reference is {100 * np.median(share):.2f} % of her height off the keypoints in the median; "
        f"{np.mean(share < _CLEAR):.0%} of the joints are used"
    )
    joints, valid = np.zeros((len(points), 17, 3)), np.zeros((len(points), 17), bool)
    joints[:, H36M_ROWS], valid[:, H36M_ROWS] = smoothing.smooth(points, FPS), share < _CLEAR
    return [Reference(camera.seen(joints), valid) for camera in views]


def main() -> int:
    """Prints the table; exit status 0."""
    print("frames of 100 in which the man's left and right are exchanged, as detected and after repair")
    print(f"{'':24}" + "".join(f"{view:>12}" for view in VIEWS))
    for kind, who in (("single", "alone"), ("multi", "beside the woman")):
        cells = []
        for view, camera, truth in zip(VIEWS, cameras(), his(), strict=True):
            people = analysed(f"{kind}-{view}")
            row = track_of(people, view, MAN) if kind == "multi" else 0
            pixels = np.zeros((len(truth.joints), 17, 2))
            pixels[:, COCO_ROWS] = camera.image(truth.joints[:, H36M_ROWS])
            before, after = people.keypoints2d[row], repaired(people, row)
            cells.append(f"{wrong_sides(before, pixels)} to {wrong_sides(after, pixels)}")
        print(f"{who:24}" + "".join(f"{cell:>12}" for cell in cells))
    return 0


if __name__ == "__main__":
    sys.exit(main())
