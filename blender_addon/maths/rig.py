"""A stranger's rig as the transfer of motion needs it: its bones, and its body in upright axes and metres."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from . import rotations, skeleton
from .arrays import Array
from .bone_map import BoneMap

_UP = rotations.AXES[2]
_SURE, _FLAT = np.sin(np.radians([15.0, 4.0]))
"""Sine of the bend at rest from which a limb's own plane is its hinge, and below which it has none."""


class RigError(Exception):
    """The rig cannot be used. The message is one line for the user: what, where, what to do."""


@dataclass(frozen=True)
class Rig:
    """An armature of B bones, parents before children.

    Attributes:
        names: (B) of the bones.
        parents: (B) row of the parent, -1 for none.
        rest: (B,4,4) rest matrices in armature space.
        tails: (B,3) in armature space.
        inherits: (B,) bool, whether the bone turns with its parent.
        world: (4,4) matrix of the object.
        base: (4,4) where the hips' parent holds the hips at the moment, armature space.
        not_local: bones whose Local Location is off.
        posed: by bone (4,4) in armature space, at the moment: the bones that carry IK controls.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    rest: Array
    tails: Array
    inherits: Array
    world: Array
    base: Array
    not_local: frozenset[str] = frozenset()
    posed: Mapping[str, Array] = field(default_factory=dict)


@dataclass(frozen=True)
class Solution:
    """The channels of a rig's pose bones over T frames, single precision, as keys are.

    Attributes:
        rotations: by bone, quaternions (T,4), sign-continuous.
        locations: by bone (T,3), armature units: of the hips and of IK controls.
        joints: by slot (T,3), where the joints should come out: world axes, metres, from the object's origin.
    """

    rotations: dict[str, Array]
    locations: dict[str, Array]
    joints: dict[str, Array]


class TargetRig:
    """A rig with its bone map in upright axes: the world's directions and metres, origin at the object's.

    Attributes:
        rig, map: as given.
        scale: of the object.
        axes: (3,3) from armature space to upright axes.
        row: row of each bone by its name.
        frames: (B,3,3) rest orientations. heads, tails: (B,3).
        carrier: the bone of the map that carries each bone of the map, by row, -1 for none; carriers first.
        middle: (3,) between the hip joints at rest.
        facing: (3,3) from the axes of a person who stands upright and faces -Y to those of the rig at rest.
        leg: metres from hip to ankle, stretched.
        soles: height of the soles at rest, along the rig's own up axis. floor: height that the character moves on.
        ankle: height of the ankles over the soles.
    """

    def __init__(self, rig: Rig, bone_map: BoneMap) -> None:
        self.rig, self.map = rig, bone_map
        matrix = rig.world[:3, :3]
        self.scale = float(np.cbrt(np.linalg.det(matrix)))
        if not self.scale > 1e-9:
            raise RigError("The rig's object is mirrored or has no size; apply its scale (Ctrl A) and capture again")
        self.axes = rotations.nearest_rotation(matrix)
        self.row = {name: row for row, name in enumerate(rig.names)}
        self.frames = self.axes @ np.array([rotations.nearest_rotation(matrix) for matrix in rig.rest[:, :3, :3]])
        self.heads = rig.rest[:, :3, 3] @ self.axes.T * self.scale
        self.tails = rig.tails @ self.axes.T * self.scale
        self.carrier = self._carriers()

        self.middle = (self.head("thigh.L") + self.head("thigh.R")) / 2
        self.facing = self._facing()
        spans = []
        for side in "LR":
            ankle = self.head(f"foot.{side}") if self.has(f"foot.{side}") else self.tail(f"shin.{side}")
            knee = self.head(f"shin.{side}")
            spans.append(np.linalg.norm(self.head(f"thigh.{side}") - knee) + np.linalg.norm(knee - ankle))
        self.leg = float(np.mean(spans))
        if self.leg < 1e-6:
            raise RigError("The rig's legs have no length; correct thigh and shin in its bone map")
        self.soles, self.floor = self._standing_on()
        ankles = np.array([self.end(f"shin.{side}") for side in "LR"])
        self.ankle = float((ankles @ self.facing[:, 2]).mean()) - self.soles

    def has(self, slot: str) -> bool:
        """Whether the map has a bone for a slot."""
        return bool(self.map.bones.get(slot))

    def rows(self, slot: str) -> list[int]:
        """The rows of a slot's bones."""
        return [self.row[name] for name in self.map.bones.get(slot, ())]

    def head(self, slot: str) -> Array:
        """The head (3,) of a slot's first bone at rest."""
        return self.heads[self.rows(slot)[0]]

    def tail(self, slot: str) -> Array:
        """The tail (3,) of a slot's last bone at rest."""
        return self.tails[self.rows(slot)[-1]]

    def end(self, slot: str) -> Array:
        """Where a limb's bone ends: at the next joint, which its tail need not be; else at its tail."""
        limb, _, side = slot.partition(".")
        after = {"upper_arm": "forearm", "forearm": "hand", "thigh": "shin", "shin": "foot", "foot": "toe"}
        following = f"{after.get(limb)}.{side}"
        return self.head(following) if self.has(following) else self.tail(slot)

    def along(self, slot: str) -> Array:
        """The unit vector (3,) along a limb's bone at rest, from joint to joint."""
        return rotations.unit(self.end(slot) - self.head(slot))

    def _carriers(self) -> dict[int, int]:
        """The bone of the map that carries each bone of the map, -1 for none; children after their carriers."""
        mapped = {self.row[name] for names in self.map.bones.values() for name in names}
        found = {}
        for row in mapped:
            name = self.rig.names[row]
            if name in self.map.carried_by:
                found[row] = self.row[self.map.carried_by[name]]
                continue
            parent = row
            while parent >= 0 and (parent == row or parent not in mapped):
                parent = self.rig.parents[parent]
            found[row] = parent
        order: dict[int, int] = {}
        while len(order) < len(found):
            ready = [row for row, parent in found.items() if row not in order and (parent < 0 or parent in order)]
            if not ready:
                raise RigError("The bone map's carried_by goes in a circle; correct the file")
            order.update({row: found[row] for row in ready})
        return order

    def _facing(self) -> Array:
        """(3,3): turns the axes of a person who stands upright and faces -Y into those of the rig at rest."""
        tops = [slot for slot in ("head", "neck", "upper_arm.L", "spine") if self.has(slot)]
        rise = (self.head(tops[0]) if tops else self.tail("hips")) - self.middle
        up = _UP
        if not rise @ _UP > np.cos(np.radians(30.0)) * np.linalg.norm(rise):
            # A rig that lies: upright along whichever axis is nearest.
            up = np.eye(3)[np.abs(rise).argmax()] * np.sign(rise[np.abs(rise).argmax()])
        left = self.head("thigh.L") - self.head("thigh.R")
        left = left - up * (left @ up)
        if np.linalg.norm(left) < 1e-6 * max(1.0, float(np.linalg.norm(rise))):
            raise RigError("The rig's thighs begin at one place; correct them in its bone map under Character")
        left = rotations.unit(left)
        return np.stack([left, np.cross(up, left), up], axis=-1)

    def _standing_on(self) -> tuple[float, float]:
        """The height of the soles at rest over the object's origin, and of the floor that the character moves on.

        That is the origin's where the soles are near it. A rig that lies at rest gets up onto it.
        """
        height = self.facing[:, 2]
        rows = [row for side in "LR" for limb in ("foot", "toe") for row in self.rows(f"{limb}.{side}")]
        points = [self.end(f"shin.{side}") for side in "LR"] if not rows else [*self.heads[rows], *self.tails[rows]]
        lowest = float(min(point @ height for point in points))
        if height[2] < 1.0:
            return lowest, 0.0
        level = 0.0 if -0.03 * self.leg < lowest < 0.15 * self.leg else lowest
        return level, level

    def over_floor(self, row: int) -> float:
        """How high the head of a bone is over the soles at rest, metres."""
        return float(self.heads[row] @ self.facing[:, 2]) - self.soles

    def turns_with_parent(self, row: int) -> bool:
        """Whether a bone follows the rotation of its carrier: no bone in between has Inherit Rotation off."""
        if self.rig.names[row] in self.map.carried_by:
            return True
        stop = self.carrier[row]
        while row >= 0 and row != stop:
            if not self.rig.inherits[row]:
                return False
            row = self.rig.parents[row]
        return True

    def limb_rest(self, person: skeleton.Rest, upper: str, lower: str) -> dict[str, Array]:
        """The frames (3,3) of a limb at rest as ``solve`` would give them: y along the bone, x the axis of its hinge.

        A limb that is straight at rest has a person's hinge, turned along the limb; a bent one shows its own.
        """
        at = {name: index for index, name in enumerate(skeleton.NAMES)}
        along = self.along(upper)
        first = rotations.swing((self.facing @ person.frames[at[upper]])[None], along[None])[0]
        if not self.has(lower):
            return {upper: first}
        onward = self.along(lower)
        hinge = np.cross(along, onward)
        bend = float(np.linalg.norm(hinge))
        if bend > 1e-9 and hinge @ first[:, 0] > 0.5 * bend:
            trust = float(np.clip((bend - _FLAT) / (_SURE - _FLAT), 0.0, 1.0))
            first = rotations.frame(along, first[:, 0] * (1 - trust) + hinge / bend * trust)
        return {upper: first, lower: rotations.frame(onward, first[:, 0])}
