"""Where feet stand, and how the body has to be moved for it: places that agree with the picture."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..contract.skeletons import H36M17
from . import contacts as contact_stage
from . import trajectory
from .floor import ANKLES

REACH = 0.995
"""Share of its length to which a leg is stretched at most; a straight leg's knee would pop."""

_ON_FLOOR = 0.15
"""Metres over the standing height up to which a planted foot is put onto the floor; higher ones stand on something."""

_PATH_ERROR = (0.085, 0.015)
"""Metres that the body's path is off, along the line of sight and across it: standard deviations within a clip,
measured on training takes of motion capture (``mocap_data.split``) with 1.5 % noise."""

_FOOT_ERROR = (0.05, 0.03)
"""The same of a standing foot beside the body."""

_SHIFT_ACCELERATION = 4.0
"""m/s^2 that the error of the path usually changes by."""

_LEG_ERROR = 0.01
"""Metres that a leg may be too short, before the hips give way."""

_ROUNDS = 12
"""In which places and shift settle to a millimetre."""

OFF_PICTURE = 0.04
"""Share of a person's height by which a foot would have to be moved across the line of sight to stand still, from which
on it is not standing."""

_HIP = H36M17.index("Hip")
LEGS = tuple(tuple(H36M17.index(side + joint) for joint in ("Hip", "Knee", "Ankle")) for side in "LR")
"""Left, right."""


@dataclass(frozen=True)
class Plant:
    """A foot (0 left, 1 right) that stands in rows first to end - 1, its ankle at place (3,), metres."""

    foot: int
    first: int
    end: int
    place: np.ndarray

    @property
    def rows(self) -> slice:
        """From first to end - 1."""
        return slice(self.first, self.end)

    @property
    def ankle(self) -> int:
        """The row of its ankle in Human3.6M-17."""
        return ANKLES[self.foot]


def standing(world: np.ndarray, contacts: np.ndarray, stand: float) -> list[Plant]:
    """Each stretch of contact, planted amid where its ankle is, and on the floor where that is near.

    world: (T,17,3) metres, z up. contacts: (T,2) bool, left and right. stand: metres of a standing foot's ankle.
    """
    plants = []
    for foot, ankle in enumerate(ANKLES):
        for first, end in contact_stage.stretches(contacts[:, foot]):
            own = world[first:end, ankle]
            high = float(np.median(own[:, 2]))
            place = np.array([*own[:, :2].mean(axis=0), stand if high < stand + _ON_FLOOR else high])
            plants.append(Plant(foot, first, end, place))
    return plants


def settled(
    world: np.ndarray, plants: list[Plant], rate: float, camera: np.ndarray, along_floor: bool
) -> tuple[np.ndarray, list[Plant]]:
    """(T,3): how the body (T,17,3) is moved so that feet stand, metres; and where they stand, at the heights that they
    have. camera: (3,) its place in the world. Not ``along_floor``: the heights alone matter.

    Least squares: errors of the path, which are the shift, and of an ankle beside the body, which are left to the
    legs, each weighed by how large it usually is along the line of sight and across it, and the acceleration of the
    shift; no leg is to be longer than itself. In turns: the best shift for the places, the best places for the shift.
    """
    shift = np.zeros((len(world), 3))
    blocks = _certainty(world[:, _HIP] - camera, _PATH_ERROR)
    smoothness = trajectory.second_differences(len(world)) * (rate**2 / _SHIFT_ACCELERATION) ** 2
    sure = []
    for plant in plants:
        certainty = _certainty(world[plant.rows, plant.ankle] - camera, _FOOT_ERROR)
        certainty = certainty if along_floor else _of_height(certainty)
        # A foot that is just landing or leaving says less than one that stands.
        row = np.arange(plant.end - plant.first)
        sure.append(certainty * np.clip(np.minimum(row, row[::-1]) / 3, 0.1, 1)[:, None, None])
        blocks[plant.rows] += sure[-1]
    for _ in range(_ROUNDS if plants else 0):
        matrix, right = blocks.copy(), np.zeros_like(shift)
        pulls = [_pull(world[plant.rows], plant, shift[plant.rows]) for plant in plants]
        for plant, certainty, (pull, reach) in zip(plants, sure, pulls, strict=True):
            hip, ankle = world[plant.rows, LEGS[plant.foot][0]], world[plant.rows, plant.ankle]
            matrix[plant.rows] += pull
            right[plant.rows] += _times(certainty, plant.place - ankle) + _times(pull, plant.place - hip) - reach
        shift = trajectory.solve(matrix, right, smoothness)
        if along_floor:
            bodies = [world[plant.rows] + shift[plant.rows, None] for plant in plants]
            plants = [_moved(*one) for one in zip(plants, bodies, sure, pulls, strict=True)]
    return shift, plants


def _pull(world: np.ndarray, plant: Plant, shift: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How strongly hip and place are held together where a leg of (N,17,3), moved by ``shift`` (N,3), does not reach:
    (N,3,3), 0 elsewhere; and that times the way from one to the other that it does reach, (N,3)."""
    hip, knee, ankle = (world[:, joint] for joint in LEGS[plant.foot])
    reach = REACH * (np.linalg.norm(knee - hip, axis=-1) + np.linalg.norm(ankle - knee, axis=-1))[:, None]
    line = plant.place - hip - shift
    weight = np.where(np.linalg.norm(line, axis=-1, keepdims=True) > reach, _LEG_ERROR**-2, 0.0)
    line = _unit(line)
    return weight[..., None] * line[:, :, None] * line[:, None], weight * reach * line


def _moved(plant: Plant, world: np.ndarray, sure: np.ndarray, pulls: tuple[np.ndarray, np.ndarray]) -> Plant:
    """The same at its best place for a body (N,17,3), at the height that it has. sure: (N,3,3) of its ankle. pulls: of
    :func:`_pull`."""
    pull, reach = pulls
    wanted = _times(sure, world[:, plant.ankle]) + _times(pull, world[:, LEGS[plant.foot][0]]) + reach
    matrix = (sure + pull).sum(axis=0)
    move = np.linalg.solve(matrix[:2, :2], (wanted.sum(axis=0) - matrix @ plant.place)[:2])
    return replace(plant, place=plant.place + np.array([*move, 0.0]))


def _times(matrices: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """(N,3,3), (N,3) -> (N,3)."""
    return np.einsum("tij,tj->ti", matrices, vectors)


def _certainty(sight: np.ndarray, error: tuple[float, float]) -> np.ndarray:
    """(T,3,3) 1/m^2: inverse covariances of an error that is as large as this along ``sight`` (T,3) and across it."""
    sight = _unit(sight)
    along = sight[:, :, None] * sight[:, None]
    return along / error[0] ** 2 + (np.eye(3) - along) / error[1] ** 2


def _of_height(certainty: np.ndarray) -> np.ndarray:
    """(T,3,3): what inverse covariances say of the height, whatever the place along the floor."""
    result = np.zeros_like(certainty)
    result[:, 2, 2] = 1 / np.linalg.inv(certainty)[:, 2, 2]
    return result


def sliding(world: np.ndarray, plants: list[Plant], camera: np.ndarray, most: float) -> np.ndarray:
    """(T,2) bool: where a foot is further than ``most`` metres, across the line of sight, from where it stands; all of
    a stretch that is off as a whole, in height for one, does not slide."""
    result = np.zeros((len(world), 2), bool)
    for plant in plants:
        ankle = world[plant.rows, plant.ankle]
        off = ankle - plant.place
        off = off - np.median(off, axis=0)
        sight = _unit(ankle - camera)
        off = off - (off * sight).sum(axis=-1, keepdims=True) * sight
        result[plant.rows, plant.foot] = np.linalg.norm(off, axis=-1) > most
    return result


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)
