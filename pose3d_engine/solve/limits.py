"""Joint limits: knees and elbows hinge one way, spine and neck swing within human limits.

One picture does not say whether a bone points towards the camera or away: mirrored in depth, both ends keep their place
in the picture (Lee and Chen, CVGIP 1985; Taylor, CVIU 2000). A limb of two bones thus has four hypotheses. The sequence
is chosen over time that bends as limbs do, does not jump, and agrees with the 3D model.
"""

from __future__ import annotations

import numpy as np

from ..contract.skeletons import H36M17
from .vectors import dot, norm, reject, rotate_about, unit

_ROW = H36M17.index

LIMBS = tuple(
    tuple(_ROW(side + joint) for joint in joints)
    for joints in (("Hip", "Knee", "Ankle"), ("Shoulder", "Elbow", "Wrist"))
    for side in "LR"
)
"""Upper end, hinge and lower end: left and right leg, left and right arm."""

# fmt: off
HINGES = {
    "Knee": np.reshape([
        0.76, 0.00, -0.06, -0.04, 0.39, -0.42, -0.24, 0.00, -0.04, 0.20, 0.01, 0.06, -0.53, -0.08, -0.33,
        -0.01, -0.60, -0.27, 0.08, -0.16, -0.54, 0.21, 0.05, 0.14, 0.03, -0.03, 0.04], (9, 3)),
    "Elbow": np.reshape([
        -0.83, 0.07, 0.11, 0.24, -0.35, 0.33, 0.07, 0.10, 0.23, -0.01, -0.32, 0.09, 0.64, -0.46, -0.19,
        0.33, 0.24, 0.02, -0.21, 0.34, 0.56, -0.11, -0.13, 0.40, 0.06, -0.25, -0.25], (9, 3)),
}
# fmt: on
"""(9,3): the usual axis of a left hinge (upper bone x lower bone) as a polynomial (1, x, y, z, xx, xy, xz, yz, zz) of
the upper bone's direction in the trunk's axes (x left, y up, z forward). Least squares over the training takes of CMU's
motion capture (``mocap_data.split``); the limits of a limb depend on its pose (Akhter and Black, CVPR 2015)."""

MAX_HINGE_DEG = {"Knee": 60.0, "Elbow": 95.0}
"""Largest angle between a hinge's axis and its usual one: 99.9 % of those frames are within 48 and 92 degrees."""

_BENT_DEG = 20.0  #: A limb that is bent less has no axis.

SWING_LIMITS = (
    ("Hip", "Spine", "Thorax", 60.0),
    ("Spine", "Thorax", "Neck/Nose", 70.0),
    ("Thorax", "Neck/Nose", "Head", 75.0),
)
"""Largest angle in degrees between two bones of the spine; 99.9, 99.9 and 98 % of those frames are within (the heads of
some recordings are broken)."""

_VIOLATION_COST, _CHANGE_COST = 4.0, 6.0  #: Of a frame with a bent hinge beyond its limit; of a change of hypothesis.
_DISTANCE_M, _MAX_DISTANCE_COST = 0.3, 1.0  #: Distance from the 3D model's joints that costs 1; the largest cost.
_SPEED, _MAX_JUMP_COST = 4.0, 24.0  #: m/s relative to the trunk that cost 1 if they last for 1/30 s; the largest cost.
_ROWS = 20_000  #: Frames whose hypotheses are compared at a time: those of an hour would need half a gigabyte.


def violates_limits(joints: np.ndarray) -> np.ndarray:
    """Finds limbs beyond their limit: joints (T,17,3), any unit, right-handed axes -> (T,4) bool, as LIMBS."""
    found = [_violation(joints, joints[:, list(limb)], limb) for limb in LIMBS]
    return np.stack([beyond > 0.5 for beyond, _ in found], axis=1)  # half a degree is rounding


def resolve_depth_flips(joints: np.ndarray, root: np.ndarray, fps: float) -> np.ndarray:
    """Mirrors arms and legs in depth where that is more likely over the whole clip; bones keep their lengths.

    Finds the cheapest sequence of the four hypotheses (Viterbi) from violated limits, distance from the 3D model's
    joints, and speed. A bone is mirrored along the ray to its end, so the picture stays the same. ``joints``: (T,17,3)
    metres, root-relative, camera axes, the trunk right; ``root``: (T,3) Hip, approximate.
    """
    result = joints.astype(np.float64).copy()
    for limb in LIMBS:
        chain = result[:, list(limb)]
        hypotheses = _hypotheses(chain + root[:, None]) - root[:, None, None]
        cost = np.empty(hypotheses.shape[:2])
        for state in range(hypotheses.shape[1]):
            beyond, bent = _violation(result, hypotheses[:, state], limb)
            moved = np.linalg.norm(hypotheses[:, state] - chain, axis=-1).sum(axis=-1)
            cost[:, state] = _MAX_DISTANCE_COST * np.minimum(moved / _DISTANCE_M, 1.0)
            cost[:, state] += _VIOLATION_COST * bent * np.clip(beyond / 30.0, 0, 1)
        step = np.empty((len(hypotheses) - 1, 4, 4))
        for first in range(0, len(step), _ROWS):
            some = hypotheses[first : first + _ROWS + 1, :, 1:]
            step[first : first + _ROWS] = np.linalg.norm(some[1:, None] - some[:-1, :, None], axis=-1).sum(axis=-1)
        step = np.minimum((step * fps / _SPEED) ** 2 * (30.0 / fps), _MAX_JUMP_COST) + _CHANGE_COST * (1 - np.eye(4))
        result[:, list(limb)] = hypotheses[np.arange(len(hypotheses)), _viterbi(cost, step)]
    return result


def clamp_to_limits(joints: np.ndarray) -> np.ndarray:
    """Moves joints (T,17,3) beyond a limit back to it; bones keep their lengths.

    A bone of the spine swings towards the one below, with all joints that depend on it; the lower bone of a limb
    rotates about the upper one.
    """
    result = joints.astype(np.float64).copy()
    for low, middle, high, degrees in SWING_LIMITS:
        most = np.radians(degrees)
        base, hinge, end = (result[:, _ROW(joint)] for joint in (low, middle, high))
        below, bone = unit(hinge - base), end - hinge
        size = norm(bone)
        limit = size * (np.cos(most) * below + np.sin(most) * unit(reject(bone, below)))
        inside = dot(bone, below) >= np.cos(most) * size
        result[:, H36M17.below(high)] += np.where(inside, 0, limit - bone)[:, None]
    for limb in LIMBS:
        chain = result[:, list(limb)]
        beyond, _ = _violation(result, chain, limb)
        upper, lower = unit(chain[:, 1] - chain[:, 0]), chain[:, 2] - chain[:, 1]
        usual = _usual_axis(result, upper, limb)
        direction = np.sign(dot(np.cross(np.cross(upper, lower), usual), upper))
        result[:, limb[2]] = chain[:, 1] + rotate_about(lower, upper, direction * np.radians(beyond)[:, None])
    return result


def _violation(joints: np.ndarray, chain: np.ndarray, limb: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Degrees (T,) by which the hinge of a limb with joints ``chain`` (T,3,3) is beyond its limit, and how much the
    limb is bent (T,), 0 to 1. A nearly straight limb is within."""
    upper, lower = unit(chain[:, 1] - chain[:, 0]), unit(chain[:, 2] - chain[:, 1])
    axis = np.cross(upper, lower)
    cosine = dot(unit(axis), _usual_axis(joints, upper, limb))[:, 0]
    off = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
    bent = np.degrees(np.arctan2(np.linalg.norm(axis, axis=-1), dot(upper, lower)[:, 0]))
    beyond = np.where(bent > _BENT_DEG, np.maximum(off - MAX_HINGE_DEG[_hinge(limb)], 0), 0)
    return beyond, np.clip((bent - _BENT_DEG) / 10, 0, 1)


def _hinge(limb: tuple[int, ...]) -> str:
    return H36M17.joints[limb[1]][1:]


def _usual_axis(joints: np.ndarray, upper: np.ndarray, limb: tuple[int, ...]) -> np.ndarray:
    """(T,3) unit vectors across ``upper`` (T,3): the limb's usual axis, see :data:`HINGES`."""
    leg = _hinge(limb) == "Knee"
    left, right, low, high = ("LHip", "RHip", "Hip", "Spine") if leg else ("LShoulder", "RShoulder", "Spine", "Thorax")
    across = unit(joints[:, _ROW(left)] - joints[:, _ROW(right)])
    up = unit(reject(joints[:, _ROW(high)] - joints[:, _ROW(low)], across))
    trunk = np.stack([across, up, np.cross(across, up)], axis=1)
    # A right limb is the mirror image of a left one; a mirrored axis of rotation changes its sign as well.
    mirror = np.array([1.0, 1, 1] if H36M17.joints[limb[1]][0] == "L" else [-1.0, 1, 1])
    x, y, z = (np.einsum("tij,tj->ti", trunk, upper) * mirror).T
    terms = np.stack([np.ones_like(x), x, y, z, x * x, x * y, x * z, y * z, z * z], axis=-1)
    axis = (terms @ HINGES[_hinge(limb)]) * (mirror * mirror[0])
    return unit(reject(np.einsum("tij,ti->tj", trunk, axis), upper))


def _hypotheses(chain: np.ndarray) -> np.ndarray:
    """(T,3,3) joints of a limb, camera axes -> (T,4,3,3): unchanged, upper, lower and both bones mirrored in depth."""
    hypotheses = np.repeat(chain[:, None], 4, axis=1)
    upper, lower = chain[:, 1] - chain[:, 0], chain[:, 2] - chain[:, 1]
    for state in (1, 2, 3):
        hypotheses[:, state, 1] = chain[:, 0] + (_mirrored(upper, chain[:, 0], chain[:, 1]) if state & 1 else upper)
        # The lower end keeps its place relative to the hinge; that keeps the picture, except for perspective.
        end = _mirrored(lower, chain[:, 1], chain[:, 2]) if state & 2 else lower
        hypotheses[:, state, 2] = hypotheses[:, state, 1] + end
    return hypotheses


def _mirrored(bone: np.ndarray, near: np.ndarray, far: np.ndarray) -> np.ndarray:
    """A bone (T,3) from ``near`` to ``far``, mirrored along the ray to its end, unless it would end near the lens."""
    ray = unit(far)
    along = 2 * dot(ray, near) - norm(far)
    return np.where(along > 0.1, ray * along - near, bone)


def _viterbi(cost: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """(T,) the cheapest sequence of states, for costs (T,S) and steps (T-1,S,S) to the next row's states."""
    predecessor = np.zeros(cost.shape, int)
    total = cost[0]
    for row in range(1, len(cost)):
        every = total[:, None] + steps[row - 1]
        predecessor[row] = every.argmin(axis=0)
        total = every.min(axis=0) + cost[row]
    states = np.empty(len(cost), int)
    states[-1] = int(total.argmin())
    for row in range(len(cost) - 1, 0, -1):
        states[row - 1] = predecessor[row, states[row]]
    return states
