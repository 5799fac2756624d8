"""The created armature's body from its own side, at several times in a row, on a floor with lines every half metre.

    python -m scripts.side_views MOTION.npz -o STRIP.webp [--columns 8] [--label TEXT] [--above OTHER.webp]

``--above`` puts another strip over it, so that two captures of a clip can be compared. Needs the engine's Python with
the module ``bpy``. Exit status 2 for bad input.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import bpy
import cv2
import numpy as np

from blender_addon.blend import armature
from blender_addon.maths import timeline
from blender_addon.maths.motion_file import JOINTS, MotionFile, MotionFileError, load
from pose3d_engine.contract import atomic
from scripts import studio

TILE = (190, 310)
"""Width and height of one picture, in pixels."""
_TALL, _BELOW, _DOWN = 2.05, 0.2, np.radians(4.0)
"""Metres that a picture shows, those of them that are below the floor, and how far the camera looks down."""


def camera(scene: bpy.types.Scene, facing: np.ndarray, hip: np.ndarray) -> None:
    """A camera without perspective at the right of somebody who faces a direction (2,), with the Hip in its middle."""
    lens = bpy.data.cameras.new("Side")
    lens.type, lens.sensor_fit, lens.ortho_scale, lens.clip_end = "ORTHO", "VERTICAL", _TALL, 100.0
    item = bpy.data.objects.new(lens.name, lens)
    right = np.array([facing[1], -facing[0]])
    away = 20.0 * np.array([*(np.cos(_DOWN) * right), np.sin(_DOWN)])
    item.location = np.array([hip[0], hip[1], _TALL / 2 - _BELOW]) + away
    item.rotation_euler = (np.pi / 2 - _DOWN, 0.0, np.arctan2(right[0], -right[1]))
    scene.collection.objects.link(item)
    scene.camera = item


def facing(motion: MotionFile) -> np.ndarray:
    """(2,) unit vector of the floor, in which the person faces over the clip."""
    across = motion.world[:, JOINTS.index("LHip"), :2] - motion.world[:, JOINTS.index("RHip"), :2]
    forward = np.array([[0.0, 1.0], [-1.0, 0.0]]).T @ across.sum(axis=0)
    return forward / np.linalg.norm(forward)


def strip(motion: MotionFile, columns: int, label: str) -> np.ndarray:
    """The pictures beside each other, BGR. Replaces the open scene."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    armature.capture_to_scene(bpy.context, [motion.path], set_scene=True)
    studio.lay_floor(bpy.context, motion)
    studio.light(scene, TILE)
    frames = timeline.key_frames(motion.times, scene.render.fps / scene.render.fps_base)
    tiles, direction = [], facing(motion)
    with tempfile.TemporaryDirectory() as folder:
        for row in studio.chosen_rows(motion, columns):
            camera(scene, direction, motion.world[row, 0])
            tiles.append(studio.render(scene, float(frames[row]), Path(folder)))
    page = np.concatenate(tiles, axis=1)
    cv2.putText(page, label, (8, 22), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (40, 40, 40), 1, cv2.LINE_AA)
    return page


def main(argv: list[str]) -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(prog="side_views.py", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("motion", type=Path)
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="STRIP.webp")
    parser.add_argument("--columns", type=int, default=8, choices=range(1, 25), metavar="N")
    parser.add_argument("--label", default="")
    parser.add_argument("--above", type=Path, metavar="OTHER.webp")
    options = parser.parse_args(argv)
    try:
        page = strip(load(options.motion), options.columns, options.label)
    except MotionFileError as error:
        print(error, file=sys.stderr)
        return 2
    if options.above is not None:
        page = np.concatenate([cv2.imread(str(options.above), cv2.IMREAD_COLOR), page])
    quality = [cv2.IMWRITE_WEBP_QUALITY, 80]
    done, data = cv2.imencode(options.output.suffix, page, quality if options.output.suffix == ".webp" else [])
    assert done
    with atomic.replacing(options.output) as temporary:
        temporary.write_bytes(data.tobytes())
    return 0


if __name__ == "__main__":
    status = main(sys.argv[1:])
    studio.leave(status)
