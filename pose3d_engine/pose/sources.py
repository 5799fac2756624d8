"""Sources of root-relative 3D: a 3D model that lifts the 2D track, or a file of another system."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from .. import detect
from ..contract.errors import UserError
from ..contract.people_file import People
from ..contract.skeletons import COCO_ROWS, H36M_ROWS
from ..formats.motion import Motion3D, Person3D, to_north
from ..progress import Progress
from ..take import LEVEL_CAMERA, Camera, PoseSource, Take
from . import lifters


class Lifted(PoseSource):
    """A 3D model that lifts the 2D track."""

    def __init__(self, lifter: lifters.Lifter, detector: str, frame_step: int | None, flip: bool) -> None:
        """``detector``: source of the 2D. ``frame_step``: stride of the window, frames of the clip; None chooses the
        stride and the rate that fit. ``flip``: whether to average with the mirrored input."""
        self._lifter, self._detector, self._frame_step, self._flip = lifter, detector, frame_step, flip
        self.name, self.file = lifter.name, lifter.checkpoint
        self.rate = lifter.rate if frame_step is None else None

    def frame_step(self, fps: float) -> int:
        return self._frame_step or lifters.automatic_tds(fps, self._lifter.rate)

    def estimate(self, take: Take, progress: Progress) -> np.ndarray:
        camera, fps = take.main.camera, take.main.fps * take.upsampling
        scores = detect.lifter_scores(take.lifter_input, self._detector)
        track = lifters.Track2D(scores, camera.width, camera.height, fps, camera.focal)
        return self._lifter.lift(track, take.frame_step, self._flip, progress)[:: take.upsampling]


class FromFile(PoseSource):
    """People of another system, in place of a 3D model.

    Attributes:
        rotations: (T,3,3) axes of the moving camera -> axes of a level camera with the file's mean direction, where the
            file has cameras of its own; else None.
    """

    def __init__(self, motion: Motion3D, people: People, rows: list[int], camera: Camera) -> None:
        """Brings the motion to the frames of the video, and assigns people of the file to those of the video.

        Args:
            rows: People of the video who will be captured.
            camera: Of the video.

        Raises:
            UserError: The two cannot be of one clip, or the file lacks one of the people.
        """
        self.name, self.file, self._facts = motion.source, motion.path, motion.facts()
        positions = _positions(motion, people)
        found = [person.at(positions) for person in motion.people]
        filmed = [_filmed(person, people.keypoints2d[rows], camera) for person, _ in found]
        costs = np.array([[_mismatch(one, people.keypoints2d[row], camera) for one in filmed] for row in rows])
        order, columns = linear_sum_assignment(costs)
        self._joints = {}
        for at, column in zip(order, columns, strict=True):
            seen = (np.nan_to_num(people.keypoints2d[rows[at], :, :, 2]) > 0).any(axis=1)
            known = found[column][1].all(axis=1)
            if 2 * (seen & known).sum() < seen.sum():
                where = f"{motion.path}: has person {motion.people[column].name} in {int((seen & known).sum())}"
                raise UserError(f"{where} of the {int(seen.sum())} frames that show them; are both of one clip?")
            self._joints[rows[at]] = filmed[column] - filmed[column][:, :1]
        self.rotations = None
        turns = found[columns[0]][0].camera_R
        if turns is not None:
            self.rotations = LEVEL_CAMERA.T @ to_north(turns) @ turns
        missing = [str(row + 1) for row in rows if row not in self._joints]
        if missing:
            lacks = f"{motion.path}: has {len(motion.people)} people, none for person {', '.join(missing)}"
            raise UserError(f"{lacks} of the video; choose others with --person")

    def estimate(self, take: Take, progress: Progress) -> np.ndarray:
        return self._joints[take.person].astype(np.float32)

    def facts(self) -> dict[str, Any]:
        return self._facts


def _positions(motion: Motion3D, people: People) -> np.ndarray:
    """(T,) for each frame of the video the frame of the file, which may lie between two. Raises UserError where the two
    cannot be of one clip."""
    video = people.meta["video"]
    rate = float(video["fps"]) or 30.0
    last = max(int(video["frames"]) - 1, int(people.frames[-1]))
    own = max(int(person.frames[-1]) for person in motion.people)
    ratio = motion.fps / rate if motion.fps is not None and abs(motion.fps / rate - 1) > 0.01 else 1.0
    spare = max(5.0, 0.01 * last)  # a container's number of frames is an estimate
    if own / ratio > last + spare or (motion.every_frame and own / ratio < last - spare):
        advice = "are both of one clip? --fps gives the file's rate where it is another one"
        raise UserError(f"{motion.path}: its last frame is {own}, that of the video is {last}; {advice}")
    return people.frames.astype(np.float64) if ratio == 1.0 else people.times * float(motion.fps or rate)


def _filmed(person: Person3D, tracks: np.ndarray, camera: Camera) -> np.ndarray:
    """(T,17,3) joints in camera axes. Where a file has a world but no camera, that of a camera that stands still is
    estimated: the rotation with which the joints cover those of a track (P,T,17,3) best (scaled orthography)."""
    joints = person.in_camera()
    if joints is not None:
        return joints
    best = (np.inf, person.joints)
    for track in tracks:
        seen = np.isfinite(track[:, COCO_ROWS, :2]).all(axis=(1, 2))
        shape, picture = _centred(person.joints[seen][:, H36M_ROWS]), _centred(track[seen][:, COCO_ROWS, :2])
        size = np.sqrt((shape**2).sum(axis=(1, 2), keepdims=True)) + 1e-9
        picture = picture / (np.sqrt((picture**2).sum(axis=(1, 2), keepdims=True)) + 1e-9)
        a, b = (shape / size).reshape(-1, 3), picture.reshape(-1, 2)
        if len(a) < 3:
            continue
        across, _, down = np.linalg.svd(np.linalg.lstsq(a, b, rcond=None)[0].T, full_matrices=False)
        two = across @ down
        turned = person.joints @ np.vstack([two, np.cross(*two)]).T
        cost = _mismatch(turned - turned[:, :1], track, camera)
        best = min(best, (cost, turned), key=lambda pair: pair[0])
    return best[1]


def _centred(points: np.ndarray) -> np.ndarray:
    """Points (T,K,N) around their middle in each frame."""
    return np.asarray(points - points.mean(axis=1, keepdims=True))


def _mismatch(joints: np.ndarray, track: np.ndarray, camera: Camera) -> float:
    """How little joints (T,17,3) in camera axes are those of a track (T,17,3): median distance of projected joints and
    keypoints, in units of the person's size in the picture; of those around their middle where nothing has a path."""
    seen = np.isfinite(track[:, COCO_ROWS, :2]).all(axis=(1, 2))
    if not seen.any():
        return 1e3
    points, picture = joints[seen][:, H36M_ROWS], camera.rays(track[seen][:, COCO_ROWS, :2])
    size = np.sqrt((_centred(picture) ** 2).sum(axis=2).mean(axis=1)) + 1e-9
    if (points[..., 2] > 0.1).all():
        flat = points[..., :2] / points[..., 2:]
    else:
        flat = _centred(points[..., :2])
        flat = flat * (size / (np.sqrt((flat**2).sum(axis=2).mean(axis=1)) + 1e-9))[:, None, None]
        picture = _centred(picture)
    return float(np.median(np.linalg.norm(flat - picture, axis=-1).mean(axis=1) / size))
