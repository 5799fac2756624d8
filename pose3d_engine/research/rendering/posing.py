"""Poses a body by the directions of a recorded skeleton, so that the limbs' directions are exactly the recording's.

Trunk and head turn as wholes; limbs by the least rotation to the recorded direction and a twist to the plane of elbow
or knee. Human3.6M-17 has no feet and no hands: feet follow the shank and the floor, hands are posed by
:mod:`.hands`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from ...contract.skeletons import H36M17
from ..data_sets.kinematics import rotation_vectors
from .body import Body

SPINE = (("spine05", 0.15), ("spine04", 0.4), ("spine03", 0.7), ("spine02", 0.9), ("spine01", 1.0))
NECK = (("neck01", 0.25), ("neck02", 0.5), ("neck03", 0.75), ("head", 1.0))
"""Bones of the trunk and the share of the way from the pelvis to the chest, or from the chest to the head, that each
has turned."""

FACE_AXES = np.array([[0, -65, 20], [32, -45, 55], [-32, -45, 55], [75, 35, 35], [-75, 35, 35]]) / 1000
"""Nose, eyes and ears from the joint Neck/Nose in a head that faces -y; as in docs/contributor/training.md."""

FLOOR_SHARE = 0.05
"""Quantile of the lower ankle's height, over a clip, at which that foot stands on the floor."""

TWIST_SECONDS = 0.15  #: Smoothing of a limb's twist, which an almost straight limb does not show.
_LEG_UP = 0.16  #: Metres that the heel rises while the toes stay on the floor, at most.


@dataclass(frozen=True)
class Posed:
    """A body in motion.

    Attributes:
        body: The body.
        rotations: (T,B,3,3) of each bone from rest to the world.
        anchors: (T,B,3) where ``rest_anchors`` (B,3) of the bones are: skin moves by rotation about them.
        joints: (T,17,3) Human3.6M-17, metres, the floor at z = 0.
    """

    body: Body
    rotations: np.ndarray
    rest_anchors: np.ndarray
    anchors: np.ndarray
    joints: np.ndarray

    def transforms(self, frame: int) -> np.ndarray:
        """(B,3,4) matrices from rest to the world."""
        turn = self.rotations[frame]
        shift = self.anchors[frame] - np.einsum("bij,bj->bi", turn, self.rest_anchors)
        return np.concatenate([turn, shift[..., None]], axis=-1)

    def of_bone(self, bone: str, points: np.ndarray) -> np.ndarray:
        """(T,...,3) where points (...,3) at rest are, moving with one bone."""
        row = self.body.model.bone(bone)
        moved = np.einsum("tij,...j->t...i", self.rotations[:, row], points - self.rest_anchors[row])
        return np.asarray(moved + self.anchors[:, row].reshape(-1, *[1] * (points.ndim - 1), 3))


def z_up(points: np.ndarray) -> np.ndarray:
    """Points of a mocap file (y up) in the axes of the world."""
    return np.stack([points[..., 0], -points[..., 2], points[..., 1]], axis=-1)


class _Pose:
    """The arrays of a Posed while bones are placed, parents first."""

    def __init__(self, body: Body, frames: int) -> None:
        self.body = body
        self.turn = np.tile(np.eye(3), (frames, len(body.heads), 1, 1))
        self.rest = body.heads.astype(np.float64).copy()
        self.place = np.zeros((frames, len(body.heads), 3))
        self.placed: set[int] = set()

    def put(self, name: str, turn: np.ndarray, rest: np.ndarray | None = None, place: np.ndarray | None = None) -> None:
        """Turns a bone about a rest point that lies at ``place``; by default about its beginning, on its parent."""
        row = self.body.model.bone(name)
        if rest is not None and place is not None:
            self.rest[row], self.place[:, row] = rest, place
        else:
            self.place[:, row] = self.carried(int(self.body.model.parents[row]), self.rest[row])
        self.turn[:, row] = turn
        self.placed.add(row)

    def carried(self, row: int, point: np.ndarray) -> np.ndarray:
        """(T,3) where a rest point is that moves with a bone."""
        return np.asarray(self.place[:, row] + self.turn[:, row] @ (point - self.rest[row]))

    def follow(self) -> None:
        """Lets the bones that were not placed move with their parents."""
        for row, parent in enumerate(self.body.model.parents):
            if row not in self.placed:
                self.turn[:, row] = self.turn[:, parent]
                self.place[:, row] = self.carried(int(parent), self.rest[row])


def pose(body: Body, joints: np.ndarray, face: np.ndarray, rate: float, hands: dict[str, np.ndarray]) -> Posed:
    """Poses a body.

    Args:
        body: The body.
        joints: (T,17,3) Human3.6M-17 of a recording, any unit and proportions, z up.
        face: (T,5,3) nose, eyes and ears of the recording.
        rate: Frames a second.
        hands: Local rotations (T,3,3) of bones of the hands, see :mod:`.hands`.
    """
    made = _Pose(body, len(joints))
    pelvis = _trunk(made, joints, face)
    scale = _leg(body.joints) / np.median(_leg(joints))
    for side in "LR":
        _arm(made, joints, side, rate, hands)
        _thigh_and_shank(made, joints, side, rate, pelvis)
    _onto_floor(made, joints[:, 0] * scale)
    for side in "LR":
        _foot(made, side)
    made.follow()
    result = np.zeros((len(joints), 17, 3))
    for name, bone in JOINT_BONES.items():
        row = body.model.bone(bone)
        result[:, H36M17.index(name)] = made.carried(row, body.joints[H36M17.index(name)])
    return Posed(body, made.turn, made.rest, made.place, result)


JOINT_BONES = {
    "Hip": "root",
    "Spine": "spine03",
    "Thorax": "spine01",
    "Neck/Nose": "head",
    "Head": "head",
    **{
        side + joint: f"{bone}.{side}"
        for side in "LR"
        for joint, bone in (
            ("Hip", "upperleg01"),
            ("Knee", "lowerleg01"),
            ("Ankle", "foot"),
            ("Shoulder", "upperarm01"),
            ("Elbow", "lowerarm01"),
            ("Wrist", "wrist"),
        )
    },
}
"""The bone that carries each joint."""


def _trunk(made: _Pose, joints: np.ndarray, face: np.ndarray) -> np.ndarray:
    rest = made.body.joints.astype(np.float64)
    pelvis = frame(joints, "LHip", "RHip", "Hip", "Spine") @ frame(rest, "LHip", "RHip", "Hip", "Spine").T
    sides = ("LShoulder", "RShoulder", "Spine", "Thorax")
    chest = frame(joints, *sides) @ frame(rest, *sides).T
    head = kabsch(FACE_AXES - FACE_AXES.mean(axis=0), face - face.mean(axis=1, keepdims=True))
    made.put("root", pelvis, rest[0], np.zeros((len(joints), 3)))
    for bones, first, last in ((SPINE, pelvis, chest), (NECK, chest, head)):
        for bone, share in bones:
            made.put(bone, partly(first, last, share))
    for side in "LR":
        made.put(f"pelvis.{side}", pelvis)
    return pelvis


def _arm(made: _Pose, joints: np.ndarray, side: str, rate: float, hands: dict[str, np.ndarray]) -> None:
    row, rest = H36M17.index, made.body.joints.astype(np.float64)
    upper = _unit(joints[:, row(f"{side}Elbow")] - joints[:, row(f"{side}Shoulder")])
    lower = _unit(joints[:, row(f"{side}Wrist")] - joints[:, row(f"{side}Elbow")])
    chest = made.turn[:, made.body.model.bone("spine01")]
    # The shoulder girdle rises with the arm: about a third of the elevation above 30 degrees (Inman et al. 1944), of
    # which the collar bone shows a half.
    elevation = np.arccos(np.clip(-np.einsum("ti,ti->t", upper, chest[:, :, 2]), -1, 1))
    rise = 0.16 * np.clip(elevation - 0.5, 0, None) * (-1 if side == "L" else 1)
    girdle = chest @ rotation_vectors(np.stack([0 * rise, rise, 0 * rise], axis=-1))
    made.put(f"clavicle.{side}", girdle)
    made.put(f"shoulder01.{side}", girdle)
    shoulder = made.carried(made.body.model.bone(f"shoulder01.{side}"), rest[row(f"{side}Shoulder")])
    names = [f"{side}{name}" for name in ("Shoulder", "Elbow", "Wrist")]
    first, middle, last = (rest[row(name)] for name in names)
    hinge = np.cross(middle - first, last - middle)
    untwisted, turn, below = limb(girdle, (first, middle, last), hinge, upper, lower, rate)
    elbow = shoulder + upper * np.linalg.norm(middle - first)
    wrist = elbow + lower * np.linalg.norm(last - middle)
    pronation = hands[f"forearm.{side}"]
    made.put(f"upperarm01.{side}", partly(untwisted, turn, 0.5), first, shoulder)
    made.put(f"upperarm02.{side}", turn, first, shoulder)
    made.put(f"lowerarm01.{side}", about(lower, 0.3 * pronation) @ below, middle, elbow)
    made.put(f"lowerarm02.{side}", about(lower, 0.8 * pronation) @ below, middle, elbow)
    made.put(f"wrist.{side}", about(lower, pronation) @ below @ hands[f"wrist.{side}"], last, wrist)
    for bone, local in hands.items():
        if bone.endswith(f".{side}") and not bone.startswith(("forearm", "wrist")):
            parent = int(made.body.model.parents[made.body.model.bone(bone)])
            if parent not in made.placed:  # metacarpals move with the wrist
                made.put(made.body.model.bones[parent], made.turn[:, made.body.model.bone(f"wrist.{side}")])
            made.put(bone, made.turn[:, parent] @ local)


def _thigh_and_shank(made: _Pose, joints: np.ndarray, side: str, rate: float, pelvis: np.ndarray) -> None:
    row, rest = H36M17.index, made.body.joints.astype(np.float64)
    first, middle, last = (rest[row(side + name)] for name in ("Hip", "Knee", "Ankle"))
    upper = _unit(joints[:, row(f"{side}Knee")] - joints[:, row(f"{side}Hip")])
    lower = _unit(joints[:, row(f"{side}Ankle")] - joints[:, row(f"{side}Knee")])
    hip = made.carried(made.body.model.bone("root"), first)
    untwisted, turn, below = limb(pelvis, (first, middle, last), np.array([1.0, 0, 0]), upper, lower, rate)
    knee = hip + upper * np.linalg.norm(middle - first)
    ankle = knee + lower * np.linalg.norm(last - middle)
    made.put(f"upperleg01.{side}", partly(untwisted, turn, 0.5), first, hip)
    made.put(f"upperleg02.{side}", turn, first, hip)
    made.put(f"lowerleg01.{side}", below, middle, knee)
    made.put(f"lowerleg02.{side}", below, middle, knee)
    made.put(f"foot.{side}", below, last, ankle)


def limb(
    parent: np.ndarray,
    rest: tuple[np.ndarray, ...],
    hinge: np.ndarray,
    upper: np.ndarray,
    lower: np.ndarray,
    rate: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Turns a limb of two bones to the recorded directions.

    Args:
        parent: (T,3,3) rotation of what carries it.
        rest: Its three joints at rest.
        hinge: (3,) at rest, the axis that its flexion turns about.
        upper: (T,3) unit directions of the first bone.
        lower: (T,3) of the second.
        rate: Frames a second.

    Returns:
        Rotations (T,3,3) from rest of the first bone before and after its twist, and of the second.
    """
    first, second = _unit(rest[1] - rest[0]), _unit(rest[2] - rest[1])
    swung = least(parent @ first, upper) @ parent
    axis = _unit(hinge - hinge @ first * first)
    here, side = swung @ axis, np.cross(upper, swung @ axis)
    wanted = np.cross(upper, lower)
    bend = np.linalg.norm(wanted, axis=-1)
    # Almost straight limbs keep the twist that the frames around them have.
    seen = np.clip((bend - 0.1) / 0.25, 0, 1) ** 2
    phase = (np.einsum("ti,ti->t", wanted, here) + 1j * np.einsum("ti,ti->t", wanted, side)) / np.maximum(bend, 1e-9)
    total = seen * phase
    width = TWIST_SECONDS * rate
    total = gaussian_filter1d(total.real, width, mode="nearest") + 1j * gaussian_filter1d(
        total.imag, width, mode="nearest"
    )
    turn = about(upper, np.angle(total + 0.03)) @ swung
    return swung, turn, least(turn @ second, lower) @ turn


def _onto_floor(made: _Pose, path: np.ndarray) -> None:
    """Moves the body along the path of its Hip, with the soles on the floor."""
    made.place += path[:, None]
    feet = [made.body.model.bone(f"foot.{side}") for side in "LR"]
    heights = made.place[:, feet, 2].min(axis=1)
    rest = made.body.joints[H36M17.rows("left_ankle", "right_ankle"), 2].mean()
    made.place[..., 2] += rest - np.quantile(heights, FLOOR_SHARE)
    made.place[..., :2] -= made.place[len(path) // 2, 0, :2]


def _foot(made: _Pose, side: str) -> None:
    """Feet near the floor stand on sole or toes; in the air they hang a little."""
    row = made.body.model.bone(f"foot.{side}")
    ankle, shank, rest = made.place[:, row], made.turn[:, row], made.rest[row]
    up = np.array([0, 0, 1.0])
    tilt = least(shank @ up, np.broadcast_to(up, ankle.shape))
    flat = tilt @ shank
    toe = made.body.heads[made.body.model.bone(f"toe1-1.{side}")]
    reach = float(np.linalg.norm((toe - rest)[:2]))
    rise = np.clip(ankle[:, 2] - rest[2], 0, _LEG_UP)
    lift = np.arcsin(np.clip(rise / reach, 0, 0.85))
    across = _unit(flat[:, :, 0] * [1, 1, 0])
    stands = about(across, lift) @ flat
    hangs = about(_unit(shank[:, :, 0]), np.full(len(ankle), 0.3)) @ shank
    height = np.clip((ankle[:, 2] - rest[2] - 0.6 * _LEG_UP) / _LEG_UP, 0, 1)
    # A sole does not lie flat where the shank does.
    lying = np.clip((np.arccos(np.clip(shank[:, 2, 2], -1, 1)) - 0.9) / 0.4, 0, 1)
    away = np.maximum(height * height * (3 - 2 * height), lying)
    turn = partly(stands, hangs, away)
    made.turn[:, row] = turn
    back = about(_unit(turn[:, :, 0]), -np.minimum(lift, 0.7) * (1 - away)) @ turn
    for bone in made.body.model.bones:
        if bone.startswith("toe") and bone.endswith(f"-1.{side}"):
            made.put(bone, back)


def frame(joints: np.ndarray, left: str, right: str, low: str, high: str) -> np.ndarray:
    """(...,3,3) whose columns are left, back and up of a part of the trunk, from joints (...,17,3)."""
    row = H36M17.index
    across = _unit(joints[..., row(left), :] - joints[..., row(right), :])
    up = joints[..., row(high), :] - joints[..., row(low), :]
    up = _unit(up - (up * across).sum(axis=-1, keepdims=True) * across)
    return np.stack([across, np.cross(up, across), up], axis=-1)


def _leg(joints: np.ndarray) -> np.ndarray:
    """(...) length of the legs, mean of both sides."""
    hips, knees, ankles = (
        joints[..., H36M17.rows(f"left_{name}", f"right_{name}"), :] for name in ("hip", "knee", "ankle")
    )
    lengths = np.linalg.norm(hips - knees, axis=-1) + np.linalg.norm(knees - ankles, axis=-1)
    return np.asarray(lengths.mean(axis=-1))


def kabsch(model: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(T,3,3) rotations that turn model points (N,3) onto points (T,N,3), both centred (Kabsch 1976)."""
    u, _, vt = np.linalg.svd(np.einsum("tni,nj->tij", points, model))
    sign = np.linalg.det(u @ vt)
    u[:, :, 2] *= sign[:, None]
    return np.asarray(u @ vt)


def about(axis: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """(T,3,3) rotations about unit axes (T,3) by angles (T,)."""
    return rotation_vectors(axis * np.asarray(angle)[:, None])


def least(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """(T,3,3) the least rotations that turn unit vectors (T,3) onto others."""
    axis = np.cross(start, end)
    sine = np.linalg.norm(axis, axis=-1)
    angle = np.arctan2(sine, np.einsum("ti,ti->t", start, end))
    side = np.cross(start, np.where(np.abs(start[:, :1]) < 0.8, [[1.0, 0, 0]], [[0, 1.0, 0]]))
    axis = np.where(sine[:, None] > 1e-9, axis / np.maximum(sine, 1e-9)[:, None], _unit(side))
    return about(axis, angle)


def partly(start: np.ndarray, end: np.ndarray, share: float | np.ndarray) -> np.ndarray:
    """(T,3,3) rotations a share of the way from one to another."""
    between = end @ np.swapaxes(start, -1, -2)
    skew = np.stack(
        [
            between[:, 2, 1] - between[:, 1, 2],
            between[:, 0, 2] - between[:, 2, 0],
            between[:, 1, 0] - between[:, 0, 1],
        ],
        axis=-1,
    )
    sine = np.linalg.norm(skew, axis=-1) / 2
    angle = np.arctan2(sine, (np.trace(between, axis1=1, axis2=2) - 1) / 2)
    return about(_unit(skew), angle * share) @ start


def _unit(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9))
