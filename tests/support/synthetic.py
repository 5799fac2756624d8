"""Motions made by rule, with the guarantees of the engine: constant bone lengths, left = right, rigid pelvis."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from blender_addon.contract.skeletons import COCO_ROWS, H36M_ROWS
from blender_addon.maths.motion_file import JOINTS
from blender_addon.maths.rotations import to_matrices
from blender_addon.maths.skeleton import BONES, PARENTS, Rest

PELVIS, THIGH, SHIN, ANKLE = 0.24, 0.42, 0.41, 0.075
LOWER_SPINE, UPPER_SPINE, NECK, HEAD = 0.24, 0.25, 0.12, 0.15
SHOULDER, UPPER_ARM, FOREARM = 0.17, 0.29, 0.25


def _rotation(axis: str, angle: np.ndarray) -> np.ndarray:
    """(T,3,3), right-handed, radians."""
    angle = np.asarray(angle, float)
    c, s, one, zero = np.cos(angle), np.sin(angle), np.ones_like(angle), np.zeros_like(angle)
    rows = {
        "x": [[one, zero, zero], [zero, c, -s], [zero, s, c]],
        "y": [[c, zero, s], [zero, one, zero], [-s, zero, c]],
        "z": [[c, -s, zero], [s, c, zero], [zero, zero, one]],
    }[axis]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def walk(frames: int = 90, rate: float = 30.0, turn: float = 0.6) -> tuple[np.ndarray, np.ndarray]:
    """A person who walks and turns: ``world`` (T,17,3) in metres and ``contacts`` (T,2)."""
    t = np.arange(frames) / rate
    step = 2 * np.pi * 0.9 * t
    yaw = turn * t
    body = _rotation("z", yaw + 0.10 * np.sin(step)) @ _rotation("y", 0.04 * np.sin(step))
    chest = _rotation("z", yaw - 0.15 * np.sin(step)) @ _rotation("x", np.full(frames, 0.08))
    spine = _rotation("z", yaw) @ _rotation("x", np.full(frames, 0.05)) @ _rotation("y", 0.06 * np.sin(step))

    def down(turned: np.ndarray, length: float) -> np.ndarray:
        return turned @ np.array([0.0, 0.0, -length])

    # Straight ahead is -Y; the heading turns, so the path is a curve.
    velocity = 1.1 * np.stack([np.sin(yaw), -np.cos(yaw), np.zeros(frames)], axis=-1)
    hip = np.cumsum(velocity, axis=0) / rate
    hip -= hip[0]
    world = np.zeros((frames, 17, 3))
    for sign, phase, rows in (
        (1.0, 0.0, (4, 5, 6, 11, 12, 13)),
        (-1.0, np.pi, (1, 2, 3, 14, 15, 16)),
    ):
        swing = 0.45 * np.sin(step + phase)
        bend = 0.15 + 0.45 * (1 + np.cos(step + phase)) / 2
        hip_row, knee, ankle, shoulder, elbow, wrist = rows
        # A positive turn about x takes what hangs down backwards, so forwards is negative and knees positive.
        thigh = body @ _rotation("x", -swing)
        world[:, hip_row] = hip + body @ np.array([sign * PELVIS / 2, 0, 0])
        world[:, knee] = world[:, hip_row] + down(thigh, THIGH)
        world[:, ankle] = world[:, knee] + down(thigh @ _rotation("x", bend), SHIN)
        world[:, 7] = hip + spine @ np.array([0, 0, LOWER_SPINE])
        world[:, 8] = world[:, 7] + chest @ np.array([0, 0, UPPER_SPINE])
        world[:, 9] = world[:, 8] + chest @ (NECK * np.array([0, -np.sin(0.4), np.cos(0.4)]))
        world[:, 10] = world[:, 9] + chest @ _rotation("x", 0.1 * np.sin(step)) @ np.array([0, 0, HEAD])
        world[:, shoulder] = world[:, 8] + chest @ (SHOULDER * np.array([sign * np.cos(0.1), 0, -np.sin(0.1)]))
        arm = chest @ _rotation("y", np.full(frames, -sign * 0.15)) @ _rotation("x", 0.5 * np.sin(step + phase))
        world[:, elbow] = world[:, shoulder] + down(arm, UPPER_ARM)
        fold = arm @ _rotation("x", -0.5 - 0.3 * np.sin(step + phase))
        world[:, wrist] = world[:, elbow] + down(fold, FOREARM)
    world[:, 0] = hip
    lowest = world[:, [6, 3], 2]
    world[..., 2] += (ANKLE - lowest.min(axis=1))[:, None]
    contacts = np.abs(world[:, [6, 3], 2] - ANKLE) < 0.01
    return world, contacts


def stroll(frames: int = 90, rate: float = 30.0) -> tuple[np.ndarray, np.ndarray]:
    """As ``walk``, straight on with feet that stand still while they carry, their ankles at ``ANKLE``."""
    world, _ = walk(frames, rate, turn=0.0)
    t = np.arange(frames) / rate
    speed, cycle, carrying = 0.8, 1.0, 0.6
    hip = np.stack([0.02 * np.sin(2 * np.pi * t / cycle), -speed * t, 0.84 + 0.015 * np.cos(4 * np.pi * t)], axis=-1)
    world += (hip - world[:, 0])[:, None]
    contacts = np.zeros((frames, 2), bool)
    for column, (sign, rows) in enumerate(((1.0, (4, 5, 6)), (-1.0, (1, 2, 3)))):
        world[:, rows[0]] = hip + [sign * PELVIS / 2, 0, 0]
        turn = t / cycle + 0.5 * column
        share = turn % 1.0
        contacts[:, column] = share < carrying
        swing = np.clip((share - carrying) / (1 - carrying), 0, 1)
        # Each step lands half a carried stretch ahead of the hip; a swing goes from one to the next.
        step = speed * cycle
        landed = -(np.floor(turn) - 0.5 * column) * step - 0.5 * carrying * step
        ankle = np.stack(
            [
                np.full(frames, sign * 0.09),
                landed - step * swing**2 * (3 - 2 * swing),
                ANKLE + 0.14 * np.sin(np.pi * swing) ** 2,
            ],
            axis=-1,
        )
        span = ankle - world[:, rows[0]]
        distance = np.linalg.norm(span, axis=-1)
        assert distance.max() < THIGH + SHIN
        line = span / distance[:, None]
        along = (THIGH**2 + distance**2 - SHIN**2) / (2 * distance)
        forward = np.array([0.0, -1.0, 0.0]) - line * (-line[:, 1:2])
        forward /= np.linalg.norm(forward, axis=-1, keepdims=True)
        world[:, rows[1]] = world[:, rows[0]] + line * along[:, None]
        world[:, rows[1]] += forward * np.sqrt(THIGH**2 - along**2)[:, None]
        world[:, rows[2]] = ankle
    return world, contacts


def save_motion(
    path: Path,
    world: np.ndarray,
    contacts: np.ndarray,
    rate: float = 30.0,
    first: int = 0,
    distance: float = 4.0,
    confidence: np.ndarray | None = None,
    **changes: object,
) -> Path:
    """Writes a motion file whose camera stands ``distance`` metres in front at a height of 1 m.

    confidence: (T,17), else everything was seen. changes: other facts in ``meta``.
    """
    count = len(world)
    # Camera axes in the world: x right = +X, y down = -Z, z forward = +Y.
    rotation = np.array([[1.0, 0, 0], [0, 0, 1.0], [0, -1.0, 0]])
    translation = np.array([0.0, -distance, 1.0])
    camera = (world - translation) @ rotation  # R^T (world - t)
    pixels = camera[..., :2] / np.maximum(camera[..., 2:], 0.1) * 1100.0 + [640.0, 360.0]
    keypoints = np.ones((count, 17, 3))
    keypoints[:, COCO_ROWS, :2] = pixels[:, H36M_ROWS]
    meta = {
        "fps": rate,
        "width": 1280,
        "height": 720,
        "focal_px": 1100.0,
        "principal_point": [640.0, 360.0],
        "person": 1,
        "height_m": 1.7,
        **changes,
    }
    frames = np.arange(first, first + count, dtype=np.int32)
    np.savez_compressed(
        path,
        joints3d=(camera - camera[:, :1]).astype(np.float32),
        root=camera[:, 0].astype(np.float32),
        world=world.astype(np.float32),
        camera_R=np.repeat(rotation[None], count, axis=0).astype(np.float32),
        camera_t=np.repeat(translation[None], count, axis=0).astype(np.float32),
        keypoints2d=keypoints.astype(np.float32),
        confidence=np.ones((count, 17), np.float32) if confidence is None else confidence.astype(np.float32),
        contacts=contacts,
        frames=frames,
        times=frames / rate,
        meta=np.array(json.dumps(meta)),
    )
    return path


def pose(rest: Rest, rotations: np.ndarray, location: np.ndarray) -> np.ndarray:
    """The joints (T,17,3) of Blender's own forward kinematics: pose-bone rotations (T,B,4), location of the hips."""
    turned, heads = [], []
    world = np.zeros((len(rotations), 17, 3))
    local = to_matrices(rotations)
    for index, (bone, parent) in enumerate(zip(BONES, PARENTS, strict=True)):
        if parent < 0:
            heads.append(rest.heads[index] + location @ rest.frames[index].T)
            turned.append(rest.frames[index] @ local[:, index])
        else:
            offset = rest.frames[parent].T @ (rest.heads[index] - rest.heads[parent])
            heads.append(heads[parent] + turned[parent] @ offset)
            turned.append(turned[parent] @ rest.frames[parent].T @ rest.frames[index] @ local[:, index])
        world[:, JOINTS.index(bone.head)] = heads[index]
        if bone.tail is not None:
            length = np.linalg.norm(rest.tails[index] - rest.heads[index])
            world[:, JOINTS.index(bone.tail)] = heads[index] + turned[index][..., 1] * length
    return world


def mirrored(world: np.ndarray) -> np.ndarray:
    """The same motion seen in a mirror at x = 0."""
    names = [name.replace("L", "?", 1) if name[0] == "L" else name for name in JOINTS]
    names = [name.replace("R", "L", 1) if name[0] == "R" else name.replace("?", "R", 1) for name in names]
    return world[:, [names.index(name) for name in JOINTS]] * [-1.0, 1.0, 1.0]
