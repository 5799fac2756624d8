"""MediaPipe's Pose Landmarker (BlazePose) as a detector."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np

from .. import weights
from ..contract.errors import UserError, brief
from ..contract.skeletons import BLAZEPOSE33, COCO17
from .base import FrameDetections
from .multi_person import MultiPersonTracker
from .poses import Pose

COCO_ROWS = np.array(BLAZEPOSE33.rows(*COCO17.joints))
"""(17,) the landmark of each keypoint of COCO-17."""

_FRAME_MS = 1_000_000
"""Milliseconds between the time stamps that MediaPipe gets for two frames. It smooths the landmarks of a person who is
followed alone, so that fast wrists lag; after so long a time it does not."""

_MAX_PER_VIEW = 3
"""People that are detected at once in a single picture."""


class MediaPipeDetector:
    """BlazePose (Bazarevsky et al., CVPR workshops 2020), with a landmarker for each person: see :mod:`.multi_person`.

    Extras of its detections: ``blazepose33`` (N,33,3) pixels and score; ``blazepose33_world`` (N,33,3) metres, camera
    axes, origin between the hips. Raises UserError if the model of that name is missing or cannot be loaded.
    """

    def __init__(self, name: str, max_people: int) -> None:
        self.name = name
        self._network = _BlazePose(name)
        self._tracker = MultiPersonTracker(self._network, max_people)

    def detect(self, image: np.ndarray, time_s: float) -> FrameDetections:
        """See :class:`.Detector`."""
        poses = self._tracker.track(image, time_s)
        landmarks = np.array([pose.landmarks for pose in poses], np.float32).reshape(-1, 33, 3)
        world = np.array([pose.world for pose in poses], np.float32).reshape(-1, 33, 3)
        boxes = np.array([pose.box for pose in poses], np.float32).reshape(-1, 4)
        boxes = np.clip(boxes, 0, np.tile(np.array(image.shape[1::-1], np.float32), 2))
        # Landmarks are extrapolated beyond the edge of the picture; a person who is all outside is not in it.
        inside = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
        landmarks, world, boxes = landmarks[inside], world[inside], boxes[inside]
        return FrameDetections(landmarks[:, COCO_ROWS], boxes, {"blazepose33": landmarks, "blazepose33_world": world})

    def close(self) -> None:
        """See :class:`.Detector`."""
        self._tracker.close()
        self._network.close()


class _BlazePose:
    """The network, a :class:`.multi_person.Network`."""

    def __init__(self, name: str) -> None:
        path = weights.require(name)
        # Imported here, so that commands which detect nothing start fast.
        with _quiet_stderr():
            import mediapipe
            from mediapipe.tasks.python import BaseOptions, vision

        self._vision, self._path, self._name = vision, path, name
        self._options = BaseOptions(model_asset_buffer=path.read_bytes())
        self._image, self._format = mediapipe.Image, mediapipe.ImageFormat.SRGB
        self._landmarker = self.landmarker(vision.RunningMode.IMAGE, _MAX_PER_VIEW)
        self._is_loud = True

    def landmarker(self, mode: Any, people: int) -> Any:
        """Makes a landmarker of MediaPipe."""
        options = self._vision.PoseLandmarkerOptions(base_options=self._options, running_mode=mode, num_poses=people)
        try:
            with _quiet_stderr():
                return self._vision.PoseLandmarker.create_from_options(options)
        except (RuntimeError, ValueError) as error:
            weights.verify(self._name)
            raise UserError(
                f"{self._path}: MediaPipe cannot load it ({brief(error)}); close other programs if memory is short"
            ) from error

    def poses(self, run: Callable[[Any], Any], image: np.ndarray) -> list[Pose]:
        """The poses that a landmarker's ``run`` detects in a picture (H,W,3), in its pixels."""
        # Its graph writes to stderr until the first person has gone all the way through it.
        with _quiet_stderr() if self._is_loud else nullcontext():
            result = run(self._image(self._format, image))
        self._is_loud = self._is_loud and not result.pose_landmarks
        height, width = image.shape[:2]
        poses = []
        for points, places in zip(result.pose_landmarks, result.pose_world_landmarks, strict=True):
            # Visible, and inside the picture: the network's two probabilities.
            landmarks = np.array([(p.x * width, p.y * height, p.visibility * p.presence) for p in points])
            poses.append(Pose(landmarks, np.array([(p.x, p.y, p.z) for p in places]), BLAZEPOSE33.mirror))
        return poses

    def detect(self, image: np.ndarray) -> list[Pose]:
        return self.poses(self._landmarker.detect, image)

    def single_person_tracker(self) -> _VideoLandmarker:
        return _VideoLandmarker(self, self.landmarker(self._vision.RunningMode.VIDEO, 1))

    def close(self) -> None:
        with _quiet_stderr():
            self._landmarker.close()


class _VideoLandmarker:
    """MediaPipe's video mode, which starts each frame at the person's last place: a :class:`.SinglePersonTracker`."""

    _EMPTY = np.zeros((32, 32, 3), np.uint8)

    def __init__(self, network: _BlazePose, landmarker: Any) -> None:
        self._network, self._landmarker = network, landmarker
        self._stamp, self._is_reset = 0, True

    def track(self, image: np.ndarray) -> Pose | None:
        self._is_reset = False
        return next(iter(self._network.poses(self._run, image)), None)

    def _run(self, image: Any) -> Any:
        self._stamp += _FRAME_MS
        return self._landmarker.detect_for_video(image, self._stamp)

    def reset(self) -> None:
        if not self._is_reset:
            self.track(self._EMPTY)
        self._is_reset = True

    def close(self) -> None:
        with _quiet_stderr():
            self._landmarker.close()


@contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Hides what MediaPipe's C++ code writes to stderr, which no setting turns off; shows it if the block fails."""
    sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:  # the process has no stderr
        yield
        return
    try:
        with tempfile.TemporaryFile() as hidden:
            os.dup2(hidden.fileno(), 2)
            try:
                yield
            except Exception:
                hidden.seek(0)
                os.write(kept, hidden.read())
                raise
            finally:
                os.dup2(kept, 2)
    finally:
        os.close(kept)
