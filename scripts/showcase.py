"""The video beside the captured body, from the video's camera and from the side: `make showcase`.

    python -m scripts.showcase VIDEO MOTION.npz -o FOLDER [--rate 15] [--pictures 6]

leaves FOLDER/VIDEO.mp4, and FOLDER/VIDEO.png with renders of both views at a few times, without the video's pictures.
Needs the engine's Python with the module ``bpy``. Exit status 2 for bad input.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
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
from pose3d_engine.show import video_writer
from scripts import studio

HEIGHT = 480
"""Of every panel, in pixels."""

_WIDEST = 720
_ROOM = 0.35
"""Metres around the person in the view from the side."""


@dataclass(frozen=True)
class Stage:
    """The captured body in an open scene. keys (T,): scene frame of each row."""

    scene: bpy.types.Scene
    keys: np.ndarray
    front: bpy.types.Object
    side: bpy.types.Object
    front_width: int
    side_width: int
    folder: Path

    def views(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        """The body at a row from the video's camera and from the side, BGR."""
        pictures = []
        for item, width in ((self.front, self.front_width), (self.side, self.side_width)):
            self.scene.camera = item
            self.scene.render.resolution_x = width
            pictures.append(studio.render(self.scene, float(self.keys[row]), self.folder))
        return pictures[0], pictures[1]


def open_stage(motion: MotionFile, folder: Path) -> Stage:
    """Replaces the open scene by the captured body on a floor. folder: for the renders."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    context = bpy.context
    scene = context.scene
    armature.capture_to_scene(context, [motion.path], set_scene=True)
    width, height = float(motion.meta["width"]), float(motion.meta["height"])
    front_width = 2 * round(min(_WIDEST, HEIGHT * width / height) / 2)
    # A picture that is too wide loses its sides, so that every panel is as high.
    kept = min(width, front_width * height / HEIGHT)
    cx, cy = motion.meta["principal_point"]
    facts = {"width": kept, "principal_point": [cx - (width - kept) / 2, cy]}
    view = replace(motion, meta={**motion.meta, **facts})
    front = camera.create_camera(context, view, "From the Video's Camera")
    side, side_width = side_camera(context, motion)
    studio.lay_floor(context, motion)
    studio.light(scene, (front_width, HEIGHT))
    keys = timeline.key_frames(motion.times, scene.render.fps / scene.render.fps_base)
    return Stage(scene, keys, front, side, front_width, side_width, folder)


def side_camera(context: bpy.types.Context, motion: MotionFile) -> tuple[bpy.types.Object, int]:
    """A still camera that looks at right angles to the video's, with the whole path in its picture; and its width in
    pixels. Without perspective, so that heights can be compared along the path."""
    low, high = motion.world.min(axis=(0, 1)) - _ROOM, motion.world.max(axis=(0, 1)) + _ROOM
    low[2] = min(low[2], -0.15)
    depth, tall = float(high[1] - low[1]), float(high[2] - low[2])
    width = 2 * round(float(np.clip(HEIGHT * depth / tall, 0.6 * HEIGHT, _WIDEST)) / 2)
    lens = bpy.data.cameras.new("From the Side")
    lens.type = "ORTHO"
    lens.sensor_fit = "VERTICAL"
    lens.ortho_scale = max(tall, depth * HEIGHT / width)
    lens.clip_end = 1000.0
    item = bpy.data.objects.new(lens.name, lens)
    # Along -X and a little down, so that the floor is seen.
    down = np.radians(7.0)
    away = 50.0 * np.array([np.cos(down), 0.0, np.sin(down)])
    item.location = np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, (low[2] + high[2]) / 2]) + away
    item.rotation_euler = (np.pi / 2 - down, 0.0, np.pi / 2)
    context.scene.collection.objects.link(item)
    return item, width


def frames_of(path: Path, motion: MotionFile, rate: float) -> Iterator[tuple[int, np.ndarray]]:
    """(row, picture BGR) of the video, at most ``rate`` a second. Raises UserError."""
    last = -np.inf
    step = 0.5 / motion.fps
    for frame in video.read_frames(path, max(0.0, float(motion.times[0]) - step), float(motion.times[-1]) + step):
        row = int(np.argmin(np.abs(motion.times - frame.time)))
        if frame.time - last >= 1 / rate - 1e-3:
            last = frame.time
            yield row, frame.image[..., ::-1]


def panel(picture: np.ndarray, width: int) -> np.ndarray:
    """A frame of the video as high as the panels, its sides cut off where it is too wide."""
    scaled = cv2.resize(
        picture, (round(picture.shape[1] * HEIGHT / picture.shape[0]), HEIGHT), interpolation=cv2.INTER_AREA
    )
    spare = max(0, scaled.shape[1] - width) // 2
    return cv2.resize(scaled[:, spare : spare + width], (width, HEIGHT))


def make(path: Path, motion_path: Path, output: Path, rate: float, count: int) -> list[Path]:
    """Writes film and picture. Raises UserError or MotionFileError on bad input."""
    motion = load(motion_path)
    moving, still = output / f"{path.stem}.mp4", output / f"{path.stem}.png"
    wanted = studio.chosen_rows(motion, count)
    columns = []
    with tempfile.TemporaryDirectory() as temporary, atomic.replacing(moving) as unfinished:
        frames = frames_of(path, motion, rate)
        first = next(frames)
        stage = open_stage(motion, Path(temporary))
        width = 2 * stage.front_width + stage.side_width
        with video_writer.writing(unfinished, width, HEIGHT, min(rate, motion.fps)) as sink:
            for row, picture in chain([first], frames):
                views = stage.views(row)
                page = np.concatenate([panel(picture, stage.front_width), *views], axis=1)
                sink(np.ascontiguousarray(page[..., ::-1]), float(motion.times[row] - motion.times[0]))
                while wanted and row >= wanted[0]:
                    wanted.pop(0)
                    columns.append(views)
    wide = max(stage.front_width, stage.side_width)
    page = np.concatenate([np.concatenate([_widened(view, wide) for view in views]) for views in columns], axis=1)
    done, data = cv2.imencode(".png", page)
    assert done
    with atomic.replacing(still) as unfinished:
        unfinished.write_bytes(data.tobytes())
    return [moving, still]


def _widened(picture: np.ndarray, width: int) -> np.ndarray:
    """Between white stripes."""
    spare = width - picture.shape[1]
    return cv2.copyMakeBorder(picture, 0, 0, spare // 2, spare - spare // 2, cv2.BORDER_CONSTANT, value=(255, 255, 255))


def main(argv: list[str]) -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(prog="showcase.py", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("video", type=Path)
    parser.add_argument("motion", type=Path, help="the motion file (.npz) that was captured from it")
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="FOLDER")
    parser.add_argument("--rate", type=float, default=15.0, help="frames a second of the film (15)")
    parser.add_argument("--pictures", type=int, default=6, choices=range(1, 13), metavar="N")
    options = parser.parse_args(argv)
    try:
        for path in make(options.video, options.motion, options.output, options.rate, options.pictures):
            print(path)
    except (UserError, MotionFileError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    status = main(sys.argv[1:])
    studio.leave(status)
