"""A camera that sees the captured body as the video's camera saw the person."""

from __future__ import annotations

import bpy
import numpy as np
from mathutils import Matrix

from . import keyframes, rotations, timeline
from .motion_file import MotionFile

_FROM_OPENCV = np.diag([1.0, -1.0, -1.0])  # Blender's cameras look along -Z with y up


def create_camera(context: bpy.types.Context, motion: MotionFile, name: str) -> bpy.types.Object:
    """A new camera object in the scene, keyed if the video's camera moves. Leaves render settings alone.

    It fits a picture of the video's proportions (meta width and height).
    """
    width, height = float(motion.meta["width"]), float(motion.meta["height"])
    cx, cy = motion.meta["principal_point"]
    camera = bpy.data.cameras.new(name)
    camera.sensor_fit = "HORIZONTAL"
    camera.lens = float(motion.meta["focal_px"]) / width * camera.sensor_width
    # Shifts are in units of the fitted side, here the width.
    camera.shift_x = 0.5 - cx / width
    camera.shift_y = (cy - height / 2) / width

    axes = motion.camera_R @ _FROM_OPENCV
    item = bpy.data.objects.new(name, camera)
    item.rotation_mode = "QUATERNION"
    first = Matrix(axes[0].tolist()).to_4x4()
    first.translation = motion.camera_t[0]
    item.matrix_world = first
    context.scene.collection.objects.link(item)
    if np.ptp(axes, axis=0).max() > 1e-6 or np.ptp(motion.camera_t, axis=0).max() > 1e-6:
        render = context.scene.render
        frames = timeline.key_frames(motion.times, render.fps / render.fps_base)
        bag = keyframes.channels(item, bpy.data.actions.new(name))
        quaternions = rotations.continuous(rotations.to_quaternions(axes))
        keyframes.write(bag, "location", frames, motion.camera_t, "Object Transforms")
        keyframes.write(bag, "rotation_quaternion", frames, quaternions, "Object Transforms")
    return item
