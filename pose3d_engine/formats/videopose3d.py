"""VideoPose3D's custom data set of Detectron2's keypoints, ``data_2d_custom_NAME.npz``.

``positions_2d``: ``{video: {"custom": [(T,17,2)]}}``; ``metadata``: ``{layout_name, num_joints, keypoints_symmetry,
video_metadata: {video: {w, h}}}``. Both are pickles and are read without executing anything. There are no scores:
VideoPose3D interpolates gaps before it writes the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .. import object_archive
from ..contract.errors import UserError
from ..contract.skeletons import COCO17
from .detections import FileDetections, PersonDetection, require_plausible


def is_videopose3d(arrays: set[str]) -> bool:
    """Whether an .npz with these arrays is of VideoPose3D, or of Detectron2 for VideoPose3D."""
    return "positions_2d" in arrays or {"boxes", "segments", "keypoints"} <= arrays


def read(path: Path, arrays: set[str]) -> FileDetections:
    if "positions_2d" not in arrays:
        raise UserError(f"{path}: keypoints of Detectron2; run VideoPose3D's prepare_data_2d_custom.py on it first")
    content = object_archive.load(path, ("positions_2d", "metadata"), "keypoints of VideoPose3D")
    videos, metadata = content["positions_2d"], content["metadata"]
    if not isinstance(videos, dict) or not videos:
        raise UserError(f"{path}: positions_2d names no video; write it again with prepare_data_2d_custom.py")
    if len(videos) > 1:
        names = ", ".join(map(str, list(videos)[:3]))
        raise UserError(f"{path}: is of {len(videos)} videos ({names}, ...); write a file for one")
    name, actions = next(iter(videos.items()))
    tracks = [track for cameras in actions.values() for track in cameras] if isinstance(actions, dict) else []
    if len(tracks) != 1:
        raise UserError(f"{path}: has {len(tracks)} tracks of {name}; it must have one")
    keypoints = np.asarray(tracks[0])
    if keypoints.ndim != 3 or keypoints.shape[1:] != (17, 2) or keypoints.dtype.kind not in "fiu":
        raise UserError(f"{path}: keypoints of {name} are {keypoints.shape}, not (frames, 17, 2) of COCO-17")
    detections = []
    for frame, pixels in enumerate(keypoints.astype(np.float64)):
        points = np.concatenate([pixels, np.ones((17, 1))], axis=1)
        require_plausible(points, f"{path}: frame {frame} of {name}")
        detections.append(PersonDetection(frame, points, COCO17, track=1))
    return FileDetections("videopose3d", set(range(len(keypoints))), detections, _size(metadata, name))


def _size(metadata: Any, name: str) -> dict[str, float]:
    """Width and height of the video, where the file says them."""
    videos = metadata.get("video_metadata") if isinstance(metadata, dict) else None
    video = videos.get(name) if isinstance(videos, dict) else None
    if not isinstance(video, dict):
        return {}
    given = {"width": video.get("w"), "height": video.get("h")}
    return {key: float(value) for key, value in given.items() if isinstance(value, (int, float, np.number))}
