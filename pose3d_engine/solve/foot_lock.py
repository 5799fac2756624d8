"""Foot lock: planted feet neither slide nor sink, the legs follow, and the body stays where the picture has it."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d, maximum_filter1d

from ..contract.skeletons import H36M17
from . import planting
from .floor import ANKLES, ankle_height
from .planting import LEGS
from .vectors import norm, reject, rotate_shortest, unit

BLEND_S = 0.2  #: Seconds of the transition between a foot's own path and its place.
_RELEASES = 3  #: Rounds in which sliding feet are released; each improves the places of the others.
_STRAIGHT_M = 0.02  #: A knee this far off the line from hip to ankle counts as much as the direction of a straight leg.
_HIP, _CHEST = H36M17.index("Hip"), H36M17.index("Thorax")


def lock(
    world: np.ndarray, contacts: np.ndarray, times: np.ndarray, height: float, mode: str, camera: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Locks planted feet to their places; bone lengths stay. Returns joints, and contacts of planted feet.

    First the whole body is moved, smoothly, against the sliding and sinking of planted feet, because a path errs more
    than a pose; mostly along the line of sight, where the picture gives least evidence. The legs correct the rest (two-
    bone inverse kinematics), blended over BLEND_S. Where a leg is too short, the hips follow. A foot that slides in the
    picture is not planted: its contact is removed, unless the mode is "always".

    Args:
        world: (T,17,3) metres, z up, the floor at 0, constant bone lengths.
        contacts: (T,2) bool, left and right.
        times, height: (T,) seconds, and metres of the person.
        mode: Setting ``feet``: "auto"; "always", at least one foot is planted at any time; "ground", feet may slide,
            but not sink; "never".
        camera: (3,) place of the camera.
    """
    if mode == "never" or len(world) < 3:
        return world, contacts
    world = world.astype(np.float64)
    if mode == "always":
        contacts, airborne = contacts.copy(), ~contacts.any(axis=1)
        contacts[airborne, np.argmin(world[airborne][:, ANKLES, 2], axis=1)] = True
    rate = (len(times) - 1) / max(times[-1] - times[0], 1e-6)
    stand, along_floor = ankle_height(height), mode != "ground"
    for release in range(_RELEASES, -1, -1):
        plants = planting.plants_at_ankles(world, contacts, stand)
        shift, plants = planting.solve_shift(world, plants, rate, camera, along_floor)
        if mode != "auto" or not release:
            break
        slides = planting.sliding(world + shift[:, None], plants, camera, planting.MAX_OFF_PICTURE * height)
        if not slides.any():
            break
        contacts = contacts & ~slides
    world = world + shift[:, None]
    targets = [
        _targets(world[:, ankle], [plant for plant in plants if plant.foot == foot], stand, rate, along_floor)
        for foot, ankle in enumerate(ANKLES)
    ]
    world = world + _hip_shift(world, targets, rate)[:, None]
    result = world.copy()
    forward = unit(np.cross(world[:, LEGS[0][0]] - world[:, LEGS[1][0]], world[:, _CHEST] - world[:, _HIP]))
    for target, (hip, knee, ankle) in zip(targets, LEGS, strict=True):
        bent = _bend(world[:, hip], world[:, knee], world[:, ankle], target, forward)
        result[:, knee], result[:, ankle] = bent
    return result, contacts


def _bend(
    hip: np.ndarray, knee: np.ndarray, ankle: np.ndarray, target: np.ndarray, forward: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Knee and ankle (T,3) of a leg bent in its plane until the ankle is at ``target``, or as near as the leg reaches.

    The plane rotates with the line from hip to ankle by the shortest arc; bones keep their lengths (law of cosines).
    ``forward``: (T,3) unit vectors to which the knee of a straight leg points. A leg that was straighter than
    :data:`.planting.REACH` stays so.
    """
    upper, lower = norm(knee - hip), norm(ankle - knee)
    span, line_before = target - hip, unit(ankle - hip)
    size = norm(span)
    longest = np.maximum(planting.REACH * (upper + lower), np.minimum(norm(ankle - hip), size))
    distance = np.clip(size, np.abs(upper - lower) + 1e-4, np.minimum(longest, upper + lower - 1e-6))
    line = span / np.maximum(size, 1e-9)
    side = rotate_shortest(reject(knee - hip + _STRAIGHT_M * forward, line_before), line_before, line)
    side = unit(reject(side, line))
    along = (upper**2 - lower**2 + distance**2) / (2 * distance)
    across = np.sqrt(np.maximum(upper**2 - along**2, 0))
    return hip + along * line + across * side, hip + distance * line


def _targets(
    ankle: np.ndarray, plants: list[planting.Plant], stand: float, rate: float, along_floor: bool
) -> np.ndarray:
    """(T,3) where an ankle has to be: at its place while planted, never below the floor, blended with its own path."""
    blend = max(round(BLEND_S * rate), 1)
    offset, weight = np.zeros_like(ankle), np.zeros(len(ankle))
    target = ankle.copy()
    free = np.ones(len(ankle), bool)
    for plant in plants:
        first, end = plant.rows.start, plant.rows.stop
        free[first:end] = False
        own = plant.place - ankle[first:end]
        if not along_floor:
            own[:, :2] = 0
        target[first:end] = ankle[first:end] + own
        for rows, edge in ((np.arange(max(first - blend, 0), first), 0), (np.arange(end, end + blend), -1)):
            rows = rows[rows < len(ankle)]
            away = np.minimum(np.abs(rows - first), np.abs(rows - end + 1)) / (blend + 1)
            fade = 1 - away * away * (3 - 2 * away)
            offset[rows] += fade[:, None] * own[edge]
            weight[rows] += fade
    target[free] += (offset / np.maximum(weight, 1)[:, None])[free]
    target[:, 2] = np.maximum(target[:, 2], stand)
    return target


def _hip_shift(world: np.ndarray, targets: list[np.ndarray], rate: float) -> np.ndarray:
    """(T,3): a smooth shift of the hips, towards the feet, so that both legs reach their targets."""
    shift = np.zeros((len(world), 3))
    for _ in range(3):
        pull, most = np.zeros((len(world), 3)), np.zeros(len(world))
        for target, (hip, knee, ankle) in zip(targets, LEGS, strict=True):
            leg = np.linalg.norm(world[0, knee] - world[0, hip]) + np.linalg.norm(world[0, ankle] - world[0, knee])
            line = target - world[:, hip] - shift
            size = norm(line)
            excess = np.maximum(size - planting.REACH * leg, 0)
            pull += line / np.maximum(size, 1e-6) * excess
            most = np.maximum(most, excess[:, 0])
        if not (most > 1e-4).any():
            break
        width = max(round(0.1 * rate), 1)
        wanted = gaussian_filter1d(maximum_filter1d(np.linalg.norm(pull, axis=-1), 2 * width + 1), width / 2)
        direction = gaussian_filter1d(pull, width, axis=0)
        shift += unit(direction) * (norm(direction) > 1e-9) * wanted[:, None]
    return shift
