"""BVH files, as two readers of other people understand them: pybvh and bvhio."""

from __future__ import annotations

from pathlib import Path

import bvhio
import numpy as np
import pybvh
import pytest

from blender_addon.maths import bvh, rotations

BONES = (
    ("hips", None, (0.0, 0.0, 1.0), (0.0, 0.0, 1.1)),
    ("spine", "hips", (0.0, 0.0, 1.0), (0.0, 0.0, 1.4)),
    ("upper_arm.L", "spine", (0.2, 0.0, 1.4), (0.4, 0.0, 1.2)),
    ("forearm.L", "upper_arm.L", (0.4, 0.0, 1.2), (0.6, -0.1, 1.0)),
    ("hand.L", "forearm.L", (0.6, -0.1, 1.0), (0.7, -0.1, 0.9)),
    ("upper_arm.R", "spine", (-0.2, 0.0, 1.4), (-0.4, 0.0, 1.2)),
    ("forearm.R", "upper_arm.R", (-0.4, 0.0, 1.2), (-0.6, -0.1, 1.0)),
    ("hand.R", "forearm.R", (-0.6, -0.1, 1.0), (-0.7, -0.1, 0.9)),
    ("a:thigh L", "hips", (0.1, 0.0, 1.0), (0.1, 0.0, 0.6)),
    ("b:thigh.L", "hips", (-0.1, 0.0, 1.0), (-0.1, 0.0, 0.6)),
)
"""Arms that hang at rest, a joint at the place of the root, and names that are the same without dots and prefixes."""
NAMES = tuple(name for name, *_ in BONES)
PLAIN = [name.replace(".", "_") for name in NAMES[:-2]] + ["thigh_L", "thigh_L_2"]
SLOTS = {name: name for name in NAMES[2:-2]} | {"thigh.L": NAMES[-2], "thigh.R": NAMES[-1]}
FRAMES = 15


def figure() -> tuple[bvh.Figure, np.ndarray]:
    """Somebody who turns and bends all joints, and where their heads are (T,N,3)."""
    random = np.random.default_rng(5)
    parents = tuple(-1 if parent is None else NAMES.index(parent) for _, parent, *_ in BONES)
    heads, tails = (np.array([bone[column] for bone in BONES]) for column in (2, 3))
    rest = rotations.frame(tails - heads, random.normal(size=heads.shape))
    time = np.linspace(0.0, 2.0, FRAMES)
    turned, places = np.empty((FRAMES, len(BONES), 3, 3)), np.empty((FRAMES, len(BONES), 3))
    for row, parent in enumerate(parents):
        local = rotations.to_matrices(
            rotations.about(rotations.unit(random.normal(size=3)), random.uniform(0.3, 1.5) * time)
        )
        if parent < 0:
            turned[:, row], places[:, row] = local @ rest[row], heads[row] + time[:, None] * [0.3, -1.0, 0.1]
            continue
        carried = turned[:, parent] @ rest[parent].T
        turned[:, row] = carried @ local @ rest[row]
        places[:, row] = places[:, parent] + carried @ (heads[row] - heads[parent])
    return bvh.Figure(NAMES, parents, rest, heads, tails, turned, places[:, 0]), places


def in_centimetres(places: np.ndarray) -> np.ndarray:
    """World places in the axes of a BVH: x as it is, y up, who faces -y faces +z."""
    return 100 * np.stack([places[..., 0], places[..., 2], -places[..., 1]], axis=-1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "x.bvh"
    path.write_text(bvh.text(bvh.in_t_pose(figure()[0], SLOTS), 25.0), encoding="utf-8")
    return path


def test_pybvh_finds_the_joints(path: Path) -> None:
    read = pybvh.read_bvh_file(path)
    assert sorted(read.joint_names) == sorted(PLAIN)
    assert read.frame_time == pytest.approx(1 / 25) and len(read.root_pos) == FRAMES
    assert (read.world_up, read.rest_up, read.rest_forward) == ("+y", "+y", "+z")
    places = read.joint_positions()
    for row, name in enumerate(PLAIN[1:], 1):
        wanted = in_centimetres(figure()[1][:, row])
        np.testing.assert_allclose(places[:, read.joint_names.index(name)], wanted, atol=1e-3, err_msg=name)


def test_bvhio_finds_the_joints(path: Path) -> None:
    root = bvhio.readAsHierarchy(str(path))
    joints = {joint.Name: joint for joint, *_ in root.layout()}
    assert sorted(joints) == sorted(PLAIN) and root.getKeyframeRange() == (0, FRAMES - 1)
    for frame in range(FRAMES):
        root.loadPose(frame)
        for row, name in enumerate(PLAIN[1:], 1):
            wanted = in_centimetres(figure()[1][frame, row])
            np.testing.assert_allclose(joints[name].PositionWorld.to_list(), wanted, atol=1e-3, err_msg=name)


def test_the_rest_pose_is_a_t_pose_with_a_first_bone(path: Path) -> None:
    read = pybvh.read_bvh_file(path)
    offsets = {node.name: np.array(node.offset) for node in read.nodes}
    assert (offsets["hips"] == 0).all() and np.linalg.norm(offsets["spine"]) > 1
    for side, sign in (("L", 1), ("R", -1)):
        for bone in ("forearm", "hand"):
            assert offsets[f"{bone}_{side}"] @ [sign, 0, 0] == pytest.approx(np.linalg.norm(offsets[f"{bone}_{side}"]))


def test_for_blender_nothing_is_changed() -> None:
    lines = bvh.text(figure()[0], 25.0, y_up=False).splitlines()
    assert "\tJOINT a:thigh_L" in lines and "\t\tOFFSET 0.100000 0.000000 0.025000" in lines
