"""Foot lock: feet that stand neither slide nor sink, and the legs follow."""

from __future__ import annotations

import numpy as np
from scipy.linalg import solveh_banded
from scipy.ndimage import gaussian_filter1d, maximum_filter1d

from ..skeletons import H36M17
from . import contacts as contact_stage
from .floor import ANKLES, ankle_height

MODES = ("auto", "always", "never", "ground")
"""auto: feet in contact are planted. always: at least one foot is at any time. never: feet are left alone. ground: feet
do not sink into the floor, but may slide."""

BLEND_S = 0.2
"""Seconds in which a foot comes from and goes back to its own path."""

_REACH = 0.995
"""Share of its length to which a leg is stretched at most; a straight leg's knee would pop."""

_ON_FLOOR = 0.15
"""Metres over the standing height up to which a planted foot is put onto the floor; higher ones stand on something."""

_STRAIGHT_M = 0.02
"""Metres off the line from hip to ankle below which a knee's own side is not sure."""

_HIP, _CHEST = H36M17.index("Hip"), H36M17.index("Thorax")
_LEGS = tuple(tuple(H36M17.index(side + joint) for joint in ("Hip", "Knee", "Ankle")) for side in "LR")


def lock(
    world: np.ndarray, contacts: np.ndarray, times: np.ndarray, height: float, mode: str
) -> tuple[np.ndarray, np.ndarray]:
    """World joints (T,17,3) with planted feet, and the contacts (T,2) that they were planted by.

    world: metres, z up, the floor at 0, bones of constant length, which they keep. height: of the person, metres.

    First the whole body is moved, smoothly, against the sliding and sinking of the feet that stand, for a path errs
    more than a pose; what is left is taken up by the legs, bent at knees that keep their direction (two-bone inverse
    kinematics), blended in and out over BLEND_S. Where a leg is too short, the hips give way.
    """
    if mode == "never" or len(world) < 3:
        return world, contacts
    world = world.astype(np.float64)
    if mode == "always":
        contacts = _never_airborne(world, contacts)
    rate = (len(times) - 1) / max(times[-1] - times[0], 1e-6)
    stand = ankle_height(height)
    planted = [_stretches(contacts[:, foot], world[:, ankle], stand) for foot, ankle in enumerate(ANKLES)]
    world = world + _body_shift(world, planted, rate, along_floor=mode != "ground")[:, None]
    aims = np.stack(
        [
            _aim(world[:, ankle], planted[foot], stand, rate, along_floor=mode != "ground")
            for foot, ankle in enumerate(ANKLES)
        ],
        axis=1,
    )
    world = world + _give_way(world, aims, rate)[:, None]
    result = world.copy()
    forward = _unit(np.cross(world[:, _LEGS[0][0]] - world[:, _LEGS[1][0]], world[:, _CHEST] - world[:, _HIP]))
    for foot, (hip, knee, ankle) in enumerate(_LEGS):
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


def _stretches(contact: np.ndarray, ankle: np.ndarray, stand: float) -> list[tuple[int, int, float]]:
    """(first row, row after the last, height of the ankle) of each stretch of contact."""
    found = []
    for first, end in contact_stage.stretches(contact):
        own = float(np.median(ankle[first:end, 2]))
        found.append((first, end, stand if own < stand + _ON_FLOOR else own))
    return found


def _body_shift(
    world: np.ndarray, planted: list[list[tuple[int, int, float]]], rate: float, along_floor: bool
) -> np.ndarray:
    """(T,3): how the body is moved so that standing feet stay where they are, at the height where they stand.

    Least squares, linear in the shift: its change cancels the slide of planted feet, its height their sinking; it is
    small (it decays within seconds) and smooth.
    """
    frames = len(world)
    shift = np.zeros((frames, 3))
    step_weight, slid = np.zeros(frames - 1), np.zeros((frames - 1, 2))
    held, sunk = np.zeros(frames), np.zeros(frames)
    for ankle, stretches in zip(ANKLES, planted, strict=True):
        for first, end, height in stretches:
            step_weight[first : end - 1] += 1
            slid[first : end - 1] += np.diff(world[first:end, ankle, :2], axis=0)
            # A foot that is just landing or leaving says less about the height than one that stands.
            sure = np.clip(np.minimum(np.arange(end - first), np.arange(end - first)[::-1]) / 3, 0.1, 1)
            held[first:end] += sure
            sunk[first:end] += sure * (height - world[first:end, ankle, 2])
    smooth = (0.07 * rate) ** 4  # movement within 0.07 s costs as much as sliding by it
    bands = _second_differences(frames) * smooth
    if along_floor:
        along = bands.copy()
        along[0] += (0.5 / rate) ** 2
        along[0, :-1] += step_weight
        along[0, 1:] += step_weight
        along[1, :-1] -= step_weight
        right = np.zeros((frames, 2))
        right[:-1] += slid
        right[1:] -= slid
        shift[:, :2] = solveh_banded(along, right, lower=True)
    up = bands.copy()
    up[0] += held + 0.02
    shift[:, 2] = solveh_banded(up, sunk, lower=True)
    return shift


def _second_differences(frames: int) -> np.ndarray:
    """(3, frames), lower form: D^T D of second differences."""
    bands = np.zeros((3, frames))
    for row, value in enumerate((1, 4, 1)):
        bands[0, row : row + frames - 2] += value
    bands[1, : frames - 2] -= 2
    bands[1, 1 : frames - 1] -= 2
    bands[2, : frames - 2] += 1
    return bands


def _aim(
    ankle: np.ndarray, stretches: list[tuple[int, int, float]], stand: float, rate: float, along_floor: bool
) -> np.ndarray:
    """(T,3): where an ankle has to be: still while planted, never below the floor, fading back to its own path."""
    blend = max(round(BLEND_S * rate), 1)
    offset, weight = np.zeros_like(ankle), np.zeros(len(ankle))
    aim = ankle.copy()
    for first, end, height in stretches:
        place = np.array([*ankle[first:end, :2].mean(axis=0), height])
        own = place - ankle[first:end]
        if not along_floor:
            own[:, :2] = 0
        aim[first:end] = ankle[first:end] + own
        for rows, edge in ((np.arange(max(first - blend, 0), first), 0), (np.arange(end, end + blend), -1)):
            rows = rows[rows < len(ankle)]
            away = np.minimum(np.abs(rows - first), np.abs(rows - end + 1)) / (blend + 1)
            fade = 1 - away * away * (3 - 2 * away)
            offset[rows] += fade[:, None] * own[edge]
            weight[rows] += fade
    free = np.ones(len(ankle), bool)
    for first, end, _ in stretches:
        free[first:end] = False
    aim[free] += (offset / np.maximum(weight, 1)[:, None])[free]
    aim[:, 2] = np.maximum(aim[:, 2], stand)
    return aim


def _give_way(world: np.ndarray, aims: np.ndarray, rate: float) -> np.ndarray:
    """(T,3): how the hips move so that no leg is longer than itself: down and after the foot, smoothly."""
    shift = np.zeros((len(world), 3))
    for _ in range(3):
        pull, most = np.zeros((len(world), 3)), np.zeros(len(world))
        for foot, (hip, knee, ankle) in enumerate(_LEGS):
            leg = np.linalg.norm(world[0, knee] - world[0, hip]) + np.linalg.norm(world[0, ankle] - world[0, knee])
            line = aims[:, foot] - world[:, hip] - shift
            size = np.linalg.norm(line, axis=-1)
            excess = np.maximum(size - _REACH * leg, 0)
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
    most = np.maximum(_REACH * (thigh + shin), np.minimum(np.linalg.norm(ankle - hip, axis=-1, keepdims=True), size))
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
