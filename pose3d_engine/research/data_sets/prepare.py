"""Motion capture files as training data: CMU's ASF/AMC and BVH conversions of them -> the file of ``mocap_data``.

Bodies become Human3.6M's 17 joints and five points of the face:

- Hip: the middle of the hip joints. Thorax: the point on the line from the joint below the neck to the neck that is as
  high as the shoulders in the take's median. Spine: 47.6 % of the way from the hip along the back to the thorax.
- Neck/Nose, Head and the face: fixed places in the head's own axes, from the joint at its base, see :data:`HEAD`.
- All others: the joints of the skeleton where the limb begins; the wrist is the end of the forearm.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ...contract import arrays as npz
from ...contract import atomic
from ...contract.errors import UserError
from ...contract.skeletons import H36M17
from ...progress import Progress, silent
from . import acclaim, bvh
from .kinematics import Recording, at_rest, forward
from .mocap_data import RATE

UNIT = 1e-4
"""Metres; unit of the stored int16 joints."""

AMC_RATE = 120.0
"""Frames a second of an .amc file, which does not hold it. A few of CMU's takes have 60."""

SPINE = 0.476
"""Position of the spine's joint as a share of the way from hip to thorax, as in Human3.6M."""

HEAD = np.array([[0, 0.02, 0.04], [0, 0.15, 0.01]])
"""Neck/Nose and Head: left, up and forward of the joint at the base of the head, metres."""
FACE = np.array([[0, 0.04, 0.105], [0.032, 0.075, 0.085], [-0.032, 0.075, 0.085], [0.075, 0.055, 0.005]])
FACE = np.concatenate([FACE, FACE[-1:] * (-1, 1, 1)])
"""Nose, left eye, right eye, left ear, right ear, likewise: an adult's head of average size."""

SHORTEST = 25
"""Minimum length of a clip, frames."""
SPEED = 25.0
"""Maximum speed of a joint, m/s: faster is a jump in the file."""
ACCELERATION = 1500.0
"""Maximum acceleration of a joint, m/s²: a punch has less, a joint that is wrong for one frame has more."""
LEG = (0.55, 1.25)
"""Range of a person's length from hip to ankle, metres: other lengths are in other units."""

LIMBS = ("Hip", "Knee", "Ankle", "Shoulder", "Elbow", "Wrist")

SCHEMES = (
    # Acclaim's names; a joint is where the bone of its name starts.
    ("l r", "{}femur {}tibia {}foot {}humerus {}radius {}wrist", "upperneck", "head"),
    # cgspeed's conversions of CMU's takes: for MotionBuilder, for Daz Studio, for 3ds Max; and what others share.
    ("left right", "{}upleg {}leg {}foot {}arm {}forearm {}hand", "neck1", "head"),
    ("left right", "{}upleg {}leg {}foot {}arm {}forearm {}hand", "neck", "head"),
    ("l r", "{}thigh {}shin {}foot {}shldr {}forearm {}hand", "neck", "head"),
    ("left right", "{}hip {}knee {}ankle {}shoulder {}elbow {}wrist", "neck", "head"),
)
"""The sides, their :data:`LIMBS`, the neck and the base of the head, in lower case. The first match is used."""


@dataclass(frozen=True)
class Motion:
    """joints (T,17,3) and face (T,5,3), metres, Y up, at ``rate`` frames a second."""

    joints: np.ndarray
    face: np.ndarray
    rate: float


def prepare(folders: Iterable[Path], output: Path, amc_rate: float = AMC_RATE, progress: Progress = silent) -> int:
    """Converts all .amc and .bvh files below ``folders`` to one mocap file.

    Args:
        folders: Folders with takes.
        output: The mocap file.
        amc_rate: Frames a second of .amc files.
        progress: Called before each take.

    Returns:
        The number of clips.

    Raises:
        UserError: The first file that is damaged or not a person's; nothing is written then.
    """
    if not 10 <= amc_rate <= 1000:
        raise UserError(f"--amc-rate {amc_rate:g}: no rate of motion capture; give frames a second, 10 to 1000")
    atomic.require_writable(output)
    takes = find_takes(folders)
    joints, faces, roots, sources, names = [], [], [], [], []
    for i, path in enumerate(takes):
        progress("takes converted", i, len(takes))
        clips = [
            clip for part in _uncut(motion_of(path, amc_rate)) if len((clip := resampled(part)).joints) >= SHORTEST
        ]
        for k, clip in enumerate(clips):
            root = clip.joints[:, :1]
            joints.append(_quantised(clip.joints - root, path))
            faces.append(_quantised(clip.face - root, path))
            roots.append((root[:, 0] - root[:, 0].mean(axis=0) * (1, 0, 1)).astype(np.float32))
            folder = path.absolute().parent.name
            sources.append(f"{path.suffix[1:].lower()}_{folder}")
            names.append(f"{folder}/{path.name}" + (f"#{k}" if len(clips) > 1 else ""))
    progress("takes converted", len(takes), len(takes))
    if not joints:
        raise UserError(f"no clip of {SHORTEST / RATE:.1f} s or longer in {len(takes)} files; give longer takes")
    arrays = {
        "joints_q": np.concatenate(joints),
        "face_q": np.concatenate(faces),
        "root": np.concatenate(roots),
        "start": np.cumsum([0, *map(len, roots)]).astype(np.int32),
        "source": np.array(sources),
        "name": np.array(names),
        "fps": np.float32(RATE),
        "unit_m": np.float32(UNIT),
    }
    npz.save_npz(output, arrays)
    return len(names)


def find_takes(folders: Iterable[Path]) -> list[Path]:
    """Returns all .amc and .bvh files below the folders, each take of CMU's once: the original before conversions.

    A duplicate take could be in training and validation at once.

    Raises:
        UserError: There are none.
    """
    found: dict[Path, None] = {}
    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"{folder}: no such folder; give one with .asf and .amc or .bvh files")
        below = (path for path in sorted(folder.rglob("*")) if path.suffix.lower() in (".amc", ".bvh"))
        found.update(dict.fromkeys(path for path in below if path.is_file()))
    if not found:
        raise UserError(f"{', '.join(map(str, folders))}: no .amc or .bvh file below; see docs/contributor/training.md")
    takes: dict[str, Path] = {}
    for path in sorted(found, key=lambda path: path.suffix.lower() != ".amc"):
        cmu = re.fullmatch(r"[0-9]{1,3}_[0-9]{1,2}", path.stem)
        takes.setdefault(path.stem if cmu else str(path.absolute()), path)
    return sorted(takes.values())


def motion_of(path: Path, amc_rate: float = AMC_RATE) -> Motion:
    """Returns the motion of an .amc or .bvh file.

    Raises:
        UserError: The file is damaged or not an upright person's.
    """
    recording = acclaim.read(path, amc_rate) if path.suffix.lower() == ".amc" else bvh.read(path)
    roles = _roles(recording, path)
    recording = _with_thorax(recording, roles["neck"])
    metres = _unit(recording, roles, path)
    left_up_forward = _facing(at_rest(recording), roles, path)
    positions, axes = forward(recording)
    head = axes[:, roles["head"]] @ left_up_forward
    positions *= metres

    def in_head(offsets: np.ndarray) -> np.ndarray:
        return positions[:, roles["head"], None] + offsets @ np.swapaxes(head, -1, -2)

    joints = np.empty((len(positions), len(H36M17.joints), 3))
    for side in "LR":
        for role in LIMBS:
            joints[:, H36M17.index(side + role)] = positions[:, roles[side + role]]
    hip = (positions[:, roles["LHip"]] + positions[:, roles["RHip"]]) / 2
    back = _back(recording, roles["neck"])
    if not back:
        raise UserError(f"{path}: its neck hangs on its hip, so it has no back to bend; take it out")
    thorax = _thorax(positions, back[-1], roles)
    joints[:, H36M17.index("Hip")] = hip
    joints[:, H36M17.index("Thorax")] = thorax
    joints[:, H36M17.index("Spine")] = _along(np.stack([hip, *(positions[:, j] for j in back), thorax], axis=1), SPINE)
    joints[:, 9:11] = in_head(HEAD)
    return Motion(joints, in_head(FACE), recording.rate)


def _roles(recording: Recording, path: Path) -> dict[str, int]:
    """Returns the joint of each role: LHip, ..., RWrist, neck, head."""
    # Some programs write the name of the character before a colon.
    names = [name.rpartition(":")[2].lower() for name in recording.names]
    for sides, limbs, neck, head in SCHEMES:
        wanted = {"neck": neck, "head": head}
        for side, word in zip("LR", sides.split(), strict=True):
            wanted.update({side + role: name.format(word) for role, name in zip(LIMBS, limbs.split(), strict=True)})
        if all(name in names for name in wanted.values()):
            return {role: names.index(name) for role, name in wanted.items()}
    raise UserError(f"{path}: no skeleton with CMU's names (such as LeftUpLeg or lfemur) in it; take it out")


def _with_thorax(recording: Recording, neck: int) -> Recording:
    """Restores the bone that conversions for MotionBuilder lose, which puts neck and shoulders 11 cm too low.

    CMU's back has three bones of nearly the same length, so the third gets the length of the second.
    """
    lower_neck = recording.parents[neck]
    chest = recording.parents[lower_neck] if lower_neck >= 0 else -1
    lost = chest >= 0 and recording.parents[chest] >= 0 and not recording.offsets[lower_neck].any()
    if not lost:
        return recording
    offsets, translations = recording.offsets.copy(), recording.translations.copy()
    for joint in np.flatnonzero(recording.parents == chest):
        if not recording.offsets[joint].any():
            offsets[joint] += recording.offsets[chest]
            translations[:, joint] += recording.offsets[chest]
    return replace(recording, offsets=offsets, translations=translations)


def _unit(recording: Recording, roles: dict[str, int], path: Path) -> float:
    """Returns the file's unit, metres: the one that gives legs of human length."""
    bones = [roles[side + role] for side in "LR" for role in ("Knee", "Ankle")]
    leg = float(np.linalg.norm(recording.offsets[bones], axis=-1).sum() / 2)
    for metres in recording.metres:
        if LEG[0] <= leg * metres <= LEG[1]:
            return metres
    lengths = " or ".join(f"{leg * metres:.3g}" for metres in recording.metres)
    raise UserError(f"{path}: legs of {lengths} m, no person's; check the unit of its skeleton")


def _facing(rest: np.ndarray, roles: dict[str, int], path: Path) -> np.ndarray:
    """Returns (3,3) whose columns are left, up and forward of the skeleton at rest, which stands along Y."""
    left = (rest[roles["LHip"]] - rest[roles["RHip"]]) * (1, 0, 1)
    hip = (rest[roles["LHip"]] + rest[roles["RHip"]]) / 2
    up = rest[roles["head"]] - hip
    if up[1] < 0.8 * np.linalg.norm(up) or not left.any():
        raise UserError(f"{path}: its skeleton does not stand upright along Y at rest; export it with Y up")
    left /= np.linalg.norm(left)
    return np.stack([left, (0, 1, 0), np.cross(left, (0, 1, 0))], axis=-1)


def _back(recording: Recording, neck: int) -> list[int]:
    """Returns the joints from the pelvis up to the one below the neck, without the root, which is at the hip."""
    up: list[int] = []
    joint = neck
    while recording.parents[joint] >= 0 and recording.parents[recording.parents[joint]] >= 0:
        # Joints at the same position count once.
        moved = recording.offsets[joint].any()
        joint = int(recording.parents[joint])
        if moved:
            up.insert(0, joint)
    return up


def _thorax(positions: np.ndarray, chest: int, roles: dict[str, int]) -> np.ndarray:
    """Returns (T,3) on the line from the chest to the neck, as high as the shoulders in the median."""
    start = positions[:, chest]
    line = positions[:, roles["neck"]] - start
    shoulders = (positions[:, roles["LShoulder"]] + positions[:, roles["RShoulder"]]) / 2 - start
    share = np.median((shoulders * line).sum(axis=-1) / (line * line).sum(axis=-1))
    return start + share * line


def _along(line: np.ndarray, share: float) -> np.ndarray:
    """Returns the points (T,3) at a share of the length of polylines (T,n,3)."""
    lengths = np.linalg.norm(np.diff(line, axis=1), axis=-1)
    reached = np.concatenate([np.zeros((len(line), 1)), np.cumsum(lengths, axis=1)], axis=1)
    wanted = share * reached[:, -1:]
    segment = np.clip((reached <= wanted).sum(axis=1) - 1, 0, lengths.shape[1] - 1)[:, None]
    rest = (wanted - np.take_along_axis(reached, segment, 1)) / np.take_along_axis(lengths, segment, 1)
    start, end = (np.take_along_axis(line, (segment + k)[..., None], 1)[:, 0] for k in (0, 1))
    return start + rest * (end - start)


def _uncut(motion: Motion) -> list[Motion]:
    """Returns the stretches between jumps. The T-pose that conversions put before a take is one, and too short."""
    jumps = glitches(motion.joints, motion.rate)
    return [
        Motion(joints, face, motion.rate)
        for joints, face in zip(np.split(motion.joints, jumps), np.split(motion.face, jumps), strict=True)
    ]


def glitches(joints: np.ndarray, rate: float) -> np.ndarray:
    """Finds frames that begin with a jump: a step faster than people move, or far longer than both its neighbours.

    Args:
        joints: (T,17,3) metres.
        rate: Frames a second.

    Returns:
        Indices of the frames, ascending.
    """
    steps = np.diff(joints, axis=0)
    if len(steps) < 2:
        around = steps
    else:
        around = (np.concatenate([steps[1:2], steps[:-1]]) + np.concatenate([steps[1:], steps[-2:-1]])) / 2
    length, expected, deviation = (np.linalg.norm(vectors, axis=-1) for vectors in (steps, around, steps - around))
    # The steps beside a jump deviate too, because they are short.
    jump = (length * rate > SPEED) | ((deviation * rate**2 > ACCELERATION) & (length > expected))
    return np.flatnonzero(jump.any(axis=1)) + 1


def resampled(motion: Motion) -> Motion:
    """Returns the motion at :data:`RATE`, interpolated linearly.

    There is no low pass before: bodies hardly move above half the rate, and a filter would shorten fast limbs.
    """
    last = len(motion.joints) - 1
    at = np.arange(int(last / motion.rate * RATE + 1e-6) + 1) * motion.rate / RATE
    # Rounded frame times (119.9999 frames a second) must not drift between the frames of a long take.
    at = np.minimum(np.where(np.abs(at - at.round()) < 0.05, at.round(), at), last)
    low = np.floor(at).astype(int)
    high = np.minimum(low + 1, last)
    blend = (at - low)[:, None, None]

    def mixed(points: np.ndarray) -> np.ndarray:
        return points[low] * (1 - blend) + points[high] * blend

    return Motion(mixed(motion.joints), mixed(motion.face), RATE)


def _quantised(points: np.ndarray, path: Path) -> np.ndarray:
    """Returns root-relative points in :data:`UNIT`."""
    farthest = float(np.abs(points).max())
    if not farthest / UNIT < np.iinfo(np.int16).max:  # nor if it is no number
        raise UserError(f"{path}: a joint {farthest:.3g} m from the hip, no person's; take it out")
    return np.rint(points / UNIT).astype(np.int16)
