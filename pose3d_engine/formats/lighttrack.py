"""LightTrack's results: ``[{image: {folder, name, id}, candidates: [{det_bbox, track_id, pose_keypoints_2d}]}]``.

A candidate without keypoints is a person who was lost.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..contract.keypoint_orders import LIGHTTRACK_STYLE
from .detections import FileDetections, PersonDetection, frame_numbers, parse_points
from .json_files import entries, identity


def is_lighttrack(content: Any) -> bool:
    """Whether content is of LightTrack."""
    first = content[0] if isinstance(content, list) and content else None
    return isinstance(first, dict) and isinstance(first.get("image"), dict) and "candidates" in first


def read(path: Path, content: Any) -> FileDetections:
    pictures = entries(content, str(path), "the file")
    names: list[Any] = [item["image"].get("name") if isinstance(item.get("image"), dict) else None for item in pictures]
    frames = frame_numbers(names, path)
    detections = []
    for name, picture in zip(names, pictures, strict=True):
        for number, person in enumerate(entries(picture.get("candidates"), f"{path}: {name}", "candidates")):
            if not person.get("pose_keypoints_2d"):
                continue
            where = f"{path}: person {number} of {name}"
            keypoints, layout = parse_points(person["pose_keypoints_2d"], LIGHTTRACK_STYLE, where)
            track = identity(person.get("track_id"), where)
            detections.append(PersonDetection(frames[name], keypoints, layout, track))
    return FileDetections("lighttrack", set(frames.values()), detections)
