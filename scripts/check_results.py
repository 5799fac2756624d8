"""Imports captured armatures into Blender again and compares their joints with the motion file.

    python -m scripts.check_results MOTION.npz CLIP.bvh CLIP.fbx CLIP.blend

Runs where the bpy module is installed. Every file must have one frame for each row of the motion file (on whole frames
of the standard rate nearest to the video's), and every joint of every frame must lie within 1 cm of `world`. Prints the
largest distance in each file.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import bpy
import numpy as np

from blender_addon.maths import motion_file, resampling, skeleton, timeline

TOLERANCE = 0.01  # metres
CROWN = "Head"
"""The one joint at which no bone begins."""


def load(path: Path) -> bpy.types.Object:
    """The armature of a file, alone in a fresh scene whose frame 1 is the file's first. Raises ValueError."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    if path.suffix == ".bvh":
        # The file's axes are Blender's own; the importer's default expects Y up.
        bpy.ops.import_anim.bvh(filepath=str(path), axis_forward="Y", axis_up="Z", update_scene_duration=True)
    elif path.suffix == ".fbx":
        # The importer moves the animation by a frame unless told otherwise.
        bpy.ops.import_scene.fbx(filepath=str(path), anim_offset=0.0)
    elif path.suffix == ".blend":
        bpy.ops.wm.open_mainfile(filepath=str(path))
    else:
        raise ValueError(f"{path}: neither .bvh, .fbx nor .blend")
    armatures = [item for item in bpy.context.scene.objects if item.type == "ARMATURE"]
    if len(armatures) != 1:
        raise ValueError(f"{path}: {len(armatures)} armatures, not 1")
    return armatures[0]


def positions(armature: bpy.types.Object, frames: int, ends: bool) -> dict[str, np.ndarray]:
    """World positions (T,3) of the joint that each bone begins at, by the bone's name, at scene frames 1..T.

    ends: also of the crown, under the name of its joint, where the file knows where a last bone ends.
    """
    found: dict[str, list[list[float]]] = {}
    for frame in range(1, frames + 1):
        bpy.context.scene.frame_set(frame)
        bones = armature.pose.bones
        for bone in skeleton.BONES:
            found.setdefault(bone.name, []).append(list(armature.matrix_world @ bones[bone.name].head))
        if ends:
            found.setdefault(CROWN, []).append(list(armature.matrix_world @ bones["head"].tail))
    return {name: np.array(values) for name, values in found.items()}


def largest_distance(armature: bpy.types.Object, world: np.ndarray, ends: bool) -> tuple[float, str]:
    """The largest distance (metres) of any joint in any frame from ``world`` (T,17,3), and where it is."""
    begins = {bone.name: bone.head for bone in skeleton.BONES} | {CROWN: CROWN}
    worst = (0.0, "nowhere")
    for name, found in positions(armature, len(world), ends).items():
        distances = np.linalg.norm(found - skeleton.joint(world, begins[name]), axis=-1)
        at = int(distances.argmax())
        worst = max(worst, (float(distances[at]), f"{begins[name]} in frame {at + 1}"))
    return worst


def keyed_frames(armature: bpy.types.Object) -> int:
    """Whole frames that the armature's action spans."""
    start, end = armature.animation_data.action.frame_range
    return round(end - start) + 1


def main() -> int:
    """Exit status 0 if every file agrees with the motion file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("motion", type=Path)
    parser.add_argument("results", type=Path, nargs="+")
    args = parser.parse_args()
    motion = motion_file.load(args.motion)
    fps, base = timeline.scene_rate(motion.fps)
    world = resampling.on_timeline(resampling.visible(motion), timeline.Timing(fps / base)).world
    good = True
    for path in args.results:
        armature = load(path)
        frames = keyed_frames(armature)
        # FBX has no ends of bones; Blender guesses them.
        distance, where = largest_distance(armature, world, ends=path.suffix != ".fbx")
        agrees = frames == len(world) and distance <= TOLERANCE
        good &= agrees
        verdict = "ok" if agrees else "WRONG"
        print(f"{verdict}: {path}: {frames} of {len(world)} frames, at most {1000 * distance:.2f} mm off ({where})")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
