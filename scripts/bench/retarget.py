"""How well a motion arrives on rigs of every preset, and how fast.

``python -m scripts.bench.retarget [MOTION.npz]`` prints a table: the error of limb directions before the foot lock, how
far feet in contact are from the floor and how fast they slide after it, the sharpest knee. The rigs are made up, with
odd proportions, rest poses, rolls and scales; without a motion file, a made-up walk is used. Needs no Blender, but for
the last line: 10,000 frames on 60 bones, solved and written.
"""

from __future__ import annotations

import argparse
import importlib.util
import tempfile
import time
from pathlib import Path

import numpy as np

from blender_addon.maths import bone_map, motion_file, rotations, skeleton, timeline, transfer
from blender_addon.maths.rig import Solution
from tests.support import made_rigs, synthetic

LIMBS = (
    ("upper_arm", "Shoulder", "Elbow"),
    ("forearm", "Elbow", "Wrist"),
    ("thigh", "Hip", "Knee"),
    ("shin", "Knee", "Ankle"),
)
AFTER = {"upper_arm": "forearm", "forearm": "hand", "thigh": "shin", "shin": "foot"}


def measure(
    world: np.ndarray, contacts: np.ndarray, rate: float, preset: bone_map.BoneMap, seed: int
) -> dict[str, float]:
    """direction: largest error of a limb's direction, degrees, before the foot lock. height: largest distance of an
    ankle in contact from where it stands on the floor, millimetres; slide: the fastest, mm/s; sunk: lowest joint of a
    foot under the floor, millimetres; knee: largest change of a knee's angle in a frame over that of the motion's own,
    degrees; jump: largest change of a quaternion's number from frame to frame."""
    made = made_rigs.make(preset, seed)
    rig = made.rig(preset.bones["hips"][0])
    free = transfer.transfer(world, contacts, rate, rig, preset, transfer.Options(foot_lock=False))
    lock = transfer.transfer(world, contacts, rate, rig, preset)
    found = {"direction": 0.0, "height": 0.0, "slide": 0.0, "sunk": 0.0, "knee": 0.0, "jump": 0.0}
    for side in "LR":
        for limb, start, end in LIMBS:
            want = rotations.unit(skeleton.joint(world, side + end) - skeleton.joint(world, side + start))
            have = free.joints[f"{AFTER[limb]}.{side}"] - free.joints[f"{limb}.{side}"]
            # By the chord: the cosine of a small angle is lost in single precision.
            chord = np.linalg.norm(want - rotations.unit(have), axis=-1)
            error = np.degrees(2 * np.arcsin(np.clip(chord / 2, 0, 1)))
            found["direction"] = max(found["direction"], float(error.max()))
    person = skeleton.rest_pose(world, contacts)
    rest = {bone.name: bone for bone in made.bones}
    for column, side in enumerate("LR"):
        foot, contact = lock.joints[f"foot.{side}"], contacts[:, column]
        stands = rest[preset.bones[f"foot.{side}"][0]].head[2]
        both = contact[1:] & contact[:-1]
        # On a step or a wall the ground is elsewhere.
        contact = contact & (np.abs(world[:, motion_file.JOINTS.index(f"{side}Ankle"), 2] - person.ankle) < 0.03)
        if contact.any():
            found["height"] = max(found["height"], 1e3 * float(np.abs(foot[contact, 2] - stands).max()))
        if both.any():
            speed = np.linalg.norm(np.diff(foot, axis=0), axis=-1) * rate * 1e3
            found["slide"] = max(found["slide"], float(speed[both].max()))
        # The soles are as low as the feet's bones; the floor is the origin's, or under them.
        ends = [rest[name] for slot in ("foot", "toe") for name in preset.bones.get(f"{slot}.{side}", ())]
        floor = min(0.0, *(bone.head[2] for bone in ends), *(bone.tail[2] for bone in ends))
        for slot in (f"foot.{side}", f"toe.{side}"):
            if slot in lock.joints:
                found["sunk"] = max(found["sunk"], 1e3 * float(floor - lock.joints[slot][:, 2].min()))
        bends = [_bend(solution, side) for solution in (free, lock)]
        steps = [np.abs(np.diff(bend)) for bend in bends]
        found["knee"] = max(found["knee"], float((steps[1] - steps[0]).max(initial=0.0)))
    for quaternions in lock.rotations.values():
        found["jump"] = max(found["jump"], float(np.abs(np.diff(quaternions, axis=0)).max(initial=0.0)))
    return found


def _bend(solution: Solution, side: str) -> np.ndarray:
    hip, knee, ankle = (solution.joints[f"{limb}.{side}"] for limb in ("thigh", "shin", "foot"))
    cosine = (rotations.unit(knee - hip) * rotations.unit(ankle - knee)).sum(axis=-1)
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def speed(frames: int = 10_000, bones: int = 60) -> str:
    """The time of solving and writing a long clip, in Blender."""
    import bpy
    from mathutils import Vector

    from blender_addon.blend import character

    preset = bone_map.preset("unreal5")
    made = made_rigs.make(preset, 0, plain=True)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    item = bpy.data.objects.new("rig", bpy.data.armatures.new("rig"))
    bpy.context.scene.collection.objects.link(item)
    bpy.context.view_layer.objects.active = item
    bpy.ops.object.mode_set(mode="EDIT")
    for bone in made.bones:
        edit = item.data.edit_bones.new(bone.name)
        edit.head, edit.tail = bone.head, bone.tail
        edit.align_roll(Vector(bone.frame[:, 2]))
        edit.parent = item.data.edit_bones[bone.parent] if bone.parent else None
    bpy.ops.object.mode_set(mode="OBJECT")
    # A neck as long as it takes.
    bpy.ops.object.mode_set(mode="EDIT")
    extra: list[str] = []
    for number in range(bones - sum(map(len, preset.bones.values()))):
        edit = item.data.edit_bones.new(f"extra {number}")
        edit.head, edit.tail = (0, 0.1, 1), (0, 0.1, 1.1)
        edit.parent = item.data.edit_bones[extra[-1] if extra else preset.bones["neck"][-1]]
        extra.append(edit.name)
    bpy.ops.object.mode_set(mode="OBJECT")
    grown = bone_map.BoneMap("60", {**preset.bones, "neck": (*preset.bones["neck"], *extra)})
    with tempfile.TemporaryDirectory() as folder:
        path = synthetic.save_motion(Path(folder) / "long.npz", *synthetic.walk(frames))
        motion = motion_file.load(path)
        target = character.Target(item, grown, transfer.Options())
        started = time.perf_counter()
        solution = character.solve(target, motion)
        solved = time.perf_counter()
        character.write(target, timeline.key_frames(motion.times, motion.fps), solution, "long")
        written = time.perf_counter()
    return (
        f"{frames} frames x {len(solution.rotations)} bones: solved {solved - started:.2f} s, "
        f"written {written - solved:.2f} s, together {written - started:.2f} s (at most 2)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("motion", nargs="?", type=Path)
    parser.add_argument("--rigs", type=int, default=5, help="made-up rigs a preset")
    options = parser.parse_args()
    if options.motion:
        motion = motion_file.load(options.motion)
        world, contacts, rate = motion.world, motion.contacts, motion.fps
    else:
        world, contacts = synthetic.stroll(120)
        rate = 30.0
    print(f"{'preset':28}{'direction':>11}{'height':>9}{'slide':>9}{'sunk':>7}{'knee':>8}{'jump':>7}")
    print(f"{'at most':28}{'0.5 deg':>11}{'10 mm':>9}{'20 mm/s':>9}{'5 mm':>7}")
    for preset in bone_map.presets().values():
        rows = [measure(world, contacts, rate, preset, seed) for seed in range(options.rigs)]
        worst = {key: max(row[key] for row in rows) for key in rows[0]}
        print(
            f"{preset.name:28}{worst['direction']:11.3f}{worst['height']:9.2f}{worst['slide']:9.2f}"
            f"{worst['sunk']:7.2f}{worst['knee']:8.1f}{worst['jump']:7.2f}"
        )
    if importlib.util.find_spec("bpy"):
        print(speed())


if __name__ == "__main__":
    main()
