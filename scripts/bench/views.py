"""Two people from four views each, with 3D references: part of `make bench`.

    python -m scripts.bench.views

A real man who leans far over on one leg, and a rendered woman who stands and turns (Pose2Sim's, see demo_clip.py), 100
frames each, MediaPipe full in. His reference is the bench's (tests/golden), hers is triangulated here from the mean of
MediaPipe full's and heavy's 2D. The tables tell what fusion with the detector's own 3D brings, how far the body is off
the keypoints in the picture, and whether left and right are put right.
"""

from __future__ import annotations

import functools
import sys
from dataclasses import dataclass, replace
from unittest import mock
from xml.etree import ElementTree as ET

import numpy as np
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

from pose3d_engine import detect, pipeline, repair, weights
from pose3d_engine.contract.motion_file import Motion
from pose3d_engine.contract.people_file import People
from pose3d_engine.contract.settings import AnalyseSettings, CaptureSettings
from pose3d_engine.contract.skeletons import COCO_ROWS, H36M_ROWS
from pose3d_engine.pose import fusion
from pose3d_engine.progress import silent
from pose3d_engine.research.evaluation.reference import Reference, score
from pose3d_engine.solve import smoothing
from scripts import ROOT, demo_clip
from scripts.bench.accuracy import own_3d
from scripts.bench.people import VIEWS, labelled, whose
from scripts.bench.tracking import wrong_sides

DEFAULT, ALONE = "the default", "the default, feet left alone"
DETECTORS = ("mediapipe-full", "mediapipe-heavy")
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
def analysed(kind: str, view: str, detector: str) -> People:
    """Everybody in a clip: ``single``, the man alone, or ``multi``, both."""
    return pipeline.analyse(demo_clip.fetch(f"{kind}-{view}"), AnalyseSettings(detector))


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
    people = analysed("multi", view, detector)
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


def off_picture(motion: Motion) -> tuple[float, float]:
    """Percent of the person's size by which twelve joints are off their keypoints: mean of the clip, worst frame."""
    keypoints = motion.keypoints2d[:, COCO_ROWS].astype(np.float64)
    camera = np.matmul(motion.world - motion.camera_t[:, None], motion.camera_R)[:, H36M_ROWS]
    at = motion.meta["focal_px"] * camera[..., :2] / camera[..., 2:] + motion.meta["principal_point"]
    size = np.median(np.linalg.norm(np.ptp(keypoints[..., :2], axis=1), axis=-1))
    off = np.linalg.norm(at - keypoints[..., :2], axis=-1)
    frames = 100 * np.nanmean(np.where(keypoints[..., 2] > 0.5, off, np.nan), axis=1) / size
    return float(np.nanmean(frames)), float(np.nanmax(frames))


def main() -> int:
    """Prints the tables; exit status 0."""
    weights.fetch("mediapipe-heavy", silent)
    default = CaptureSettings()
    ways = {
        "lifter alone": (replace(default, raw=True), fusion.LIFTER),
        "the default without fusion": (replace(default, motion=default.motion - {"fusion"}), fusion.LIFTER),
        "the default with a plain mean": (default, 0.5),
        DEFAULT: (default, fusion.LIFTER),
        ALONE: (replace(default, feet="never"), fusion.LIFTER),
    }
    errors: dict[str, list[tuple[float, float]]] = {}
    pictures: dict[str, list[tuple[float, float]]] = {}
    man = his()
    for kind, truths in (("single", man), ("multi", hers())):
        for view, truth in zip(VIEWS, truths, strict=True):
            people = analysed(kind, view, detect.DEFAULT)
            row = track_of(people, view, WOMAN) if kind == "multi" else 0
            own = {name: values[row : row + 1] for name, values in people.extras.items()}
            made = {"MediaPipe full, its own 3D": own_3d(replace(people, extras=own))}
            for way, (settings, share) in ways.items():
                with mock.patch.object(fusion, "LIFTER", share):
                    (motion,) = pipeline.capture(people, replace(settings, person=str(row + 1)))
                made[way] = motion.joints3d
                if way in (DEFAULT, ALONE):
                    pictures.setdefault(way, []).append(off_picture(motion))
            for way, joints in made.items():
                scores = score(joints, truth)
                errors.setdefault(way, []).append((scores.n_mpjpe_mm, scores.pa_mpjpe_mm))
    print(_table("N-MPJPE / PA-MPJPE, mm", errors))
    print(_table("off the keypoints, % of the size: mean / worst frame", pictures))
    sides(man)
    return 0


def sides(truths: list[Reference]) -> None:
    """Prints in how many frames of the man left and right are exchanged: alone before the camera, and beside her."""
    print("\nframes of 100 in which the man's left and right are exchanged, as detected and after repair")
    for kind, who in (("single", "alone"), ("multi", "beside her")):
        for detector in DETECTORS:
            cells = []
            for view, camera, truth in zip(VIEWS, cameras(), truths, strict=True):
                people = analysed(kind, view, detector)
                row = track_of(people, view, MAN) if kind == "multi" else 0
                pixels = np.zeros((len(truth.joints), 17, 2))
                pixels[:, COCO_ROWS] = camera.image(truth.joints[:, H36M_ROWS])
                before, after = people.keypoints2d[row], repaired(people, row)
                cells.append(f"{wrong_sides(before, pixels):8} to {wrong_sides(after, pixels):2}")
            print(f"{detector + ', ' + who:30}" + "".join(f"{cell:>15}" for cell in cells))


def _table(title: str, rows: dict[str, list[tuple[float, float]]]) -> str:
    names = [f"{person} {view}" for person in ("man", "woman") for view in VIEWS]
    lines = [f"\n{title}", f"{'':30}" + "".join(f"{name:>15}" for name in (*names, "man", "woman"))]
    for way, cells in rows.items():
        means = [tuple(np.mean(cells[part], axis=0)) for part in (slice(0, 4), slice(4, 8))]
        lines.append(f"{way:30}" + "".join(f"{a:8.1f} /{b:5.1f}" for a, b in (*cells, *means)))
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
