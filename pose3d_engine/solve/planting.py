"""Places of planted feet, and the shift of the body that they require, in agreement with the picture."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..contract.runs import runs
from ..contract.skeletons import H36M17
from . import trajectory
from .floor import ANKLES
from .vectors import norm, reject, unit

REACH = 0.995  #: Share of its length to which a leg stretches at most; a straight leg's knee would pop.
_ON_FLOOR = 0.15  #: Metres over the standing height, up to which a planted foot is on the floor, not on something.
_ROUNDS = 12  #: After them places and shift change by less than a millimetre.
MAX_OFF_PICTURE = 0.04  #: Share of the height by which a planted foot may be moved across the line of sight.

_PATH_ERROR, _FOOT_ERROR = (0.085, 0.015), (0.05, 0.03)
"""Standard deviations in metres, along the line of sight and across it, of the body's path within a clip, and of a
standing foot relative to the body; measured on training takes of motion capture (``mocap_data.split``) with 1.5 %
noise."""

_SHIFT_ACCELERATION, _LEG_ERROR = 4.0, 0.01
"""Usual acceleration of the path's error, m/s^2, and metres by which a leg may be too short before the hips follow."""

_HIP = H36M17.index("Hip")
LEGS = tuple(tuple(H36M17.index(side + joint) for joint in ("Hip", "Knee", "Ankle")) for side in "LR")


@dataclass(frozen=True)
class Plant:
    """A foot during one contact."""

    foot: int  #: 0 left, 1 right.
    rows: slice  #: Frames.
    place: np.ndarray  #: (3,) of its ankle, metres.


def plants_at_ankles(world: np.ndarray, contacts: np.ndarray, stand: float) -> list[Plant]:
    """Plants each foot of (T,17,3), z up, for each stretch of its contacts (T,2), where its ankle is on average, and on
    the floor where that is near. stand: Metres of a standing foot's ankle over the floor."""
    plants = []
    for foot, ankle in enumerate(ANKLES):
        for first, end in runs(contacts[:, foot]):
            own = world[first:end, ankle]
            high = float(np.median(own[:, 2]))
            place = np.array([*own[:, :2].mean(axis=0), stand if high < stand + _ON_FLOOR else high])
            plants.append(Plant(foot, slice(first, end), place))
    return plants


def solve_shift(
    world: np.ndarray, plants: list[Plant], rate: float, camera: np.ndarray, along_floor: bool
) -> tuple[np.ndarray, list[Plant]]:
    """Solves for the body's shift (T,3), metres, and the places of planted feet.

    Least squares over the errors of the path (the shift) and of ankles relative to the body (which the legs correct),
    each weighted by its usual size along the line of sight and across it, and over the acceleration of the shift; legs
    keep their lengths. Alternates between the best shift for the places and the best places for the shift.

    Args:
        world: (T,17,3) metres, z up.
        plants: Initial places; heights stay.
        rate: Frames a second.
        camera: (3,) place of the camera.
        along_floor: Whether feet must not slide; otherwise only heights matter.
    """
    shift = np.zeros((len(world), 3))
    blocks = _precision(world[:, _HIP] - camera, _PATH_ERROR)
    smoothness = trajectory.second_differences(len(world)) * (rate**2 / _SHIFT_ACCELERATION) ** 2
    precisions = []
    for plant in plants:
        precision = _precision(world[plant.rows, ANKLES[plant.foot]] - camera, _FOOT_ERROR)
        if not along_floor:  # the precision of the height alone, for any place
            precision = np.diag([0.0, 0.0, 1.0]) / np.linalg.inv(precision)[:, 2:, 2:]
        # A foot that is just landing or leaving gives less evidence than one that stands.
        row = np.arange(plant.rows.stop - plant.rows.start)
        precisions.append(precision * np.clip(np.minimum(row, row[::-1]) / 3, 0.1, 1)[:, None, None])
        blocks[plant.rows] += precisions[-1]
    for _ in range(_ROUNDS if plants else 0):
        matrix, right = blocks.copy(), np.zeros_like(shift)
        legs = [_leg_constraint(world[plant.rows], plant, shift[plant.rows]) for plant in plants]
        for plant, precision, (pull, reach) in zip(plants, precisions, legs, strict=True):
            hip, ankle = world[plant.rows, LEGS[plant.foot][0]], world[plant.rows, ANKLES[plant.foot]]
            matrix[plant.rows] += pull
            right[plant.rows] += _apply(precision, plant.place - ankle) + _apply(pull, plant.place - hip) - reach
        shift = trajectory.solve(matrix, right, smoothness)
        if along_floor:
            bodies = [world[plant.rows] + shift[plant.rows, None] for plant in plants]
            plants = [_best_place(*one) for one in zip(plants, bodies, precisions, legs, strict=True)]
    return shift, plants


def sliding(world: np.ndarray, plants: list[Plant], camera: np.ndarray, most: float) -> np.ndarray:
    """(T,2) bool, frames in which planted feet slide in the picture: by more than ``most`` metres from their place,
    less the median of the contact, across the line of sight from the camera (3,)."""
    result = np.zeros((len(world), 2), bool)
    for plant in plants:
        ankle = world[plant.rows, ANKLES[plant.foot]]
        off = ankle - plant.place
        off = reject(off - np.median(off, axis=0), unit(ankle - camera))
        result[plant.rows, plant.foot] = np.linalg.norm(off, axis=-1) > most
    return result


def _leg_constraint(world: np.ndarray, plant: Plant, shift: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The precision (N,3,3) that holds hip and place together where a leg of (N,17,3), moved by ``shift`` (N,3), does
    not reach, 0 elsewhere; and its product with the vector between them that the leg does reach, (N,3)."""
    hip, knee, ankle = (world[:, joint] for joint in LEGS[plant.foot])
    reach = REACH * (norm(knee - hip) + norm(ankle - knee))
    line = plant.place - hip - shift
    weight = np.where(norm(line) > reach, _LEG_ERROR**-2, 0.0)
    line = unit(line)
    return weight[..., None] * line[:, :, None] * line[:, None], weight * reach * line


def _best_place(plant: Plant, world: np.ndarray, precision: np.ndarray, leg: tuple[np.ndarray, np.ndarray]) -> Plant:
    """The plant at its best place for a body (N,17,3) and the ``leg`` of :func:`_leg_constraint`; its height stays."""
    pull, reach = leg
    wanted = _apply(precision, world[:, ANKLES[plant.foot]]) + _apply(pull, world[:, LEGS[plant.foot][0]]) + reach
    matrix = (precision + pull).sum(axis=0)
    move = np.linalg.solve(matrix[:2, :2], (wanted.sum(axis=0) - matrix @ plant.place)[:2])
    return replace(plant, place=plant.place + np.array([*move, 0.0]))


def _apply(matrices: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """(N,3,3), (N,3) -> (N,3)."""
    return np.einsum("tij,tj->ti", matrices, vectors)


def _precision(sight: np.ndarray, error: tuple[float, float]) -> np.ndarray:
    """(T,3,3) 1/m^2: inverse covariances of an error along ``sight`` (T,3) and across it."""
    sight = unit(sight)
    along = sight[:, :, None] * sight[:, None]
    return along / error[0] ** 2 + (np.eye(3) - along) / error[1] ** 2
