"""A generated walker in front of a virtual camera: what the tests of lifting and motion know the truth of."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np

from pose3d_engine.contract.people_file import People, VideoInfo
from pose3d_engine.contract.skeletons import COCO17, COCO_ROWS, H36M_ROWS
from pose3d_engine.research.data_sets.stand_ins import walker
from pose3d_engine.take import LEVEL_CAMERA

WIDTH, HEIGHT, FOCAL = 1280, 720, 1280 / 2 / np.tan(np.radians(30))
"""A picture whose longer side spans the default field of view of 60 degrees."""


def walk(frames: int = 120, fps: float = 30.0, seed: int = 0) -> np.ndarray:
    """(frames,17,3) joints in camera axes, metres, 5 m before a level camera 1.2 m over the floor."""
    world = walker(frames, fps, np.random.default_rng(seed)) + np.array([0.0, 5.0, -1.2])
    return world @ LEVEL_CAMERA  # the inverse of world = R camera is its transpose


def project(joints: np.ndarray) -> np.ndarray:
    """(T,17,3) Human3.6M joints, camera axes -> (T,17,2) COCO pixels; the face is where the nose is."""
    coco = np.repeat(joints[:, 9:10], 17, axis=1)
    coco[:, COCO_ROWS] = joints[:, H36M_ROWS]
    # Eyes and ears beside the nose, so that the head has a width.
    for name, side in (("left_eye", 1), ("right_eye", -1), ("left_ear", 2), ("right_ear", -2)):
        coco[:, COCO17.index(name), 0] += 0.03 * side
    return coco[..., :2] / coco[..., 2:] * FOCAL + [WIDTH / 2, HEIGHT / 2]


def people(*tracks: np.ndarray, fps: float = 30.0) -> People:
    """People with perfect scores from (T,17,2) pixels a person; NaN are not seen."""
    keypoints = np.stack([np.concatenate([track, np.ones((*track.shape[:2], 1))], axis=-1) for track in tracks])
    keypoints[..., 2][np.isnan(keypoints[..., 0])] = 0
    count, frames = keypoints.shape[:2]
    boxes = np.concatenate([keypoints[..., :2].min(axis=2), keypoints[..., :2].max(axis=2)], axis=-1)
    info = VideoInfo("walk.mp4", WIDTH, HEIGHT, fps, frames / fps, frames, 0)
    records = [
        {"person": row + 1, "first": 0, "last": frames - 1, "coverage": 1.0, "score": 1.0} for row in range(count)
    ]
    return People(
        keypoints.astype(np.float32),
        boxes.astype(np.float32),
        np.arange(frames, dtype=np.int32),
        np.arange(frames) / fps,
        {"people": records, "video": asdict(info), "detector": "generated"},
    )
