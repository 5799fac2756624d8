"""AlphaPose's results, PoseFlow's, and COCO results of whatever program: lists of persons with their pictures.

AlphaPose: ``alphapose-results.json``, ``[{image_id, category_id, keypoints, score, box, idx}, ...]``; with ``--format
cmu`` ``{picture: {version, bodies: [{joints}]}}``, with ``open`` the same as ``people`` with ``pose_keypoints_2d``,
both in the order of COCO-18. PoseFlow: ``{picture: [{keypoints, scores, idx}]}``. COCO: AlphaPose's list with whole
numbers for ``image_id``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..contract.keypoint_orders import COCO_STYLE, OPENPOSE_STYLE
from .detections import Sighting, Sightings, frame_numbers, points
from .json_files import entries, identity


def is_list(content: Any) -> bool:
    """AlphaPose's own format, or COCO results."""
    return isinstance(content, list) and bool(content) and _has(content[0], "image_id", "keypoints")


def read_list(path: Path, content: Any) -> Sightings:
    """Raises UserError."""
    persons = entries(content, str(path), "it")
    frames = frame_numbers((person.get("image_id") for person in persons), path)
    seen = []
    for number, person in enumerate(persons):
        where = f"{path}: person {number} of the list ({person['image_id']})"
        keypoints, layout = points(person.get("keypoints"), COCO_STYLE, where)
        track = person.get("idx", person.get("track_id"))
        seen.append(Sighting(frames[person["image_id"]], keypoints, layout, identity(track, where)))
    names = any(isinstance(name, str) for name in frames)
    return Sightings("alphapose" if names else "coco", set(frames.values()), seen)


def is_pictures(content: Any) -> bool:
    """AlphaPose's ``cmu`` or ``open``, all pictures in one file."""
    return isinstance(content, dict) and bool(content) and all(_has(item, "version") for item in content.values())


def read_pictures(path: Path, content: Any) -> Sightings:
    """Raises UserError."""
    frames = frame_numbers(content, path)
    seen = []
    for name, picture in content.items():
        list_name, key = ("bodies", "joints") if "bodies" in picture else ("people", "pose_keypoints_2d")
        for number, person in enumerate(entries(picture.get(list_name), f"{path}: {name}", list_name)):
            keypoints, layout = points(person.get(key), OPENPOSE_STYLE, f"{path}: person {number} of {name}")
            seen.append(Sighting(frames[name], keypoints, layout))
    return Sightings("alphapose", set(frames.values()), seen)


def is_poseflow(content: Any) -> bool:
    """PoseFlow's pictures with their persons."""
    if not isinstance(content, dict) or not all(isinstance(item, list) for item in content.values()):
        return False
    somebody = next((item[0] for item in content.values() if item), None)
    return bool(content) and (somebody is None or _has(somebody, "keypoints"))


def read_poseflow(path: Path, content: Any) -> Sightings:
    """Raises UserError."""
    frames = frame_numbers(content, path)
    seen = []
    for name, persons in content.items():
        for number, person in enumerate(entries(persons, str(path), name)):
            where = f"{path}: person {number} of {name}"
            keypoints, layout = points(person.get("keypoints"), COCO_STYLE, where)
            seen.append(Sighting(frames[name], keypoints, layout, identity(person.get("idx"), where)))
    return Sightings("poseflow", set(frames.values()), seen)


def _has(value: Any, *keys: str) -> bool:
    return isinstance(value, dict) and all(key in value for key in keys)
