"""A video of a capture: the clip with the 2D skeleton beside the 3D skeleton on its floor."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d

from ..contract import atomic
from ..contract.errors import UserError
from ..contract.motion_file import Motion
from ..contract.skeletons import COCO17, H36M17, SIDE_COLOURS, Colour
from ..media.video import read_frames
from ..progress import Progress, silent
from . import video_writer

HEIGHT, _MIN_HEIGHT = 640, 360
"""Pixels of the preview's height; less where the video itself is smaller, but not below the second."""

_MIDDLE = SIDE_COLOURS[""]
_BACKGROUND_TOP, _BACKGROUND_BOTTOM = (52, 54, 62), (26, 27, 31)
_GRID, _UNSEEN, _CONTACT = (104, 108, 120), (88, 90, 98), (120, 220, 130)
_OUTLINE, _SHADOW = (18, 18, 22), (20, 20, 23)

_AZIMUTH, _ELEVATION, _HALF_FIELD = np.radians([35.0, 14.0, 15.0])
_FOLLOW_S = 0.5
"""Seconds: standard deviation of the smoothing of the hips, which the view follows."""

_GRID_REACH, _HEAD_RADIUS = 6, 0.085
"""Metres: floor to each side of the person, and the ball that shows the head."""

_SUBPIXEL = 4
"""Bits of fraction of drawn coordinates: whole pixels would make slow motion jitter."""


def require_preview(path: Path) -> None:
    """Raises UserError if a preview cannot be written to a path later, which must be that of an .mp4."""
    if path.suffix.lower() != ".mp4":
        raise UserError(f"{path}: previews are .mp4 files; give such a name")
    atomic.require_writable(path)


def write_preview(video: Path, motion: Motion, path: Path, progress: Progress = silent) -> None:
    """Writes the frames of a motion's video with the motion, at their own times, to an .mp4. Stage: ``preview``.

    Raises UserError if the video cannot be read or lacks those frames, or the preview cannot be written.
    """
    rows = {int(frame): row for row, frame in enumerate(motion.frames)}
    # Half a millisecond each way: times are floating-point numbers that came through a file.
    start, end = max(float(motion.times[0]) - 5e-4, 0.0), float(motion.times[-1]) + 5e-4
    height = _even(min(HEIGHT, max(float(motion.meta["height"]), _MIN_HEIGHT)))
    scale = height / float(motion.meta["height"])
    width = _even(float(motion.meta["width"]) * scale)
    # Averaging whole areas is several times slower, and only strong shrinking needs it.
    sampling = cv2.INTER_AREA if scale < 0.5 else cv2.INTER_LINEAR
    scene = _Scene(motion, height)
    drawn = 0
    with atomic.replacing(path) as temporary:
        with video_writer.writing(temporary, width + height, height, float(motion.meta["fps"])) as write:
            for frame in read_frames(video, start, end):
                if frame.index not in rows:
                    continue
                row = rows[frame.index]
                progress("preview", row + 1, len(motion))
                picture = cv2.resize(frame.image, (width, height), interpolation=sampling)
                picture = _draw_2d(picture, motion.keypoints2d[row] * np.array([scale, scale, 1], np.float32))
                _label(picture, f"{motion.times[row]:.2f} s   frame {frame.index}")
                write(np.hstack([picture, scene.draw(row)]), frame.time - start)
                drawn += 1
        if not drawn:
            raise UserError(f"{video}: has none of the motion's frames; give the video that it was captured from")


def _even(size: float) -> int:
    """The nearest even number: H.264 stores colour for blocks of 2 x 2 pixels."""
    return max(2, 2 * round(size / 2))


def _mix(colour: Colour, other: Colour, share: float) -> Colour:
    """``colour`` with a share (0..1) of ``other``."""
    r, g, b = (round(a + (o - a) * share) for a, o in zip(colour, other, strict=True))
    return r, g, b


def _point(xy: np.ndarray) -> tuple[int, int]:
    # OpenCV's fixed-point numbers overflow far outside the picture.
    x, y = (min(max(float(value), -1e4), 1e4) for value in xy)
    return round(x * (1 << _SUBPIXEL)), round(y * (1 << _SUBPIXEL))


def _line(image: np.ndarray, a: np.ndarray, b: np.ndarray, colour: Colour, thickness: int) -> None:
    cv2.line(image, _point(a), _point(b), colour, thickness, cv2.LINE_AA, _SUBPIXEL)


def _disc(image: np.ndarray, centre: np.ndarray, radius: float, colour: Colour) -> None:
    size = max(1, round(radius * (1 << _SUBPIXEL)))
    cv2.circle(image, _point(centre), size, colour, -1, cv2.LINE_AA, _SUBPIXEL)


def _label(image: np.ndarray, text: str) -> None:
    size, origin = image.shape[0] / 1100, (round(image.shape[0] / 40), round(image.shape[0] * 0.972))
    for colour, thickness in ((_OUTLINE, 4), (_MIDDLE, 1)):
        cv2.putText(image, text, origin, cv2.FONT_HERSHEY_SIMPLEX, size, colour, thickness, cv2.LINE_AA)


def _draw_2d(image: np.ndarray, keypoints: np.ndarray) -> np.ndarray:
    """The picture (H,W,3) with the skeleton of keypoints (17,3): fainter where scores are lower, without those of 0."""
    unit = image.shape[0] / 360
    scores = np.array([keypoints[list(bone), 2].min() for bone in COCO17.links])
    for low, high, strength in ((1e-6, 0.3, 0.35), (0.3, 0.6, 0.65), (0.6, np.inf, 0.95)):
        chosen = [bone for bone, score in zip(COCO17.links, scores, strict=True) if low <= score < high]
        if not chosen:
            continue
        layer = image.copy()
        for a, b in chosen:
            is_one_side = COCO17.colours[a] == COCO17.colours[b] or a == COCO17.index("nose")
            colour = COCO17.colours[b] if is_one_side else _MIDDLE
            _line(layer, keypoints[a, :2], keypoints[b, :2], _OUTLINE, round(2.2 * unit) + 2)
            _line(layer, keypoints[a, :2], keypoints[b, :2], colour, round(2.2 * unit))
        for joint in sorted({joint for bone in chosen for joint in bone}):
            _disc(layer, keypoints[joint, :2], 2.2 * unit, _OUTLINE)
            _disc(layer, keypoints[joint, :2], 1.6 * unit, COCO17.colours[joint])
        image = cv2.addWeighted(layer, strength, image, 1 - strength, 0)
    return image


@dataclass(frozen=True)
class _View:
    """A pinhole camera in the world."""

    eye: np.ndarray  # (3,) metres
    axes: np.ndarray  # (3,3): its right, up and forward directions, row by row
    focal: float  # pixels
    size: int  # pixels of the square picture

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(N,3) world -> (N,2) pixels and (N,) depth in metres; depths below 0.1 lie behind the picture."""
        local = (points - self.eye) @ self.axes.T
        safe = np.maximum(local[:, 2:], 0.1)
        return self.size / 2 + self.focal * local[:, :2] * [1, -1] / safe, local[:, 2]


class _Scene:
    """The 3D half of the preview: a skeleton, its shadow and its contacts on a floor of 1 m squares."""

    def __init__(self, motion: Motion, size: int) -> None:
        self._motion, self._size = motion, size
        rate = max(float(motion.meta["fps"]), 1.0)
        hips = motion.world[:, H36M17.index("Hip")].astype(float)
        self._targets = gaussian_filter1d(hips, _FOLLOW_S * rate, axis=0, mode="nearest")
        away = np.linalg.norm(motion.world - self._targets[:, None], axis=-1).max(axis=1)
        # Wide enough for nearly all frames; a single wild one must not make the person small.
        reach = float(np.clip(np.percentile(away, 98), 0.9, 4.0))
        self._distance = 1.12 * reach / np.tan(_HALF_FIELD)
        ramp = np.linspace(0, 1, size)[:, None, None]
        shades = np.array(_BACKGROUND_TOP) * (1 - ramp) + np.array(_BACKGROUND_BOTTOM) * ramp
        self._background = np.ascontiguousarray(np.broadcast_to(shades.round().astype(np.uint8), (size, size, 3)))

    def draw(self, row: int) -> np.ndarray:
        """(size, size, 3) uint8 RGB of one row of the motion."""
        image = self._background.copy()
        view = self._view(self._targets[row])
        joints, confidence = self._motion.world[row].astype(float), self._motion.confidence[row]
        self._floor(image, view, self._targets[row])
        self._shadow(image, view, joints)
        self._contacts(image, view, row)
        points, depth = view.project(joints)
        # A bone of 55 mm, whatever the distance.
        width = max(2, round(0.055 * view.focal / max(float(np.median(depth)), 0.1)))
        for parent, child in sorted(H36M17.links, key=lambda bone: -(depth[bone[0]] + depth[bone[1]])):
            if min(depth[parent], depth[child]) < 0.1:
                continue
            visible = float(np.clip(min(confidence[parent], confidence[child]) / 0.6, 0.0, 1.0))
            # A limb has the side of its child, so hips and shoulders are coloured too.
            colour = _mix(_UNSEEN, H36M17.colours[child], visible)
            _line(image, points[parent], points[child], _OUTLINE, width + 3)
            _line(image, points[parent], points[child], colour, width)
            _disc(image, points[child], width * 0.62, _mix(colour, (255, 255, 255), 0.35))
            if child == H36M17.index("Head"):
                centre, radius = (points[parent] + points[child]) / 2, _HEAD_RADIUS * view.focal / depth[child]
                _disc(image, centre, radius + 2, _OUTLINE)
                _disc(image, centre, radius, colour)
        return image

    def _view(self, target: np.ndarray) -> _View:
        # Video to Mocap's world has the video's camera look along +Y; this one stands to the right of it.
        backwards = np.array([np.sin(_AZIMUTH), -np.cos(_AZIMUTH), np.tan(_ELEVATION)])
        backwards /= np.linalg.norm(backwards)
        right = np.array([np.cos(_AZIMUTH), np.sin(_AZIMUTH), 0.0])
        axes = np.stack([right, np.cross(right, -backwards), -backwards])
        return _View(target + self._distance * backwards, axes, self._size / 2 / np.tan(_HALF_FIELD), self._size)

    def _floor(self, image: np.ndarray, view: _View, target: np.ndarray) -> None:
        centre = np.round(target[:2])
        ticks = np.arange(-_GRID_REACH, _GRID_REACH + 1)
        a, b = (grid.ravel() for grid in np.meshgrid(ticks, ticks[:-1], indexing="ij"))
        flat = np.zeros_like(a)
        along_y = np.stack([np.stack([a, b, flat], -1), np.stack([a, b + 1, flat], -1)], axis=1)
        segments = np.concatenate([along_y, along_y[..., [1, 0, 2]]]) + [*centre, 0.0]
        points, depth = view.project(segments.reshape(-1, 3))
        points, depth = points.reshape(-1, 2, 2), depth.reshape(-1, 2)
        distance = np.linalg.norm(segments.mean(axis=1)[:, :2] - target[:2], axis=-1)
        for segment in np.flatnonzero(depth.min(axis=1) > 0.3):
            fade = min(1.0, float(distance[segment]) / _GRID_REACH)
            shade = _mix(_GRID, _mix(_BACKGROUND_TOP, _BACKGROUND_BOTTOM, 0.5), fade)
            _line(image, points[segment, 0], points[segment, 1], shade, 1)

    def _shadow(self, image: np.ndarray, view: _View, joints: np.ndarray) -> None:
        points, depth = view.project(joints * [1, 1, 0])
        layer = image.copy()
        width = max(2, round(0.09 * view.focal / max(float(np.median(depth)), 0.1)))
        for parent, child in H36M17.links:
            if min(depth[parent], depth[child]) > 0.1:
                _line(layer, points[parent], points[child], _SHADOW, width)
        image[:] = cv2.addWeighted(layer, 0.45, image, 0.55, 0)

    def _contacts(self, image: np.ndarray, view: _View, row: int) -> None:
        circle = np.linspace(0, 2 * np.pi, 25)
        ring = 0.13 * np.stack([np.cos(circle), np.sin(circle), np.zeros_like(circle)], axis=-1)
        ankles = self._motion.world[row, H36M17.rows("left_ankle", "right_ankle")] * [1, 1, 0]
        for ankle in ankles[self._motion.contacts[row]]:
            points, depth = view.project(ring + ankle)
            if depth.min() > 0.1:
                outline = np.array([_point(point) for point in points], np.int32)
                cv2.polylines(image, [outline], True, _CONTACT, 2, cv2.LINE_AA, _SUBPIXEL)
