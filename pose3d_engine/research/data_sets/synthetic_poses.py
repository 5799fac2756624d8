"""Synthetic poses: joint angles drawn within human limits, with a foot on the floor and balance over it.

Recorded motion is mostly upright. This adds rare motion (deep leans on one leg, squats, splits, crawling, sitting,
falling): key poses a second or so apart, between which the angles move with minimum jerk (Flash and Hogan, The
Coordination of Arm Movements, Journal of Neuroscience 1985), and a body that is rotated as a whole so that its centre
of mass is over its support.

Axes of the body: x to its left, y up, z forward. Angles are radians; those of the right side are as of the left,
mirrored. Ranges are those of textbooks on goniometry (Norkin and White), rounded, with the extremes made rarer.
"""

from __future__ import annotations

import numpy as np

from ...contract.skeletons import H36M17
from ...solve.body import LENGTHS, centre_of_mass
from .kinematics import rotation_vectors

FREE, ONE_LEG, BOTH_LEGS, SEATED, STRAIGHT = range(5)
SHARES = (0.15, 0.25, 0.2, 0.15, 0.25)
"""Shares of the stances: any at all, on one leg, on both, seated, upright on both with straight knees."""

LIMITS: dict[str, tuple[float, float]] = {
    "back_bend": (-0.5, 1.1),
    "back_side": (-0.45, 0.45),
    "back_twist": (-0.6, 0.6),
    "chest_bend": (-0.35, 0.6),
    "chest_side": (-0.35, 0.35),
    "chest_twist": (-0.5, 0.5),
    "neck_bend": (-0.7, 0.8),
    "neck_side": (-0.5, 0.5),
    "neck_twist": (-1.0, 1.0),
    "hip_bend": (-0.6, 2.1),
    "hip_side": (-0.35, 1.0),
    "hip_twist": (-0.6, 0.7),
    "knee": (0.0, 2.5),
    "arm_raise": (0.0, 2.9),
    "arm_plane": (-0.7, 2.3),
    "arm_twist": (-1.2, 1.5),
    "elbow": (0.0, 2.5),
}
"""Range of each angle, radians. Bends are forward, sides outward. ``arm_plane`` is the vertical plane in which the arm
is raised: 0 sideways, pi/2 forward."""

REST: dict[str, float] = {"knee": 0.15, "elbow": 0.35, "arm_raise": 0.3, "arm_plane": 0.8, "hip_bend": 0.1}
"""Angles that are not 0 in a person who stands at ease, radians."""

_MIDDLE = ("back", "chest", "neck")
_SIDED = ("hip", "knee", "arm", "elbow")

_FACE = np.array([[0, 20, 65], [32, 55, 45], [-32, 55, 45], [75, 35, -35], [-75, 35, -35]]) / 1000
"""Nose, eyes and ears (left first) from the joint Neck/Nose in the head's axes, metres; as in
docs/contributor/training.md."""


def motion(rng: np.random.Generator, n: int, length: int, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Draws motion.

    Args:
        rng: Random generator.
        n: Samples.
        length: Frames of a sample.
        rate: Frames a second.

    Returns:
        Joints (n, length, 17, 3) and face (n, length, 5, 3), metres, Y up.
    """
    stance = rng.choice(len(SHARES), n, p=SHARES)
    joints, face = pose_from_angles(_angles(rng, stance, length, rate))
    turn, ground = _stand(rng, stance, joints)
    return np.matmul(joints - ground, turn).astype(np.float32), np.matmul(face - ground, turn).astype(np.float32)


def _angles(rng: np.random.Generator, stance: np.ndarray, length: int, rate: float) -> dict[str, np.ndarray]:
    """Each angle over time: (n, length, 1) of the middle, (n, length, 2) of left and right."""
    n = len(stance)
    seconds = np.exp(rng.uniform(np.log(0.35), np.log(2.5), n))  # between key poses
    keys = int(length / rate / 0.35) + 3
    at = np.arange(length)[None] / rate / seconds[:, None] + rng.random((n, 1))
    low = at.astype(int)
    t = at - low
    blend = (t**3 * (10 - 15 * t + 6 * t**2))[..., None]
    rows = np.arange(n)[:, None]
    restless = rng.uniform(0.1, 1.0, (n, 1, 1))
    extreme = np.clip(rng.normal(0.75, 0.25, (n, 1, 1)), 0.2, 1)
    one, both, seated, straight = (stance == kind for kind in (ONE_LEG, BOTH_LEGS, SEATED, STRAIGHT))
    found = {}
    for name, (least, most) in LIMITS.items():
        sides = 2 if name.startswith(_SIDED) else 1
        rest = REST.get(name, 0.0)

        def draw(
            *shape: int, rest: float = rest, least: float = least, most: float = most, sides: int = sides
        ) -> np.ndarray:
            # Away from rest in either direction, in proportion to its range; large angles are rarer.
            way = rng.random((*shape, sides)) * (most - least) > rest - least
            share = np.abs(rng.normal(0, 0.5, (*shape, sides))).clip(0, 1)
            return rest + share * np.where(way, most - rest, least - rest)

        base, key = draw(n, 1), draw(n, keys)
        if name in ("hip_bend", "knee"):
            # Both legs bend alike in a stance on both; a single supporting leg is straighter; seated: see below.
            for values in (base, key):
                values[both] = values[both][..., :1] + 0.25 * (values[both] - values[both][..., :1])
                values[one, :, 0] *= 0.6 if name == "knee" else 1.0
        poses = rest + (base + restless * (key - base) - rest) * extreme
        if name in ("hip_bend", "knee"):
            poses[seated] = 1.5 + 0.3 * (poses[seated] - rest - 0.5)
        if name == "knee":
            poses[straight] = np.abs(rng.normal(0, 0.03, poses[straight].shape)).clip(0, 0.08)
        elif name.startswith(("hip", "back", "chest")):
            poses[straight] *= np.where(rng.random((int(straight.sum()), 1, 1)) < 0.7, 0.12, 0.4)
        found[name] = poses[rows, low] * (1 - blend) + poses[rows, low + 1] * blend
    # A straight knee limits the bend of the hip.
    found["hip_bend"] = np.minimum(found["hip_bend"], 1.4 + 0.6 * found["knee"])
    return found


def pose_from_angles(angles: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Returns joints and face for angles, with the Hip at the origin, the pelvis upright and facing z."""
    n, length = angles["knee"].shape[:2]
    joints = np.zeros((n, length, 17, 3))

    def place(joint: str, parent: str, axes: np.ndarray, direction: np.ndarray) -> None:
        bone = direction / np.linalg.norm(direction, axis=-1, keepdims=True)
        size = LENGTHS[joint if joint in LENGTHS else "R" + joint[1:]][0]
        start = joints[:, :, H36M17.index(parent)]
        joints[:, :, H36M17.index(joint)] = start + size * np.matmul(axes, bone[..., None])[..., 0]

    def part(name: str) -> np.ndarray:
        return rotation_vectors(np.concatenate([angles[f"{name}_{way}"] for way in ("bend", "twist", "side")], axis=-1))

    back = part("back")
    chest = back @ part("chest")
    head = chest @ part("neck")
    place("Spine", "Hip", rotation_vectors(angles["back_bend"] * [0.3, 0, 0]), np.array([0, 1, 0.0]))
    place("Thorax", "Spine", back, np.array([0, 1, -0.05]))
    place("Neck/Nose", "Thorax", chest, np.array([0, 0.105, 0.045]))
    place("Head", "Neck/Nose", head, np.array([0, 0.13, -0.03]))
    face = joints[:, :, None, H36M17.index("Neck/Nose")] + _FACE @ np.swapaxes(head, -1, -2)
    for side, (letter, sign) in enumerate((("L", 1), ("R", -1))):
        mirror = np.array([1, sign, sign])  # of a rotation vector
        a = {name: values[..., side : side + 1] for name, values in angles.items() if name.startswith(_SIDED)}
        place(letter + "Hip", "Hip", np.eye(3), np.array([sign, 0, 0.0]))
        thigh = rotation_vectors(np.concatenate([-a["hip_bend"], 0 * a["knee"], a["hip_side"]], axis=-1) * mirror)
        thigh = thigh @ rotation_vectors(a["hip_twist"] * [0, -1, 0] * mirror)
        place(letter + "Knee", letter + "Hip", thigh, np.array([0, -1, 0.0]))
        place(
            letter + "Ankle", letter + "Knee", thigh @ rotation_vectors(a["knee"] * [1, 0, 0]), np.array([0, -1, 0.0])
        )

        # The shoulder rises with a raised arm.
        shrug = 0.3 * np.maximum(a["arm_raise"] - 0.8, 0)
        up = np.concatenate([sign * np.cos(shrug), np.sin(shrug), 0 * shrug], axis=-1)
        place(letter + "Shoulder", "Thorax", chest, up)
        plane = np.concatenate([-np.sin(a["arm_plane"]), 0 * a["knee"], np.cos(a["arm_plane"])], axis=-1)
        arm = (
            chest
            @ rotation_vectors(a["arm_raise"] * plane * mirror)
            @ rotation_vectors(a["arm_twist"] * [0, -1, 0] * mirror)
        )
        place(letter + "Elbow", letter + "Shoulder", arm, np.array([0, -1, 0.0]))
        place(
            letter + "Wrist", letter + "Elbow", arm @ rotation_vectors(a["elbow"] * [-1, 0, 0]), np.array([0, -1, 0.0])
        )
    return joints, face


def _stand(rng: np.random.Generator, stance: np.ndarray, joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns rotations (n, T, 3, 3), for rows times matrix, and the fixed points (n, T, 1, 3)."""
    n, length = joints.shape[:2]
    index = H36M17.index
    ankles = joints[:, :, [index("LAnkle"), index("RAnkle")]]
    ground = np.where(
        (stance == ONE_LEG)[:, None, None],
        ankles[:, :, 0],
        np.where(np.isin(stance, (BOTH_LEGS, STRAIGHT))[:, None, None], ankles.mean(axis=2), joints[:, :, 0]),
    )
    standing = np.isin(stance, (ONE_LEG, BOTH_LEGS, STRAIGHT))
    over = np.where(standing[:, None, None], centre_of_mass(joints) - ground, [0, 1, 0])
    over /= np.maximum(np.linalg.norm(over, axis=-1, keepdims=True), 1e-6)
    axis = np.cross(over, [0, 1, 0])
    sine = np.linalg.norm(axis, axis=-1, keepdims=True)
    balance = rotation_vectors(axis / np.maximum(sine, 1e-6) * np.arctan2(sine, over[..., 1:2]))
    # Balance is never exact, and some bodies fall; free stances have any orientation, seated ones lean a little.
    off = np.where(rng.random(n) < 0.2, 0.4, 0.1)
    off = np.where(stance == STRAIGHT, 0.04, off)
    off = np.where(stance == FREE, rng.uniform(0, np.pi, n), np.abs(rng.normal(0, off)))
    way = rng.normal(size=(n, 3)) * [1, 0.3, 1]
    way /= np.linalg.norm(way, axis=-1, keepdims=True)
    swing = 1 + 0.3 * np.sin(rng.uniform(0, 6.28, (n, 1)) + rng.uniform(0.5, 4, (n, 1)) * np.arange(length) / 30)
    lean = rotation_vectors((off[:, None] * swing)[..., None] * way[:, None])
    return np.swapaxes(lean @ balance, -1, -2), ground[:, :, None]
