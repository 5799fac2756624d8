"""Rigs made up from bone maps: odd proportions, rest poses, rolls, scales and helper bones, as strangers' rigs have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from blender_addon.maths import rotations
from blender_addon.maths.bone_map import BoneMap
from blender_addon.maths.rig import Rig


@dataclass(frozen=True)
class MadeBone:
    """head, tail: (3,), frame: (3,3), in metres upright, facing -Y."""

    name: str
    parent: str | None
    head: np.ndarray
    tail: np.ndarray
    frame: np.ndarray
    inherits: bool = True
    mode: str = "QUATERNION"


@dataclass(frozen=True)
class MadeRig:
    """bones: parents first. axes: (3,3), scale: of the object. Bones are in armature space only in ``rig``."""

    bones: list[MadeBone]
    axes: np.ndarray
    scale: float

    def point(self, point: np.ndarray) -> np.ndarray:
        """Upright metres to armature space."""
        return self.axes.T @ point / self.scale

    def rig(self, hips: str) -> Rig:
        """As the solver wants it."""
        names = [bone.name for bone in self.bones]
        rest = np.tile(np.eye(4), (len(names), 1, 1))
        for row, bone in enumerate(self.bones):
            rest[row, :3, :3] = self.axes.T @ bone.frame
            rest[row, :3, 3] = self.point(bone.head)
        world = np.eye(4)
        world[:3, :3] = self.axes * self.scale
        return Rig(
            tuple(names),
            tuple(names.index(bone.parent) if bone.parent else -1 for bone in self.bones),
            rest,
            np.array([self.point(bone.tail) for bone in self.bones]),
            np.array([bone.inherits for bone in self.bones]),
            world,
            rest[names.index(hips)],
        )


def make(bone_map: BoneMap, seed: int, plain: bool = False) -> MadeRig:
    """A rig with the names of a map. plain: metres, z up, a T-pose, bones that inherit; only the rolls are odd."""
    random = np.random.default_rng(seed)
    odd = (lambda low, high: (low + high) / 2) if plain else random.uniform
    size = odd(0.7, 1.4)
    bones: list[MadeBone] = []

    def add(name: str, parent: str | None, head: np.ndarray, tail: np.ndarray) -> str:
        # Not every format has bones that point along the limb: some point anywhere.
        length = np.linalg.norm(tail - head)
        if not plain and random.random() < 0.3:
            tail = head + rotations.unit(random.normal(size=3)) * length
        y = rotations.unit(tail - head)
        inherits = plain or parent is None or random.random() > 0.1
        modes = ("QUATERNION", "XYZ", "ZXY", "AXIS_ANGLE")
        mode = "QUATERNION" if plain else modes[int(random.integers(len(modes)))]
        bones.append(MadeBone(name, parent, head, tail, rotations.frame(y, random.normal(size=3)), inherits, mode))
        return name

    def chain(slot: str, parent: str, start: np.ndarray, end: np.ndarray) -> str:
        names = bone_map.bones.get(slot, ())
        joints = np.linspace(start, end, len(names) + 1)
        for name, a, b in zip(names, joints[:-1], joints[1:], strict=True):
            parent = add(name, parent, a, b)
        return parent

    thigh, shin = odd(0.38, 0.5) * size, odd(0.38, 0.48) * size
    spread, knee = np.radians(odd(0, 8)), np.radians(odd(0, 12))
    ankle, torso = odd(0.06, 0.11) * size, odd(0.45, 0.6) * size
    wide, shoulder = odd(0.07, 0.13) * size, odd(0.14, 0.24) * size
    drop, elbow = np.radians(0.0 if plain else random.uniform(0, 60)), np.radians(0.0 if plain else odd(0, 25))

    def down(angle: float, forward: float, sign: float) -> np.ndarray:
        return np.array([sign * np.sin(angle), -np.sin(forward), -np.cos(angle) * np.cos(forward)])

    height = ankle - thigh * down(spread, knee / 2, 1)[2] - shin * down(spread, -knee / 2, 1)[2]
    root = add("a root", None, np.zeros(3), np.array([0, 0.1, 0.0]))
    middle = np.array([0.0, 0.0, height])
    above = middle + [0, odd(-0.03, 0.03) * size, odd(0.0, 0.08) * size]
    top = middle + [0, 0, torso]
    hips = add(bone_map.bones["hips"][0], root, above, above + [0, 0, 0.1 * size])
    spine = chain("spine", hips, above + [0, 0, 0.05 * size], top)
    neck_end = top + [0, -0.03 * size, 0.1 * size]
    neck = chain("neck", spine, top, neck_end)
    for name in bone_map.bones.get("head", ()):
        add(name, neck, neck_end, neck_end + [0, 0, 0.2 * size])

    def limb(side: str, parts: tuple[str, ...], parent: str, points: list[np.ndarray]) -> None:
        for part, a, b in zip(parts, points[:-1], points[1:], strict=False):
            slot = f"{part}.{side}"
            if slot not in bone_map.bones:
                continue
            helper = f"helper {slot}"
            if not plain and random.random() < 0.3:
                parent = add(helper, parent, a, a + [0, 0, 0.03 * size])
            parent = add(bone_map.bones[slot][0], parent, a, b)
            names = bone_map.bones.get(f"{part}_twist.{side}", ())
            for share, name in zip(np.linspace(0.3, 0.8, len(names)), names, strict=True):
                add(name, parent, a + (b - a) * share, b)

    for side, sign in (("L", 1.0), ("R", -1.0)):
        start = top + [sign * 0.03 * size, 0, -0.04 * size]
        joint = top + [sign * shoulder, 0, -0.05 * size]
        out = np.array([sign * np.cos(drop), 0, -np.sin(drop)])
        bent = out * np.cos(elbow) + np.array([0, -1.0, 0]) * np.sin(elbow)
        hand = joint + out * 0.28 * size + bent * 0.26 * size
        points = [start, joint, joint + out * 0.28 * size, hand, hand + bent * 0.1 * size]
        limb(side, ("shoulder", "upper_arm", "forearm", "hand"), spine, points)
        hip = middle + [sign * wide, 0, 0]
        knee_point = hip + thigh * down(spread, knee / 2, sign)
        foot = knee_point + shin * down(spread, -knee / 2, sign)
        toe = np.array([foot[0], foot[1] - 0.14 * size, 0.02 * size])
        limb(side, ("thigh", "shin", "foot", "toe"), hips, [hip, knee_point, foot, toe, toe + [0, -0.07 * size, 0]])

    if plain:
        return MadeRig(bones, np.eye(3), 1.0)
    # As an FBX brings it: centimetres with the y axis up, and the object turned.
    tilt = rotations.to_matrices(np.array([np.sqrt(0.5), np.sqrt(0.5), 0, 0]))
    turn = rotations.to_matrices(rotations.about(rotations.AXES[2], random.uniform(-3, 3)))
    return MadeRig(bones, turn @ tilt, 0.01)
