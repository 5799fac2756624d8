"""The body that the solver moves: bone directions of constant length, with a rigid foot at each ankle."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import uniform_filter1d

from ..contract.skeletons import H36M17
from .body import ANKLE_HEIGHT, HEEL_BACK, TOE_FORWARD
from .vectors import dot, reject, rotate_shortest, unit, unit_or

SOLES = ("LHeel", "LToe", "RHeel", "RToe")
POINTS = (*H36M17.joints, *SOLES)  #: The order of points (..., 21, 3): joints, then the ends of the soles.
SOLE_ROWS = np.arange(17, 21).reshape(2, 2)  #: (2,2) rows in POINTS: left and right foot's heel and toe.

_ROW = H36M17.index
ANKLES = [_ROW("LAnkle"), _ROW("RAnkle")]  #: Rows, the order of feet everywhere.
LEGS = tuple(tuple(_ROW(side + joint) for joint in ("Hip", "Knee", "Ankle")) for side in "LR")  #: Rows, left first.
FOOT_ROWS = np.column_stack([ANKLES, SOLE_ROWS])  #: (2,3) left and right ankle, heel and toe.
BONES = (*(bone for bone in H36M17.bones if bone[1] != _ROW("RHip")), (ANKLES[0], 18), (ANKLES[1], 20))
"""(parent, child) rows in POINTS. Both hips are one bone, because the pelvis is rigid; the last two are the feet."""

LEG_BONES = tuple(
    tuple(next(i for i, bone in enumerate(BONES) if bone[1] == _ROW(side + joint)) for joint in ("Knee", "Ankle"))
    for side in "LR"
)  #: Rows in BONES of left and right thigh and shank.
FREEDOM = 3 + 2 * len(BONES)  #: Unknowns a frame: the root, then two for the direction of each bone.
_BLEND = 5  #: Frames over which a foot that lands or leaves stops leaning as its shank does.
TOE_LENGTH = float(np.hypot(TOE_FORWARD, ANKLE_HEIGHT))  #: Metres from ankle to toe, canonical body.


@dataclass(frozen=True)
class Pose:
    """T frames of a body: ``root`` (T,3); ``directions`` (T,17,3), unit vectors of BONES; ``heels`` (T,2,3), from the
    ankles; metres."""

    root: np.ndarray
    directions: np.ndarray
    heels: np.ndarray

    def __getitem__(self, rows: slice) -> Pose:
        """Some of the frames."""
        return Pose(self.root[rows], self.directions[rows], self.heels[rows])


class Skeleton:
    """Bone lengths, and what follows from them: points of a pose, and how they move with the unknowns."""

    def __init__(self, lengths: np.ndarray) -> None:
        """lengths: (17,) metres of the bone that ends in each joint, equal on both sides."""
        self.lengths = lengths
        size = lengths[_ROW("LKnee")] + lengths[_ROW("LAnkle")]
        self.foot_scale = size / (0.425 + 0.415)
        column = {child: i for i, (_, child) in enumerate(BONES)}
        self.sums = np.zeros((len(POINTS), len(BONES)))
        for parent, child in H36M17.bones:
            self.sums[child] = self.sums[parent]
            if child == _ROW("RHip"):
                self.sums[child, column[_ROW("LHip")]] = -lengths[child]
            else:
                self.sums[child, column[child]] += lengths[child]
        for foot, ankle in enumerate(ANKLES):
            self.sums[SOLE_ROWS[foot]] = self.sums[ankle]
            self.sums[SOLE_ROWS[foot, 1], column[SOLE_ROWS[foot, 1]]] = TOE_LENGTH * self.foot_scale

    def points(self, pose: Pose) -> np.ndarray:
        """(T,21,3) metres."""
        points = np.einsum("jb,tbc->tjc", self.sums, pose.directions) + pose.root[:, None]
        points[:, SOLE_ROWS[:, 0]] += pose.heels
        return points

    def jacobian(self, pose: Pose, tangents: np.ndarray) -> np.ndarray:
        """(T,21,3,FREEDOM): how points move with the unknowns, for ``tangents`` (T,17,3,2) of the directions."""
        frames = len(pose.root)
        result = np.zeros((frames, len(POINTS), 3, FREEDOM))
        result[..., :3] = np.eye(3)
        bones = result[..., 3:].reshape(frames, len(POINTS), 3, len(BONES), 2)
        for joint, bone in np.argwhere(self.sums):
            bones[:, joint, :, bone] = self.sums[joint, bone] * tangents[:, bone]
        for foot in range(2):
            bone, heel = len(BONES) - 2 + foot, pose.heels[:, foot]
            toe, across = pose.directions[:, bone], tangents[:, bone]
            along = np.einsum("tc,tck->tk", heel, across)
            bones[:, SOLE_ROWS[foot, 0], :, bone] = (
                dot(toe, heel)[..., None] * across - toe[:, :, None] * along[:, None]
            )
        return result


def tangents(directions: np.ndarray) -> np.ndarray:
    """(...,3) unit vectors -> (...,3,2): two unit vectors across each, and each other."""
    least = np.abs(directions).argmin(axis=-1)
    first = unit(reject(np.eye(3)[least], directions))
    return np.stack([first, np.cross(directions, first)], axis=-1)


def moved(pose: Pose, across: np.ndarray, step: np.ndarray) -> Pose:
    """The pose after a step (T,FREEDOM) along ``across`` (T,17,3,2), the tangents of its directions."""
    change = np.einsum("tbck,tbk->tbc", across, step[:, 3:].reshape(len(step), -1, 2))
    directions = unit(pose.directions + change)
    before, after = pose.directions[:, -2:], directions[:, -2:]
    return Pose(pose.root + step[:, :3], directions, rotate_shortest(pose.heels, before, after))


def joined(pieces: list[tuple[int, Pose]], overlap: int) -> Pose:
    """One pose of pieces, each with its first frame, that are blended over the frames that neighbours share."""
    frames = pieces[-1][0] + len(pieces[-1][1].root)
    arrays = []
    for name in ("root", "directions", "heels"):
        values = np.zeros((frames, *getattr(pieces[0][1], name).shape[1:]))
        for first, piece in pieces:
            own = getattr(piece, name)
            rows = slice(first, first + len(own))
            fade = np.ones(len(own))
            if first:
                fade[:overlap] = np.linspace(0, 1, overlap + 2)[1:-1]
            fade = fade.reshape(-1, *(1,) * (own.ndim - 1))
            values[rows] = np.where(fade < 1, (1 - fade) * values[rows], 0) + fade * own
        arrays.append(values)
    root, directions, heels = arrays
    return Pose(root, unit(directions), heels)


def pose_of(joints: np.ndarray, root: np.ndarray, toes: np.ndarray, scale: float) -> Pose:
    """The pose of root-relative joints (T,17,3) with the Hip at ``root`` (T,3) and feet that point to ``toes`` (T,2,3).

    The soles lie in the plane of shank and toe direction. scale: Of the foot, 1 for the canonical body.
    """
    bones = [joints[:, child] - joints[:, parent] for parent, child in BONES[:-2]]
    shanks = joints[:, [_ROW("LKnee"), _ROW("RKnee")]] - joints[:, ANKLES]
    directions = unit_or(np.concatenate([np.stack(bones, axis=1), toes], axis=1), [0.0, 1.0, 0.0])
    return Pose(root, directions, heels_of(directions[:, -2:], shanks, scale))


def levelled(pose: Pose, up: np.ndarray, contacts: np.ndarray, scale: float) -> Pose:
    """The pose whose feet with contacts (T,2,2) have soles that are level across; others lean as their shanks do."""
    held = uniform_filter1d(contacts.any(axis=2).astype(float), _BLEND, axis=0, mode="nearest")[..., None]
    shanks = -pose.directions[:, [lower for _, lower in LEG_BONES]]
    return replace(pose, heels=heels_of(pose.directions[:, -2:], shanks + held * (up - shanks), scale))


def heels_of(toes: np.ndarray, shanks: np.ndarray, scale: float) -> np.ndarray:
    """(...,3) from ankle to heel, metres, for unit vectors to the toes and vectors up the shanks, (...,3)."""
    up = unit(reject(shanks, toes))
    # In the foot's plane, as (forward, up): toe and heel from the ankle, and the rotation from one to the other.
    toe = np.array([TOE_FORWARD, -ANKLE_HEIGHT]) / TOE_LENGTH
    heel = np.array([-HEEL_BACK, -ANKLE_HEIGHT])
    return scale * ((heel @ toe) * toes + (heel @ np.array([-toe[1], toe[0]])) * up)
