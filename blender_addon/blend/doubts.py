"""Looks for frames to check in an armature's motion: in its keys, and in the capture that they came from."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import bpy
import numpy as np

from ..contract import motion_file as contract
from ..contract.errors import UserError
from ..maths import motion_file
from ..maths.clean_up import suspicious_frames
from ..maths.clean_up.motion import Motion
from ..maths.clean_up.suspicious_frames import Doubt
from . import actions, bone_motion, character, fcurves, provenance

KEY = "video_to_mocap_doubts"
"""Custom property of an Action: what was found in which frames, as JSON: first frame, last frame, text."""

_TRUNK = ("hips", "spine", "neck", "head", "shoulder.L", "shoulder.R")


def find(
    context: bpy.types.Context, armature: bpy.types.Object, bag: Any, motion: Motion, bones: list[int]
) -> tuple[list[Doubt], str]:
    """The doubts about a motion, in rows of it, and what could not be looked at; empty if all could.

    bones: rows of the bones whose own turns are looked at.
    """
    bone_map = character.recognised(armature)
    rows = {name: row for row, name in enumerate(motion.rig.names)}
    slots = {slot: rows[names[-1]] for slot, names in bone_map.bones.items()} if bone_map else {}
    trunk = {rows[bone] for slot in _TRUNK for bone in bone_map.bones.get(slot, ())} if bone_map else set()
    posed = bone_motion.posed(context, armature, motion, slots.values())
    found = [
        *suspicious_frames.find_jerks(motion, bones),
        *suspicious_frames.find_jumps(motion, bones, trunk),
        *suspicious_frames.beyond_limits(motion, posed, slots),
    ]
    capture = _capture(armature)
    if isinstance(capture, str):
        return found, capture
    take, keypoints, frames = capture
    nearest = np.interp(motion.frames, frames, np.arange(len(frames))).round().astype(int)
    within = (motion.frames >= frames[0] - 0.5) & (motion.frames <= frames[-1] + 0.5)
    for column, side in enumerate("LR"):
        if f"foot.{side}" in slots:
            foot = slots[f"foot.{side}"]
            contact = take.contacts[nearest, column] & within
            found += suspicious_frames.drifting(posed.heads[:, foot], contact, motion.rig.names[foot])
    for doubt in (*suspicious_frames.off_the_image(take, keypoints), *suspicious_frames.interpolated(take)):
        inside = motion.rows_in(frames[doubt.first] - 0.5, frames[doubt.last] + 0.5)
        if len(inside):
            found.append(Doubt(int(inside[0]), int(inside[-1]), doubt.kind, doubt.text))
    return found, ""


def _capture(armature: bpy.types.Object) -> tuple[motion_file.MotionFile, np.ndarray, np.ndarray] | str:
    """The capture that the Action came from: its motion file, its keypoints (T,17,3), and the frame of each row (T,).
    Without one, the reason."""
    action = armature.animation_data.action
    noted = provenance.read(action) or provenance.read(armature)
    if noted is None:
        return "image and contacts were not compared: the motion is not from a capture"
    if action.get(actions.RETIMED):
        return "image and contacts were not compared: the time of the motion was scaled"
    try:
        take = motion_file.load(noted.motion)
        keypoints = contract.read(noted.motion, ("keypoints2d",))[0]["keypoints2d"]
    except UserError:
        return f"image and contacts were not compared: {noted.motion.name} is missing or damaged"
    raw = action.get(actions.RAW) or action
    first, last = raw.frame_range
    seconds = take.times - take.times[0]
    return take, keypoints, first + seconds * ((last - first) / max(float(seconds[-1]), 1e-9))


def note(armature: bpy.types.Object, bag: Any, motion: Motion, found: list[Doubt]) -> np.ndarray:
    """Notes what was found on the Action. Returns the frames (N,) of keys to mark: those in a range, or next to it."""
    action = armature.animation_data.action
    spans = [(float(motion.frames[doubt.first]), float(motion.frames[doubt.last]), doubt.text) for doubt in found]
    action[KEY] = json.dumps(spans)
    keys = bone_motion.key_frames(bag)
    chosen = [np.empty(0)]
    for first, last, _ in spans:
        inside = keys[(keys >= first - fcurves.SAME_FRAME) & (keys <= last + fcurves.SAME_FRAME)]
        chosen.append(inside if len(inside) else keys[[int(np.abs(keys - first).argmin())]])
    return np.unique(np.concatenate(chosen))


def at(armature: bpy.types.Object, first: float, last: float) -> str:
    """What was found between two frames, in words; empty if nothing is noted."""
    try:
        spans = json.loads(armature.animation_data.action.get(KEY, "[]"))
        texts = [str(text) for start, end, text in spans if start <= last + 0.5 and end >= first - 0.5]
    except (ValueError, TypeError):
        return ""
    return "; ".join(dict.fromkeys(texts))


def summary(found: list[Doubt]) -> str:
    """How many there are of each kind, in words."""
    return ", ".join(f"{count} {kind}" for kind, count in Counter(doubt.kind for doubt in found).items())
