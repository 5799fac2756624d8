"""A folder of JSON files, one a frame: OpenPose, AlphaPose's ``sep-json``, Sports2D and Pose2Sim.

``{version, people: [{person_id, pose_keypoints_2d, face_keypoints_2d, hand_left_keypoints_2d, ...}]}``, the number of
the frame in the file's name: ``walk_000000000012_keypoints.json`` (OpenPose), ``walk_000012.json`` (Sports2D).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..contract.errors import UserError
from ..contract.keypoint_orders import OPENPOSE_STYLE
from .detections import FileDetections, PersonDetection, frame_numbers, parse_numbers, parse_points, require_plausible
from .json_files import entries, identity, load

_EXTRAS = {
    "face_keypoints_2d": ("openpose_face70", 70),
    "hand_left_keypoints_2d": ("openpose_hand_left21", 21),
    "hand_right_keypoints_2d": ("openpose_hand_right21", 21),
}


def is_frame(content: Any) -> bool:
    """Whether content is one frame."""
    return isinstance(content, dict) and (isinstance(content.get("people"), list) or "bodies" in content)


def read(folder: Path) -> FileDetections:
    paths = sorted(folder.glob("*_keypoints.json")) or sorted(folder.glob("*.json"))
    if not paths:
        raise UserError(f"{folder}: no .json in it; give the folder that contains one file for each frame")
    frames = frame_numbers((path.name.replace("_keypoints.json", ".json") for path in paths), folder)
    people = []
    for path, frame in zip(paths, frames.values(), strict=True):
        content = load(path)
        if not is_frame(content):
            raise UserError(f"{path}: not a frame of OpenPose (no list of people); move it out of the folder")
        list_name, key = ("people", "pose_keypoints_2d") if "people" in content else ("bodies", "joints")
        for number, person in enumerate(entries(content[list_name], str(path), list_name)):
            people.append((frame, person, key, f"{path}: person {number}"))
    # Arrays have one shape for all people: parts that one person has are kept for everyone.
    kept = [name for name in _EXTRAS if any(person.get(name) for _, person, _, _ in people)]
    detections = []
    for frame, person, key, where in people:
        keypoints, layout = parse_points(person.get(key), OPENPOSE_STYLE, where)
        extras = {_EXTRAS[name][0]: _extra(person.get(name), _EXTRAS[name][1], where) for name in kept}
        detections.append(PersonDetection(frame, keypoints, layout, identity(person.get("person_id"), where), extras))
    return FileDetections("openpose", set(frames.values()), detections)


def _extra(values: Any, count: int, where: str) -> np.ndarray:
    """(count,3) pixels and score of a hand or a face; zeros where the person has none."""
    if not values:
        return np.zeros((count, 3))
    numbers = parse_numbers(values, where).ravel()
    if len(numbers) != 3 * count:
        raise UserError(f"{where}: has {len(numbers)} numbers of a face or hand, not {3 * count}; write the file again")
    return require_plausible(numbers.reshape(-1, 3), where)
