"""Writes the formats of other pose programs from COCO-17, after their public descriptions.

Every writer takes (P,T,17,3) pixels and scores, NaN and 0 where not seen. Orders of points are written out here once
more, so that a wrong table in the engine cannot agree with itself.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

# Position in COCO-17 of each point of the other layouts; None: the mean of the shoulders, 0: whatever else.
OPENPOSE_COCO18 = [0, None, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3]
BODY25_BODY = [0, None, 6, 8, 10, 5, 7, 9, "hip", 12, 14, 16, 11, 13, 15, 2, 1, 4, 3]
POSETRACK15 = [16, 14, 12, 11, 13, 15, 10, 8, 6, 5, 7, 9, None, 0, 0]
MPII16 = [16, 14, 12, 11, 13, 15, "hip", None, None, 0, 10, 8, 6, 5, 7, 9]


def reordered(person: np.ndarray, order: list) -> np.ndarray:
    """(17,3) in another order."""
    means = {None: person[5:7].mean(axis=0), "hip": person[11:13].mean(axis=0)}
    return np.stack([means[item] if item in means else person[item] for item in order])


def halpe(person: np.ndarray, count: int) -> np.ndarray:
    """(17,3) -> (26 or 136,3): head, neck and hip, then feet: toes 4 and heels 2; then face and hands."""
    left, right = person[15], person[16]
    extra = [person[0], person[5:7].mean(axis=0), person[11:13].mean(axis=0)]
    extra += [left + [20, 10, 0], right + [20, 10, 0], left + [15, 12, 0], right + [15, 12, 0], left, right]
    return np.concatenate([person, np.stack(extra), np.repeat(person[:1], count - 26, axis=0)])


def body25(person: np.ndarray) -> np.ndarray:
    """(17,3) -> (25,3)."""
    feet = [person[15] + [20, 10, 0]] * 3 + [person[16] + [20, 10, 0]] * 3
    return np.concatenate([reordered(person, BODY25_BODY), np.stack(feet)])


def convert(person: np.ndarray, layout: str) -> list[float]:
    """Flat numbers of one person; points that are not seen are 0, 0, 0."""
    result = {
        "coco17": lambda: person,
        "halpe26": lambda: halpe(person, 26),
        "halpe136": lambda: halpe(person, 136),
        "coco18": lambda: reordered(person, OPENPOSE_COCO18),
        "body25": lambda: body25(person),
        "posetrack15": lambda: reordered(person, POSETRACK15),
        "mpii16": lambda: reordered(person, MPII16),
    }[layout]()
    return [float(number) for number in np.nan_to_num(result).ravel()]


def present(people: np.ndarray, frame: int) -> list[int]:
    """Rows of the people who are in a frame."""
    return [row for row in range(len(people)) if (people[row, frame, :, 2] > 0).any()]


def alphapose(path: Path, people, layout="coco17", name="{}.jpg", tracks=False, scale=1.0, first=0) -> Path:
    entries = []
    for frame in range(people.shape[1]):
        for row in present(people, frame):
            person = people[row, frame] * [1, 1, scale]
            entry = {
                "image_id": name.format(frame + first),
                "category_id": 1,
                "keypoints": convert(person, layout),
                "score": 2.9,
                "box": [1.0, 2.0, 3.0, 4.0],
                "idx": [float(row + 1)] if tracks else 0.0,
            }
            entries.append(entry)
    return dump(path, entries)


def alphapose_pictures(path: Path, people, form: str) -> Path:
    """``--format cmu`` or ``open``."""
    outer, inner = {"cmu": ("bodies", "joints"), "open": ("people", "pose_keypoints_2d")}[form]
    content = {
        f"{frame}.jpg": {
            "version": "AlphaPose v0.3",
            outer: [{inner: convert(people[row, frame], "coco18")} for row in present(people, frame)],
        }
        for frame in range(people.shape[1])
        if present(people, frame)
    }
    return dump(path, content)


def poseflow(path: Path, people) -> Path:
    content = {
        f"frame_{frame:06d}.jpg": [
            {"keypoints": convert(people[row, frame], "coco17"), "scores": 2.0, "idx": row + 1}
            for row in present(people, frame)
        ]
        for frame in range(people.shape[1])
    }
    return dump(path, content)


def lighttrack(path: Path, people) -> Path:
    content = []
    for frame in range(people.shape[1]):
        candidates = [{"det_bbox": [0, 0, 2, 2], "det_score": 0}]
        candidates += [
            {
                "det_bbox": [1, 2, 3, 4],
                "det_score": 1,
                "track_id": row,
                "track_score": 0.3,
                "pose_keypoints_2d": convert(people[row, frame], "posetrack15"),
            }
            for row in present(people, frame)
        ]
        image = {"folder": "data/demo/video", "name": f"frame{frame:05d}.jpg", "id": [frame]}
        content.append({"image": image, "candidates": candidates})
    return dump(path, content)


def openpose(folder: Path, people, layout="body25", name="walk_{:012d}_keypoints.json", hands=False) -> Path:
    folder.mkdir()
    for frame in range(people.shape[1]):
        persons = [
            {
                "person_id": [-1],
                "pose_keypoints_2d": convert(people[row, frame], layout),
                "face_keypoints_2d": [],
                "hand_left_keypoints_2d": [float(frame), 5.0, 1.0] * 21 if hands else [],
                "hand_right_keypoints_2d": [],
                "pose_keypoints_3d": [],
            }
            for row in present(people, frame)
        ]
        dump(folder / name.format(frame), {"version": 1.3, "people": persons})
    return folder


def mmpose(path: Path, people, demo=False) -> Path:
    frames = [
        {
            "frame_id": frame + (1 if demo else 0),
            "instances": [
                {
                    "keypoints": np.nan_to_num(people[row, frame, :, :2]).tolist(),
                    "keypoint_scores": people[row, frame, :, 2].tolist(),
                    "bbox": [[1.0, 2.0, 3.0, 4.0]],
                    "bbox_score": 0.9,
                }
                for row in present(people, frame)
            ],
        }
        for frame in range(people.shape[1])
    ]
    return dump(path, {"meta_info": {"dataset_name": "coco"}, "instance_info": frames} if demo else frames)


def coco_results(path: Path, people) -> Path:
    entries = [
        {"image_id": frame, "category_id": 1, "keypoints": convert(people[row, frame], "coco17"), "score": 0.9}
        for frame in range(people.shape[1])
        for row in present(people, frame)
    ]
    return dump(path, entries)


def videopose3d(path: Path, track, videos=("walk.mp4",)) -> Path:
    """(T,17,2) pixels."""
    metadata = {
        "layout_name": "coco",
        "num_joints": 17,
        "keypoints_symmetry": [[1, 3, 5, 7, 9, 11, 13, 15], [2, 4, 6, 8, 10, 12, 14, 16]],
        "video_metadata": {video: {"w": 1280, "h": 720} for video in videos},
    }
    positions = {video: {"custom": [track.astype(np.float32)]} for video in videos}
    np.savez_compressed(path, positions_2d=positions, metadata=metadata)
    return path


def dump(path: Path, content) -> Path:
    path.write_text(json.dumps(content), encoding="utf-8")
    return path
