"""Writes the 3D files of other systems from one performance, after their public descriptions.

Joint orders, parents and axes are written out here once more, so that a wrong table in the engine cannot agree with
itself; the poses come from an own forward kinematics.
"""

from __future__ import annotations

import io
import pickle
import sys
import types
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from pose3d_engine.formats.motion.figure import JOINTS

SMPL_PARENTS = [-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19]
"""Of the first 22 joints: pelvis, hips, spine1, knees, spine2, ankles, spine3, feet, neck, collars, head, shoulders,
elbows, wrists; left before right."""

ORIGIN = {"smpl": np.array([0.0, -0.22, 0.03]), "smplx": np.array([0.0, -0.35, 0.01])}

SOMA = [0, 67, 72, 1, 68, 73, 2, 69, 74, 3, 70, 75, 4, 11, 39, 6, 12, 40, 13, 41, 14, 42]
"""SOMA's row of each of the 22."""

Z_UP = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
"""y-up axes of SMPL -> Blender's."""


@dataclass
class Performance:
    """A person who walks, waves and turns before a camera that travels; world axes with y up, facing +z at first."""

    fps: float
    local: np.ndarray  # (T,22,3) axis-angle
    pelvis: np.ndarray  # (T,3)
    camera_R: np.ndarray  # noqa: N815 - (T,3,3) camera -> world
    camera_t: np.ndarray  # (T,3)

    def __len__(self) -> int:
        return len(self.pelvis)

    @property
    def root_in_camera(self) -> np.ndarray:
        """(T,3) axis-angle of the pelvis in camera axes."""
        return (Rotation.from_matrix(self.camera_R).inv() * Rotation.from_rotvec(self.local[:, 0])).as_rotvec()

    @property
    def pelvis_in_camera(self) -> np.ndarray:
        return np.einsum("tji,tj->ti", self.camera_R, self.pelvis - self.camera_t)

    def places(self) -> tuple[np.ndarray, list[Rotation]]:
        """(T,22,3) of the joints, and their global rotations."""
        rest = np.array([place for _, place in JOINTS.values()])
        places, turned = np.zeros((len(self), 22, 3)), []
        for joint, parent in enumerate(SMPL_PARENTS):
            own = Rotation.from_rotvec(self.local[:, joint])
            if parent < 0:
                turned.append(own)
                places[:, 0] = self.pelvis
            else:
                turned.append(turned[parent] * own)
                places[:, joint] = places[:, parent] + turned[parent].apply(rest[joint] - rest[parent])
        return places, turned

    @property
    def joints(self) -> np.ndarray:
        """(T,17,3) Human3.6M, world axes with y up."""
        places, turned = self.places()
        rest = np.array([place for _, place in JOINTS.values()])
        carried = {0: (0, (0, 0, 0)), 7: (3, (0, 0.2281, -0.02)), 8: (9, (0, 0.4711, -0.02))}
        carried |= {9: (15, (0, 0.5711, 0.037)), 10: (15, (0, 0.6761, -0.001))}
        result = np.zeros((len(self), 17, 3))
        for row, (joint, place) in carried.items():
            result[:, row] = places[:, joint] + turned[joint].apply(np.array(place) - rest[joint])
        for row, joint in zip(
            [1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16], [2, 5, 8, 1, 4, 7, 16, 18, 20, 17, 19, 21], strict=True
        ):
            result[:, row] = places[:, joint]
        return result

    @property
    def world(self) -> np.ndarray:
        """(T,17,3) joints, Blender's axes."""
        return self.joints @ Z_UP.T

    @property
    def in_camera(self) -> np.ndarray:
        """(T,17,3) joints, camera axes."""
        return np.einsum("tji,tkj->tki", self.camera_R, self.joints - self.camera_t[:, None])


def performance(frames: int = 60, fps: float = 30.0, still: bool = False, turn: float = 0.4) -> Performance:
    """still: The camera does not move. turn: Radians a second that the person turns."""
    t = np.arange(frames) / fps
    step = 2 * np.pi * 0.9 * t
    local = np.zeros((frames, 22, 3))
    yaw = Rotation.from_rotvec(np.outer(turn * t, [0, 1, 0]))
    local[:, 0] = (yaw * Rotation.from_rotvec(np.outer(0.05 * np.sin(step), [0, 0, 1]))).as_rotvec()
    for left, sign in ((True, 1), (False, -1)):
        swing = sign * np.sin(step)
        hip, knee, ankle, shoulder, elbow, wrist = (1, 4, 7, 16, 18, 20) if left else (2, 5, 8, 17, 19, 21)
        side = 1 if left else -1
        local[:, hip, 0] = -0.4 * swing
        local[:, knee, 0] = 0.35 + 0.3 * np.cos(step + (0 if left else np.pi))
        local[:, ankle, 0] = -0.1 * swing
        local[:, shoulder, 2] = -side * 1.2
        local[:, shoulder, 0] = 0.3 * swing
        local[:, elbow, 1] = -side * (0.6 + 0.2 * swing)
        local[:, wrist, 2] = side * 0.2 * swing
    local[:, 3, 1], local[:, 6, 0], local[:, 9, 1] = 0.1 * np.sin(step), 0.06, -0.08 * np.sin(step)
    local[:, 12, 0], local[:, 15, 1] = 0.1, 0.3 * np.sin(0.7 * t)
    ahead = yaw.apply([0, 0, 1.0])
    pelvis = np.cumsum(ahead, axis=0) / fps * 0.8 + [0.3, 1.0, -0.2]
    move = 0.0 if still else 1.0
    # The camera looks along -z of the world, a little down; it pans and travels.
    look = Rotation.from_euler("YX", np.stack([0.2 * move * np.sin(t), np.full(frames, -0.1)], axis=-1))
    camera = look * Rotation.from_matrix(np.diag([1.0, -1.0, -1.0]))
    place = np.array([0.3, 1.4, 4.5]) + move * np.outer(t, [0.3, 0.0, 0.4])
    return Performance(fps, local, pelvis, camera.as_matrix(), place)


# GVHMR and what is like it


def _params(one: Performance, incam: bool, model: str = "smplx", betas: float = 0.0) -> dict[str, np.ndarray]:
    orient, pelvis = (one.root_in_camera, one.pelvis_in_camera) if incam else (one.local[:, 0], one.pelvis)
    size = (1.70 + 0.07 * betas) / 1.70
    shape = np.zeros((len(one), 10), np.float32)
    shape[:, 0] = betas
    return {
        "body_pose": one.local[:, 1:].reshape(len(one), -1).astype(np.float32),
        "global_orient": orient.astype(np.float32),
        "transl": (pelvis - size * ORIGIN[model]).astype(np.float32),
        "betas": shape,
    }


def _intrinsics(one: Performance) -> np.ndarray:
    return np.repeat(np.float32([[[1100, 0, 640], [0, 1100, 360], [0, 0, 1]]]), len(one), axis=0)


def _tensors(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _tensors(item) for key, item in value.items()}
    return torch.from_numpy(np.ascontiguousarray(value)) if isinstance(value, np.ndarray) else value


def _gvhmr(one: Performance, prefix: str, betas: float = 0.0) -> dict[str, Any]:
    return {
        f"{prefix}_global": _params(one, False, betas=betas),
        f"{prefix}_incam": _params(one, True, betas=betas),
        "K_fullimg": _intrinsics(one),
    }


def gvhmr(path: Path, one: Performance, betas: float = 0.0) -> Path:
    extra = {"model_output": {"pred_x": np.zeros((1, len(one), 4), np.float32)}}
    torch.save(_tensors(_gvhmr(one, "smpl_params", betas) | {"net_outputs": extra}), path)
    return path


def genmo(path: Path, one: Performance) -> Path:
    torch.save(_tensors(_gvhmr(one, "body_params")), path)
    return path


def gvhmr_pickle(path: Path, one: Performance) -> Path:
    path.write_bytes(pickle.dumps(_gvhmr(one, "smpl_params")))
    return path


def comfy(path: Path, one: Performance, camera: bool = True) -> Path:
    arrays: dict[str, Any] = {
        **_params(one, False),
        "K_fullimg": _intrinsics(one),
        "img_width": [1280],
        "img_height": [720],
    }
    if camera:
        arrays |= {f"{name}_incam": _params(one, True)[name] for name in ("global_orient", "transl")}
    np.savez(path, **arrays)
    return path


# joblib's and numpy's pickles


class NumpyArrayWrapper:
    """As joblib's."""

    def __init__(self, array: np.ndarray) -> None:
        self.subclass, self.shape, self.order, self.dtype = np.ndarray, array.shape, "C", array.dtype
        self.allow_mmap, self.numpy_array_alignment_bytes = True, 16


class _Pickler(pickle._Pickler):  # type: ignore[name-defined]
    """Writes as joblib does: after the description of an array its bytes, aligned."""

    def __init__(self, stream: io.BytesIO) -> None:
        super().__init__(stream, protocol=4)
        self.stream = stream

    def save(self, obj: Any, *more: Any) -> None:
        if type(obj) is not np.ndarray:
            return super().save(obj, *more)
        super().save(NumpyArrayWrapper(obj))
        self.framer.commit_frame(force=True)
        padding = 16 - (self.stream.tell() + 1) % 16
        self.stream.write(bytes([padding]) + b"\xff" * padding + np.ascontiguousarray(obj).tobytes())
        return None


def joblib(path: Path, content: Any, compress: bool = False) -> Path:
    stream = io.BytesIO()
    module = types.ModuleType("joblib.numpy_pickle")
    module.NumpyArrayWrapper = NumpyArrayWrapper  # type: ignore[attr-defined]
    before = {name: sys.modules.get(name) for name in ("joblib", "joblib.numpy_pickle")}
    sys.modules |= {"joblib": types.ModuleType("joblib"), "joblib.numpy_pickle": module}
    NumpyArrayWrapper.__module__ = "joblib.numpy_pickle"
    try:
        _Pickler(stream).dump(content)
    finally:
        for name, value in before.items():
            if value is None:
                del sys.modules[name]
            else:
                sys.modules[name] = value
    path.write_bytes(zlib.compress(stream.getvalue(), 3) if compress else stream.getvalue())
    return path


def wham(path: Path, *people: Performance, gap: slice = slice(0)) -> Path:
    """gap: Frames that are not in the file."""
    content = {}
    for number, one in enumerate(people):
        kept = np.delete(np.arange(len(one)), gap)
        world, camera = _params(one, False, "smpl"), _params(one, True, "smpl")
        person: dict[str, Any] = {"betas": world["betas"][kept], "frame_ids": kept}
        person["verts"] = np.zeros((len(kept), 6890, 3), np.float32)
        for end, params in (("_world", world), ("", camera)):
            rest = [params["body_pose"], np.zeros((len(one), 6), np.float32)]
            person[f"pose{end}"] = np.concatenate([params["global_orient"], *rest], axis=1)[kept]
            person[f"trans{end}"] = params["transl"][kept]
        content[number] = person
    return joblib(path, content)


def prompthmr(path: Path, one: Performance) -> Path:
    world, camera = _params(one, False), _params(one, True)
    rotations = Rotation.from_rotvec(
        np.concatenate([one.root_in_camera[:, None], one.local[:, 1:]], axis=1).reshape(-1, 3)
    )
    matrices = np.repeat(np.eye(3, dtype=np.float32)[None, None], 55, axis=1).repeat(len(one), axis=0)
    matrices[:, :22] = rotations.as_matrix().reshape(-1, 22, 3, 3)
    contact = np.zeros((len(one), 6), np.float32)
    contact[::2, 0] = contact[1::2, 3] = 0.9
    person = {
        "frames": np.arange(len(one)),
        "track_id": 1,
        "smplx_world": {
            "pose": np.concatenate(
                [world["global_orient"], world["body_pose"], np.zeros((len(one), 99), np.float32)], axis=1
            ),
            "shape": world["betas"],
            "trans": world["transl"],
        },
        "smplx_cam": _tensors(
            {"rotmat": matrices, "shape": camera["betas"], "trans": camera["transl"], "contact": contact}
        ),
    }
    cameras = {"Rwc": one.camera_R, "Twc": one.camera_t, "img_focal": 1100.0, "img_center": np.array([640.0, 360.0])}
    return joblib(path, {"people": {1: person}, "camera": {}, "camera_world": cameras, "has_slam": True})


def tram(folder: Path, *people: Performance) -> Path:
    """``hps/hps_track_K.npy`` and ``camera.npy``; returns the first track."""
    (folder / "hps").mkdir(parents=True)
    for number, one in enumerate(people):
        rotvecs = np.concatenate([one.root_in_camera[:, None], one.local[:, 1:], np.zeros((len(one), 2, 3))], axis=1)
        matrices = Rotation.from_rotvec(rotvecs.reshape(-1, 3)).as_matrix().reshape(-1, 24, 3, 3)
        params = _params(one, True, "smpl")
        content = {
            "pred_rotmat": matrices.astype(np.float32),
            "pred_trans": params["transl"][:, None],
            "pred_shape": params["betas"],
            "frame": np.arange(len(one)),
        }
        np.save(folder / "hps" / f"hps_track_{number}.npy", _tensors(content), allow_pickle=True)
    cameras = {"world_cam_R": people[0].camera_R, "world_cam_T": people[0].camera_t, "img_focal": 1100.0}
    np.save(folder / "camera.npy", cameras, allow_pickle=True)
    return folder / "hps" / "hps_track_0.npy"


def amass(path: Path, one: Performance, smplx: bool = False, gender: str = "neutral") -> Path:
    """z up; a figure at rest lies on its back in these axes."""
    to_world = Rotation.from_matrix(Z_UP)
    root = (to_world * Rotation.from_rotvec(one.local[:, 0])).as_rotvec()
    width = 165 if smplx else 156
    poses = np.concatenate([root, one.local[:, 1:].reshape(len(one), -1), np.zeros((len(one), width - 66))], axis=1)
    trans = one.pelvis @ Z_UP.T - ORIGIN["smplx" if smplx else "smpl"]
    rate = {"mocap_frame_rate" if smplx else "mocap_framerate": one.fps}
    np.savez(path, poses=poses, trans=trans, betas=np.zeros(16), gender=gender, dmpls=np.zeros((len(one), 8)), **rate)
    return path


# SOMA


def _soma(one: Performance, root: np.ndarray) -> np.ndarray:
    """(T,77,3) axis-angle."""
    poses = np.zeros((len(one), 77, 3), np.float32)
    poses[:, SOMA] = one.local
    poses[:, 0] = root
    half = Rotation.from_rotvec(one.local[:, 12] / 2).as_rotvec()
    poses[:, 4] = poses[:, 5] = half  # the neck bends in two joints
    poses[:, 15:38] = 0.3  # fingers
    return poses


def gem(path: Path, one: Performance) -> Path:
    content: dict[str, Any] = {"K_fullimg": _intrinsics(one)}
    for kind, root, pelvis in (
        ("global", one.local[:, 0], one.pelvis),
        ("incam", one.root_in_camera, one.pelvis_in_camera),
    ):
        poses = _soma(one, root)
        content[f"body_params_{kind}"] = {
            "body_pose": poses[:, 1:].reshape(len(one), -1),
            "global_orient": poses[:, 0],
            "transl": pelvis.astype(np.float32),
            "identity_coeffs": np.zeros((len(one), 45), np.float32),
            "scale_params": np.zeros((len(one), 69), np.float32),
        }
    torch.save(_tensors(content), path)
    return path


def soma(path: Path, one: Performance, unit: str = "centimeters", **more: Any) -> Path:
    names = ["Root", "Hips", "Spine1", "Spine2", "Chest", "Neck1", "Neck2", "Head", *(f"J{n}" for n in range(70))]
    poses = np.concatenate([np.zeros((len(one), 1, 3)), _soma(one, one.local[:, 0])], axis=1)
    factor = {"meters": 1, "centimeters": 100, "millimeters": 1000}.get(unit, 1)
    facts = {"joint_names": np.array(names), "unit": unit, "absolute_pose": False, "keep_root": True} | more
    np.savez(path, poses=poses, transl=one.pelvis * factor, **facts)
    return path


# Joints and points


def _face(one: Performance, joints: np.ndarray) -> dict[str, np.ndarray]:
    """Nose and ears in the axes of joints, which are the performance's."""
    left = joints[:, 11] - joints[:, 14]
    left /= np.linalg.norm(left, axis=-1, keepdims=True)
    ears = joints[:, 10] * 0.6 + joints[:, 9] * 0.4
    nose = joints[:, 9] + 0.6 * (joints[:, 9] - joints[:, 8])
    return {"nose": nose, "left_ear": ears + 0.07 * left, "right_ear": ears - 0.07 * left}


H36M = {
    "left_hip": 4, "left_knee": 5, "left_ankle": 6, "left_shoulder": 11, "left_elbow": 12, "left_wrist": 13,
    "right_hip": 1, "right_knee": 2, "right_ankle": 3, "right_shoulder": 14, "right_elbow": 15, "right_wrist": 16,
}  # fmt: skip


def points(one: Performance, joints: np.ndarray) -> dict[str, np.ndarray]:
    """(T,3) by role."""
    return {role: joints[:, row] for role, row in H36M.items()} | _face(one, joints)


MHR70 = {
    "nose": 0, "left_ear": 3, "right_ear": 4, "left_shoulder": 5, "right_shoulder": 6, "left_elbow": 7,
    "right_elbow": 8, "left_hip": 9, "right_hip": 10, "left_knee": 11, "right_knee": 12, "left_ankle": 13,
    "right_ankle": 14, "right_wrist": 41, "left_wrist": 62,
}  # fmt: skip


def sam3d(path: Path, one: Performance, form: str = "stacked") -> Path:
    """form: ``stacked`` arrays (.npz); ``records``, a list with a dictionary a frame (.npy of objects)."""
    place = one.pelvis_in_camera
    body = np.zeros((len(one), 70, 3))
    for role, value in points(one, one.in_camera - place[:, None]).items():
        body[:, MHR70[role]] = value
    if form == "stacked":
        np.savez(path, pred_keypoints_3d=body, pred_cam_t=place, focal_length=np.full(len(one), 1100.0))
        return path
    records = [
        {
            "pred_keypoints_3d": body[row],
            "pred_cam_t": place[row],
            "focal_length": np.float32(1100),
            "bbox": np.zeros(4),
        }
        for row in range(len(one))
    ]
    np.save(path, np.array([[record] for record in records], dtype=object)[:, 0], allow_pickle=True)
    return path


def phalp(path: Path, *people: Performance) -> Path:
    """compress=3; the first person is also in frames in which only their prediction is tracked."""
    order = [25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 39, 40, 41, 42, 43]
    rows = [3, 2, 1, 4, 5, 6, 16, 15, 14, 11, 12, 13, 0, 8, 7, 9, 10]
    content = {}
    depth = 5000 / 256 / (0.5 / np.tan(np.radians(30)))
    for frame in range(len(people[0])):
        joints, cameras = [], []
        for one in people:
            place = one.pelvis_in_camera[frame]
            body = np.zeros((45, 3))
            body[order] = (one.in_camera[frame] - place)[rows]
            joints.append(body.astype(np.float32))
            cameras.append((place * [1, 1, depth]).astype(np.float32))
        numbers = list(range(1, len(people) + 1))
        content[f"outputs/_DEMO/clip/img/{frame + 1:06d}.jpg"] = {
            "time": frame, "shot": 0, "tid": numbers, "tracked_ids": numbers, "tracked_time": [0] * len(people),
            "3d_joints": joints, "camera": cameras, "size": [[720, 1280]] * len(people), "conf": [0.9] * len(people),
        }  # fmt: skip
    return joblib(path, content, compress=True)


def videopose3d(path: Path, one: Performance, path_too: bool = False) -> Path:
    joints = one.in_camera if path_too else one.in_camera - one.in_camera[:, :1]
    np.save(path, joints.astype(np.float32))
    return path


def motionbert(path: Path, one: Performance) -> Path:
    """The default: in units of the person's own box; depths begin at 0 in every 243 frames."""
    joints = one.in_camera * [0.6, 0.6, 0.6]
    joints[..., 2] -= joints[:1, :1, 2]
    np.save(path, joints.astype(np.float32))
    return path


def mhformer(path: Path, one: Performance) -> Path:
    np.savez(path, reconstruction=(one.in_camera - one.in_camera[:, :1]).astype(np.float32))
    return path


BLAZEPOSE = {
    "nose": 0, "left_ear": 7, "right_ear": 8, "left_shoulder": 11, "right_shoulder": 12, "left_elbow": 13,
    "right_elbow": 14, "left_wrist": 15, "right_wrist": 16, "left_hip": 23, "right_hip": 24, "left_knee": 25,
    "right_knee": 26, "left_ankle": 27, "right_ankle": 28,
}  # fmt: skip


def freemocap(path: Path, one: Performance, total: int = 33, unseen: slice = slice(0)) -> Path:
    body = np.zeros((len(one), total, 3))
    for role, value in points(one, one.world).items():
        body[:, BLAZEPOSE[role]] = value * 1000
    body[unseen, 25] = np.nan
    np.save(path, body)
    return path


SHORT = {"hip": "Hip", "knee": "Knee", "ankle": "Ankle", "shoulder": "Shoulder", "elbow": "Elbow", "wrist": "Wrist"}


def trc(path: Path, one: Performance, unit: str = "m", opencap: bool = True, z_up: bool = False, **facts: Any) -> Path:
    """opencap: With a blank line before the data."""
    factor = {"m": 1.0, "mm": 1000.0, "inches": 1 / 0.0254}.get(unit, 1.0)
    found = points(one, one.world if z_up else one.joints)
    names = {role: role[0].upper() + SHORT[role.partition("_")[2]] for role in H36M} | {"nose": "Nose"}
    markers = [*names.values(), "LBigToe"]
    rows = [np.arange(1, len(one) + 1), np.arange(len(one)) / one.fps]
    lines = [
        f"PathFileType\t4\t(X/Y/Z)\t{path.name}",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames",
        f"{one.fps}\t{one.fps}\t{len(one)}\t{len(markers)}\t{unit}\t{one.fps}\t1\t{len(one)}",
        "Frame#\tTime\t" + "\t\t\t".join(markers) + "\t\t",
        "\t\t" + "\t".join(f"X{n}\tY{n}\tZ{n}" for n in range(1, len(markers) + 1)),
        *([""] if opencap else []),
    ]
    for row in range(len(one)):
        cells = [f"{rows[0][row]}", f"{rows[1][row]:.5f}"]
        for role in names:
            cells += [f"{value * factor:.6f}" for value in found[role][row]]
        lines.append("\t".join([*cells, "", "", ""]))  # the toe is never there
    path.write_text("\n".join(lines) + "\n")
    return path


def c3d(path: Path, one: Performance, unit: str = "mm", names: dict[str, str] | None = None) -> Path:
    """By the package ``c3d``; world axes with z up. names: Marker by role; those of OpenPose unless given."""
    import c3d as library

    factor = {"m": 1.0, "mm": 1000.0}[unit]
    roles = names or {role: role[0].upper() + SHORT[role.partition("_")[2]] for role in H36M} | {"nose": "Nose"}
    found = points(one, one.world)
    writer = library.Writer(point_rate=one.fps, point_units=f"{unit:4}")
    writer.set_point_labels(list(roles.values()))
    frames = []
    for row in range(len(one)):
        markers = np.zeros((len(roles), 5), np.float32)
        for index, role in enumerate(roles):
            markers[index, :3] = found[role][row] * factor
        if row == 3:
            markers[0, 3] = -1  # not seen
        frames.append((markers, np.zeros((0, 0), np.float32)))
    writer.add_frames(frames)
    with path.open("wb") as stream:
        writer.write(stream)
    return path
