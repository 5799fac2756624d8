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
from ..detect.base import FrameDetections
from .multi_person import Following
from .poses import Pose

COCO_ROWS = np.array([BLAZEPOSE33.index(keypoint) for keypoint in COCO17.joints])

_FRAME_MS = 1_000_000
"""Between the time stamps of two frames. To somebody who is followed alone MediaPipe applies a filter that makes fast
wrists lag; after so long a time it lets everything pass."""

_MOST_IN_A_VIEW = 3
"""People that are looked for at once in a single picture."""


class MediaPipeDetector:
    """BlazePose, with a landmarker for each person who is followed: see :mod:`.following`.

    Extras: ``blazepose33`` (N,33,3) pixels and score; ``blazepose33_world`` (N,33,3) metres, camera axes, origin
    between the hips. Raises UserError if the model is missing or cannot be loaded.
    """

    def __init__(self, name: str, max_people: int) -> None:
        self.name = name
        self._network = _BlazePose(name)
        self._following = Following(self._network, max_people)

    def detect(self, image: np.ndarray, time_s: float) -> FrameDetections:
        """See :class:`pose3d_engine.detect.base.Detector`."""
        height, width = image.shape[:2]
        poses = self._following.poses(image, time_s)
        landmarks = np.array([pose.landmarks for pose in poses], np.float32).reshape(-1, 33, 3)
        world = np.array([pose.world for pose in poses], np.float32).reshape(-1, 33, 3)
        boxes = np.array([pose.box for pose in poses], np.float32).reshape(-1, 4)
        boxes = np.clip(boxes, 0, np.tile(np.array([width, height], np.float32), 2))
        # Landmarks are guessed beyond the picture's edge; somebody who is all outside is not in it.
        inside = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
        landmarks, world, boxes = landmarks[inside], world[inside], boxes[inside]
        return FrameDetections(landmarks[:, COCO_ROWS], boxes, {"blazepose33": landmarks, "blazepose33_world": world})

    def close(self) -> None:
        """See :class:`pose3d_engine.detect.base.Detector`."""
        self._following.close()
        self._network.close()


class _BlazePose:
    """The network, as :class:`.following.Network`."""

    def __init__(self, name: str) -> None:
        path = weights.find(name)
        # Imported here, so that commands which detect nothing start fast.
        with _quiet_stderr():
            import mediapipe
            from mediapipe.tasks.python import BaseOptions, vision

        self._vision = vision
        self._options, self._path, self._name = BaseOptions(model_asset_buffer=path.read_bytes()), path, name
        self._image, self._format = mediapipe.Image, mediapipe.ImageFormat.SRGB
        self._landmarker = self.landmarker(vision.RunningMode.IMAGE, _MOST_IN_A_VIEW)
        self._talkative = True

    def landmarker(self, mode: Any, people: int) -> Any:
        """A landmarker of MediaPipe's. Raises UserError if the model cannot be loaded."""
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
        """What a landmarker's ``run`` finds in a picture, in its pixels."""
        # Its graph speaks up until the first person has gone all the way through it.
        with _quiet_stderr() if self._talkative else nullcontext():
            result = run(self._image(self._format, image))
        self._talkative = self._talkative and not result.pose_landmarks
        height, width = image.shape[:2]
        return [
            Pose(
                # Visible, and inside the picture: the network's two probabilities.
                np.array([(p.x * width, p.y * height, p.visibility * p.presence) for p in landmarks]),
                np.array([(p.x, p.y, p.z) for p in world]),
                BLAZEPOSE33.mirror,
            )
            for landmarks, world in zip(result.pose_landmarks, result.pose_world_landmarks, strict=True)
        ]

    def find(self, image: np.ndarray) -> list[Pose]:
        """See :class:`.following.Network`."""
        return self.poses(self._landmarker.detect, image)

    def watcher(self) -> _Watcher:
        """See :class:`.following.Network`."""
        return _Watcher(self, self.landmarker(self._vision.RunningMode.VIDEO, 1))

    def close(self) -> None:
        """Frees the network that finds."""
        with _quiet_stderr():
            self._landmarker.close()


class _Watcher:
    """MediaPipe's video mode, which starts each frame where the last one had the person."""

    _NOTHING = np.zeros((32, 32, 3), np.uint8)

    def __init__(self, network: _BlazePose, landmarker: Any) -> None:
        self._network, self._landmarker = network, landmarker
        self._stamp = 0
        self._fresh = True

    def look(self, image: np.ndarray) -> Pose | None:
        """See :class:`.following.Watcher`."""
        self._fresh = False
        return next(iter(self._network.poses(self._run, image)), None)

    def _run(self, image: Any) -> Any:
        self._stamp += _FRAME_MS
        return self._landmarker.detect_for_video(image, self._stamp)

    def forget(self) -> None:
        """See :class:`.following.Watcher`."""
        if not self._fresh:
            self.look(self._NOTHING)
        self._fresh = True

    def close(self) -> None:
        """See :class:`.following.Watcher`."""
        with _quiet_stderr():
            self._landmarker.close()


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
