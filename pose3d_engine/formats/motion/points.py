"""Human3.6M joints from points by name: detectors' layouts in 3D, and markers of .trc and .c3d files."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from ...contract.errors import UserError
from ...contract.skeletons import H36M17
from .motion3d import middles

_LIMBS = tuple(
    f"{side}_{part}" for part in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist") for side in ("left", "right")
)

_MARKERS: dict[str, str] = {
    "hip": "{s}hip {s}hjc {s}hjc_study",
    "knee": "{s}knee {s}kjc {s}kne+{s}kneem {s}_knee_study+{s}_mknee_study {s}kne",
    "ankle": "{s}ankle {s}ajc {s}ank+{s}ankm {s}_ankle_study+{s}_mankle_study {s}ank",
    "shoulder": "{s}shoulder {s}sjc {s}_shoulder_study {s}sho",
    "elbow": "{s}elbow {s}ejc {s}elb+{s}elbm {s}_lelbow_study+{s}_melbow_study {s}elb",
    "wrist": "{s}wrist {s}wjc {s}wra+{s}wrb {s}_lwrist_study+{s}_mwrist_study {s}wra",
    "ear": "{s}ear {s}bhd",
}
"""What files call the points of a side (``{s}``: l or r), the best first; + means the middle of several. OpenPose and
Halpe names, OpenCap's augmented markers, Vicon's Plug-in Gait."""

_MIDDLE = {
    "nose": "nose lfhd+rfhd",
    "head_top": "head headtop vertex htop",
}


def by_role(points: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Points (T,3) by role (``left_hip``) of points by a file's own names. Upper and lower case, dots, spaces and what
    stands before a colon do not matter. UserError is left to :func:`to_h36m`."""
    short = {re.sub(r"[\s.]", "", name.rpartition(":")[2]).lower(): value for name, value in points.items()}
    short |= {re.sub(r"^(left|right)_?", lambda match: match[0][0], name): value for name, value in short.items()}
    wanted = {
        f"{side}_{part}": text.replace("{s}", side[0]) for part, text in _MARKERS.items() for side in ("left", "right")
    } | _MIDDLE
    found = {}
    for role, text in wanted.items():
        for choice in text.split():
            names = choice.split("+")
            if all(name in short for name in names):
                found[role] = np.mean([short[name] for name in names], axis=0)
                break
    pelvis = [short[name] for name in ("lasi", "rasi", "lpsi", "rpsi") if name in short]
    if "left_hip" not in found and len(pelvis) == 4:
        found["left_hip"], found["right_hip"] = _hips(*pelvis)
    return found


def _hips(left: np.ndarray, right: np.ndarray, left_back: np.ndarray, right_back: np.ndarray) -> tuple[np.ndarray, ...]:
    """The hip joints of the markers (T,3) on the pelvis (Bell et al., Human Movement Science, 1989)."""
    front = (left + right) / 2
    width = np.linalg.norm(left - right, axis=-1, keepdims=True)
    across, ahead = _unit(left - right), front - (left_back + right_back) / 2
    ahead = _unit(ahead - (ahead * across).sum(axis=-1, keepdims=True) * across)
    middle = front - width * (0.19 * ahead + 0.30 * np.cross(ahead, across))
    return middle + 0.36 * width * across, middle - 0.36 * width * across


def to_h36m(roles: Mapping[str, np.ndarray], where: str) -> np.ndarray:
    """(T,17,3) Human3.6M joints from points (T,3) by role, the same unit and axes.

    Neck/Nose and Head are on the head: placed by nose and ears where the file has them, else by neck, nose and crown.

    Raises:
        UserError: Points that no other replaces are missing; ``where`` the file is.
    """
    missing = [role for role in _LIMBS if role not in roles]
    if missing:
        raise UserError(f"{where}: has no point for {', '.join(missing[:4])}; name the points as OpenPose does (LHip)")
    joints = np.full((len(roles[_LIMBS[0]]), 17, 3), np.nan)
    for role in _LIMBS:
        joints[:, H36M17.roles[role]] = roles[role]
    middles(joints)
    hip, thorax = joints[:, H36M17.index("Hip")], joints[:, H36M17.index("Thorax")]
    sizes = np.linalg.norm(thorax - hip, axis=-1)
    size = np.median(sizes[np.isfinite(sizes)]) if np.isfinite(sizes).any() else np.nan
    across = joints[:, H36M17.index("LShoulder")] - joints[:, H36M17.index("RShoulder")]
    if "nose" in roles and "left_ear" in roles:
        ears = (roles["left_ear"] + roles["right_ear"]) / 2 if "right_ear" in roles else roles["left_ear"]
        face = roles["nose"] - ears
        up = np.cross(face, roles["left_ear"] - roles["right_ear"]) if "right_ear" in roles else np.cross(face, across)
        up = size * up / np.maximum(np.linalg.norm(up, axis=-1, keepdims=True), 1e-12)
        nose, head = ears + 0.4 * face - 0.055 * up, ears + 0.16 * up
    else:
        trunk = thorax - hip
        crown = roles.get("head_top")
        up = trunk if crown is None else size * _unit(crown - thorax)
        nose = thorax + 0.65 * (roles["nose"] - thorax) if "nose" in roles else thorax + 0.24 * up
        head = thorax + 0.43 * up
    joints[:, H36M17.index("Neck/Nose")], joints[:, H36M17.index("Head")] = nose, head
    return joints


def _unit(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12))
