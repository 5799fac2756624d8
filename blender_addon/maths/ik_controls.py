"""A solved limb on the IK controls of a control rig: the channels of its hand or foot control and of its pole.

The control takes orientation and place of the hand or foot, and the pole lies in the plane of the limb, beyond its
elbow or knee. The rig then has all joints where they were solved, if its IK may not stretch bones. The roll of the
bones follows from the hinge that they have at rest; any other roll of a limb is lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from . import rotations, skeleton
from .arrays import Array
from .ik import bend_direction
from .rig import Solution, TargetRig
from .rotations import reject, unit

_LIMBS = {"hand": ("upper_arm", "forearm"), "foot": ("thigh", "shin")}
"""The two bones above the end of a limb."""


@dataclass(frozen=True)
class Moved:
    """A bone's movement away from rest over T frames: x at rest comes to turn @ (x - start) + place.

    Attributes:
        turn: (T,3,3) or (3,3).
        start: (3,) a point of the bone at rest.
        place: (T,3) or (3,) of that point.
    """

    turn: Array
    start: Array
    place: Array

    def point(self, rest: Array) -> Array:
        """The place (T,3) or (3,) of a point (3,) that the bone carries."""
        return self.place + self.turn @ (rest - self.start)


def rotation(moved: Moved, carrier: Moved, rest: Array) -> Array:
    """The channel (T,4) of a control with rest orientation ``rest`` (3,3), which rotates it as ``moved`` is rotated."""
    carried = carrier.turn @ rest
    local = np.swapaxes(carried, -1, -2) @ (moved.turn @ rest)
    return rotations.continuous(rotations.to_quaternions(local))


def location(place: Array, carrier: Moved, head: Array, axes: Array) -> Array:
    """The channel (T,3) that brings a control to a place.

    Args:
        place: (T,3) where its head has to be.
        carrier: the bone that carries it.
        head: (3,) its head at rest.
        axes: (3,3) of its location at rest: its own, or its parent's without Local Location.
    """
    off = place - carrier.point(head)
    return np.einsum("...ji,...j->...i", carrier.turn @ axes, off)


_STRAIGHT = 0.05
"""Distance of a limb's middle joint from the line between its ends, as a share of the first bone, below which the
joints do not show reliably where elbow or knee points."""


def pole(first: Array, middle: Array, last: Array, front: Array, distance: float) -> Array:
    """The place of a limb's pole: beyond its elbow or knee, in the limb's plane.

    Args:
        first, middle, last: (T,3) joints.
        front: (T,3) the direction in which ``middle`` points while the limb is about straight.
        distance: metres from ``middle``.

    Returns:
        (T,3).
    """
    front = unit(reject(front, unit(last - first)))
    return middle + distance * unit(bend_direction(first, middle, last, front, _STRAIGHT))


def add_channels(solution: Solution, turned: Mapping[int, Array], target: TargetRig, person: skeleton.Rest) -> None:
    """Adds the channels of the rig's IK controls that its map has to a solution.

    Args:
        solution: of the rig's FK bones; changed in place.
        turned: (T,3,3) orientations of the bones by row, upright axes.
        target: the rig.
        person: the person's rest pose.
    """
    moved: dict[str, Moved] = {}
    # A toe hangs on its foot.
    for slot, way in sorted(target.map.ik.items(), key=lambda item: item[0].startswith("toe")):
        limb, _, side = slot.partition(".")
        parts = [slot, *(f"{part}.{side}" for part in _LIMBS.get(limb, ()))]
        if not all(map(target.has, parts)):
            continue
        end, *above = (
            Moved(turned[row] @ target.frames[row].T, target.heads[row], solution.joints[part])
            for part in parts
            for row in target.rows(part)
        )
        carrier = moved.get(way.carrier) or _resting(target, way.carrier)
        moved[way.control] = end
        row = target.row[way.control]
        solution.rotations[way.control] = rotation(end, carrier, target.frames[row])
        places = {way.control: end.point(target.heads[row])}
        if way.pole and above:
            _, upper, lower = parts
            first, middle = above
            # A hinge turns about x, so what it joins points to -z in its middle.
            front = -target.limb_rest(person, upper, lower)[upper][:, 2]
            away = float(np.linalg.norm(target.heads[target.row[way.pole]] - target.head(lower)))
            places[way.pole] = pole(first.place, middle.place, end.place, first.turn @ front, away)
        for name, place in places.items():
            head, axes = target.heads[target.row[name]], _location_axes(target, name)
            solution.locations[name] = location(place, carrier, head, axes) / target.scale


def _resting(target: TargetRig, bone: str) -> Moved:
    """The place of a bone that the motion does not move."""
    row = target.row[bone]
    posed = target.rig.posed.get(bone, target.rig.rest[row])
    turn = target.axes @ rotations.nearest_rotation(posed[:3, :3]) @ target.frames[row].T
    return Moved(turn, target.heads[row], posed[:3, 3] @ target.axes.T * target.scale)


def _location_axes(target: TargetRig, bone: str) -> Array:
    """The axes (3,3) at rest in which a bone's location is: its own, or its parent's without Local Location."""
    row = target.row[bone]
    if bone in target.rig.not_local:
        row = target.rig.parents[row]
    return target.frames[row] if row >= 0 else target.axes
