"""Writes small stand-ins for Human3.6M, MPI-INF-3DHP and 3DPW, in exactly their file formats, with a generated walker.

The real data sets must not be redistributed. With these, every command of docs/contributor/papers.md runs in seconds::

    python -m pose3d_engine.research.data_sets.stand_ins dataset

writes, below ``dataset``: ``data_3d_h36m.npz``, ``data_2d_h36m_{gt,cpn_ft_h36m_dbb,detectron_pt_coco}.npz``, and the
original annotations of MPI-INF-3DHP, ``3dhp/S1/Seq1/annot.mat`` and ``3dhp/TS1/annot_data.mat`` ... ``TS6``; and
``3dpw/sequenceFiles/test/walk_00.pkl``.
"""

from __future__ import annotations

import argparse
import pickle
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import scipy.io

from pose3d_engine.contract.keypoint_orders import COCO18
from pose3d_engine.contract.skeletons import COCO17, COCO_ROWS, H36M17, H36M_ROWS
from pose3d_engine.research.data_sets import h36m, mpi_inf_3dhp, three_dpw

H36M_ACTIONS = ("Walking", "Walking 1", "Eating")
SIDES = {"R": 1.0, "L": -1.0}


def walker(frames: int, fps: float, rng: np.random.Generator) -> np.ndarray:
    """Generates a person who walks in a circle.

    Args:
        frames: Length of the walk.
        fps: Frames a second.
        rng: Random generator.

    Returns:
        (frames,17,3) Human3.6M-17, metres, z up, floor at 0.
    """
    time = np.arange(frames) / fps
    gait = 2 * np.pi * rng.uniform(0.7, 1.1) * time + rng.uniform(0, 6.28)
    swing, size = rng.uniform(0.3, 0.6), rng.uniform(0.92, 1.08)
    body = np.zeros((frames, 17, 3))

    def put(joint: str, parent: str, x: Any, y: Any, z: Any) -> None:
        offset = np.stack(np.broadcast_arrays(x, y, z, gait)[:3], axis=-1)
        body[:, H36M17.index(joint)] = body[:, H36M17.index(parent)] + offset

    put("Spine", "Hip", 0, 0.01, 0.23)
    put("Thorax", "Spine", 0, 0.02, 0.25)
    put("Neck/Nose", "Thorax", 0, 0.06, 0.10)
    put("Head", "Neck/Nose", 0, -0.02, 0.11)
    for side, x in SIDES.items():
        phase = gait + (np.pi if side == "L" else 0)
        thigh, knee = swing * np.sin(phase), 0.6 * np.maximum(np.sin(phase + 2.2), 0)
        put(f"{side}Hip", "Hip", 0.13 * x, 0, 0)
        put(f"{side}Knee", f"{side}Hip", 0, 0.44 * np.sin(thigh), -0.44 * np.cos(thigh))
        put(f"{side}Ankle", f"{side}Knee", 0, 0.43 * np.sin(thigh - knee), -0.43 * np.cos(thigh - knee))
        arm = -0.8 * swing * np.sin(phase)
        put(f"{side}Shoulder", "Thorax", 0.16 * x, 0, -0.02)
        put(f"{side}Elbow", f"{side}Shoulder", 0.03 * x, 0.28 * np.sin(arm), -0.28 * np.cos(arm))
        put(f"{side}Wrist", f"{side}Elbow", 0, 0.25 * np.sin(arm + 0.4), -0.25 * np.cos(arm + 0.4))
    heading = rng.uniform(0, 6.28) + 0.8 * time
    cos, sin, zero, one = np.cos(heading), np.sin(heading), np.zeros(frames), np.ones(frames)
    turn = np.stack([cos, -sin, zero, sin, cos, zero, zero, zero, one], axis=-1).reshape(frames, 3, 3)
    path = np.stack([1.2 * cos, 1.2 * sin, 0.93 + 0.02 * np.cos(2 * gait)], axis=-1)
    return size * (body @ turn.transpose(0, 2, 1) + path[:, None])


def coco(joints: np.ndarray) -> np.ndarray:
    """Human3.6M joints (T,17,3), z up -> COCO keypoints (T,17,3)."""
    points = np.empty_like(joints)
    points[:, COCO_ROWS] = joints[:, H36M_ROWS]
    nose = joints[:, H36M17.index("Neck/Nose")]
    left = joints[:, H36M17.index("LShoulder")] - joints[:, H36M17.index("RShoulder")]
    left /= np.linalg.norm(left, axis=-1, keepdims=True)
    for name, aside, up in (("nose", 0, 0), ("left_eye", 0.03, 0.03), ("left_ear", 0.07, 0.02)):
        for prefix, sign in (("left_", 1), ("right_", -1)):
            keypoint = name.replace("left_", prefix)
            points[:, COCO17.index(keypoint)] = nose + sign * aside * left + [0, 0, up]
    return points


def write_h36m(folder: Path, frames: int, seed: int) -> None:
    """Writes the 3D data and three kinds of 2D data of seven subjects."""
    rng = np.random.default_rng(seed)
    detections: dict[str, dict[str, Any]] = {"gt": {}, "cpn_ft_h36m_dbb": {}, h36m.IN_THE_WILD: {}}
    positions: dict[str, Any] = {}
    for subject in (*h36m.TRAINING, *h36m.TESTING):
        positions[subject] = {}
        for name in detections:
            detections[name][subject] = {}
        for action in H36M_ACTIONS:
            world = walker(frames + 3, h36m.FPS, rng)
            everything = np.repeat(world[:, :1], 32, axis=1)  # the 15 other joints are unused
            everything[:, h36m.KEPT] = world
            positions[subject][action] = everything[:frames].astype(np.float32)
            for name, kinds in detections.items():
                points = coco(world) if name == h36m.IN_THE_WILD else world
                views = []
                for camera in h36m.cameras(subject):
                    pixels = camera.pixels(camera.from_world(points))
                    # Detections have errors and continue after the end of motion capture.
                    pixels = pixels[:frames] if name == "gt" else pixels + rng.normal(0, 3, pixels.shape)
                    if name == h36m.IN_THE_WILD:
                        pixels = np.concatenate([pixels, np.ones_like(pixels[..., :1])], axis=-1)
                    views.append(pixels.astype(np.float32))
                kinds[subject][action] = views
    folder.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(folder / "data_3d_h36m.npz", positions_3d=np.array(positions, dtype=object))
    for name, kinds in detections.items():
        skeleton, sides = (COCO17, ("left_", "right_")) if name == h36m.IN_THE_WILD else (H36M17, ("L", "R"))
        pairs = [
            [i for i in np.flatnonzero(skeleton.mirror != np.arange(17)) if skeleton.joints[i].startswith(s)]
            for s in sides
        ]
        metadata = {"layout_name": skeleton.name, "num_joints": 17, "keypoints_symmetry": pairs}
        np.savez_compressed(
            folder / f"data_2d_h36m_{name}.npz",
            positions_2d=np.array(kinds, dtype=object),
            metadata=np.array(metadata, dtype=object),
        )


def universal(joints: np.ndarray) -> np.ndarray:
    """Human3.6M joints (T,17,3) -> the 17 of MPI-INF-3DHP."""
    names = {"head_top": "Head", "neck": "Thorax", "head": "Neck/Nose", "pelvis": "Hip", "spine": "Spine"}
    for side, letter in (("left", "L"), ("right", "R")):
        for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle"):
            names[f"{side}_{part}"] = letter + part.capitalize()
    return joints[:, [H36M17.index(names[name]) for name in mpi_inf_3dhp.JOINTS]]


def studio(world: np.ndarray, azimuth: float, take: str) -> tuple[np.ndarray, np.ndarray]:
    """World joints in metres -> camera axes in millimetres, and pixels, of a camera 4.5 m away."""
    cos, sin = np.cos(azimuth), np.sin(azimuth)
    rotation = np.array([[-sin, cos, 0], [0, 0, -1], [-cos, -sin, 0]])
    joints = 1000 * (world @ rotation.T + [0, 1.0, 4.5])
    width, height = mpi_inf_3dhp.picture_size(take)
    pixels = joints[..., :2] / joints[..., 2:] * 0.73 * width + [width / 2, height / 2]
    return joints, pixels


def write_3dhp(folder: Path, frames: int, seed: int) -> None:
    """Writes the original annotations of two training takes and of the six test takes."""
    rng = np.random.default_rng(seed)
    for take in ("S1 Seq1", "S2 Seq1"):
        world = universal(walker(frames, 25, rng))
        pixels, joints = np.empty((14, 1), object), np.empty((14, 1), object)
        for camera in range(14):
            relevant_3d, relevant_2d = studio(world, camera * 2 * np.pi / 14, take)
            all_3d, all_2d = np.zeros((frames, 28, 3)), np.zeros((frames, 28, 2))
            all_3d[:, mpi_inf_3dhp.RELEVANT_OF_28] = relevant_3d
            all_2d[:, mpi_inf_3dhp.RELEVANT_OF_28] = relevant_2d
            joints[camera, 0], pixels[camera, 0] = all_3d.reshape(frames, -1), all_2d.reshape(frames, -1)
        path = folder / take.replace(" ", "/") / "annot.mat"
        path.parent.mkdir(parents=True, exist_ok=True)
        facts = {"cameras": np.arange(14)[None], "frames": np.arange(frames)[:, None]}
        scipy.io.savemat(path, {"annot2": pixels, "annot3": joints, "univ_annot3": joints, **facts})
    for number in range(1, 7):
        take = f"TS{number}"
        joints_3d, pixels_2d = studio(universal(walker(frames, 25, rng)), rng.uniform(0, 6.28), take)
        valid = np.ones(frames)
        valid[:: 5 + number] = 0
        (folder / take).mkdir(parents=True, exist_ok=True)
        # MATLAB 7.3 is HDF5 with the axes reversed.
        with h5py.File(folder / take / "annot_data.mat", "w") as file:
            file["annot2"], file["annot3"] = pixels_2d[:, None], joints_3d[:, None]
            file["univ_annot3"] = joints_3d[:, None]
            file["valid_frame"] = valid[:, None]
            file["activity_annotation"] = (1.0 + np.arange(frames) * 7 // frames)[:, None]
            file["bb_crop"] = np.zeros((frames, 4))


def write_3dpw(folder: Path, frames: int, seed: int) -> None:
    """Writes one test sequence with two people before a camera that travels."""
    rng = np.random.default_rng(seed)
    size, focal = np.array([1080.0, 1920.0]), 1960.0
    time = np.arange(frames) / three_dpw.FPS
    poses = np.repeat(np.eye(4)[None], frames, axis=0)
    poses[:, :3, :3] = [[1, 0, 0], [0, 0, -1], [0, 1, 0]]  # the world has z up, the camera looks along +y
    poses[:, :3, 3] = np.stack([0.1 * time, np.full(frames, 1.3), np.full(frames, 5.0)], axis=-1)
    content: dict[str, Any] = {"sequence": "walk_00", "genders": ["m", "f"], "cam_poses": poses}
    content["cam_intrinsics"] = np.array([[focal, 0, size[0] / 2], [0, focal, size[1] / 2], [0, 0, 1]])
    content |= {"jointPositions": [], "poses2d": [], "campose_valid": [], "betas": [np.zeros(10)] * 2}
    for _ in range(2):
        world = walker(frames, three_dpw.FPS, rng)
        everything = np.zeros((frames, 24, 3))
        everything[:, three_dpw.SMPL14] = world[:, three_dpw.OURS]
        body = np.einsum("tij,tkj->tki", poses[:, :3, :3], coco(world)) + poses[:, None, :3, 3]
        pixels = body[..., :2] / body[..., 2:] * focal + size / 2
        neck = pixels[:, COCO17.rows("left_shoulder", "right_shoulder")].mean(axis=1)
        points = np.stack([neck if name == "neck" else pixels[:, COCO17.index(name)] for name in COCO18.joints], axis=1)
        points = np.concatenate([points + rng.normal(0, 2, points.shape), np.full((frames, 18, 1), 0.9)], axis=-1)
        points[:2] = 0  # nobody was detected
        content["jointPositions"].append(everything.reshape(frames, 72))
        content["poses2d"].append(np.swapaxes(points, 1, 2))
        content["campose_valid"].append((np.arange(frames) > 4).astype(int))
    path = folder / "sequenceFiles" / "test" / "walk_00.pkl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(content, protocol=2))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path, help="where the files go")
    parser.add_argument("--frames", type=int, default=60, help="frames of each take (default 60)")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    write_h36m(args.folder, args.frames, args.seed)
    write_3dhp(args.folder / "3dhp", args.frames, args.seed)
    write_3dpw(args.folder / "3dpw", args.frames, args.seed)
    print(args.folder)


if __name__ == "__main__":
    main()
