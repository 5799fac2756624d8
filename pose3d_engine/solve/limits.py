"""Joint limits: knees and elbows hinge one way, spine and neck stay human; limbs that were lifted into the wrong depth
are put right.

A picture does not tell whether a bone points towards the camera or away: both ends keep their place when it is mirrored
in depth (Lee and Chen, CVGIP 1985; Taylor, CVIU 2000). A limb of two bones thus has four hypotheses, and over time the
one is chosen that bends as limbs do, does not jump, and is the lifter's where nothing speaks against it.
"""

from __future__ import annotations

import numpy as np

from ..contract.skeletons import H36M17

_NUMBER = H36M17.index

LIMBS = tuple(
    tuple(_NUMBER(side + joint) for joint in joints)
    for joints in (("Hip", "Knee", "Ankle"), ("Shoulder", "Elbow", "Wrist"))
    for side in "LR"
)
"""Upper end, hinge and lower end: left and right leg, left and right arm."""

HINGES = {
    "Knee": np.array(
        [
            *([0.76, 0.00, -0.06], [-0.04, 0.39, -0.42], [-0.24, 0.00, -0.04], [0.20, 0.01, 0.06]),
            *([-0.53, -0.08, -0.33], [-0.01, -0.60, -0.27], [0.08, -0.16, -0.54], [0.21, 0.05, 0.14]),
            [0.03, -0.03, 0.04],
        ]
    ),
    "Elbow": np.array(
        [
            *([-0.83, 0.07, 0.11], [0.24, -0.35, 0.33], [0.07, 0.10, 0.23], [-0.01, -0.32, 0.09]),
            *([0.64, -0.46, -0.19], [0.33, 0.24, 0.02], [-0.21, 0.34, 0.56], [-0.11, -0.13, 0.40]),
            [0.06, -0.25, -0.25],
        ]
    ),
}
"""(9,3): the usual axis of a left hinge (upper bone x lower bone) as a polynomial (1, x, y, z, xx, xy, xz, yz, zz) of
the upper bone's direction in the trunk's axes (x left, y up, z forward). Least squares over the training takes of
CMU's motion capture (``mocap_data.split``); which way a limb can bend depends on how it is held (Akhter and Black, CVPR
2015)."""

MOST = {"Knee": 60.0, "Elbow": 95.0}
"""Degrees off the usual axis up to which a hinge can be: 99.9 % of the frames of those takes are within 48 and 92."""

_BENT = 20.0
"""Degrees from which on a limb is bent enough to have an axis."""

SWING_LIMITS = (
    ("Hip", "Spine", "Thorax", 60.0),
    ("Spine", "Thorax", "Neck/Nose", 70.0),
    ("Thorax", "Neck/Nose", "Head", 75.0),
)
"""Degrees by which a bone of the spine turns from the one below it at most; 99.9, 99.9 and 98 % of those frames
are within (the heads of some recordings are broken)."""

_VIOLATION = 4.0
"""Cost of a frame in which a bent hinge is the wrong way; those below are in the same measure."""

_DOUBT_M, _MOST_DOUBT = 0.3, 1.0
"""Metres from where the lifter put it that cost one, and what any distance costs at most."""

_CHANGE = 6.0
"""Cost of a change from one way to another."""

_SPEED, _MOST_JUMP = 4.0, 24.0
"""Metres a second, relative to the trunk, that cost one if they last for a thirtieth of a second, and the most that a
jump costs."""

_ROWS = 20_000
"""Frames whose hypotheses are compared at a time: those of an hour would fill half a gigabyte."""


def violates_limits(joints: np.ndarray) -> np.ndarray:
    """(T,4) bool: limbs (:data:`LIMBS`) that are bent as none can be. joints: (T,17,3), any unit, right-handed axes."""
    found = [_beyond(joints, joints[:, list(limb)], limb) for limb in LIMBS]
    return np.stack([beyond > 0.5 for beyond, _ in found], axis=1)  # half a degree is rounding


def resolve_depth_flips(joints: np.ndarray, root: np.ndarray, fps: float) -> np.ndarray:
    """Joints (T,17,3) whose arms and legs are mirrored in depth where that is likelier, over the whole clip.

    joints: metres, root-relative, camera axes; bones keep their lengths. root: (T,3), about; a bone is mirrored along
    the ray to its end, so that the picture stays the same. Assumes that the trunk is right.

    The cheapest way through four states a frame (Viterbi): a hinge beyond its limit, distance from the lifter's
    joints, and speed cost.
    """
    result = joints.astype(np.float64).copy()
    if not len(joints):
        return result
    for limb in LIMBS:
        chain = result[:, list(limb)]
        hypotheses = _hypotheses(chain + root[:, None]) - root[:, None, None]
        cost = np.empty(hypotheses.shape[:2])
        for state in range(hypotheses.shape[1]):
            beyond, bent = _beyond(result, hypotheses[:, state], limb)
            moved = np.linalg.norm(hypotheses[:, state] - chain, axis=-1).sum(axis=-1)
            cost[:, state] = _MOST_DOUBT * np.minimum(moved / _DOUBT_M, 1.0)
            cost[:, state] += _VIOLATION * bent * np.clip(beyond / 30.0, 0, 1)
        step = np.empty((len(hypotheses) - 1, 4, 4))
        for first in range(0, len(step), _ROWS):
            some = hypotheses[first : first + _ROWS + 1, :, 1:]
            step[first : first + _ROWS] = np.linalg.norm(some[1:, None] - some[:-1, :, None], axis=-1).sum(axis=-1)
        step = np.minimum((step * fps / _SPEED) ** 2 * (30.0 / fps), _MOST_JUMP) + _CHANGE * (1 - np.eye(4))
        way = _cheapest(cost, step)
        result[:, list(limb)] = hypotheses[np.arange(len(hypotheses)), way]
    return result


def clamp_to_limits(joints: np.ndarray) -> np.ndarray:
    """Joints (T,17,3) with what is still beyond a limit brought back to it; bone lengths stay.

    The bones of the spine come nearer to the one below, with all that hangs on them; the lower bone of a limb turns
    about the upper one.
    """
    result = joints.astype(np.float64).copy()
    for low, middle, high, most in SWING_LIMITS:
        _clamp_swing(result, low, middle, high, np.radians(most))
    for limb in LIMBS:
        chain = result[:, list(limb)]
        beyond, _ = _beyond(result, chain, limb)
        upper, lower = _unit(chain[:, 1] - chain[:, 0]), chain[:, 2] - chain[:, 1]
        usual = _usual_axis(result, upper, limb)
        way = np.sign((np.cross(np.cross(upper, lower), usual) * upper).sum(axis=-1))
        result[:, limb[2]] = chain[:, 1] + _about(lower, upper, way * np.radians(beyond))
    return result


def _beyond(joints: np.ndarray, chain: np.ndarray, limb: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Degrees (T,) by which the hinge of a limb, whose joints are ``chain`` (T,3,3), is off its limit, 0 within it; and
    how much it is bent, 0 to 1. A limb that is nearly straight is within."""
    upper, lower = _unit(chain[:, 1] - chain[:, 0]), _unit(chain[:, 2] - chain[:, 1])
    axis = np.cross(upper, lower)
    cosine = (_unit(axis) * _usual_axis(joints, upper, limb)).sum(axis=-1)
    off = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
    bent = np.degrees(np.arctan2(np.linalg.norm(axis, axis=-1), (upper * lower).sum(axis=-1)))
    sure = np.clip((bent - _BENT) / 10, 0, 1)
    return np.where(bent > _BENT, np.maximum(off - MOST[_hinge(limb)], 0), 0), sure


def _hinge(limb: tuple[int, ...]) -> str:
    return H36M17.joints[limb[1]][1:]


def _usual_axis(joints: np.ndarray, upper: np.ndarray, limb: tuple[int, ...]) -> np.ndarray:
    """(T,3): unit vectors across ``upper`` (T,3) about which this limb usually bends; see :data:`HINGES`."""
    leg = _hinge(limb) == "Knee"
    left, right, low, high = ("LHip", "RHip", "Hip", "Spine") if leg else ("LShoulder", "RShoulder", "Spine", "Thorax")
    across = _unit(joints[:, _NUMBER(left)] - joints[:, _NUMBER(right)])
    up = joints[:, _NUMBER(high)] - joints[:, _NUMBER(low)]
    up = _unit(up - (up * across).sum(axis=-1, keepdims=True) * across)
    trunk = np.stack([across, up, np.cross(across, up)], axis=1)
    # A right limb is the mirror image of a left one; an axis of rotation is mirrored the other way about.
    mirror = np.array([1.0, 1, 1] if H36M17.joints[limb[1]][0] == "L" else [-1.0, 1, 1])
    x, y, z = (np.einsum("tij,tj->ti", trunk, upper) * mirror).T
    terms = np.stack([np.ones_like(x), x, y, z, x * x, x * y, x * z, y * z, z * z], axis=-1)
    axis = (terms @ HINGES[_hinge(limb)]) * (mirror * mirror[0])
    axis = np.einsum("tij,ti->tj", trunk, axis)
    return _unit(axis - (axis * upper).sum(axis=-1, keepdims=True) * upper)


def _hypotheses(chain: np.ndarray) -> np.ndarray:
    """(T,3,3) joints of a limb before the camera -> (T,4,3,3): as they are, and each bone and both mirrored in depth.

    The other place on its ray at which a joint is as far from the one above. Nothing comes behind the lens.
    """
    hypotheses = np.repeat(chain[:, None], 4, axis=1)
    upper, lower = chain[:, 1] - chain[:, 0], chain[:, 2] - chain[:, 1]
    for state in (1, 2, 3):
        hypotheses[:, state, 1] = chain[:, 0] + (_mirrored(upper, chain[:, 0], chain[:, 1]) if state & 1 else upper)
        # The lower end follows its hinge at the same depth beside it; that keeps the picture but for perspective.
        hypotheses[:, state, 2] = hypotheses[:, state, 1] + (
            _mirrored(lower, chain[:, 1], chain[:, 2]) if state & 2 else lower
        )
    return hypotheses


def _mirrored(bone: np.ndarray, near: np.ndarray, far: np.ndarray) -> np.ndarray:
    """A bone (T,3) from ``near`` to ``far``, mirrored along the ray to its end."""
    ray = _unit(far)
    along = 2 * (ray * near).sum(axis=-1, keepdims=True) - np.linalg.norm(far, axis=-1, keepdims=True)
    return np.where(along > 0.1, ray * along - near, bone)


def _cheapest(cost: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """(T,) the states of the cheapest way; cost (T,S), steps (T-1,S,S) from a state to the next row's (Viterbi)."""
    came = np.zeros(cost.shape, int)
    total = cost[0]
    for row in range(1, len(cost)):
        every = total[:, None] + steps[row - 1]
        came[row] = every.argmin(axis=0)
        total = every.min(axis=0) + cost[row]
    way = np.empty(len(cost), int)
    way[-1] = int(total.argmin())
    for row in range(len(cost) - 1, 0, -1):
        way[row - 1] = came[row, way[row]]
    return way


def _clamp_swing(joints: np.ndarray, low: str, middle: str, high: str, most: float) -> None:
    """Moves ``high`` of (T,17,3), and all that hangs on it, so that its bone turns by no more than ``most`` radians."""
    base, hinge, end = (joints[:, _NUMBER(joint)] for joint in (low, middle, high))
    below, bone = _unit(hinge - base), end - hinge
    size = np.linalg.norm(bone, axis=-1, keepdims=True)
    beside = _unit(bone - (bone * below).sum(axis=-1, keepdims=True) * below)
    limit = size * (np.cos(most) * below + np.sin(most) * beside)
    inside = (bone * below).sum(axis=-1, keepdims=True) >= np.cos(most) * size
    moved = np.where(inside, 0, limit - bone)
    joints[:, H36M17.below(high)] += moved[:, None]


def _about(vectors: np.ndarray, axis: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Vectors (T,3) turned about unit axes (T,3) by radians (T,): Rodrigues' formula."""
    cosine, sine = np.cos(angle)[:, None], np.sin(angle)[:, None]
    along = (vectors * axis).sum(axis=-1, keepdims=True) * axis
    return cosine * vectors + sine * np.cross(axis, vectors) + (1 - cosine) * along


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)
