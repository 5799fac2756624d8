"""Foot lock: feet that stand neither slide nor sink, the legs follow, and the body stays where the picture has it."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d, maximum_filter1d

from ..contract.skeletons import H36M17
from . import planting
from .floor import ANKLES, ankle_height
from .planting import LEGS

MODES = ("auto", "always", "never", "ground")
"""auto: feet in contact are planted. always: at least one foot is at any time. never: feet are left alone. ground: feet
do not sink into the floor, but may slide."""

BLEND_S = 0.2
"""Seconds in which a foot comes from and goes back to its own path."""

_RELEASES = 3
"""Rounds in which feet that slide in the picture are let go: the places of the others get better by each."""

_STRAIGHT_M = 0.02
"""Metres off the line from hip to ankle below which a knee's own side is not sure."""

_HIP, _CHEST = H36M17.index("Hip"), H36M17.index("Thorax")


def lock(
    world: np.ndarray, contacts: np.ndarray, times: np.ndarray, height: float, mode: str, camera: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """World joints (T,17,3) with planted feet, and the contacts (T,2) that they were planted by.

    world: metres, z up, the floor at 0, bones of constant length, which they keep. height: of the person, metres.
    camera: (3,) its place in the world.

    First the whole body is moved, smoothly, against the sliding and sinking of the feet that stand, for a path errs
    more than a pose; mostly along the line of sight, where the picture tells least. What is left is taken up by the
    legs, bent at knees that keep their direction (two-bone inverse kinematics), blended in and out over BLEND_S. Where
    a leg is too short, the hips give way. A foot that would have to leave its place in the picture to stand still was
    not standing: there the contact is dropped, unless the mode says ``always``.
    """
    if mode == "never" or len(world) < 3:
        return world, contacts
    world = world.astype(np.float64)
    if mode == "always":
        contacts = _never_airborne(world, contacts)
    rate = (len(times) - 1) / max(times[-1] - times[0], 1e-6)
    stand, along_floor = ankle_height(height), mode != "ground"
    shift, plants = planting.settled(world, planting.standing(world, contacts, stand), rate, camera, along_floor)
    for _ in range(_RELEASES if mode == "auto" else 0):
        slides = planting.sliding(world + shift[:, None], plants, camera, planting.OFF_PICTURE * height)
        if not slides.any():
            break
        contacts = contacts & ~slides
        shift, plants = planting.settled(world, planting.standing(world, contacts, stand), rate, camera, along_floor)
    world = world + shift[:, None]
    aims = np.stack(
        [
            _aim(world[:, ankle], [plant for plant in plants if plant.foot == foot], stand, rate, along_floor)
            for foot, ankle in enumerate(ANKLES)
        ],
        axis=1,
    )
    world = world + _give_way(world, aims, rate)[:, None]
    result = world.copy()
    forward = _unit(np.cross(world[:, LEGS[0][0]] - world[:, LEGS[1][0]], world[:, _CHEST] - world[:, _HIP]))
    for foot, (hip, knee, ankle) in enumerate(LEGS):
        result[:, knee], result[:, ankle] = _bend(
            world[:, hip], world[:, knee], world[:, ankle], aims[:, foot], forward
        )
    return result, contacts


def _never_airborne(world: np.ndarray, contacts: np.ndarray) -> np.ndarray:
    """The lower foot stands wherever none does."""
    lower = np.argmin(world[:, ANKLES, 2], axis=1)
    flying = ~contacts.any(axis=1)
    result = contacts.copy()
    result[flying, lower[flying]] = True
    return result


def _aim(ankle: np.ndarray, plants: list[planting.Plant], stand: float, rate: float, along_floor: bool) -> np.ndarray:
    """(T,3): where an ankle has to be: still while planted, never below the floor, fading back to its own path."""
    blend = max(round(BLEND_S * rate), 1)
    offset, weight = np.zeros_like(ankle), np.zeros(len(ankle))
    aim = ankle.copy()
    free = np.ones(len(ankle), bool)
    for plant in plants:
        first, end = plant.first, plant.end
        free[first:end] = False
        own = plant.place - ankle[first:end]
        if not along_floor:
            own[:, :2] = 0
        aim[first:end] = ankle[first:end] + own
        for rows, edge in ((np.arange(max(first - blend, 0), first), 0), (np.arange(end, end + blend), -1)):
            rows = rows[rows < len(ankle)]
            away = np.minimum(np.abs(rows - first), np.abs(rows - end + 1)) / (blend + 1)
            fade = 1 - away * away * (3 - 2 * away)
            offset[rows] += fade[:, None] * own[edge]
            weight[rows] += fade
    aim[free] += (offset / np.maximum(weight, 1)[:, None])[free]
    aim[:, 2] = np.maximum(aim[:, 2], stand)
    return aim


def _give_way(world: np.ndarray, aims: np.ndarray, rate: float) -> np.ndarray:
    """(T,3): how the hips move so that no leg is longer than itself: down and after the foot, smoothly."""
    shift = np.zeros((len(world), 3))
    for _ in range(3):
        pull, most = np.zeros((len(world), 3)), np.zeros(len(world))
        for foot, (hip, knee, ankle) in enumerate(LEGS):
            leg = np.linalg.norm(world[0, knee] - world[0, hip]) + np.linalg.norm(world[0, ankle] - world[0, knee])
            line = aims[:, foot] - world[:, hip] - shift
            size = np.linalg.norm(line, axis=-1)
            excess = np.maximum(size - planting.REACH * leg, 0)
            pull += line / np.maximum(size, 1e-6)[:, None] * excess[:, None]
            most = np.maximum(most, excess)
        if not (most > 1e-4).any():
            break
        width = max(round(0.1 * rate), 1)
        size = np.linalg.norm(pull, axis=-1)
        wanted = gaussian_filter1d(maximum_filter1d(size, 2 * width + 1), width / 2)
        direction = gaussian_filter1d(pull, width, axis=0)
        norm = np.linalg.norm(direction, axis=-1, keepdims=True)
        shift += np.where(norm > 1e-9, direction / np.maximum(norm, 1e-9), 0) * wanted[:, None]
    return shift


def _bend(
    hip: np.ndarray, knee: np.ndarray, ankle: np.ndarray, aim: np.ndarray, forward: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Knee and ankle (T,3) of legs whose hip stays and whose ankle goes to ``aim`` as far as it can reach.

    The knee stays on the side of the leg on which it was, turned with the leg; that of a straight leg bends
    ``forward`` (T,3).
    """
    thigh = np.linalg.norm(knee - hip, axis=-1, keepdims=True)
    shin = np.linalg.norm(ankle - knee, axis=-1, keepdims=True)
    before, after = _unit(ankle - hip), aim - hip
    size = np.linalg.norm(after, axis=-1, keepdims=True)
    # No further than the leg reaches or already did, no nearer than its two bones differ.
    own = np.linalg.norm(ankle - hip, axis=-1, keepdims=True)
    most = np.maximum(planting.REACH * (thigh + shin), np.minimum(own, size))
    reach = np.clip(size, np.abs(thigh - shin) + 1e-4, np.minimum(most, thigh + shin - 1e-6))
    after = after / np.maximum(size, 1e-9)
    side = knee - hip + _STRAIGHT_M * forward
    side = _turned(side - (side * before).sum(axis=-1, keepdims=True) * before, before, after)
    side -= (side * after).sum(axis=-1, keepdims=True) * after
    side = _unit(side)
    along = (thigh**2 - shin**2 + reach**2) / (2 * reach)
    across = np.sqrt(np.maximum(thigh**2 - along**2, 0))
    return hip + along * after + across * side, hip + reach * after


def _turned(vectors: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Vectors (T,3) turned as ``before`` has to be to become ``after`` (unit vectors, less than a half turn apart)."""
    axis = np.cross(before, after)
    cosine = (before * after).sum(axis=-1, keepdims=True)
    along = (axis * vectors).sum(axis=-1, keepdims=True)
    return cosine * vectors + np.cross(axis, vectors) + axis * along / np.maximum(1 + cosine, 1e-6)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)
