"""The armature that the add-on creates: its bones as data, and its rest pose at a person's own bone lengths.

Names follow Blender's own ``.L``/``.R`` convention, so that its mirror tools work. The rest pose is a T-pose
that faces -Y with the soles at z = 0. Every hinge bends about its bone's local +X: a positive X rotation of
``shin`` or ``forearm`` is flexion, on both sides.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import rotations
from .arrays import Array
from .motion_file import JOINTS


@dataclass(frozen=True)
class Bone:
    """One bone: where it starts and, if the data says so, where it ends (names of joints)."""

    name: str
    parent: str | None
    head: str
    tail: str | None


def _side(side: str) -> tuple[Bone, ...]:
    s = f".{side}"
    return (
        Bone(f"shoulder{s}", "chest", "Thorax", f"{side}Shoulder"),
        Bone(f"upper_arm{s}", f"shoulder{s}", f"{side}Shoulder", f"{side}Elbow"),
        Bone(f"forearm{s}", f"upper_arm{s}", f"{side}Elbow", f"{side}Wrist"),
        Bone(f"hand{s}", f"forearm{s}", f"{side}Wrist", None),
        Bone(f"thigh{s}", "hips", f"{side}Hip", f"{side}Knee"),
        Bone(f"shin{s}", f"thigh{s}", f"{side}Knee", f"{side}Ankle"),
        Bone(f"foot{s}", f"shin{s}", f"{side}Ankle", None),
    )


BONES = (
    # The pelvis carries the legs; the spine starts at the same point but bends freely against it, because
    # the angle between the hips' axis and the spine is not constant.
    Bone("hips", None, "Hip", None),
    Bone("spine", "hips", "Hip", "Spine"),
    Bone("chest", "spine", "Spine", "Thorax"),
    Bone("neck", "chest", "Thorax", "Neck/Nose"),
    Bone("head", "neck", "Neck/Nose", "Head"),
    *_side("L"),
    *_side("R"),
)
"""Parents before children."""

NAMES = tuple(bone.name for bone in BONES)
PARENTS = tuple(-1 if bone.parent is None else NAMES.index(bone.parent) for bone in BONES)

_SHORTEST = 0.01  # metres; Blender drops bones without length
_X = np.array([1.0, 0.0, 0.0])
_UP = np.array([0.0, 0.0, 1.0])


def joint(world: Array, name: str) -> Array:
    """One joint's positions in double precision, (...,17,3) -> (...,3)."""
    return np.asarray(world[..., JOINTS.index(name), :], np.float64)


@dataclass(frozen=True)
class Rest:
    """The rest pose in armature space, metres; B bones in the order of ``BONES``.

    heads, tails: (B,3). frames: (B,3,3), columns are the bones' x, y, z axes. stature: sole to crown. leg: hip to
    ankle. ankle: its height over the sole.
    """

    heads: Array
    tails: Array
    frames: Array
    stature: float
    leg: float
    ankle: float


def chest_frames(world: Array) -> Array:
    """(T,3,3): y along the chest, x to the person's left along the shoulders."""
    y = joint(world, "Thorax") - joint(world, "Spine")
    return rotations.frame(y, joint(world, "LShoulder") - joint(world, "RShoulder"))


def rest_pose(world: Array, contacts: Array) -> Rest:
    """The rest pose of the person in ``world`` (T,17,3); ``contacts`` (T,2) say when the feet are on the floor."""
    lengths = _lengths(world)
    torso = lengths["spine"] + lengths["chest"]
    leg = lengths["thigh"] + lengths["shin"]
    scale = (torso + leg) / 1.31  # of a person 1.7 m tall; torso + leg is the steadiest part of the stature
    ankle = _ankle_height(world, contacts, 0.08 * scale)
    chest = chest_frames(world)

    points: dict[str, tuple[Array, Array]] = {}
    hip = _UP * (ankle + leg)
    points["hips"] = hip, hip + _UP * 0.6 * lengths["spine"]
    points["spine"] = hip, hip + _UP * lengths["spine"]
    points["chest"] = points["spine"][1], hip + _UP * torso
    thorax = points["chest"][1]
    for name, low, high in (("neck", 0.0, 45.0), ("head", -30.0, 30.0)):
        start = points["neck"][1] if name == "head" else thorax
        pitch = np.radians(_pitch(world, chest, name, low, high))
        points[name] = start, start + lengths[name] * np.array([0.0, -np.sin(pitch), np.cos(pitch)])

    slope = _shoulder_slope(world, chest)
    for side, sign in ((".L", 1.0), (".R", -1.0)):
        out = _X * sign
        shoulder = thorax + lengths["shoulder"] * (out * np.cos(slope) + _UP * np.sin(slope))
        elbow = shoulder + out * lengths["upper_arm"]
        wrist = elbow + out * lengths["forearm"]
        points["shoulder" + side] = thorax, shoulder
        points["upper_arm" + side] = shoulder, elbow
        points["forearm" + side] = elbow, wrist
        points["hand" + side] = wrist, wrist + out * 0.10 * scale
        top = hip + out * lengths["pelvis"] / 2
        knee = top - _UP * lengths["thigh"]
        sole = knee - _UP * lengths["shin"]
        points["thigh" + side] = top, knee
        points["shin" + side] = knee, sole
        points["foot" + side] = sole, np.array([sole[0], sole[1] - 0.13 * scale, 0.02 * scale])

    heads = np.array([points[name][0] for name in NAMES])
    tails = np.array([points[name][1] for name in NAMES])
    frames = rotations.frame(tails - heads, np.array([_rest_x(name) for name in NAMES]))
    return Rest(heads, tails, frames, float(tails[NAMES.index("head"), 2]), leg, ankle)


def _rest_x(name: str) -> Array:
    """The local x axis at rest: the axis about which the limb bends."""
    if name.split(".")[0] in ("shoulder", "upper_arm", "forearm", "hand"):
        return -_UP if name.endswith(".L") else _UP
    return _X


def _lengths(world: Array) -> dict[str, float]:
    """Median bone lengths over the clip, metres; left and right as one."""
    found: dict[str, list[Array]] = {}
    for bone in BONES:
        if bone.tail is not None:
            span = np.linalg.norm(joint(world, bone.tail) - joint(world, bone.head), axis=-1)
            found.setdefault(bone.name.split(".")[0], []).append(span)
    found["pelvis"] = [np.linalg.norm(joint(world, "LHip") - joint(world, "RHip"), axis=-1)]
    return {name: max(float(np.median(spans)), _SHORTEST) for name, spans in found.items()}


def _ankle_height(world: Array, contacts: Array, usual: float) -> float:
    """Height of the ankle above the sole in metres: the median of feet that stand on the floor, flat."""
    heights = np.stack([joint(world, "LAnkle")[:, 2], joint(world, "RAnkle")[:, 2]], axis=1)[contacts]
    low = heights[(heights > 0.7 * usual) & (heights < 1.4 * usual)]
    return float(np.median(low)) if low.size else usual


def _pitch(world: Array, chest: Array, name: str, low: float, high: float) -> float:
    """Median forward tilt of neck or head against the chest in degrees, kept to what is neutral for a person.

    Taken from the clip, because layouts disagree about how far in front of the neck the joints lie.
    """
    bone = BONES[NAMES.index(name)]
    assert bone.tail is not None
    local = np.einsum("tji,tj->ti", chest, joint(world, bone.tail) - joint(world, bone.head))
    tilt = np.degrees(np.arctan2(local[:, 2], local[:, 1]))  # the chest's z axis points forward
    return float(np.clip(np.median(tilt), low, high))


def _shoulder_slope(world: Array, chest: Array) -> float:
    """Median angle in radians by which the shoulders lie above the thorax (negative: below)."""
    spans = np.stack([joint(world, f"{side}Shoulder") - joint(world, "Thorax") for side in "LR"], axis=1)
    local = np.einsum("tji,tsj->tsi", chest, spans)
    slope = np.arctan2(local[..., 1], np.abs(local[..., 0]))
    return float(np.clip(np.median(slope), np.radians(-45.0), np.radians(20.0)))
