"""Frames of a video above renders of the captured body at the same times, from the same camera.

    python scripts/contact_sheet.py VIDEO MOTION.npz -o SHEET.png [--columns 6]

Needs the engine's Python with the module ``bpy``. Exit status 2 for bad input.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import bpy
import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from blender_addon.retarget import apply, camera, timeline  # noqa: E402
from blender_addon.retarget.motion_file import JOINTS, MotionFile, MotionFileError, load  # noqa: E402
from pose3d_engine import files, video  # noqa: E402
from pose3d_engine.errors import UserError  # noqa: E402

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


def chosen_rows(motion: MotionFile, columns: int) -> list[int]:
    """Rows spread evenly over the frames in which the person was seen (all frames, if never)."""
    seen = np.flatnonzero(motion.confidence.mean(axis=1) > 0.2)
    if len(seen) < columns:
        seen = np.arange(len(motion))
    places = (np.arange(columns) + 0.5) / columns * len(seen)
    return [int(seen[int(place)]) for place in places]


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
    apply.capture_to_scene(context, [motion.path], set_scene=True)
    _floor(context, motion)
    _look(scene)
    frames = timeline.key_frames(motion.times, scene.render.fps / scene.render.fps_base)
    cx, cy = motion.meta["principal_point"]
    tiles = []
    with tempfile.TemporaryDirectory() as temporary:
        for column, (row, part) in enumerate(zip(rows, parts, strict=True)):
            # The camera of the window is the video's with another picture: same place, same focal length.
            facts = {"width": part.width, "height": part.height, "principal_point": [cx - part.left, cy - part.top]}
            view = replace(motion, meta={**motion.meta, **facts})
            scene.camera = camera.create_camera(context, view, f"Window {column + 1}")
            whole = int(np.floor(frames[row]))
            scene.frame_set(whole, subframe=float(frames[row] - whole))
            scene.render.filepath = str(Path(temporary) / f"{column}.png")
            bpy.ops.render.render(write_still=True)
            picture = cv2.imread(scene.render.filepath, cv2.IMREAD_COLOR)
            if picture is None:
                raise RuntimeError("Workbench wrote no picture")
            tiles.append(picture)
    return tiles


def _look(scene: bpy.types.Scene) -> None:
    """Workbench, which needs no GPU: studio light, soft outlines, a shadow on the floor."""
    scene.render.engine = "BLENDER_WORKBENCH"
    scene.render.resolution_x, scene.render.resolution_y = TILE
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


def _floor(context: bpy.types.Context, motion: MotionFile) -> None:
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
    rows = chosen_rows(motion, min(columns, len(motion)))
    parts = windows(motion, rows)
    # The video first: it fails sooner than the renders take.
    upper = video_tiles(video_path, motion, rows, parts)
    lower = body_tiles(motion, rows, parts)
    page = sheet(upper, lower, motion.times[rows].tolist())
    done, data = cv2.imencode(".png", page)
    assert done
    with files.replacing(output) as temporary:
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
    sys.stdout.flush()
    # The module bpy crashes on the way out in some versions, and leaves its folder of temporary files in all; where
    # none could be made, the name is that of the system's own.
    folder = Path(bpy.app.tempdir)
    if folder.name.startswith("blender_"):
        shutil.rmtree(folder, ignore_errors=True)
    os._exit(status)
