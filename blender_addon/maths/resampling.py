"""A motion at other times than those of the video's frames: on whole frames of a scene, and only while it is visible.

Positions follow monotone cubics, which neither overshoot nor let a resting joint move (Fritsch and Carlson, SIAM
Journal on Numerical Analysis, 1980); bones keep their lengths and feet in contact their place. Orientations are
interpolated on the sphere (Shoemake, SIGGRAPH 1985). A contact stays one run of frames.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..contract.runs import runs
from ..contract.skeletons import H36M17
from . import ik, rotations
from .arrays import Array
from .motion_file import MotionFile
from .timeline import Timing

_LEGS = (("LHip", "LKnee", "LAnkle"), ("RHip", "RKnee", "RAnkle"))


def on_timeline(motion: MotionFile, timing: Timing) -> MotionFile:
    """A motion with its rows on whole frames of the scene; as it is where they are already, or shall not be."""
    frames = timing.frames(motion.times)
    if not timing.whole or np.array_equal(frames, np.round(frames)):
        return motion
    times = (timing.whole_frames(motion.times) - timing.start) / timing.rate
    return resampled(motion, times, timing.rate)


def visible(motion: MotionFile) -> MotionFile:
    """A motion from the first to the last row in which the person was visible: before and after, poses are made up."""
    rows = np.flatnonzero((motion.confidence > 0.0).any(axis=1))
    if not len(rows) or (rows[0] == 0 and rows[-1] == len(motion) - 1):
        return motion
    part = slice(rows[0], rows[-1] + 1)
    rows_of: dict[str, Any] = {name: getattr(motion, name)[part] for name in _ROWS}
    return replace(
        motion,
        **rows_of,
        parts={name: (turn[part], valid[part]) for name, (turn, valid) in motion.parts.items()},
        values={name: array[part] for name, array in motion.values.items()},
    )


_ROWS = ("world", "camera_R", "camera_t", "confidence", "contacts", "times")


def resampled(motion: MotionFile, times: Array, rate: float) -> MotionFile:
    """A motion at ``times`` (N,) seconds, ``rate`` of them a second; outside the motion its ends are held."""
    old = motion.times
    if len(old) == 1:
        old = np.array([old[0], old[0] + 1.0])
        motion = _repeated(motion)
    times = np.clip(np.asarray(times, np.float64), old[0], old[-1])
    row = np.clip(np.searchsorted(old, times, side="right") - 1, 0, len(old) - 2)
    share = (times - old[row]) / (old[row + 1] - old[row])
    between = share > 0.0

    def linear(values: Array) -> Array:
        weight = share.reshape(-1, *[1] * (values.ndim - 1))
        return (values[row] * (1.0 - weight) + values[row + 1] * weight).astype(np.float32)

    def turned(matrices: Array) -> Array:
        before, after = (rotations.to_quaternions(matrices[at]) for at in (row, row + 1))
        return rotations.to_matrices(rotations.slerp(before, after, share)).astype(np.float32)

    def both(flags: Array) -> Array:
        return flags[row] & (flags[row + 1] | ~between)

    return replace(
        motion,
        world=_joints(motion.world, old, times).astype(np.float32),
        camera_R=turned(motion.camera_R),
        camera_t=linear(motion.camera_t),
        confidence=linear(motion.confidence),
        contacts=np.stack([_contact(flags, old, times) for flags in motion.contacts.T], axis=-1),
        times=times,
        parts={name: (turned(turn), both(valid)) for name, (turn, valid) in motion.parts.items()},
        values={name: linear(array) for name, array in motion.values.items()},
        row_rate=rate,
    )


def _repeated(motion: MotionFile) -> MotionFile:
    """A motion of one row as one of two."""
    rows: dict[str, Any] = {name: np.repeat(getattr(motion, name), 2, axis=0) for name in _ROWS}
    return replace(
        motion,
        **rows,
        parts={name: (np.repeat(turn, 2, axis=0), np.repeat(valid, 2)) for name, (turn, valid) in motion.parts.items()},
        values={name: np.repeat(array, 2) for name, array in motion.values.items()},
    )


def _joints(world: Array, old: Array, times: Array) -> Array:
    """Joints (N,17,3) at ``times`` (N,), with the bone lengths of ``world`` (T,17,3) and its ankles in their place."""
    world = world.astype(np.float64)
    free = monotone_cubic(old, world.reshape(len(old), -1), times).reshape(len(times), *world.shape[1:])
    found = free.copy()
    for parent, child in H36M17.bones:
        length = np.linalg.norm(world[:, child] - world[:, parent], axis=-1).mean()
        found[:, child] = found[:, parent] + length * rotations.unit(free[:, child] - free[:, parent])
    for hip, knee, ankle in (map(H36M17.index, leg) for leg in _LEGS):
        root = found[:, hip]
        forward = np.cross(found[:, H36M17.index("LHip")] - found[:, H36M17.index("RHip")], [0.0, 0.0, 1.0])
        found[:, knee], found[:, ankle] = ik.two_bone_ik(
            root, found[:, knee], found[:, ankle], free[:, ankle], rotations.unit(forward)
        )
    return found


def monotone_cubic(old: Array, values: Array, times: Array) -> Array:
    """Values (N,C) at ``times`` (N,) of the cubics through ``values`` (T,C) at ``old`` (T,), T at least 2.

    Between two values the curve never leaves their range, so that what rests stays at rest.
    """
    step = np.diff(old)[:, None]
    slope = np.diff(values, axis=0) / step
    tangent = np.empty_like(values)
    tangent[0], tangent[-1] = slope[0], slope[-1]
    before, after = 2 * step[1:] + step[:-1], step[1:] + 2 * step[:-1]
    same = slope[:-1] * slope[1:] > 0.0
    safe = [np.where(same, part, 1.0) for part in (slope[:-1], slope[1:])]
    tangent[1:-1] = np.where(same, (before + after) / (before / safe[0] + after / safe[1]), 0.0)
    row = np.clip(np.searchsorted(old, times, side="right") - 1, 0, len(old) - 2)
    h = step[row]
    x = (times - old[row])[:, None] / h
    return (
        (1 + 2 * x) * (1 - x) ** 2 * values[row]
        + x * (1 - x) ** 2 * h * tangent[row]
        + x**2 * (3 - 2 * x) * values[row + 1]
        + x**2 * (x - 1) * h * tangent[row + 1]
    )


def _contact(flags: Array, old: Array, times: Array) -> Array:
    """Contacts (N,) at ``times``: each run of ``flags`` (T,) stays one run, and two runs stay apart."""
    found = np.zeros(len(times), bool)
    end = -1
    for first, after in runs(flags):
        start = max(int(np.searchsorted(times, old[first] - 1e-6)), end + 1)
        stop = int(np.searchsorted(times, old[after - 1] + 1e-6, side="right"))
        if stop <= start:  # shorter than a frame: the one nearest to it
            start = int(np.abs(times - (old[first] + old[after - 1]) / 2).argmin())
            stop = start + 1
            if start <= end:
                continue
        found[start:stop] = True
        end = stop
    return found
