"""Frames of a video above renders of the captured body at the same times, from the same camera.

    python -m scripts.contact_sheet VIDEO MOTION.npz -o SHEET.png [--columns 6]

Needs the engine's Python with the module ``bpy``. Exit status 2 for bad input.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import bpy
import cv2
import numpy as np

from blender_addon.blend import armature, camera
from blender_addon.maths import timeline
from blender_addon.maths.motion_file import MotionFile, MotionFileError, load
from pose3d_engine.contract import atomic
from pose3d_engine.contract.errors import UserError
from pose3d_engine.media import video
from scripts import studio

TILE = (300, 400)
"""Width and height of one picture, in pixels."""
_GAP = 6
_PAPER = (247, 246, 245)  # BGR, as everything that OpenCV writes
_OUTSIDE = (225, 222, 220)
_ROOM = 1.25  # of the person's size


@dataclass(frozen=True)
class Window:
    """A part of the video's picture, in its pixels; it may reach beyond the edges."""

    left: float
    top: float
    width: float
    height: float


def windows(motion: MotionFile, rows: list[int]) -> list[Window]:
    """Around the person in each of the rows; all of one size, so that nearer looks nearer."""
    cx, cy = motion.meta["principal_point"]
    boxes = []
    for row in rows:
        local = (motion.world[row] - motion.camera_t[row]) @ motion.camera_R[row]
        depth = np.maximum(local[:, 2:], 0.1)
        pixels = local[:, :2] / depth * float(motion.meta["focal_px"]) + [cx, cy]
        boxes.append(np.concatenate([pixels.min(axis=0), pixels.max(axis=0)]))
    left, top, right, bottom = np.array(boxes).T
    height = max(_ROOM * float((bottom - top).max()), _ROOM * float((right - left).max()) * TILE[1] / TILE[0])
    # A person who walks up to the lens does not make everybody else tiny.
    height = min(height, float(motion.meta["height"]))
    width = height * TILE[0] / TILE[1]
    return [
        Window(float(x - width / 2), float(y - height / 2), width, height)
        for x, y in zip((left + right) / 2, (top + bottom) / 2, strict=True)
    ]


def video_tiles(path: Path, motion: MotionFile, rows: list[int], parts: list[Window]) -> list[np.ndarray]:
    """The windows out of the video's frames at the rows' times, BGR. Raises UserError."""
    wanted = motion.times[rows]
    step = 1.0 / motion.fps
    tiles: list[np.ndarray] = []
    # The range starts a little before the first time and ends once the last was met: the rest stays undecoded.
    for frame in video.read_frames(path, max(0.0, float(wanted[0]) - step), float(wanted[-1]) + step):
        while len(tiles) < len(rows) and frame.time >= wanted[len(tiles)] - step / 2:
            tiles.append(_cut(frame.image[..., ::-1], parts[len(tiles)]))
    if len(tiles) < len(rows):
        raise UserError(f"{path}: ends before the motion does; give the video that the motion was captured from")
    return tiles


def _cut(image: np.ndarray, part: Window) -> np.ndarray:
    scale = TILE[0] / part.width
    shift = np.array([[scale, 0, -part.left * scale], [0, scale, -part.top * scale]])
    if scale < 0.75:  # warpAffine does not average: what is made much smaller would flicker
        image = cv2.GaussianBlur(image, (0, 0), 0.4 / scale)
    return cv2.warpAffine(image, shift, TILE, flags=cv2.INTER_LINEAR, borderValue=_OUTSIDE)


def body_tiles(motion: MotionFile, rows: list[int], parts: list[Window]) -> list[np.ndarray]:
    """Renders of the captured body in the same windows, BGR. Replaces the open scene."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    context = bpy.context
    scene = context.scene
    armature.capture_to_scene(context, [motion.path], set_scene=True)
    studio.lay_floor(context, motion)
    studio.light(scene, TILE)
    frames = timeline.key_frames(motion.times, scene.render.fps / scene.render.fps_base)
    cx, cy = motion.meta["principal_point"]
    tiles = []
    with tempfile.TemporaryDirectory() as temporary:
        for column, (row, part) in enumerate(zip(rows, parts, strict=True)):
            # The camera of the window is the video's with another picture: same place, same focal length.
            facts = {"width": part.width, "height": part.height, "principal_point": [cx - part.left, cy - part.top]}
            view = replace(motion, meta={**motion.meta, **facts})
            scene.camera = camera.create_camera(context, view, f"Window {column + 1}")
            tiles.append(studio.render(scene, float(frames[row]), Path(temporary)))
    return tiles


def sheet(upper: list[np.ndarray], lower: list[np.ndarray], times: list[float]) -> np.ndarray:
    """Both rows on one page, BGR, with the seconds on the video's frames."""
    width, height = TILE
    columns = len(upper)
    page = np.full((2 * height + 3 * _GAP, columns * (width + _GAP) + _GAP, 3), _PAPER, np.uint8)
    for column, (frame, body, seconds) in enumerate(zip(upper, lower, times, strict=True)):
        x = _GAP + column * (width + _GAP)
        page[_GAP : _GAP + height, x : x + width] = frame
        page[2 * _GAP + height : 2 * (_GAP + height), x : x + width] = body
        label, corner = f"{seconds:.2f} s", (x + 10, _GAP + height - 12)
        for colour, weight in (((30, 30, 30), 3), ((255, 255, 255), 1)):
            cv2.putText(page, label, corner, cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, weight, cv2.LINE_AA)
    return page


def make(video_path: Path, motion_path: Path, output: Path, columns: int) -> None:
    """Writes the contact sheet. Raises UserError or MotionFileError on bad input."""
    motion = load(motion_path)
    rows = studio.chosen_rows(motion, min(columns, len(motion)))
    parts = windows(motion, rows)
    # The video first: it fails sooner than the renders take.
    upper = video_tiles(video_path, motion, rows, parts)
    lower = body_tiles(motion, rows, parts)
    page = sheet(upper, lower, motion.times[rows].tolist())
    done, data = cv2.imencode(".png", page)
    assert done
    with atomic.replacing(output) as temporary:
        temporary.write_bytes(data.tobytes())


def main(argv: list[str]) -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(prog="contact_sheet.py", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("video", type=Path)
    parser.add_argument("motion", type=Path, help="the motion file (.npz) that was captured from it")
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="SHEET.png")
    parser.add_argument("--columns", type=int, default=6, choices=range(1, 25), metavar="N")
    options = parser.parse_args(argv)
    try:
        make(options.video, options.motion, options.output, options.columns)
    except (UserError, MotionFileError) as error:
        print(error, file=sys.stderr)
        return 2
    print(options.output)
    return 0


if __name__ == "__main__":
    status = main(sys.argv[1:])
    studio.leave(status)
