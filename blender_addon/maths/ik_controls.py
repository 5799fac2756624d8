"""A solved limb on the IK controls of a control rig: where its hand or foot control goes, and its pole; no Blender.

The control takes the turn and place of the hand or foot, and the pole lies in the plane of the limb, beyond its elbow
or knee. The rig then has all joints where they were solved, if its IK may not stretch bones. How bones are rolled about
themselves follows from the hinge that they have at rest; where a limb was rolled otherwise, that is lost.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import rotations


@dataclass(frozen=True)
class Moved:
    """How a bone is moved away from rest over T frames: x at rest comes to turn @ (x - start) + place.

    turn: (T,3,3) or (3,3). start: (3,), a point of the bone at rest. place: (T,3) or (3,).
    """

    turn: np.ndarray
    start: np.ndarray
    place: np.ndarray

    def point(self, rest: np.ndarray) -> np.ndarray:
        """Where a point (3,) that the bone carries is, (T,3) or (3,)."""
        return self.place + self.turn @ (rest - self.start)


def rotation(moved: Moved, carrier: Moved, rest: np.ndarray) -> np.ndarray:
    """The channel (T,4) of a control that rests as ``rest`` (3,3), so that it is turned like what ``moved``."""
    carried = carrier.turn @ rest
    local = np.swapaxes(carried, -1, -2) @ (moved.turn @ rest)
    return rotations.continuous(rotations.to_quaternions(local))


def location(place: np.ndarray, carrier: Moved, head: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """The channel (T,3) that brings a control from its ``head`` at rest (3,) to ``place`` (T,3).

    axes: (3,3) in which the control's location is, at rest: its own, or its parent's without Local Location.
    """
    off = place - carrier.point(head)
    return np.einsum("...ji,...j->...i", carrier.turn @ axes, off)


_STRAIGHT = 0.05
"""How far the middle joint of a limb is off the line, as a share of the first bone, until it tells where it points."""


def pole(first: np.ndarray, middle: np.ndarray, last: np.ndarray, front: np.ndarray, distance: float) -> np.ndarray:
    """Where the pole goes, (T,3): ``distance`` beyond the ``middle`` one of a limb's joints (T,3), where that points.

    front: (T,3), where it points while the limb is about straight, so that its joints do not tell.
    """
    line = rotations.unit(last - first)
    upper = middle - first
    off = upper - line * (upper * line).sum(axis=-1, keepdims=True)
    bend = np.linalg.norm(off, axis=-1, keepdims=True) / np.linalg.norm(upper, axis=-1, keepdims=True)
    known = np.clip(bend / _STRAIGHT, 0.0, 1.0)
    front = rotations.unit(front - line * (front * line).sum(axis=-1, keepdims=True))
    return middle + distance * rotations.unit(rotations.unit(off) * known + front * (1.0 - known))
