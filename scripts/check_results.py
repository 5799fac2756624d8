"""Imports captured armatures into Blender again and compares their joints with the motion file.

    python -m scripts.check_results MOTION.npz CLIP.bvh CLIP.fbx CLIP.glb CLIP.blend

Runs where the bpy module is installed. Files are imported with Blender's default settings. Every file must have one
frame for each row of the motion file (on whole frames of the standard rate nearest to the video's), and every joint of
every frame must lie within 1 cm of `world`. Prints the largest distance in each file.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

import bpy
import numpy as np

from blender_addon.maths import motion_file, resampling, skeleton, timeline

TOLERANCE = 0.01  # metres
CROWN = "Head"
"""The one joint at which no bone begins."""


def load(path: Path, rate: float) -> bpy.types.Object:
    """The armature of a file, alone in a fresh scene of the motion's rate. Raises ValueError."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    render = bpy.context.scene.render
    render.fps, render.fps_base = timeline.scene_rate(rate)
    if path.suffix == ".bvh":
        bpy.ops.import_anim.bvh(filepath=str(path))
    elif path.suffix == ".fbx":
        bpy.ops.import_scene.fbx(filepath=str(path))
    elif path.suffix == ".glb":
        bpy.ops.import_scene.gltf(filepath=str(path))
    elif path.suffix == ".blend":
        bpy.ops.wm.open_mainfile(filepath=str(path))
    else:
        raise ValueError(f"{path}: neither .bvh, .fbx, .glb nor .blend")
    armatures = [item for item in bpy.context.scene.objects if item.type == "ARMATURE"]
    if len(armatures) != 1:
        raise ValueError(f"{path}: {len(armatures)} armatures, not 1")
    return armatures[0]


def positions(armature: bpy.types.Object, frames: int, scale: float, crown: bool) -> dict[str, np.ndarray]:
    """World positions (T,3) in metres of the joint that each bone begins at, by the joint's name, from its first key.

    Args:
        armature: with its motion.
        frames: how many there are.
        scale: metres a unit.
        crown: whether the file knows where the last bone, the head, ends.
    """
    bones = {re.sub(r"\W", "_", bone.name): bone for bone in armature.pose.bones}
    start = armature.animation_data.action.frame_range[0]
    found: dict[str, list[list[float]]] = {}
    for frame in range(frames):
        bpy.context.scene.frame_set(round(start) + frame)
        places = {bone.head: bones[bone.name.replace(".", "_")].head for bone in skeleton.BONES}
        if crown:
            places[CROWN] = bones["head"].tail
        # A BVH's root begins below the joint that spine and pelvis share.
        places["Hip"] = bones["spine"].head
        for joint, place in places.items():
            found.setdefault(joint, []).append(list(armature.matrix_world @ place))
    return {joint: scale * np.array(values) for joint, values in found.items()}


def largest_distance(found: dict[str, np.ndarray], world: np.ndarray) -> tuple[float, str]:
    """The largest distance (metres) of any joint in any frame from ``world`` (T,17,3), and where it is."""
    worst = (0.0, "nowhere")
    for joint, places in found.items():
        distances = np.linalg.norm(places - skeleton.joint(world, joint), axis=-1)
        at = int(distances.argmax())
        worst = max(worst, (float(distances[at]), f"{joint} in frame {at + 1}"))
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
        armature = load(path, motion.fps)
        frames = keyed_frames(armature)
        # FBX and glTF have no ends of bones, and Blender guesses them. BVH is in centimetres.
        scale, crown = 0.01 if path.suffix == ".bvh" else 1.0, path.suffix in (".bvh", ".blend")
        distance, where = largest_distance(positions(armature, frames, scale, crown), world[:frames])
        agrees = frames == len(world) and distance <= TOLERANCE
        good &= agrees
        verdict = "ok" if agrees else "WRONG"
        print(f"{verdict}: {path}: {frames} of {len(world)} frames, at most {1000 * distance:.2f} mm off ({where})")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
