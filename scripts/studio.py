"""Where captured motion is looked at: floor, light and pictures, for the scripts that show it. Needs ``bpy``."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import NoReturn

import bpy
import cv2
import numpy as np

from blender_addon.maths.motion_file import JOINTS, MotionFile


def chosen_rows(motion: MotionFile, columns: int) -> list[int]:
    """Rows spread evenly over the frames in which the person was seen (all frames, if never)."""
    seen = np.flatnonzero(motion.confidence.mean(axis=1) > 0.2)
    if len(seen) < columns:
        seen = np.arange(len(motion))
    places = (np.arange(columns) + 0.5) / columns * len(seen)
    return [int(seen[int(place)]) for place in places]


def light(scene: bpy.types.Scene, size: tuple[int, int]) -> None:
    """Workbench, which needs no GPU: studio light, soft outlines, a shadow on the floor. size: pixels."""
    scene.render.engine = "BLENDER_WORKBENCH"
    scene.render.resolution_x, scene.render.resolution_y = size
    scene.render.resolution_percentage = 100
    scene.render.image_settings.file_format = "PNG"
    scene.render.image_settings.color_mode = "RGB"
    scene.view_settings.view_transform = "Standard"
    scene.display.render_aa = "8"
    shading = scene.display.shading
    shading.light = "STUDIO"
    shading.studio_light = "paint.sl"  # the bright one, from above
    shading.color_type = "MATERIAL"
    shading.show_shadows = True
    shading.shadow_intensity = 0.35
    shading.show_cavity = True
    shading.cavity_type = "BOTH"
    scene.world = bpy.data.worlds.new("Paper")
    scene.world.color = (0.88, 0.89, 0.90)


def lay_floor(context: bpy.types.Context, motion: MotionFile) -> None:
    """A floor under the whole path, with lines every half metre."""
    hips = motion.world[:, JOINTS.index("Hip"), :2]
    low, high = np.floor(hips.min(axis=0) - 2.0), np.ceil(hips.max(axis=0) + 2.0)
    planes = [(low[0], low[1], high[0], high[1], 0.0, 0)]
    thick = 0.006
    for axis in (0, 1):
        for place in np.arange(low[axis], high[axis] + 0.25, 0.5):
            a, b = low.copy(), high.copy()
            a[axis], b[axis] = place - thick, place + thick
            planes.append((a[0], a[1], b[0], b[1], 0.001, 1))
    vertices: list[tuple[float, float, float]] = []
    faces, looks = [], []
    for x0, y0, x1, y1, z, look in planes:
        first = len(vertices)
        vertices += [(x0, y0, z), (x1, y0, z), (x1, y1, z), (x0, y1, z)]
        faces.append((first, first + 1, first + 2, first + 3))
        looks.append(look)
    mesh = bpy.data.meshes.new("Floor")
    mesh.from_pydata(vertices, [], faces)
    for name, grey in (("Floor", 1.0), ("Floor lines", 0.65)):
        material = bpy.data.materials.new(name)
        material.diffuse_color = (grey, grey, grey, 1.0)
        mesh.materials.append(material)
    mesh.polygons.foreach_set("material_index", looks)
    context.scene.collection.objects.link(bpy.data.objects.new("Floor", mesh))


def render(scene: bpy.types.Scene, frame: float, folder: Path) -> np.ndarray:
    """What the scene's camera sees at a frame, also between two: (height, width, 3) uint8 BGR. folder: for its file."""
    whole = int(np.floor(frame))
    scene.frame_set(whole, subframe=float(frame - whole))
    scene.render.filepath = str(folder / "render.png")
    bpy.ops.render.render(write_still=True)
    picture = cv2.imread(scene.render.filepath, cv2.IMREAD_COLOR)
    if picture is None:
        raise RuntimeError("Workbench wrote no picture")
    return picture


def leave(status: int) -> NoReturn:
    """Ends the process. The module bpy crashes on the way out in some versions, and leaves its folder of temporary
    files in all; where none could be made, the name is that of the system's own."""
    sys.stdout.flush()
    folder = Path(bpy.app.tempdir)
    if folder.name.startswith("blender_"):
        shutil.rmtree(folder, ignore_errors=True)
    os._exit(status)
