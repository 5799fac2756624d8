"""A camera that sees the captured body as the video's camera saw the person."""

from __future__ import annotations

from pathlib import Path

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


def look_through(
    context: bpy.types.Context, item: bpy.types.Object, motion: MotionFile, video: Path | None = None
) -> None:
    """Makes ``item`` the scene's camera, renders the video's size, and shows the video behind the scene."""
    scene = context.scene
    scene.camera = item
    scene.render.resolution_x, scene.render.resolution_y = int(motion.meta["width"]), int(motion.meta["height"])
    scene.render.resolution_percentage = 100
    scene.render.pixel_aspect_x = scene.render.pixel_aspect_y = 1.0
    if video is None:
        return
    clip = bpy.data.movieclips.load(str(video.resolve()))
    # Blender ignores rotation tags: a video that it would show lying on its side is left out.
    if tuple(clip.size) != (scene.render.resolution_x, scene.render.resolution_y):
        bpy.data.movieclips.remove(clip)
        return
    picture = item.data.background_images.new()
    picture.source = "MOVIE_CLIP"
    picture.clip = clip
    item.data.show_background_images = True


def add_sun(context: bpy.types.Context) -> bpy.types.Object:
    """A sun from the upper left behind the camera, for renders of the character."""
    light = bpy.data.lights.new("Sun", "SUN")
    light.energy = 3.0
    light.angle = np.radians(10.0)
    item = bpy.data.objects.new("Sun", light)
    item.rotation_euler = np.radians([45.0, 0.0, -35.0])
    context.scene.collection.objects.link(item)
    return item
