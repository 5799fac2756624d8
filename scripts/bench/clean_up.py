"""What the clean-up tools cost and what key reduction saves, in Blender as a module.

``python -m scripts.bench.clean_up [MOTION.npz ...]`` prints for each motion file how many keys *Reduce Keys* takes away
at 1 degree and 5 mm, and the largest errors at any frame by F-curve; then the time of every tool for
10,000 frames of a made-up walk on the created armature. Needs the module ``bpy``.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from blender_addon.blend import actions, bone_motion
from blender_addon.blend import armature as blend_armature
from blender_addon.maths import rotations as rot
from blender_addon.maths.clean_up import motion
from scripts import studio
from tests.support import synthetic

TOOLS: tuple[tuple[str, dict[str, Any], bool], ...] = (
    ("smooth", {"cutoff": 4.0}, False),
    ("lock_feet", {}, True),
    ("unlock_feet", {}, True),
    ("level_floor", {}, False),
    ("straighten_path", {}, False),
    ("set_heading", {"heading": 1.0}, False),
    ("make_loop", {}, False),
    ("mirror_motion", {}, False),
    ("swap_sides", {}, True),
    ("mark_suspicious", {}, False),
    ("next_suspicious", {}, False),
    ("restore_raw", {}, False),
    ("reduce_keys", {}, False),
    ("restore_raw", {}, False),
    ("bridge", {}, True),
    ("restore_raw", {}, False),  # so that the next ones have all keys to work on
    ("time_scale", {"factor": 1.5}, True),
    ("restore_raw", {}, False),
    ("trim", {}, True),
    ("add_layer", {}, False),
)
"""Name, options, whether it works on a stretch: here, on nearly all of the motion."""


def captured(path: Path) -> bpy.types.Object:
    """The armature of a motion file, alone in a new scene, active."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.preferences.addon_enable(module="blender_addon")
    (armature,) = blend_armature.capture_to_scene(bpy.context, [path], set_scene=True)
    bpy.context.view_layer.objects.active = armature
    return armature


def posed(armature: bpy.types.Object, frames: np.ndarray) -> motion.Posed:
    """Where the bones are at every frame by the F-curves, each evaluated by Blender."""
    return motion.pose(bone_motion.read(bpy.context.scene, armature, actions.bag_of(armature), frames))


def count(armature: bpy.types.Object) -> int:
    return sum(len(curve.keyframe_points) for curve in actions.bag_of(armature).fcurves)


def reduction(path: Path) -> str:
    """What key reduction at its defaults does to a motion file."""
    armature = captured(path)
    frames = bone_motion.key_frames(actions.bag_of(armature))
    before, many = posed(armature, frames), count(armature)
    started = time.perf_counter()
    bpy.ops.video_to_mocap.reduce_keys()
    seconds = time.perf_counter() - started
    after, few = posed(armature, frames), count(armature)
    degrees = float(np.degrees(rot.angle(before.rotations, after.rotations)).max())
    metres = max(
        float(np.linalg.norm(a - b, axis=-1).max())
        for a, b in ((before.heads, after.heads), (before.tails, after.tails))
    )
    return (
        f"{path.name}: {len(frames)} frames, {many} keys -> {few}, {100 * (1 - few / many):.1f} % fewer (at least 85); "
        f"at most {degrees:.2f} degrees (1) and {1e3 * metres:.2f} mm (5) off; {seconds:.1f} s"
    )


def speed(frames: int) -> None:
    """Prints the time of every tool."""
    print(f"\n{frames} frames x 19 bones: seconds, at most 2")
    with tempfile.TemporaryDirectory() as folder:
        armature = captured(synthetic.save_motion(Path(folder) / "long.npz", *synthetic.stroll(frames)))
        scene = bpy.context.scene
        scene.frame_preview_start, scene.frame_preview_end = 20, frames - 20
        for curve in actions.bag_of(armature).fcurves:  # something to find
            if "forearm.R" in curve.data_path:
                curve.keyframe_points[frames // 2].co[1] += 0.6
        for name, options, stretch in TOOLS:
            scene.use_preview_range = stretch
            started, worked = time.perf_counter(), time.process_time()
            getattr(bpy.ops.video_to_mocap, name)(**options)
            print(f"{name:18}{time.perf_counter() - started:7.2f}   (processor {time.process_time() - worked:.2f})")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("motion", nargs="*", type=Path)
    parser.add_argument("--frames", type=int, default=10_000)
    options = parser.parse_args()
    for path in options.motion:
        print(reduction(path))
    speed(options.frames)


if __name__ == "__main__":
    main()
    studio.leave(0)
