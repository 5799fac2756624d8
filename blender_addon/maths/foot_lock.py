"""Foot lock on a character's own legs: pinned ankles, a lowered pelvis, two-bone IK."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..contract.runs import runs
from . import ik, rotations
from .arrays import Array, smoothstep

_BLEND_SECONDS = 0.15
"""Seconds in which a foot is blended to the place where it stands, and away from it."""
_REACH = 0.998
"""Share of its length to which a leg may be stretched by the lock: the last bit makes knees pop."""
_STEP = 0.07
"""Share of a leg's length: a foot in contact that much above or below the floor stands on something else."""
_DEEPEST = 0.12
"""Share of its length by which the pelvis is lowered at most to let a foot reach the floor."""


@dataclass(frozen=True)
class Leg:
    """A leg over T frames, world axes, metres.

    Attributes:
        hip: (T,3) the joint.
        upper, lower: (T,3) from hip to knee and from knee to ankle.
        front: (T,3) the direction in which the knee points.
        sole: (T,S,3) points of the sole from the ankle.
        ankle: height of the ankle over the sole of a foot that stands flat.
    """

    hip: Array
    upper: Array
    lower: Array
    front: Array
    sole: Array
    ankle: float

    @property
    def length(self) -> float:
        """From hip to ankle when stretched."""
        return float(np.linalg.norm(self.upper[0]) + np.linalg.norm(self.lower[0]))


@dataclass(frozen=True)
class Planted:
    """The corrections that plant the feet.

    Attributes:
        drop: (T,) metres by which the pelvis is lowered.
        turns: for each leg the rotations (T,3,3) of thigh and shin.
    """

    drop: Array
    turns: list[tuple[Array, Array]]


def plant(legs: Sequence[Leg], contacts: Array, rate: float, floor: float) -> Planted:
    """Plants the feet in contact on the floor, each at one place, and keeps every sole above the floor.

    Feet are blended outside of their contacts, so that they do not slide within; where a leg is too short, the pelvis
    is lowered.

    Args:
        legs: L legs over T frames.
        contacts: (T,L) bool.
        rate: frames a second.
        floor: height of the floor, metres.
    """
    wanted = []
    for leg, contact in zip(legs, contacts.T, strict=True):
        free = leg.hip + leg.upper + leg.lower
        length = leg.length
        offset = _held(free, contact, rate, floor + leg.ankle, _STEP * length)
        # A foot that points down in the air must not go through the floor with its toes.
        sunk = floor - (free[:, 2] + offset[:, 2] + leg.sole[..., 2].min(axis=1))
        offset[:, 2] += np.maximum(sunk, 0.0)
        wanted.append(free + offset)
    spans = [Span(leg.upper + leg.lower, ankle - leg.hip, leg.length) for leg, ankle in zip(legs, wanted, strict=True)]
    sunk = drop(spans, rate)
    lowered = sunk[:, None] * [0.0, 0.0, 1.0]
    return Planted(sunk, [_turns(leg, span.wanted + lowered) for leg, span in zip(legs, spans, strict=True)])


def _held(free: Array, contact: Array, rate: float, height: float, step: float) -> Array:
    """What has to be added to an ankle's path (T,3) so that it stands still in its contacts.

    It stands at ``height``, or at its own height if that is farther than ``step`` away.
    """
    offset = np.zeros_like(free)
    stretches = runs(contact)
    for start, stop in stretches:
        place = np.median(free[start:stop], axis=0)
        if abs(place[2] - height) < step:
            place[2] = height
        offset[start:stop] = place - free[start:stop]
    return blended(offset, stretches, max(1, round(_BLEND_SECONDS * rate)))


def blended(offset: Array, stretches: Sequence[tuple[int, int]], blend: int) -> Array:
    """Offsets (T,3) that are known in stretches (first row, row after the last), blended over ``blend`` rows outside of
    them; in place."""
    gaps = zip([0, *(stop for _, stop in stretches)], [*(start for start, _ in stretches), len(offset)], strict=True)
    for start, stop in gaps:
        before = offset[start - 1].copy() if start > 0 else None
        after = offset[stop].copy() if stop < len(offset) else None
        reach = min(blend, stop - start) + 1
        ahead = np.arange(1, stop - start + 1)
        if before is not None:
            offset[start:stop] += before * (1 - smoothstep(ahead / reach))[:, None]
        if after is not None:
            offset[start:stop] += after * (1 - smoothstep(ahead[::-1] / reach))[:, None]
    return offset


@dataclass(frozen=True)
class Span:
    """From a hip joint to an ankle, (T,3): where it is and where it has to be. length: of the leg when stretched."""

    free: Array
    wanted: Array
    length: float


def drop(spans: Sequence[Span], rate: float) -> Array:
    """How far (T,) the pelvis has to sink for all legs to reach, smooth over time."""
    need = np.zeros(len(spans[0].free))
    deepest = float("inf")
    for span in spans:
        across = np.linalg.norm(span.wanted[:, :2], axis=-1)
        low = np.sqrt(np.maximum((_REACH * span.length) ** 2 - across**2, 0.0))
        # A leg that was already straight may stay so: only the lock's own corrections are compensated.
        straight = np.linalg.norm(span.free, axis=-1) > _REACH * span.length
        moved = np.linalg.norm(span.wanted - span.free, axis=-1) > 1e-4 * span.length
        need = np.maximum(need, np.where(moved | ~straight, -span.wanted[:, 2] - low, 0.0))
        deepest = min(deepest, _DEEPEST * span.length)
    need = np.clip(need, 0.0, deepest)
    reach = max(1, round(_BLEND_SECONDS * rate))
    wide = np.lib.stride_tricks.sliding_window_view(np.pad(need, 2 * reach, mode="edge"), 2 * reach + 1).max(axis=-1)
    weights = np.hanning(2 * reach + 3)[1:-1]
    return np.convolve(wide, weights / weights.sum(), mode="valid")


def _turns(leg: Leg, span: Array) -> tuple[Array, Array]:
    """The rotations of thigh and shin (T,3,3) after which the ankle is at ``span`` (T,3) from the hip."""
    hip = np.zeros_like(span)
    knee, ankle = ik.two_bone_ik(hip, leg.upper, leg.upper + leg.lower, span, leg.front)
    return (
        rotations.to_matrices(rotations.shortest_arc(leg.upper, knee)),
        rotations.to_matrices(rotations.shortest_arc(leg.lower, ankle - knee)),
    )
