"""Frames that an animator should check, because nobody moves like that, or because the video shows something else."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...contract.runs import runs
from ...contract.skeletons import COCO_ROWS, H36M_ROWS
from .. import confidence
from .. import rotations as rot
from ..arrays import Array
from ..motion_file import MotionFile
from .motion import Motion, Posed

_LEAST_USUAL = np.radians(600.0)
"""Radians/s^2: the angular acceleration that counts as usual in a motion however calm."""
_JUMP, _TRUNK_JUMP = 600.0, 300.0
"""Degrees a second by which a bone may turn faster than two frames before and after: limbs, and hips to head. People
exceed it in 1 of 10,000 values (CMU motion capture, 24,715 frames at 30 a second: 99.99 % of thighs 689, shins 595,
feet 626, upper arms 478, chest 347, spine 218)."""
_FOLDED = 165.0
"""Degrees by which knees and elbows bend at most. 99.99 % of CMU motion capture (42,130 values): 163."""
_FORWARD = 10.0
"""Degrees by which a shin may lie before its thigh. CMU motion capture: 0."""
_TWISTED = 90.0
"""Degrees between chest and hips. CMU motion capture (21,065 frames): 77 at most."""
_DRIFT = 0.01
"""Metres by which a foot may move while the capture says that it stands. Captures with locked feet: below 0.0002."""
_OFF, _JOINT_OFF = 0.05, 0.12
"""Shares of the person's height by which the body, and one joint, may be off the image. In each of seven captured clips
(the demo clip and six difficult ones) 90 % of the frames are below 0.037 and 0.104."""
_VISIBLE = 0.5
"""Score of a keypoint that is worth comparing."""
_SHORTEST = 2
"""Frames that a body is off the image, or a foot drifts, at least."""


@dataclass(frozen=True)
class Doubt:
    """A range to check: first and last row of a motion, the kind of problem, and what it is, for people."""

    first: int
    last: int
    kind: str
    text: str


def find_jerks(motion: Motion, bones: Sequence[int], times: float = 8.0) -> list[Doubt]:
    """Where a bone changes its angular velocity abruptly.

    Args:
        motion: the motion to check.
        bones: rows of the bones to check.
        times: how often an acceleration exceeds the usual one: the 90th percentile of the bone's own, at least
            600 degrees/s^2.
    """
    if len(motion.frames) < 4:
        return []
    velocity = np.degrees(_velocities(motion, bones))
    acceleration = np.linalg.norm(np.diff(velocity, axis=0), axis=-1) / motion.step
    usual = np.maximum(np.percentile(acceleration, 90, axis=0), np.degrees(_LEAST_USUAL))
    flags = np.zeros((len(motion.frames), len(bones)), bool)
    flags[1:-1] = acceleration > times * usual
    return [
        Doubt(first, after - 1, "jerks", f"{motion.rig.names[bone]} jerks")
        for column, bone in enumerate(bones)
        for first, after in runs(flags[:, column], 1)
    ]


def find_jumps(motion: Motion, bones: Sequence[int], trunk: Collection[int]) -> list[Doubt]:
    """Where a bone turns from one frame to the next far more than before and after.

    trunk: rows of the bones from the hips to the head and the shoulders, which turn more slowly than limbs.
    """
    if len(motion.frames) < 6:
        return []
    speed = np.degrees(np.linalg.norm(_velocities(motion, bones), axis=-1))
    around = np.pad(speed, ((2, 2), (0, 0)), mode="edge")
    # At an end there is only one side; a fast movement that begins there is none.
    faster = speed - np.maximum(around[:-4], around[4:])
    limits = np.where([bone in trunk for bone in bones], _TRUNK_JUMP, _JUMP)
    found = []
    for column, bone in enumerate(bones):
        for first, after in runs(faster[:, column] > limits[column], 1):
            degrees = speed[first:after, column].max() * motion.step
            text = f"{motion.rig.names[bone]} turns {degrees:.0f}\N{DEGREE SIGN} in one frame"
            found.append(Doubt(first, after, "jumps", text))
    return found


def _velocities(motion: Motion, bones: Sequence[int]) -> Array:
    """Angular velocities (T-1,B,3) of bones, radians a second."""
    q = motion.rotations[:, list(bones)]
    turn = rot.nearest_sign(rot.multiply(q[1:], rot.inverse(q[:-1])), rot.IDENTITY)
    half = np.linalg.norm(turn[..., 1:], axis=-1, keepdims=True)
    return turn[..., 1:] / np.maximum(half, 1e-9) * 2 * np.arctan2(half, turn[..., :1]) / motion.step


def beyond_limits(motion: Motion, posed: Posed, slots: Mapping[str, int]) -> list[Doubt]:
    """Where knees, elbows or the back bend as no joint does.

    slots: rows of bones by slot of a bone map.
    """
    rig = motion.rig
    found: list[Doubt] = []

    def add(name: str, flags: Array, what: str) -> None:
        found.extend(Doubt(first, after - 1, "beyond limits", f"{name} {what}") for first, after in runs(flags, 1))

    def along(first: str, second: str) -> Array:
        return rot.unit(posed.heads[:, slots[second]] - posed.heads[:, slots[first]])

    for side in "LR":
        for upper, lower, end in (("thigh", "shin", "foot"), ("upper_arm", "forearm", "hand")):
            chain = [f"{limb}.{side}" for limb in (upper, lower, end)]
            if not all(slot in slots for slot in chain):
                continue
            name, one, two = rig.names[slots[chain[1]]], along(*chain[:2]), along(*chain[1:])
            add(name, (one * two).sum(axis=-1) < np.cos(np.radians(_FOLDED)), "is folded beyond its limit")
            if upper == "thigh" and {"thigh.L", "thigh.R"} <= set(slots):
                left = rig.heads[slots["thigh.L"]] - rig.heads[slots["thigh.R"]]
                front = rot.rotate(rot.inverse(rig.rest[slots[chain[0]]]), rot.unit(np.cross([0.0, 0.0, 1.0], -left)))
                ahead = (rot.rotate(posed.rotations[:, slots[chain[0]]], front) * two).sum(axis=-1)
                add(name, ahead > np.sin(np.radians(_FORWARD)), "bends forwards")
    if {"hips", "spine"} <= set(slots):
        hips, chest = (
            rot.multiply(posed.rotations[:, row], rot.inverse(rig.rest[row])) for row in (slots["hips"], slots["spine"])
        )
        add(rig.names[slots["spine"]], np.degrees(rot.angle(hips, chest)) > _TWISTED, "turns away from the hips")
    return found


def drifting(heads: Array, contact: Array, name: str) -> list[Doubt]:
    """Where an ankle (T,3), metres, moves although its foot stands; ``contact`` (T,) bool."""
    found = []
    for first, after in runs(contact):
        way = float(np.ptp(heads[first:after], axis=0).max())
        if way > _DRIFT and after - first >= _SHORTEST:
            found.append(Doubt(first, after - 1, "drifting feet", f"{name} drifts {1000 * way:.0f} mm while it stands"))
    return found


def off_the_image(motion: MotionFile, keypoints: Array) -> list[Doubt]:
    """Where the captured body does not lie over the person in the video: rows of the motion file.

    keypoints: (T,17,3) COCO-17 pixels and score.
    """
    camera = np.einsum("tji,tkj->tki", motion.camera_R, motion.world - motion.camera_t[:, None])
    depth = np.maximum(camera[..., 2], 1e-3)
    focal = float(motion.meta["focal_px"])
    pixels = camera[..., :2] / depth[..., None] * focal + np.asarray(motion.meta["principal_point"], float)
    visible = keypoints[:, COCO_ROWS, 2] > _VISIBLE
    away = np.linalg.norm(pixels[:, H36M_ROWS] - keypoints[:, COCO_ROWS, :2], axis=-1)
    away = np.where(visible, away, 0.0) * (depth[:, :1] / (focal * float(motion.meta.get("height_m", 1.7))))
    body = np.where(visible.sum(axis=1) >= 6, away.sum(axis=1) / np.maximum(visible.sum(axis=1), 1), 0.0)
    found = []
    for first, after in runs((body > _OFF) | (away.max(axis=1) > _JOINT_OFF), 1):
        if after - first >= _SHORTEST:
            off = max(float(body[first:after].max()), 0.0)
            what = f"the body is {off:.0%} of its height off the image" if off > _OFF else "a joint is off the image"
            found.append(Doubt(first, after - 1, "off the image", what))
    return found


def interpolated(motion: MotionFile) -> list[Doubt]:
    """Where a limb or the whole person was hardly visible: rows of the motion file."""
    spans = runs(confidence.is_low(motion.confidence))
    return [Doubt(first, after - 1, "interpolated", "hardly visible in the video") for first, after in spans]
