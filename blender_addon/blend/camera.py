"""A camera that sees the captured body as the video's camera saw the person."""

from __future__ import annotations

import contextlib
from pathlib import Path

import bpy
import numpy as np
from mathutils import Matrix

from ..maths import resampling, rotations
from ..maths.motion_file import MotionFile
from ..maths.timeline import Timing
from . import actions, fcurves, scene_time

_FROM_OPENCV = np.diag([1.0, -1.0, -1.0])  # Blender's cameras look along -Z with y up


def create_camera(
    context: bpy.types.Context, motion: MotionFile, name: str, timing: Timing | None = None
) -> bpy.types.Object:
    """A new camera object in the scene, keyed if the video's camera moves. Leaves render settings alone.

    It fits a picture of the video's proportions (meta width and height). timing: of the scene where it is not given.
    """
    item = new(context.scene, name)
    place(context.scene, item, motion, timing or scene_time.timing(context.scene, 1, True))
    return item


def new(scene: bpy.types.Scene, name: str) -> bpy.types.Object:
    """A new camera object in the scene."""
    item = bpy.data.objects.new(name, bpy.data.cameras.new(name))
    item.data.clip_start *= scene_time.unit(scene)
    item.data.clip_end *= scene_time.unit(scene)
    scene.collection.objects.link(item)
    return item


def place(scene: bpy.types.Scene, item: bpy.types.Object, motion: MotionFile, timing: Timing) -> None:
    """Gives a camera object lens and place of the video's camera, as keys if that moves.

    Its last Action goes, unless somebody has edited it or uses it elsewhere.
    """
    width, height = float(motion.meta["width"]), float(motion.meta["height"])
    cx, cy = motion.meta["principal_point"]
    camera = item.data
    camera.sensor_fit = "HORIZONTAL"
    camera.lens = float(motion.meta["focal_px"]) / width * camera.sensor_width
    # Shifts are in units of the fitted side, here the width.
    camera.shift_x = 0.5 - cx / width
    camera.shift_y = (cy - height / 2) / width

    motion = resampling.on_timeline(motion, timing)
    axes, places = motion.camera_R @ _FROM_OPENCV, motion.camera_t * scene_time.unit(scene)
    if item.animation_data:
        old = item.animation_data.action
        item.animation_data_clear()
        if old is not None:
            actions.retire(old)
    item.rotation_mode = "QUATERNION"
    first = Matrix(axes[0].tolist()).to_4x4()
    first.translation = places[0]
    item.matrix_world = first
    if np.ptp(axes, axis=0).max() > 1e-6 or np.ptp(motion.camera_t, axis=0).max() > 1e-6:
        frames = timing.frames(motion.times)
        bag = fcurves.channels(item, bpy.data.actions.new(item.name))
        quaternions = rotations.continuous(rotations.to_quaternions(axes))
        fcurves.write(bag, "location", frames, places, "Object Transforms")
        fcurves.write(bag, "rotation_quaternion", frames, quaternions, "Object Transforms")
        actions.note_as_captured(item.animation_data.action)


def level(item: bpy.types.Object, focal: float, height: float, distance: float) -> None:
    """Puts a camera of which nothing is known to ``height`` and ``distance`` in front of the origin, level.

    focal: in widths of the picture.
    """
    item.data.sensor_fit = "HORIZONTAL"
    item.data.lens = focal * item.data.sensor_width
    item.matrix_world = Matrix.Translation((0.0, -distance, height)) @ Matrix.Rotation(np.pi / 2, 4, "X")


def focal_of(fov: float, width: int, height: int) -> float:
    """The focal length in pixels of a camera that sees ``fov`` degrees along the longer side of its picture."""
    return float(max(width, height) / 2 / np.tan(np.radians(fov) / 2))


def look_through(
    context: bpy.types.Context, item: bpy.types.Object, motion: MotionFile, video: Path | None = None, start: int = 1
) -> None:
    """Makes ``item`` the scene's camera, renders the video's size, and shows the video behind the scene."""
    context.scene.camera = item
    size = int(motion.meta["width"]), int(motion.meta["height"])
    _fit_resolution(context.scene, size)
    if video is not None:
        with contextlib.suppress(RuntimeError):  # a video that Blender cannot read is left out
            show_video(context.scene, item, video, size, motion.fps, start=start)


def show_video(
    scene: bpy.types.Scene,
    item: bpy.types.Object,
    video: Path,
    size: tuple[int, int],
    rate: float,
    rotation: int = 0,
    start: int = 1,
) -> None:
    """Shows the video behind the scene, in step with it at whatever rate the scene has, in place of the last one.

    size: width and height as displayed; the scene gets them as its resolution. rate: frames a second of the video.
    rotation: clockwise degrees by which its picture has to be turned, where Blender does not do it by itself.
    start: the scene's frame at which the video begins. Raises RuntimeError if Blender cannot read the video.
    """
    image = bpy.data.images.load(str(video.resolve()), check_existing=True)
    stored = tuple(image.size)
    if 0 in stored:
        bpy.data.images.remove(image)
        raise RuntimeError(f"Blender cannot show {video.name}; convert it to MP4 (H.264) to see it behind the scene.")
    _fit_resolution(scene, size)
    camera = item.data
    camera.background_images.clear()
    picture = camera.background_images.new()
    picture.image = image
    picture.alpha = 1.0
    # Blender up to some version ignores rotation tags; by the size it is seen whether this one does.
    sideways = stored != size and stored == size[::-1]
    if sideways or (rotation == 180 and bpy.app.version < _TURNS_BY_ITSELF):
        picture.rotation = -np.radians(rotation)
    if sideways:  # it is fitted into the frame before it is turned
        picture.scale = max(size) / min(size)
    user = picture.image_user
    user.frame_start, user.frame_offset = 1, 0
    user.frame_duration = _ANY_FRAME
    user.use_auto_refresh = True
    keep_in_step(scene, camera, rate, start)
    camera.show_background_images = True


_TURNS_BY_ITSELF = (4, 5, 0)
"""The Blender whose player obeys rotation tags."""


_ANY_FRAME = 1_048_574
"""The last that a scene can have. Blender holds its frame within the video's number of frames before it adds the
offset, which goes wrong where the scene has more of them than the video; so it is told that the video has as many."""


def keep_in_step(scene: bpy.types.Scene, camera: bpy.types.Camera, rate: float, start: int) -> None:
    """Blender shows one frame of a video a frame of the scene. A driver makes it that of the same moment.

    Before the video's beginning, at the scene's frame ``start``, that is its first one, after its end its last.
    """
    frames = max(1, camera.background_images[0].image.frame_duration)
    path = "background_images[0].image_user.frame_offset"
    camera.driver_remove(path)
    driver = camera.driver_add(path).driver
    driver.type = "SCRIPTED"
    for name, source in (("fps", "render.fps"), ("base", "render.fps_base")):
        variable = driver.variables.new()
        variable.name = name
        target = variable.targets[0]
        target.id_type, target.id, target.data_path = "SCENE", scene, source
    # Simple enough for Blender to work it out without Python, and so without the permission to run scripts.
    number = f"floor((frame - {start}) * {rate:.6f} * base / fps + 0.01)"
    driver.expression = f"min(max({number}, 0), {frames - 1}) + 1 - max(frame, 0)"


def _fit_resolution(scene: bpy.types.Scene, size: tuple[int, int]) -> None:
    scene.render.resolution_x, scene.render.resolution_y = size
    scene.render.resolution_percentage = 100
    scene.render.pixel_aspect_x = scene.render.pixel_aspect_y = 1.0


def add_sun(context: bpy.types.Context) -> bpy.types.Object:
    """A sun from the upper left behind the camera, for renders of the character."""
    light = bpy.data.lights.new("Sun", "SUN")
    light.energy = 3.0
    light.angle = np.radians(10.0)
    item = bpy.data.objects.new("Sun", light)
    item.rotation_euler = np.radians([45.0, 0.0, -35.0])
    context.scene.collection.objects.link(item)
    return item
