"""MMPose's predictions of a video: ``[{frame_id, instances: [{keypoints, keypoint_scores}]}]`` by its Inferencer, and
the same as ``instance_info`` beside ``meta_info`` by its demos, which count frames from 1.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..contract.errors import UserError
from ..contract.keypoint_orders import COCO_STYLE, layout_of_length
from ..contract.skeletons import COCO17, Layout
from .detections import FileDetections, PersonDetection, parse_numbers, require_plausible
from .json_files import entries, identity


def is_mmpose(content: Any) -> bool:
    """Whether content is of MMPose."""
    frames = content.get("instance_info") if isinstance(content, dict) else content
    return isinstance(frames, list) and bool(frames) and isinstance(frames[0], dict) and "instances" in frames[0]


def read(path: Path, content: Any) -> FileDetections:
    frames, meta = content, None
    if isinstance(content, dict):
        frames, meta = content["instance_info"], content.get("meta_info")
    items = entries(frames, str(path), "instance_info")
    numbers: list[Any] = [item.get("frame_id") for item in items]
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, int) or number < 0:
            raise UserError(f"{path}: frame_id is {number!r}, not a whole number from 0; write the file again")
    if len(set(numbers)) < len(numbers):
        raise UserError(f"{path}: two frames have the same frame_id; give the results of one video")
    # All frames are listed, also those without people: the first number shows from where they count.
    base = 1 if min(numbers) == 1 else 0
    named = _named(meta)
    detections = []
    for number, item in zip(numbers, items, strict=True):
        for person, instance in enumerate(entries(item.get("instances"), f"{path}: frame {number}", "instances")):
            where = f"{path}: person {person} of frame {number}"
            keypoints = _keypoints(instance, where)
            layout = named if named and len(named) == len(keypoints) else layout_of_length(len(keypoints), COCO_STYLE)
            if layout is None:
                raise UserError(f"{where}: has {len(keypoints)} points of an unknown layout; use a model of people")
            track = identity(instance.get("track_id", instance.get("instance_id")), where)
            detections.append(PersonDetection(number - base, keypoints, layout, track))
    return FileDetections("mmpose", {number - base for number in numbers}, detections)


def _keypoints(instance: dict[str, Any], where: str) -> np.ndarray:
    """(K,3) pixels and score of one instance."""
    places = parse_numbers(instance.get("keypoints"), where)
    scores = parse_numbers(instance.get("keypoint_scores"), where)
    if places.ndim != 2 or places.shape[1] != 2 or scores.shape != (len(places),):
        raise UserError(f"{where}: keypoints are {places.shape} with scores {scores.shape}, not (K, 2) with (K,)")
    return require_plausible(np.concatenate([places, scores[:, None]], axis=1), where)


def _named(meta: Any) -> Layout | None:
    """The layout of the points that the file names, None if it names none that are known."""
    names = meta.get("keypoint_id2name") if isinstance(meta, dict) else None
    if not isinstance(names, dict):
        return None
    try:
        ordered = tuple(str(names[key]) for key in sorted(names, key=int))
    except (TypeError, ValueError):
        return None
    known = next((layout for layout in COCO_STYLE if layout.joints == ordered), None)
    if known:
        return known
    # Other names for the same points: only COCO's names are certain.
    if not set(ordered) >= {"left_shoulder", "right_shoulder", "left_hip", "right_hip"}:
        return None
    same_body = layout_of_length(len(ordered), COCO_STYLE)
    if same_body and ordered[: len(COCO17)] == same_body.joints[: len(COCO17)]:
        return same_body
    return Layout(f"mmpose{len(ordered)}", ordered)
