"""MediaPipe's Pose Landmarker (BlazePose) as a detector."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import numpy as np

from .. import weights
from ..data import FrameDetections
from ..errors import UserError
from ..skeletons import COCO17

BLAZEPOSE33 = (
    "nose",
    "left_eye_inner",
    "left_eye",
    "left_eye_outer",
    "right_eye_inner",
    "right_eye",
    "right_eye_outer",
    "left_ear",
    "right_ear",
    "mouth_left",
    "mouth_right",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_pinky",
    "right_pinky",
    "left_index",
    "right_index",
    "left_thumb",
    "right_thumb",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
    "left_heel",
    "right_heel",
    "left_foot_index",
    "right_foot_index",
)
"""The landmarks of the extras ``blazepose33`` and ``blazepose33_world``, in order."""

COCO_ROWS = np.array([BLAZEPOSE33.index(keypoint) for keypoint in COCO17.joints])

_DUPLICATE = 0.1
"""Two poses of which half the landmarks lie this close, in diagonals of the box, are one person found twice."""


class MediaPipeDetector:
    """BlazePose in MediaPipe's video mode, which follows the people it has found from frame to frame.

    Extras: ``blazepose33`` (N,33,3) pixels and score; ``blazepose33_world`` (N,33,3) metres, camera axes, origin
    between the hips. Raises UserError if the model is missing or cannot be loaded.
    """

    def __init__(self, name: str, max_people: int) -> None:
        path = weights.find(name)
        self.name = name
        # Imported here, so that commands which detect nothing start fast.
        with _quiet_stderr():
            import mediapipe
            from mediapipe.tasks.python import BaseOptions, vision

        self._image, self._format = mediapipe.Image, mediapipe.ImageFormat.SRGB
        options = vision.PoseLandmarkerOptions(
            # The bytes and not the path: the C library cannot open every name on Windows.
            base_options=BaseOptions(model_asset_buffer=path.read_bytes()),
            running_mode=vision.RunningMode.VIDEO,
            num_poses=max_people,
        )
        try:
            with _quiet_stderr():
                self._landmarker = vision.PoseLandmarker.create_from_options(options)
        except (RuntimeError, ValueError) as error:
            raise UserError(
                f"{path}: MediaPipe cannot load it; delete it and run: pose3d weights fetch {name}"
            ) from error
        self._last_ms = -1
        self._talkative = True

    def detect(self, image: np.ndarray, time_s: float) -> FrameDetections:
        """See :class:`pose3d_engine.detectors.base.Detector`."""
        # MediaPipe wants strictly increasing whole milliseconds; frames may lie closer together.
        self._last_ms = max(self._last_ms + 1, round(time_s * 1000))
        # Its graph speaks up until the first person has gone all the way through it.
        with _quiet_stderr() if self._talkative else nullcontext():
            result = self._landmarker.detect_for_video(self._image(self._format, image), self._last_ms)
        self._talkative = self._talkative and not result.pose_landmarks

        height, width = image.shape[:2]
        # Visible, and inside the picture: the network's two probabilities.
        landmarks = np.array(
            [
                [(p.x * width, p.y * height, p.visibility * p.presence) for p in person]
                for person in result.pose_landmarks
            ],
            np.float32,
        ).reshape(-1, 33, 3)
        world = np.array(
            [[(p.x, p.y, p.z) for p in person] for person in result.pose_world_landmarks], np.float32
        ).reshape(-1, 33, 3)
        boxes = _boxes(landmarks, width, height)
        kept = _distinct(landmarks, boxes)
        landmarks, world, boxes = landmarks[kept], world[kept], boxes[kept]
        return FrameDetections(landmarks[:, COCO_ROWS], boxes, {"blazepose33": landmarks, "blazepose33_world": world})

    def close(self) -> None:
        """See :class:`pose3d_engine.detectors.base.Detector`."""
        with _quiet_stderr():
            self._landmarker.close()


def _boxes(landmarks: np.ndarray, width: int, height: int) -> np.ndarray:
    """(N,4) x0, y0, x1, y1 of the landmarks' part of the picture; without area for somebody outside it."""
    low, high = landmarks[..., :2].min(axis=1), landmarks[..., :2].max(axis=1)
    size = np.array([width, height], np.float32)
    return np.concatenate([np.clip(low, 0, size), np.clip(high, 0, size)], axis=1)


def _distinct(landmarks: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Rows of the people that are in the picture, each of them once, the best scored first."""
    spans = boxes[:, 2:] - boxes[:, :2]
    kept: list[int] = []
    for row in np.argsort(-landmarks[..., 2].mean(axis=1), kind="stable"):
        if spans[row].min() <= 0:
            continue
        apart = np.linalg.norm(landmarks[kept, :, :2] - landmarks[row, :, :2], axis=-1)
        if not (np.median(apart, axis=-1) < _DUPLICATE * np.linalg.norm(spans[row])).any():
            kept.append(int(row))
    return np.array(kept, int)


@contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Hides what C++ code writes to the process's stderr, and shows it after all if the block fails.

    MediaPipe writes there from below Python, and no setting turns all of it off.
    """
    sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:  # a process without a stderr has nothing to hide
        yield
        return
    try:
        with tempfile.TemporaryFile() as chatter:
            os.dup2(chatter.fileno(), 2)
            try:
                yield
            except Exception:
                os.dup2(kept, 2)
                chatter.seek(0)
                os.write(2, chatter.read())
                raise
            finally:
                os.dup2(kept, 2)
    finally:
        os.close(kept)
