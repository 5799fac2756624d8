"""Feet that stay where they stand, on the character's own legs: pinned ankles, a lowered pelvis, two-bone IK."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from . import rotations

_BLEND_SECONDS = 0.15
"""In which a foot comes to where it will stand, and leaves it."""
_REACH = 0.998
"""Share of its length to which a leg may be stretched by the lock: the last bit makes knees pop."""
_STEP = 0.07
"""Share of a leg's length: a foot in contact that much above or below the floor stands on something else."""
_DEEPEST = 0.12
"""Share of its length by which the pelvis is lowered at most to let a foot reach the floor."""


@dataclass(frozen=True)
class Leg:
    """A leg over T frames, world axes, metres.

    hip: (T,3) of the joint. upper, lower: (T,3) from hip to knee and from knee to ankle. front: (T,3), where the knee
    points. sole: (T,S,3) points of the sole from the ankle. ankle: its height over the sole of a foot that stands flat.
    """

    hip: np.ndarray
    upper: np.ndarray
    lower: np.ndarray
    front: np.ndarray
    sole: np.ndarray
    ankle: float

    @property
    def length(self) -> float:
        """From hip to ankle when stretched."""
        return float(np.linalg.norm(self.upper[0]) + np.linalg.norm(self.lower[0]))


@dataclass(frozen=True)
class Planted:
    """drop: (T,) metres by which the pelvis is lowered. turns: per leg the rotations (T,3,3) of thigh and shin."""

    drop: np.ndarray
    turns: list[tuple[np.ndarray, np.ndarray]]


def plant(legs: Sequence[Leg], contacts: np.ndarray, rate: float, floor: float) -> Planted:
    """Puts the feet in contact flat on the floor, each at one place, and lets no sole go below the floor.

    contacts: (T,L) bool, one column a leg. rate: frames a second. floor: its height. A foot comes and goes smoothly
    outside its contacts, so that it does not slide in them; where its leg is too short, the pelvis sinks.
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
    drop = _drop(legs, wanted, rate)
    lowered = np.stack([np.zeros_like(drop), np.zeros_like(drop), drop], axis=-1)
    return Planted(drop, [_reach(leg, ankle - leg.hip + lowered) for leg, ankle in zip(legs, wanted, strict=True)])


def _held(free: np.ndarray, contact: np.ndarray, rate: float, height: float, step: float) -> np.ndarray:
    """What has to be added to an ankle's path (T,3) so that it stands still in its contacts.

    It stands at ``height``, or where it is if that is farther than ``step`` from there.
    """
    offset = np.zeros_like(free)
    edges = np.flatnonzero(np.diff(np.pad(contact.astype(np.int8), 1)))
    stretches = list(zip(edges[::2], edges[1::2], strict=True))
    for start, stop in stretches:
        place = np.median(free[start:stop], axis=0)
        if abs(place[2] - height) < step:
            place[2] = height
        offset[start:stop] = place - free[start:stop]
    blend = max(1, round(_BLEND_SECONDS * rate))
    gaps = zip([0, *(stop for _, stop in stretches)], [*(start for start, _ in stretches), len(free)], strict=True)
    for start, stop in gaps:
        before = offset[start - 1].copy() if start > 0 else None
        after = offset[stop].copy() if stop < len(free) else None
        reach = min(blend, stop - start) + 1
        ahead = np.arange(1, stop - start + 1)
        if before is not None:
            offset[start:stop] += before * _fading(ahead / reach)[:, None]
        if after is not None:
            offset[start:stop] += after * _fading(ahead[::-1] / reach)[:, None]
    return offset


def _fading(x: np.ndarray) -> np.ndarray:
    x = np.clip(x, 0.0, 1.0)
    return 1.0 - x * x * (3.0 - 2.0 * x)


def _drop(legs: Sequence[Leg], ankles: Sequence[np.ndarray], rate: float) -> np.ndarray:
    """How far (T,) the pelvis has to sink for all legs to reach, smooth over time."""
    need = np.zeros(len(ankles[0]))
    deepest = float("inf")
    for leg, ankle in zip(legs, ankles, strict=True):
        length = leg.length
        span = ankle - leg.hip
        across = np.linalg.norm(span[:, :2], axis=-1)
        low = np.sqrt(np.maximum((_REACH * length) ** 2 - across**2, 0.0))
        # A leg that was already straight may stay so: only what the lock asks for is compensated.
        straight = np.linalg.norm(leg.upper + leg.lower, axis=-1) > _REACH * length
        moved = np.linalg.norm(ankle - leg.hip - leg.upper - leg.lower, axis=-1) > 1e-4 * length
        need = np.maximum(need, np.where(moved | ~straight, -span[:, 2] - low, 0.0))
        deepest = min(deepest, _DEEPEST * length)
    need = np.clip(need, 0.0, deepest)
    reach = max(1, round(_BLEND_SECONDS * rate))
    wide = np.lib.stride_tricks.sliding_window_view(np.pad(need, 2 * reach, mode="edge"), 2 * reach + 1).max(axis=-1)
    weights = np.hanning(2 * reach + 3)[1:-1]
    return np.convolve(wide, weights / weights.sum(), mode="valid")


def _reach(leg: Leg, span: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rotations of thigh and shin (T,3,3) after which the ankle is at ``span`` (T,3) from the hip.

    The knee stays in the plane in which it was; a leg that was straight bends to the front.
    """
    upper, lower = np.linalg.norm(leg.upper, axis=-1), np.linalg.norm(leg.lower, axis=-1)
    distance = np.linalg.norm(span, axis=-1)
    # As far as the leg goes, without a pop at the end, unless it was that straight before.
    before = np.linalg.norm(leg.upper + leg.lower, axis=-1)
    longest = np.maximum(0.9995 * (upper + lower), before)
    distance = np.clip(distance, np.abs(upper - lower) * 1.001 + 1e-6, longest)
    line = rotations.unit(span)
    cosine = np.clip((upper**2 + distance**2 - lower**2) / (2 * upper * distance), -1.0, 1.0)

    old = rotations.unit(leg.upper + leg.lower)
    knee = leg.upper - old * (leg.upper * old).sum(axis=-1, keepdims=True)
    bend = np.linalg.norm(knee, axis=-1) / upper
    weight = np.clip(bend / 0.1, 0.0, 1.0)[:, None]
    side = rotations.unit(knee) * weight + leg.front * (1.0 - weight)
    side = rotations.between(old, line) @ side[..., None]
    side = rotations.unit(side[..., 0] - line * (side[..., 0] * line).sum(axis=-1, keepdims=True))
    sine = np.sqrt(1.0 - cosine**2)
    thigh = (line * cosine[:, None] + side * sine[:, None]) * upper[:, None]
    shin = line * distance[:, None] - thigh
    return (
        rotations.between(rotations.unit(leg.upper), rotations.unit(thigh)),
        rotations.between(rotations.unit(leg.lower), rotations.unit(shin)),
    )
