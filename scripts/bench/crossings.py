"""Two people who cross before a virtual camera, as a detector sees them: what trackers are measured with.

People come from motion capture (scripts/bench/tracking.py) or from a generated walker (the tests).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pose3d_engine.contract.people_file import People, VideoInfo
from pose3d_engine.contract.runs import runs
from pose3d_engine.contract.skeletons import COCO_ROWS, H36M_ROWS
from pose3d_engine.detect.base import FrameDetections
from pose3d_engine.research.data_sets.detector_noise import FACE, noisy
from pose3d_engine.track import Tracker

WIDTH, HEIGHT, FPS = 1280, 720, 30.0
FRAMES = 180
FOCAL = WIDTH / 2 / np.tan(np.radians(30))

LONGEST_HIDDEN = 60
"""Frames: two seconds."""

KINDS = ("cross", "overtake", "meet", "hidden")
"""Past each other; the same way, one faster; up to each other, a stop, and on or back; past each other while the
farther one is not found for up to two seconds."""

Motion = tuple[np.ndarray, np.ndarray]
"""joints (T,17,3) Human3.6M-17 and face (T,5,3), metres, Y up, at 30 frames a second; T at least FRAMES."""


@dataclass(frozen=True)
class Crossing:
    """What a detector gives of one clip. Each frame's extra ``owner`` (N,) says whose each is; -1: nobody's."""

    kind: str
    frames: list[FrameDetections]

    def tracked(self) -> People:
        """What our tracker makes of it."""
        tracker = Tracker()
        for index, found in enumerate(self.frames):
            tracker.add(index, index / FPS, found)
        return tracker.finish(VideoInfo("crossing", WIDTH, HEIGHT, FPS, FRAMES / FPS, FRAMES, 0), "generated")


def crossing(rng: np.random.Generator, pool: list[Motion], kind: str) -> Crossing:
    """A clip of six seconds. Drawn again until the farther one is hidden for two seconds at most."""
    while True:
        points = filmed(rng, pool, kind)
        found = _detected(rng, points, kind)
        if found is not None:
            return Crossing(kind, found)


def filmed(rng: np.random.Generator, pool: list[Motion], kind: str) -> np.ndarray:
    """(2,FRAMES,17,2) pixels of the nearer and the farther one."""
    seconds = np.arange(FRAMES) / FPS
    near = rng.uniform(3.0, 5.5)
    depth = np.array([near, near + rng.uniform(0.4, 2.5)])
    middle, camera = rng.uniform(2.4, 3.6), rng.uniform(1.0, 1.8)
    where = rng.uniform(-0.2, 0.2)
    side = rng.choice([-1, 1])
    speed = rng.uniform(0.4, 1.6, 2) / depth
    if kind == "overtake":
        speed[1] = speed[0] * rng.uniform(0.1, 0.5)
        ways = where + side * speed[:, None] * (seconds - middle)
    elif kind == "meet":
        stop = rng.uniform(0.3, 1.6)
        back = rng.random(2) < 0.5
        before, after = np.minimum(seconds - middle, 0), np.maximum(seconds - middle - stop, 0)
        turn = np.where(back, -1.0, 1.0)[:, None]
        ways = where + np.array([[side], [-side]]) * speed[:, None] * (before + turn * after)
    else:
        ways = where + np.array([[side], [-side]]) * speed[:, None] * (seconds - middle)
    points = np.empty((2, FRAMES, 17, 2))
    for person in range(2):
        joints, face = pool[rng.integers(len(pool))]
        first = rng.integers(len(joints) - FRAMES + 1)
        joints, face = joints[first : first + FRAMES], face[first : first + FRAMES]
        coco = np.empty((FRAMES, 17, 3))
        coco[:, COCO_ROWS], coco[:, FACE] = joints[:, H36M_ROWS], face
        # Their own way over the ground makes room for the one that is wanted; a little sway is left.
        ground = joints[:, :1] * [1, 0, 1]
        size = rng.uniform(0.6, 0.8) if rng.random() < 0.15 else rng.uniform(0.92, 1.08)
        angle = rng.uniform(0, 2 * np.pi)
        turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
        coco = (coco - ground) @ turn.T * size
        x = coco[..., 0] + (ways[person] * depth[person])[:, None]
        y, z = camera - coco[..., 1], np.maximum(depth[person] - coco[..., 2], 0.5)
        points[person] = np.stack([x / z, y / z], axis=-1) * FOCAL + [WIDTH / 2, HEIGHT / 2]
    return points


def _detected(rng: np.random.Generator, truth: np.ndarray, kind: str) -> list[FrameDetections] | None:
    """Each frame's people in any order; None if the farther one is hidden for too long."""
    points, scores = noisy(rng, truth.astype(np.float32), 0.015)
    low, high = truth.min(axis=2), truth.max(axis=2)
    margin = 0.1 * (high[0] - low[0])
    covered = ((truth[1] > (low[0] + margin)[:, None]) & (truth[1] < (high[0] - margin)[:, None])).all(axis=-1)
    share = covered.mean(axis=-1)
    inside = ((truth >= 0) & (truth < [WIDTH, HEIGHT])).all(axis=-1)
    found = (inside.mean(axis=-1) > 0.5) & (rng.random((2, FRAMES)) > 0.04)
    hidden = (share > 0.6) & (rng.random(FRAMES) < 0.92)
    if kind == "hidden":
        # Behind somebody, and then behind something.
        rows = np.flatnonzero(share > 0.3)
        if not len(rows):
            return None
        first = int(rows[0])
        hidden[first : first + int(rng.integers(20, LONGEST_HIDDEN))] = True
    found[1] &= ~hidden
    if _longest(hidden) > LONGEST_HIDDEN or (found.sum(axis=1) < 30).any():
        return None
    found[0] &= ~((share > 0.3) & (rng.random(FRAMES) < 0.03))
    result = []
    for frame in range(FRAMES):
        people, owners = [], []
        for person in np.flatnonzero(found[:, frame]):
            pose = np.column_stack([points[person, frame], scores[person, frame]])
            if person == 1:
                pose[covered[frame], 2] *= 0.5
                if share[frame] > 0.3 and rng.random() < 0.15:
                    # A limb of the one in front is taken for one's own.
                    stolen = covered[frame] & (rng.random(17) < 0.5)
                    pose[stolen] = np.column_stack([points[0, frame], scores[0, frame]])[stolen]
            people.append(pose)
            owners.append(int(person))
            if rng.random() < 0.02:
                people.append(pose + np.append(rng.normal(0, 0.03 * np.ptp(pose[:, 1]), 2), -0.2))
                owners.append(-1)
        if rng.random() < 0.01:
            shape = points[0, frame] - points[0, frame].mean(axis=0)
            place = rng.uniform([0, 0], [WIDTH, HEIGHT])
            people.append(np.column_stack([shape * rng.uniform(0.3, 1.2) + place, rng.uniform(0.2, 0.6, 17)]))
            owners.append(-1)
        order = rng.permutation(len(people))
        keypoints = np.array([people[row] for row in order], np.float32).reshape(-1, 17, 3)
        keypoints[..., 2] = np.clip(keypoints[..., 2], 0, 1)
        unseen = keypoints[..., 2] <= 0
        keypoints[unseen] = [np.nan, np.nan, 0]
        boxes = np.concatenate([np.nanmin(keypoints[..., :2], axis=1), np.nanmax(keypoints[..., :2], axis=1)], axis=1)
        owner = np.array([owners[row] for row in order], np.float32)
        result.append(FrameDetections(keypoints, boxes.astype(np.float32), {"owner": owner}))
    return result


def _longest(flags: np.ndarray) -> int:
    return max((last - first for first, last in runs(flags)), default=0)


@dataclass(frozen=True)
class Verdict:
    """What a tracker made of one crossing.

    kept: (2,) whether each person is one track, which holds at least 95 % of what was found of them and at most 5 % of
    anybody else. switched: whether a track holds much of both. lost: share of both people's detections that are in
    neither track.
    """

    kept: tuple[bool, bool]
    switched: bool
    lost: float


def judge(owners: np.ndarray, crossing: Crossing) -> Verdict:
    """owners: (P,T) whose detection each track holds in each frame, NaN for none."""
    all_of = np.array([sum((found.extras["owner"] == person).sum() for found in crossing.frames) for person in (0, 1)])
    counts = np.array([[(track == person).sum() for person in (0, 1)] for track in owners]).reshape(-1, 2)
    if not len(counts):
        return Verdict((False, False), False, 1.0)
    best = counts.argmax(axis=0)
    kept = [
        bool(
            best[0] != best[1]
            and counts[best[person], person] >= 0.95 * all_of[person]
            and counts[best[person], 1 - person] <= 0.05 * counts[best[person], person]
        )
        for person in (0, 1)
    ]
    switched = bool((counts.min(axis=1) > 0.05 * counts.max(axis=1)).any())
    held = counts[best, [0, 1]].sum() if best[0] != best[1] else counts.max()
    return Verdict((kept[0], kept[1]), switched, 1 - float(held / all_of.sum()))
