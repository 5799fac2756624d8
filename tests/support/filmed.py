"""A generated walker in front of a virtual camera: what the tests of lifting and motion know the truth of."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np

from pose3d_engine import pipeline
from pose3d_engine.contract.motion_file import Motion
from pose3d_engine.contract.people_file import People, VideoInfo
from pose3d_engine.contract.skeletons import COCO17, COCO_ROWS, H36M17, H36M_ROWS, HALPE26
from pose3d_engine.research.data_sets.stand_ins import walker
from pose3d_engine.solve import feet, kinematics, skeleton, solver, terms
from pose3d_engine.solve.body import ANKLE_HEIGHT, HEEL_BACK, LENGTHS, TOE_FORWARD
from pose3d_engine.solve.vectors import unit
from pose3d_engine.take import LEVEL_CAMERA, CameraTilt

WIDTH, HEIGHT, FOCAL = 1280, 720, 1280 / 2 / np.tan(np.radians(30))
"""A picture whose longer side spans the default field of view of 60 degrees."""

AHEAD = 0.09  #: Metres of the hips before the ankles of somebody in balance.


def walk(frames: int = 120, fps: float = 30.0, seed: int = 0) -> np.ndarray:
    """(frames,17,3) joints in camera axes, metres, 5 m before a level camera 1.2 m over the floor."""
    world = walker(frames, fps, np.random.default_rng(seed)) + np.array([0.0, 5.0, -1.2])
    return world @ LEVEL_CAMERA  # the inverse of world = R camera is its transpose


def project(joints: np.ndarray) -> np.ndarray:
    """(T,17,3) Human3.6M joints, camera axes -> (T,17,2) COCO pixels; the face is where the nose is."""
    coco = np.repeat(joints[:, 9:10], 17, axis=1)
    coco[:, COCO_ROWS] = joints[:, H36M_ROWS]
    # Eyes and ears beside the nose, so that the head has a width.
    for name, side in (("left_eye", 1), ("right_eye", -1), ("left_ear", 2), ("right_ear", -2)):
        coco[:, COCO17.index(name), 0] += 0.03 * side
    return coco[..., :2] / coco[..., 2:] * FOCAL + [WIDTH / 2, HEIGHT / 2]


def people(*tracks: np.ndarray, fps: float = 30.0) -> People:
    """People with perfect scores from (T,17,2) pixels a person; NaN are not seen."""
    keypoints = np.stack([np.concatenate([track, np.ones((*track.shape[:2], 1))], axis=-1) for track in tracks])
    keypoints[..., 2][np.isnan(keypoints[..., 0])] = 0
    count, frames = keypoints.shape[:2]
    boxes = np.concatenate([keypoints[..., :2].min(axis=2), keypoints[..., :2].max(axis=2)], axis=-1)
    info = VideoInfo("walk.mp4", WIDTH, HEIGHT, fps, frames / fps, frames, 0)
    records = [
        {"person": row + 1, "first": 0, "last": frames - 1, "coverage": 1.0, "score": 1.0} for row in range(count)
    ]
    return People(
        keypoints.astype(np.float32),
        boxes.astype(np.float32),
        np.arange(frames, dtype=np.int32),
        np.arange(frames) / fps,
        {"people": records, "video": asdict(info), "detector": "generated"},
    )


def figure(hips: np.ndarray, ankles: np.ndarray) -> np.ndarray:
    """(T,17,3) an upright body of the canonical size, z up, that faces -Y with its left to +X: the Hip is at ``hips``
    (T,3), left and right ankle are at ``ankles`` (T,2,3), knees bend ahead, arms hang."""
    size = {joint[1:] if joint[0] == "R" else joint: length for joint, (length, _) in LENGTHS.items()}
    body, row = np.zeros((len(hips), 17, 3)), H36M17.index
    body[:, 0] = hips
    for parent, joint in (("Hip", "Spine"), ("Spine", "Thorax"), ("Thorax", "Neck/Nose"), ("Neck/Nose", "Head")):
        body[:, row(joint)] = body[:, row(parent)] + [0, 0, size[joint]]
    for side, sign, ankle in (("L", 1, ankles[:, 0]), ("R", -1, ankles[:, 1])):
        hip = body[:, row(f"{side}Hip")] = hips + [sign * size["Hip"], 0, 0]
        reach = ankle - hip
        distance = np.linalg.norm(reach, axis=-1, keepdims=True)
        assert distance.max() < size["Knee"] + size["Ankle"], "legs are too short"
        line = reach / distance
        along = (size["Knee"] ** 2 + distance**2 - size["Ankle"] ** 2) / (2 * distance)
        ahead = np.array([0.0, -1.0, 0.0]) + line * line[:, 1:2]
        ahead *= np.sqrt(size["Knee"] ** 2 - along**2) / np.linalg.norm(ahead, axis=-1, keepdims=True)
        body[:, row(f"{side}Knee")], body[:, row(f"{side}Ankle")] = hip + line * along + ahead, ankle
        body[:, row(f"{side}Shoulder")] = body[:, row("Thorax")] + [sign * size["Shoulder"], 0, 0]
        body[:, row(f"{side}Elbow")] = body[:, row(f"{side}Shoulder")] - [0, 0, size["Elbow"]]
        body[:, row(f"{side}Wrist")] = body[:, row(f"{side}Elbow")] + size["Wrist"] * np.array([0, -0.5, -(0.75**0.5)])
    return body


def standing(frames: int = 60, bend: float = 0.0, apart: float = 0.2) -> np.ndarray:
    """(T,17,3) somebody who stands still at the origin, as :func:`figure`, with knees bent by ``bend`` radians."""
    thigh, shank = LENGTHS["RKnee"][0], LENGTHS["RAnkle"][0]
    reach = np.sqrt(thigh**2 + shank**2 + 2 * thigh * shank * np.cos(bend)) - 1e-6
    ankles = np.zeros((frames, 2, 3)) + [[[apart / 2, 0, ANKLE_HEIGHT], [-apart / 2, 0, ANKLE_HEIGHT]]]
    aside = LENGTHS["RHip"][0] - apart / 2
    height = ANKLE_HEIGHT + np.sqrt(reach**2 - aside**2 - AHEAD**2)
    return figure(np.zeros((frames, 3)) + [0, -AHEAD, height], ankles)


def strides(frames: int = 90, fps: float = 30.0, climb: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A walk along -Y from the origin, at 0.8 m/s, each footstep ``climb`` metres over the last one.

    Returns:
        Joints (T,17,3) as :func:`figure`; places of the toes (T,2,3); (T,2) bool, left and right foot on the ground.
        Soles are flat, then roll over the toe for an eighth of a second.
    """
    t = np.arange(frames) / fps
    step, flat, roll = 0.4, 0.475, 0.125  # metres, and shares of a cycle of one second
    height = 0.84 + 2 * climb * (t - 0.45) + 0.01 * np.cos(4 * np.pi * t)
    hips = np.stack([0 * t, -2 * step * t - AHEAD, height], axis=-1)
    ankles, toes, down = np.zeros((frames, 2, 3)), np.zeros((frames, 2, 3)), np.zeros((frames, 2), bool)
    for foot, sign in enumerate((1, -1)):
        turn, share = np.divmod(t + 0.5 * foot, 1.0)
        number = 2 * turn - foot
        swing = np.clip((share - flat - roll) / (1 - flat - roll), 0, 1)
        fade = swing**2 * (3 - 2 * swing)

        def sole(number: np.ndarray, angle: np.ndarray, x: float = 0.09 * sign) -> tuple[np.ndarray, np.ndarray]:
            """Ankle and toe of a footstep whose heel is lifted by an angle."""
            toe = np.stack([0 * t + x, -step * (number + 0.6) - TOE_FORWARD, climb * number], axis=-1)
            back = TOE_FORWARD * np.cos(angle) - ANKLE_HEIGHT * np.sin(angle)
            up = TOE_FORWARD * np.sin(angle) + ANKLE_HEIGHT * np.cos(angle)
            return toe + np.stack([0 * t, back, up], axis=-1), toe

        lift = np.radians(35) * np.clip((share - flat) / roll, 0, 1) ** 2
        (ankle, toe), (next_ankle, next_toe) = sole(number, lift), sole(number + 2, 0 * t)
        arc = np.stack([0 * t, 0 * t, 0.08 * np.sin(np.pi * swing) ** 2], axis=-1)
        ankles[:, foot] = ankle + fade[:, None] * (next_ankle - ankle) + arc
        toes[:, foot] = toe + fade[:, None] * (next_toe - toe) + arc
        down[:, foot] = share <= flat + roll
    return figure(hips, ankles), toes, down


def wobble(shape: tuple[int, ...], size: float, fps: float = 30.0, seed: int = 0) -> np.ndarray:
    """Slow errors (T,...) of a 3D model: a sine of 0.3 to 1.5 Hz for each value, ``size`` its standard deviation."""
    rng, t = np.random.default_rng(seed), np.arange(shape[0]).reshape(-1, *(1,) * (len(shape) - 1)) / fps
    rate, phase = rng.uniform(0.3, 1.5, shape[1:]), rng.uniform(0, 2 * np.pi, shape[1:])
    return size * np.sqrt(2) * np.sin(2 * np.pi * rate * t + phase)


def turned(points: np.ndarray, degrees: float) -> np.ndarray:
    """Points (...,3), z up, rotated about the z axis."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return points @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]).T


def before_camera(points: np.ndarray, pitch: float = 0.0, roll: float = 0.0, distance: float = 4.5) -> np.ndarray:
    """Points (...,3), z up, in the axes of a camera that is held so, ``distance`` metres before the origin and aimed at
    it, at the height of somebody's middle."""
    rotation = CameraTilt(pitch, roll, known=True).rotation
    return (points - np.array([0.0, 0.0, 0.9]) + distance * rotation[:, 2]) @ rotation


def captured(
    folder: Path,
    joints: np.ndarray,
    lifted: np.ndarray | None = None,
    toes: np.ndarray | None = None,
    noise: float = 0.0,
    **settings: object,
) -> Motion:
    """The motion that the engine makes of joints (T,17,3), camera axes.

    lifted: What the 3D model says; else the truth. toes: (T,2,3) that the detector sees, with heels, for feet that
    point away from the ankle; else none. noise: Of keypoints, pixels.
    """
    np.savez(folder / "lifted.npz", joints3d=joints if lifted is None else lifted)
    pixels = project(joints)
    pixels += np.random.default_rng(0).normal(0, noise, pixels.shape)
    clip = people(pixels)
    if toes is not None:
        seen = np.zeros((1, len(joints), 26, 3), np.float32)
        for side, foot in (("left", 0), ("right", 1)):
            (row,) = HALPE26.rows(f"{side}_toe")
            seen[0, :, row, :2] = toes[:, foot, :2] / toes[:, foot, 2:] * FOCAL + [WIDTH / 2, HEIGHT / 2]
            seen[0, :, row, 2] = 1
        clip.extras["halpe26"] = seen
    wanted = {"motion_source": folder / "lifted.npz", **settings}
    return pipeline.capture(clip, pipeline.CaptureSettings(**wanted))[0]


def soles(motion: Motion) -> np.ndarray:
    """(T,2,2,3) left and right foot's heel and toe of a motion, world axes."""
    feet = np.stack([motion.extras[f"{side}_foot_R"] for side in ("left", "right")], axis=1)
    ends = np.array([[0, HEEL_BACK, -ANKLE_HEIGHT], [0, -TOE_FORWARD, -ANKLE_HEIGHT]])
    ankles = motion.world[:, [H36M17.index("LAnkle"), H36M17.index("RAnkle")]]
    knees = motion.world[:, [H36M17.index("LKnee"), H36M17.index("LHip")]]
    legs = np.linalg.norm(np.diff(np.concatenate([ankles[:, :1], knees], axis=1), axis=1), axis=-1).sum(axis=1)
    scale = legs / (LENGTHS["RKnee"][0] + LENGTHS["RAnkle"][0])
    return ankles[:, :, None] + scale[:, None, None, None] * np.einsum("tfij,ej->tfei", feet, ends)


def problem(
    joints: np.ndarray, lifted: np.ndarray | None = None, weights: np.ndarray | float = 1.0, fps: float = 30.0
) -> tuple[solver.Problem, kinematics.Pose]:
    """What the solver knows of joints (T,17,3) in camera axes, brought to 1.7 m, and the pose that it starts from.

    lifted: (T,17,3) what the 3D model says; else the truth. weights: Of keypoints, (T,17) of Human3.6M's joints.
    """
    sizes = skeleton.bone_lengths(joints, np.ones(joints.shape[:2]), 1.7)
    start = skeleton.with_lengths(joints if lifted is None else lifted, sizes)
    body = kinematics.Skeleton(sizes)
    pose = kinematics.pose_of(start, joints[:, 0].copy(), feet.usual_toes(start), body.foot_scale)
    rays, scores = np.zeros((len(joints), 21, 2)), np.zeros((len(joints), 21))
    truth = skeleton.with_lengths(joints, sizes) + joints[:, :1]
    rays[:, H36M_ROWS] = ((project(truth) - [WIDTH / 2, HEIGHT / 2]) / FOCAL)[:, COCO_ROWS]
    scores[:, H36M_ROWS] = (np.zeros(joints.shape[:2]) + weights)[:, H36M_ROWS]
    view = terms.View(np.eye(3), np.zeros(3), rays, scores)
    return solver.Problem(body, pose.directions, [view], fps), pose


def body_of(joints: np.ndarray, toes: np.ndarray | None = None) -> np.ndarray:
    """(T,21,3) points of :func:`figure` with its soles: flat, or with toes (T,2,3) that the heels follow."""
    ankles = joints[:, [H36M17.index("LAnkle"), H36M17.index("RAnkle")]]
    toes = ankles + [0, -TOE_FORWARD, -ANKLE_HEIGHT] if toes is None else toes
    ahead = unit(toes - ankles)
    up = np.array([0.0, 0.0, 1.0])
    return np.concatenate(
        [joints, np.stack([ankles + kinematics.heels_of(ahead, up, 1.0), toes], axis=2).reshape(len(joints), 4, 3)],
        axis=1,
    )
