"""Files with SMPL-like rotations: GVHMR, GEM-SMPL (GENMO), WHAM, TRAM, PromptHMR, AMASS.

All pose the generic figure. Where a file has a person both in the camera and in the world, the camera's own rotation
and place in each frame follow from the two.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ... import object_archive
from ...contract.errors import UserError
from . import figure
from .motion3d import Y_UP, Motion3D, Person3D, array, number

_ORIGINS = {"smpl": (0.0, -0.22, 0.03), "smplx": (0.0, -0.35, 0.01)}
"""Metres from the origin of a body model, in front of its chest, to its pelvis; a translation moves the origin."""

_BODY = len(figure.NAMES)

Content = Mapping[Any, Any]


def is_gvhmr(content: Any) -> bool:
    """Whether it is of GVHMR or GEM-SMPL."""
    return isinstance(content, dict) and (_gvhmr_prefix(content) is not None or _is_comfy(content))


def _gvhmr_prefix(content: Content) -> str | None:
    """How GVHMR or GEM-SMPL names the parameters; None if it is neither."""
    found = (prefix for prefix in ("smpl_params", "body_params") if isinstance(content.get(f"{prefix}_global"), dict))
    return next(found, None)


def _is_comfy(content: Content) -> bool:
    """Whether it is ComfyUI-MotionCapture's .npz of GVHMR."""
    return {"body_pose", "global_orient", "transl"} <= content.keys()


def read_gvhmr(path: Path, content: Content) -> Motion3D:
    prefix, where = _gvhmr_prefix(content), str(path)
    if prefix is not None:
        world, camera = content[f"{prefix}_global"], content.get(f"{prefix}_incam")
    else:
        world = content
        has_camera = {"global_orient_incam", "transl_incam"} <= content.keys()
        incam = {f"{name}": content[f"{name}_incam"] for name in ("global_orient", "transl")} if has_camera else None
        camera = None if incam is None else {**content, **incam}
    poses = [None if given is None else _parameters(given, "smplx", where) for given in (world, camera)]
    assert poses[0] is not None
    person = person_of(np.arange(len(poses[0].pelvis)), poses[0], poses[1], where)
    return Motion3D("GVHMR", [person], every_frame=True, **lens(content.get("K_fullimg")))


def lens(matrices: Any) -> dict[str, Any]:
    """``focal`` and ``size`` of intrinsic matrices (T,3,3), whose principal point is the picture's middle."""
    if not isinstance(matrices, np.ndarray) or matrices.shape[-2:] != (3, 3) or matrices.dtype.kind != "f":
        return {}
    middle = np.median(matrices.reshape(-1, 3, 3), axis=0)
    focal, size = float(middle[0, 0]), (2 * middle[:2, 2]).round()
    sound = np.isfinite(middle).all() and 1 < focal < 1e6 and (size >= 1).all() and (size < 1e5).all()
    return {"focal": focal, "size": (int(size[0]), int(size[1]))} if sound else {}


class Pose:
    """A person's joints and parts in the file's axes, with what makes them."""

    def __init__(self, rotations: np.ndarray, pelvis: np.ndarray, size: float) -> None:
        self.root, self.pelvis = rotations[:, 0], pelvis
        self.joints, self.parts = figure.pose(rotations, pelvis, size)


def _pose(orient: Any, body: Any, transl: Any, betas: Any, model: str, where: str, gender: str = "neutral") -> Pose:
    """The figure with a body model's rotations, translations (T,3) and shape parameters."""
    given = [value for value in (orient, body) if isinstance(value, np.ndarray)]
    if len(given) < 2 or not len(given[0]) or len(given[0]) != len(given[1]):
        raise UserError(f"{where}: its rotations are missing or of different length; write the file again")
    root = figure.matrices(given[0], 1, f"{where}: the global orientation")
    rest = figure.matrices(given[1], _BODY - 1, f"{where}: the body pose")
    shape = betas if isinstance(betas, np.ndarray) and betas.dtype.kind == "f" else None
    size = figure.scale(shape, gender)
    if not np.isfinite(size):
        raise UserError(f"{where}: its shape parameters are not finite; write the file again")
    places = array(transl, (len(root), 3), f"{where}: the translation")
    return Pose(np.concatenate([root, rest], axis=1), places + size * np.array(_ORIGINS[model]), size)


def _parameters(given: Any, model: str, where: str) -> Pose:
    """The pose of parameters by GVHMR's names."""
    if not isinstance(given, Mapping):
        raise UserError(f"{where}: has no parameters of a body; write the file again")
    return _pose(
        given.get("global_orient"), given.get("body_pose"), given.get("transl"), given.get("betas"), model, where
    )


def person_of(frames: np.ndarray, world: Pose | None, camera: Pose | None, where: str, **more: Any) -> Person3D:
    """A person from poses in a world with y up and in the camera, of which one may be missing."""
    if world is None:
        assert camera is not None
        return Person3D(frames, camera.joints, axes="camera", parts=camera.parts, **more)
    joints, parts = world.joints @ Y_UP.T, {name: Y_UP @ part for name, part in world.parts.items()}
    if camera is not None:
        if len(camera.pelvis) != len(world.pelvis):
            raise UserError(
                f"{where}: has {len(world.pelvis)} frames in the world and {len(camera.pelvis)} in the camera"
            )
        rotation = Y_UP @ world.root @ np.swapaxes(camera.root, 1, 2)
        place = world.pelvis @ Y_UP.T - np.einsum("tij,tj->ti", rotation, camera.pelvis)
        more |= {"camera_R": rotation, "camera_t": place}
    return Person3D(frames, joints, axes="world", parts=parts, **more)


def is_wham(content: Any) -> bool:
    people = list(content.values()) if isinstance(content, dict) else []
    return bool(people) and all(isinstance(one, dict) and {"pose_world", "frame_ids"} <= one.keys() for one in people)


def read_wham(path: Path, content: Content) -> Motion3D:
    people = []
    for name, one in content.items():
        where = f"{path}: person {name}"
        poses = []
        for end in ("_world", ""):
            rotations = _flat(one.get(f"pose{end}"), 3 * _BODY, where)
            poses.append(
                _pose(rotations[:, :3], rotations[:, 3:], one.get(f"trans{end}"), one.get("betas"), "smpl", where)
            )
        people.append(person_of(_frames(one["frame_ids"], where), poses[0], poses[1], where, name=str(name)))
    return Motion3D("WHAM", people)


def _flat(value: Any, least: int, where: str) -> np.ndarray:
    """Axis-angles (T,N) with at least so many numbers in a row."""
    if not isinstance(value, np.ndarray) or value.ndim != 2 or value.shape[1] < least:
        raise UserError(f"{where}: the pose is not axis-angles of a body model; write the file again")
    return value


def _frames(value: Any, where: str) -> np.ndarray:
    """Numbers of frames (T,) int."""
    return array(np.asarray(value).reshape(-1), (None,), f"{where}: the frame numbers").astype(np.int64)


def is_prompthmr(content: Any) -> bool:
    return isinstance(content, dict) and isinstance(content.get("people"), dict) and "camera_world" in content


def read_prompthmr(path: Path, content: Content) -> Motion3D:
    people = []
    for name, one in content["people"].items():
        where, one = f"{path}: person {name}", one if isinstance(one, dict) else {}
        world, camera = (
            one.get(key) if isinstance(one.get(key), dict) else None for key in ("smplx_world", "smplx_cam")
        )
        if world is None:
            raise UserError(f"{where}: has no smplx_world; run PromptHMR's video pipeline to its end")
        rotations = _flat(world.get("pose"), 3 * _BODY, where)
        pose = _pose(rotations[:, :3], rotations[:, 3:], world.get("trans"), world.get("shape"), "smplx", where)
        filmed, touch = None, None
        if camera is not None and isinstance(camera.get("rotmat"), np.ndarray):
            matrices = camera["rotmat"]
            filmed = _pose(matrices[:, :1], matrices[:, 1:], camera.get("trans"), camera.get("shape"), "smplx", where)
            contact = camera.get("contact")  # left and right ankle, foot, wrist
            if isinstance(contact, np.ndarray) and contact.shape == (len(matrices), 6):
                touch = np.stack([contact[:, (0, 2)].max(axis=1), contact[:, (1, 3)].max(axis=1)], axis=1) > 0.5
        frames = _frames(one.get("frames", np.arange(len(rotations))), where)
        people.append(person_of(frames, pose, filmed, where, name=str(name), contacts=touch))
    camera = content["camera_world"]
    focal = camera.get("img_focal") if isinstance(camera, dict) else None
    return Motion3D("PromptHMR", people, focal=number(focal))


def is_tram(content: Any) -> bool:
    return isinstance(content, dict) and {"pred_rotmat", "pred_trans", "frame"} <= content.keys()


def read_tram(path: Path, content: Content) -> Motion3D:
    """One track; the others of its folder and the cameras (``camera.npy``) are read with it."""
    tracks = sorted(path.parent.glob("hps_track_*.npy")) if path.name.startswith("hps_track_") else [path]
    near = (path.parent / "camera.npy", path.parent.parent / "camera.npy")
    found = next((place for place in near if place.is_file()), None)
    cameras = {} if found is None else object_archive.load_any(found, "cameras of TRAM")
    people = []
    for index, track in enumerate(tracks):
        one = content if track == path else object_archive.load_any(track, "a track of TRAM")
        where = str(track)
        if not is_tram(one) or not isinstance(one["pred_rotmat"], np.ndarray):
            raise UserError(f"{where}: not a track of TRAM; write it again")
        frames, matrices = _frames(one["frame"], where), one["pred_rotmat"]
        place = one["pred_trans"].reshape(-1, 3) if isinstance(one["pred_trans"], np.ndarray) else None
        pose = _pose(matrices[:, :1], matrices[:, 1:], place, one.get("pred_shape"), "smpl", where)
        people.append(
            _in_tram_world(Person3D(frames, pose.joints, str(index), "camera", parts=pose.parts), cameras, where)
        )
    focal = number(cameras.get("img_focal")) if isinstance(cameras, dict) else None
    return Motion3D("TRAM", people, focal=focal)


def _in_tram_world(person: Person3D, cameras: Any, where: str) -> Person3D:
    """A person of TRAM in the world; as before without cameras."""
    if not isinstance(cameras, dict) or not {"world_cam_R", "world_cam_T"} <= cameras.keys():
        return person
    rotations = array(cameras["world_cam_R"], (None, 3, 3), f"{where}: the cameras' rotation")
    places = array(cameras["world_cam_T"], (len(rotations), 3), f"{where}: the cameras' place")
    rows = person.frames
    if not len(rows) or rows.min() < 0 or rows.max() >= len(rotations) or len(rows) != len(person.joints):
        raise UserError(
            f"{where}: has frame {rows.max(initial=0)}, but camera.npy {len(rotations)}; are they of one clip?"
        )
    rotation, place = Y_UP @ rotations[rows], places[rows] @ Y_UP.T
    joints = np.einsum("tij,tkj->tki", rotation, person.joints) + place[:, None]
    parts = {name: rotation @ part for name, part in person.parts.items()}
    return Person3D(rows, joints, person.name, "world", parts=parts, camera_R=rotation, camera_t=place)


def is_amass(content: Any) -> bool:
    rates = {"mocap_framerate", "mocap_frame_rate"}
    return isinstance(content, dict) and {"poses", "trans"} <= content.keys() and bool(rates & content.keys())


def read_amass(path: Path, content: Content) -> Motion3D:
    """World axes have z up already, unlike those of the body model at rest."""
    where = str(path)
    poses = _flat(content["poses"], 3 * _BODY, where)
    rate = number(content.get("mocap_framerate", content.get("mocap_frame_rate")))
    if rate is None:
        raise UserError(f"{where}: its frame rate is not a number; write the file again")
    model = "smplx" if poses.shape[1] >= 165 else "smpl"
    said = str(content.get("gender"))
    gender = next((name for name in ("female", "male") if name in said), "neutral")
    pose = _pose(poses[:, :3], poses[:, 3:], content["trans"], content.get("betas"), model, where, gender)
    return Motion3D("AMASS", [Person3D(np.arange(len(poses)), pose.joints, parts=pose.parts)], fps=rate)
