"""3D files of other systems: each format, written from its description, reads back as the performance it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pose3d_engine.contract.skeletons import H36M17
from pose3d_engine.formats import motion
from pose3d_engine.formats.motion.motion3d import upright
from pose3d_engine.formats.motion.points import by_role
from pose3d_engine.solve.body import LENGTHS
from tests.support import motion_writers as write
from tests.support.motion_writers import Performance, performance

LIMBS = [(a, b) for a, b in H36M17.bones if min(a, b) and not {7, 8, 9, 10} & {a, b}]
"""Bones between joints that every layout has; a detector's points carry neither spine nor head."""

Write = Callable[[Path, Performance], Path]


def angles(found: np.ndarray, true: np.ndarray, bones: list[tuple[int, int]]) -> float:
    """Largest angle between bones of two motions (T,17,3), degrees."""
    worst = 0.0
    for parent, child in bones:
        a, b = found[:, child] - found[:, parent], true[:, child] - true[:, parent]
        cosine = (a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)
        worst = max(worst, float(np.degrees(np.arccos(np.clip(cosine, -1, 1))).max()))
    return worst


POSED: dict[str, tuple[str, Write]] = {
    "gvhmr": ("hmr4d_results.pt", write.gvhmr),
    "gvhmr pickle": ("hmr4d_results.pt.pkl", write.gvhmr_pickle),
    "comfy": ("smpl_params.npz", write.comfy),
    "genmo": ("smpl_params.pt", write.genmo),
    "wham": ("wham_output.pkl", write.wham),
    "prompthmr": ("results.pkl", write.prompthmr),
    "tram": ("tram", write.tram),
    "gem": ("hpe_results.pt", write.gem),
}
"""Formats with rotations, a world and a camera."""


@pytest.mark.parametrize("name", POSED)
def test_a_person_in_world_and_camera(tmp_path: Path, name: str) -> None:
    file, writer = POSED[name]
    one = performance()
    found = motion.read(writer(tmp_path / file, one)).people[0]
    assert found.axes == "world" and found.has_path and found.metric
    np.testing.assert_array_equal(found.frames, np.arange(len(one)))
    assert angles(found.joints, one.world, list(H36M17.bones)) < 0.5
    np.testing.assert_allclose(found.joints, one.world, atol=5e-3)
    in_camera = found.in_camera()
    assert in_camera is not None
    np.testing.assert_allclose(in_camera, one.in_camera, atol=5e-3)


def test_parts_are_oriented_from_a_t_pose_that_faces_minus_y(tmp_path: Path) -> None:
    one = performance()
    _, turned = one.places()
    found = motion.read(write.gvhmr(tmp_path / "a.pt", one)).people[0]
    for part, joint in (("head", 15), ("left_hand", 20), ("right_foot", 8)):
        nose = turned[joint].apply([0, 0, 1]) @ write.Z_UP.T  # what is in front at rest
        np.testing.assert_allclose(found.parts[part] @ [0, -1, 0], nose, atol=1e-5)
        np.testing.assert_allclose(
            found.parts[part] @ [1, 0, 0], turned[joint].apply([1, 0, 0]) @ write.Z_UP.T, atol=1e-5
        )


def test_the_figure_has_the_proportions_of_the_canonical_body() -> None:
    rest = performance(2)
    rest.local[:] = 0
    for joint, (length, _) in LENGTHS.items():
        child = H36M17.index(joint)
        bone = rest.joints[0, child] - rest.joints[0, H36M17.parents[child]]
        assert np.linalg.norm(bone) == pytest.approx(length, abs=1e-3), joint


@pytest.mark.parametrize("smplx", [False, True])
def test_amass_has_its_rate_and_z_up(tmp_path: Path, smplx: bool) -> None:
    one = performance(90, 120.0)
    found = motion.read(write.amass(tmp_path / "a.npz", one, smplx))
    assert found.fps == 120.0 and found.source == "AMASS"
    np.testing.assert_allclose(found.people[0].joints, one.world, atol=5e-3)


def test_shape_parameters_set_the_size(tmp_path: Path) -> None:
    one = performance()
    small, large = (motion.read(write.gvhmr(tmp_path / f"{b}.pt", one, b)).people[0].joints for b in (-1.0, 2.0))
    thighs = [float(np.linalg.norm(joints[0, 2] - joints[0, 1])) for joints in (small, large)]
    assert thighs[0] == pytest.approx(0.414 * 1.63 / 1.70, abs=1e-3)
    assert thighs[1] == pytest.approx(0.414 * 1.84 / 1.70, abs=1e-3)


@pytest.mark.parametrize("unit", ["meters", "centimeters", "millimeters"])
def test_soma(tmp_path: Path, unit: str) -> None:
    one = performance()
    found = motion.read(write.soma(tmp_path / "a.npz", one, unit)).people[0]
    assert angles(found.joints, one.world, list(H36M17.bones)) < 0.5
    np.testing.assert_allclose(found.joints, one.world, atol=5e-3)


IN_CAMERA: dict[str, tuple[str, Write]] = {
    "4dhumans": ("demo.pkl", write.phalp),
    "sam3d stacked": ("a.npz", write.sam3d),
    "sam3d records": ("a.npy", lambda path, one: write.sam3d(path, one, "records")),
    "videopose3d with path": ("a.npy", lambda path, one: write.videopose3d(path, one, path_too=True)),
}


@pytest.mark.parametrize("name", IN_CAMERA)
def test_a_person_before_the_camera(tmp_path: Path, name: str) -> None:
    file, writer = IN_CAMERA[name]
    one = performance()
    found = motion.read(writer(tmp_path / file, one)).people[0]
    assert found.axes == "camera" and found.has_path
    bones = LIMBS if "sam3d" in name else list(H36M17.bones)
    assert angles(found.joints, one.in_camera, bones) < 0.5
    rows = sorted({joint for bone in bones for joint in bone})
    np.testing.assert_allclose(found.joints[:, rows], one.in_camera[:, rows], atol=5e-3)


@pytest.mark.parametrize("writer", [write.videopose3d, write.motionbert])
def test_joints_without_a_path(tmp_path: Path, writer: Write) -> None:
    one = performance()
    found = motion.read(writer(tmp_path / "X3D.npy", one)).people[0]
    assert found.axes == "camera" and not found.has_path and not found.metric
    assert angles(found.joints, one.in_camera, list(H36M17.bones)) < 0.5
    assert not found.joints[:, 0].any()


def test_mhformer(tmp_path: Path) -> None:
    one = performance()
    found = motion.read(write.mhformer(tmp_path / "output_keypoints_3d.npz", one))
    assert found.source == "MHFormer"
    assert angles(found.people[0].joints, one.in_camera, list(H36M17.bones)) < 0.5


def test_joints_that_were_rotated_to_the_world_are_upright(tmp_path: Path) -> None:
    one = performance()
    for name, joints in (("y", one.joints), ("z", one.world)):
        np.save(tmp_path / f"{name}.npy", joints - joints[:, :1])
        found = motion.read(tmp_path / f"{name}.npy").people[0]
        assert found.axes == "world"
        assert angles(found.joints, one.world, list(H36M17.bones)) < 0.5


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("sign", [1, -1])
def test_any_axis_may_be_up(axis: int, sign: int) -> None:
    one = performance()
    half_turn = np.where(np.arange(3) == (axis + 1) % 3, 1, sign)
    turned = np.roll(one.world, axis + 1, axis=-1) * half_turn
    found = upright(turned, 2)
    assert (found[:, 10, 2] - found[:, 3, 2]).min() > 1
    left = np.cross(found[0, 11] - found[0, 14], found[0, 10] - found[0, 0])  # no mirror image: the same triple product
    true = np.cross(one.world[0, 11] - one.world[0, 14], one.world[0, 10] - one.world[0, 0])
    forward = [body[0, 9] - body[0, 8] for body in (found, one.world)]
    assert np.sign(left @ forward[0]) == np.sign(true @ forward[1])


def test_people_who_lie_keep_the_usual_axis() -> None:
    lying = np.roll(performance().world, 1, axis=-1)  # x was z
    lying[..., 1:] += lying[..., :1]  # between the axes
    np.testing.assert_array_equal(upright(lying, 2), lying)


@pytest.mark.parametrize("total", [33, 553])
def test_freemocap_is_in_millimetres(tmp_path: Path, total: int) -> None:
    one = performance()
    found = motion.read(write.freemocap(tmp_path / "mediapipe_body_3d_xyz.npy", one, total, slice(5, 8))).people[0]
    known = np.r_[0:5, 8:60]
    assert angles(found.joints[known], one.world[known], LIMBS) < 0.5
    np.testing.assert_allclose(found.joints[known, 5], one.world[known, 5], atol=5e-3)
    assert np.isnan(found.joints[5:8, 5]).all() and found.present.sum() == 57


@pytest.mark.parametrize("unit", ["m", "mm", "inches"])
@pytest.mark.parametrize(("opencap", "z_up"), [(True, False), (False, False), (False, True)])
def test_trc(tmp_path: Path, unit: str, opencap: bool, z_up: bool) -> None:
    one = performance(40, 60.0)
    found = motion.read(write.trc(tmp_path / "a.trc", one, unit, opencap, z_up))
    assert found.fps == 60.0
    person = found.people[0]
    np.testing.assert_array_equal(person.frames, np.arange(40))
    assert angles(person.joints, one.world, LIMBS) < 0.5
    np.testing.assert_allclose(person.joints[:, [3, 6, 13, 16]], one.world[:, [3, 6, 13, 16]], atol=5e-3)


def test_hips_from_the_markers_on_the_pelvis() -> None:
    """A person who faces -y: hips are behind, below and between the front markers."""
    markers = {"LASI": (0.12, -0.1, 1), "RASI": (-0.12, -0.1, 1), "LPSI": (0.05, 0.1, 1), "RPSI": (-0.05, 0.1, 1)}
    found = by_role({name: np.array([place], float) for name, place in markers.items()})
    np.testing.assert_allclose(found["left_hip"], [[0.24 * 0.36, -0.1 + 0.24 * 0.19, 1 - 0.24 * 0.3]])
    np.testing.assert_allclose(found["right_hip"], found["left_hip"] * [-1, 1, 1])


PLUG_IN_GAIT = {
    f"{side}_{part}": f"Subject:{side[0].upper()}{name}"
    for side in ("left", "right")
    for part, name in {"hip": "HJC", "knee": "KNE", "ankle": "ANK", "shoulder": "SHO", "elbow": "ELB",
                       "wrist": "WRA"}.items()
}  # fmt: skip


@pytest.mark.parametrize("unit", ["m", "mm"])
@pytest.mark.parametrize("names", [None, PLUG_IN_GAIT])
def test_c3d(tmp_path: Path, unit: str, names: dict[str, str] | None) -> None:
    one = performance(20, 100.0)
    found = motion.read(write.c3d(tmp_path / "a.c3d", one, unit, names))
    assert found.fps == 100.0
    seen = np.delete(np.arange(20), 3)
    assert angles(found.people[0].joints[seen], one.world[seen], LIMBS) < 0.5
    np.testing.assert_allclose(found.people[0].joints[seen][:, [3, 6]], one.world[seen][:, [3, 6]], atol=5e-3)
    assert np.isnan(found.people[0].joints[3]).any()


def test_people_with_gaps(tmp_path: Path) -> None:
    one, other = performance(), performance(turn=-0.4)
    found = motion.read(write.wham(tmp_path / "a.pkl", one, other, gap=slice(20, 30)))
    assert len(found.people) == 2
    filled, known = found.people[0].at(np.arange(60.0))
    assert not known[20:30].any() and known[:20].all() and known[30:].all()
    np.testing.assert_allclose(filled.joints[known[:, 0]], one.world[known[:, 0]], atol=5e-3)
    assert np.isfinite(filled.joints).all()


def test_contacts_of_the_file(tmp_path: Path) -> None:
    found = motion.read(write.prompthmr(tmp_path / "results.pkl", performance())).people[0]
    assert found.contacts is not None
    np.testing.assert_array_equal(found.contacts[:4], [[1, 0], [0, 1], [1, 0], [0, 1]])


def test_a_folder_is_searched_for_the_results(tmp_path: Path) -> None:
    one = performance()
    write.gvhmr(tmp_path / "hmr4d_results.pt", one)
    (tmp_path / "preprocess").mkdir()
    np.savez(tmp_path / "preprocess" / "other.npz", x=np.zeros(3))
    assert motion.read(tmp_path).source == "GVHMR"
    tracks = write.tram(tmp_path / "tram", one, performance(turn=0.1)).parent.parent
    assert len(motion.read(tracks).people) == 2
