"""Results of AlphaPose and PoseFlow, and COCO results of any program: lists of people with the names of their pictures.

AlphaPose: ``alphapose-results.json``, ``[{image_id, category_id, keypoints, score, box, idx}, ...]``; with ``--format
cmu`` ``{picture: {version, bodies: [{joints}]}}``, with ``open`` the same as ``people`` with ``pose_keypoints_2d``,
both in the order of COCO-18. PoseFlow: ``{picture: [{keypoints, scores, idx}]}``. COCO: AlphaPose's list with whole
numbers for ``image_id``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..contract.keypoint_orders import COCO_STYLE, OPENPOSE_STYLE
from .detections import FileDetections, PersonDetection, frame_numbers, parse_points
from .json_files import entries, identity


def is_list(content: Any) -> bool:
    """Whether content is of AlphaPose's own format, or COCO results."""
    return isinstance(content, list) and bool(content) and _has(content[0], "image_id", "keypoints")


def read_list(path: Path, content: Any) -> FileDetections:
    people = entries(content, str(path), "the file")
    frames = frame_numbers((person.get("image_id") for person in people), path)
    detections = []
    for number, person in enumerate(people):
        where = f"{path}: person {number} of the list ({person['image_id']})"
        keypoints, layout = parse_points(person.get("keypoints"), COCO_STYLE, where)
        track = person.get("idx", person.get("track_id"))
        detections.append(PersonDetection(frames[person["image_id"]], keypoints, layout, identity(track, where)))
    has_names = any(isinstance(name, str) for name in frames)
    return FileDetections("alphapose" if has_names else "coco", set(frames.values()), detections)


def is_pictures(content: Any) -> bool:
    """Whether content is of AlphaPose's ``cmu`` or ``open``, all pictures in one file."""
    return isinstance(content, dict) and bool(content) and all(_has(item, "version") for item in content.values())


def read_pictures(path: Path, content: Any) -> FileDetections:
    frames = frame_numbers(content, path)
    detections = []
    for name, picture in content.items():
        list_name, key = ("bodies", "joints") if "bodies" in picture else ("people", "pose_keypoints_2d")
        for number, person in enumerate(entries(picture.get(list_name), f"{path}: {name}", list_name)):
            keypoints, layout = parse_points(person.get(key), OPENPOSE_STYLE, f"{path}: person {number} of {name}")
            detections.append(PersonDetection(frames[name], keypoints, layout))
    return FileDetections("alphapose", set(frames.values()), detections)


def is_poseflow(content: Any) -> bool:
    """Whether content is of PoseFlow: pictures with their people."""
    if not isinstance(content, dict) or not all(isinstance(item, list) for item in content.values()):
        return False
    first = next((item[0] for item in content.values() if item), None)
    return bool(content) and (first is None or _has(first, "keypoints"))


def read_poseflow(path: Path, content: Any) -> FileDetections:
    frames = frame_numbers(content, path)
    detections = []
    for name, people in content.items():
        for number, person in enumerate(entries(people, str(path), name)):
            where = f"{path}: person {number} of {name}"
            keypoints, layout = parse_points(person.get("keypoints"), COCO_STYLE, where)
            detections.append(PersonDetection(frames[name], keypoints, layout, identity(person.get("idx"), where)))
    return FileDetections("poseflow", set(frames.values()), detections)


def _has(value: Any, *keys: str) -> bool:
    return isinstance(value, dict) and all(key in value for key in keys)
