"""The maths of retargeting, without Blender."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blender_addon.maths import mannequin, motion_file, rotations, skeleton, solve, timeline
from blender_addon.maths.motion_file import JOINTS
from blender_addon.maths.skeleton import BONES, NAMES
from tests.support import ROOT, synthetic

RATE = 30.0
AIR = np.zeros((1, 2), bool)


def turn(axis: str, degrees: float) -> np.ndarray:
    half = np.radians(degrees) / 2
    q = np.zeros(4)
    q[0], q["xyz".index(axis) + 1] = np.cos(half), np.sin(half)
    return q


def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return rotations.to_quaternions(rotations.to_matrices(a) @ rotations.to_matrices(b))


def identity(frames: int = 1) -> np.ndarray:
    return np.tile([1.0, 0, 0, 0], (frames, len(BONES), 1))


@pytest.fixture(scope="module")
def rest() -> skeleton.Rest:
    world, contacts = synthetic.walk()
    return skeleton.rest_pose(world, contacts)


def angle(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Degrees between rotations."""
    # By the chord: the cosine of a small angle is lost in single precision.
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    chord = np.minimum(np.linalg.norm(a - b, axis=-1), np.linalg.norm(a + b, axis=-1))
    return np.degrees(4 * np.arcsin(chord / 2))


def joint_error(world: np.ndarray, contacts: np.ndarray) -> float:
    """Largest distance in metres between the joints and forward kinematics of what was solved for them."""
    rest = skeleton.rest_pose(world, contacts)
    found = solve.solve(world, contacts, RATE, rest)
    return float(np.linalg.norm(synthetic.pose(rest, found.rotations, found.location) - world, axis=-1).max())


def test_the_maths_needs_no_blender() -> None:
    folder = ROOT / "blender_addon" / "maths"
    modules = [".".join(path.relative_to(folder).with_suffix("").parts) for path in folder.rglob("*.py")]
    code = "import sys; sys.modules['bpy'] = None; sys.modules['mathutils'] = None\n"
    code += "\n".join(f"import blender_addon.maths.{module}" for module in modules)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_rest_pose_stands_on_the_floor_facing_the_camera(rest: skeleton.Rest) -> None:
    at = {name: index for index, name in enumerate(NAMES)}
    assert rest.heads[at["hand.L"], 0] > 0.5 > 0 > rest.heads[at["hand.R"], 0]
    assert rest.tails[at["foot.L"], 1] < rest.heads[at["foot.L"], 1]
    np.testing.assert_allclose(rest.heads[at["foot.L"], 2], synthetic.ANKLE, atol=0.011)
    for name, length in (
        ("thigh.L", synthetic.THIGH),
        ("forearm.R", synthetic.FOREARM),
        ("chest", synthetic.UPPER_SPINE),
    ):
        np.testing.assert_allclose(np.linalg.norm(rest.tails[at[name]] - rest.heads[at[name]]), length, atol=1e-9)
    assert 1.5 < rest.stature < 1.9


def test_rest_pose_is_symmetric_as_blenders_mirror_tools_want_it(rest: skeleton.Rest) -> None:
    for index, name in enumerate(NAMES):
        if name.endswith(".L"):
            other = NAMES.index(name[:-1] + "R")
            np.testing.assert_allclose(rest.heads[index] * [-1, 1, 1], rest.heads[other], atol=1e-12)
            # Mirrored rolls: y and z are mirrored, x is mirrored and reversed, so that the frame stays right-handed.
            reflected = rest.frames[index] * [[-1], [1], [1]] * [-1, 1, 1]
            np.testing.assert_allclose(reflected, rest.frames[other], atol=1e-12)


def test_the_rest_pose_solves_to_no_rotation(rest: skeleton.Rest) -> None:
    world = synthetic.pose(rest, identity(), np.zeros((1, 3)))
    found = solve.solve(world, AIR, RATE, rest)
    np.testing.assert_allclose(found.rotations, identity(), atol=1e-7)
    np.testing.assert_allclose(found.location, 0, atol=1e-12)


@pytest.mark.parametrize("side", ["L", "R"])
@pytest.mark.parametrize("bone", ["forearm", "shin"])
def test_a_bent_hinge_is_a_positive_turn_about_x(rest: skeleton.Rest, bone: str, side: str) -> None:
    wanted = identity()
    wanted[0, NAMES.index(f"{bone}.{side}")] = turn("x", 70)
    world = synthetic.pose(rest, wanted, np.zeros((1, 3)))
    end = skeleton.joint(world, f"{side}Wrist" if bone == "forearm" else f"{side}Ankle")[0]
    start = skeleton.joint(world, f"{side}Elbow" if bone == "forearm" else f"{side}Knee")[0]
    # An elbow bends forwards, a knee backwards; the person faces -Y.
    assert (end - start)[1] * (-1 if bone == "forearm" else 1) > 0.2
    found = solve.solve(world, AIR, RATE, rest)
    assert angle(found.rotations, wanted).max() < 1e-4


def test_a_known_pose_gives_its_rotations(rest: skeleton.Rest) -> None:
    wanted = identity()
    wanted[0, NAMES.index("hips")] = product(turn("y", 40), turn("x", 15))
    wanted[0, NAMES.index("neck")] = turn("x", 20)
    wanted[0, NAMES.index("head")] = turn("z", -15)
    wanted[0, NAMES.index("shoulder.L")] = turn("z", 12)
    wanted[0, NAMES.index("upper_arm.L")] = product(turn("z", -60), turn("y", 35))
    wanted[0, NAMES.index("forearm.L")] = turn("x", 80)
    wanted[0, NAMES.index("thigh.R")] = product(turn("x", -70), turn("y", 20))
    wanted[0, NAMES.index("shin.R")] = turn("x", 90)
    location = np.array([[0.3, -0.2, 0.1]])
    found = solve.solve(synthetic.pose(rest, wanted, location), AIR, RATE, rest)
    for index, name in enumerate(NAMES):
        # A knee's plane counts a little less the further it is turned from straight ahead; alone it decides.
        assert angle(found.rotations[0, index], wanted[0, index]) < 0.01, name
    np.testing.assert_allclose(found.location, location, atol=1e-12)


def test_twist_between_hips_and_shoulders_is_shared(rest: skeleton.Rest) -> None:
    wanted = identity()
    wanted[0, NAMES.index("spine")] = turn("y", 20)
    wanted[0, NAMES.index("chest")] = turn("y", 20)
    found = solve.solve(synthetic.pose(rest, wanted, np.zeros((1, 3))), AIR, RATE, rest)
    assert angle(found.rotations, wanted).max() < 1e-4


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_any_pose_keeps_its_joints(seed: int) -> None:
    random = np.random.default_rng(seed)
    world, contacts = synthetic.walk(4)
    rest = skeleton.rest_pose(world, contacts)
    q = random.normal(size=(20, len(BONES), 4))
    # Directions of bones are free as in the engine's output; lengths and the pelvis are not.
    world = synthetic.pose(rest, q / np.linalg.norm(q, axis=-1, keepdims=True), random.normal(size=(20, 3)))
    contacts = random.random((20, 2)) < 0.5
    found = solve.solve(world, contacts, RATE, rest)
    again = synthetic.pose(rest, found.rotations, found.location)
    assert np.linalg.norm(again - world, axis=-1).max() < 1e-6


def test_a_walk_keeps_its_joints() -> None:
    assert joint_error(*synthetic.walk(300)) < 1e-6


def test_degenerate_joints_give_finite_rotations() -> None:
    world = np.zeros((5, 17, 3))
    rest = skeleton.rest_pose(world, np.zeros((5, 2), bool))
    found = solve.solve(world, np.ones((5, 2), bool), RATE, rest)
    assert np.isfinite(found.rotations).all() and np.isfinite(found.location).all()
    np.testing.assert_allclose(np.linalg.norm(found.rotations, axis=-1), 1, atol=1e-6)


def test_signs_are_continuous_and_nothing_jumps_through_whole_turns() -> None:
    world, contacts = synthetic.walk(600, turn=2.0)  # more than six turns
    rest = skeleton.rest_pose(world, contacts)
    q = solve.solve(world, contacts, RATE, rest).rotations
    assert (q[0, :, 0] >= 0).all()
    assert ((q[1:] * q[:-1]).sum(axis=-1) > 0).all()
    assert angle(q[1:], q[:-1]).max() < 15  # degrees from frame to frame


def test_a_limb_that_straightens_in_noise_does_not_roll(rest: skeleton.Rest) -> None:
    frames = 120
    bend = 60 * np.abs(np.cos(np.linspace(0, np.pi, frames)))  # straight in the middle
    wanted = identity(frames)
    for frame in range(frames):
        wanted[frame, NAMES.index("forearm.L")] = turn("x", bend[frame])
        wanted[frame, NAMES.index("upper_arm.L")] = product(turn("z", -50), turn("y", 60))
        wanted[frame, NAMES.index("shin.L")] = turn("x", bend[frame])
    world = synthetic.pose(rest, wanted, np.zeros((frames, 3)))
    # 5 mm that wander over a few frames, as the engine's filter leaves them: 1 to 2 degrees of a bone.
    noise = np.random.default_rng(5).normal(0, 1, (frames + 6, 17, 3))
    noise = sum(noise[shift : shift + frames] for shift in range(7))
    world += 0.005 * noise / noise.std()
    q = solve.solve(world, np.zeros((frames, 2), bool), RATE, rest).rotations
    for name in ("upper_arm.L", "thigh.L"):
        index = NAMES.index(name)
        assert angle(q[1:, index], q[:-1, index]).max() < 7, name
        assert angle(q[:, index], wanted[:, index]).max() < 30, name


def test_a_knee_that_bends_the_wrong_way_does_not_turn_the_thigh_round(rest: skeleton.Rest) -> None:
    wanted = identity(40)
    for frame, degrees in enumerate(np.linspace(60, -25, 40)):
        wanted[frame, NAMES.index("shin.L")] = turn("x", degrees)
    world = synthetic.pose(rest, wanted, np.zeros((40, 3)))
    q = solve.solve(world, np.zeros((40, 2), bool), RATE, rest).rotations
    assert angle(q, wanted).max() < 1


def test_a_mirrored_motion_has_mirrored_rotations() -> None:
    world, contacts = synthetic.walk(60)
    rest = skeleton.rest_pose(world, contacts)
    q = solve.solve(world, contacts, RATE, rest).rotations
    other = solve.solve(synthetic.mirrored(world), contacts[:, ::-1], RATE, rest).rotations
    swap = [NAMES.index(n[:-1] + {"L": "R", "R": "L"}[n[-1]] if n[-2] == "." else n) for n in NAMES]
    # What Blender's "paste flipped" does.
    assert angle(other[:, swap] * [1, 1, -1, -1], q).max() < 1e-3


def test_a_standing_foot_is_flat_and_follows_the_leg_in_the_air(rest: skeleton.Rest) -> None:
    wanted = identity(60)
    wanted[:, NAMES.index("thigh.L")] = turn("x", -30)
    wanted[:, NAMES.index("shin.L")] = turn("x", 70)
    world = synthetic.pose(rest, wanted, np.zeros((60, 3)))
    contacts = np.zeros((60, 2), bool)
    contacts[30:, 0] = True
    q = solve.solve(world, contacts, RATE, rest).rotations[:, NAMES.index("foot.L")]
    assert angle(q[:20], np.array([1.0, 0, 0, 0])).max() < 1e-4
    assert angle(q[40:], turn("x", -40)).max() < 1e-4  # undoes what the leg leans
    assert angle(q[1:], q[:-1]).max() < 20


def test_unsure_angles_glide_between_sure_ones() -> None:
    angles = np.array([0.2] * 10 + [3.0, -3.0] * 10 + [0.8] * 10)
    trust = np.array([1.0] * 10 + [0.0] * 20 + [1.0] * 10)
    steady = solve.steady_angle(angles, trust, RATE)
    assert (np.diff(steady) >= -1e-9).all()
    assert np.diff(steady).max() < 0.04
    np.testing.assert_allclose([steady[0], steady[-1]], [0.2, 0.8], atol=0.02)
    np.testing.assert_array_equal(solve.steady_angle(angles, np.zeros(40), RATE), 0)
    np.testing.assert_allclose(solve.steady_angle(np.array([0.5]), np.array([1.0]), RATE), [0.5])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1, 1), min_size=4, max_size=4).filter(lambda q: np.linalg.norm(q) > 0.1))
def test_quaternions_survive_matrices(values: list[float]) -> None:
    q = np.array(values) / np.linalg.norm(values)
    assert angle(rotations.to_quaternions(rotations.to_matrices(q)), q) < 1e-3


def test_a_half_turn_has_a_swing() -> None:
    frames = np.eye(3)[None]
    turned = rotations.swing(frames, np.array([[0.0, -1.0, 0.0]]))
    np.testing.assert_allclose(turned[0], np.diag([1.0, -1.0, -1.0]), atol=1e-9)


def test_body_is_closed_and_hangs_on_every_bone(rest: skeleton.Rest) -> None:
    shape = mannequin.build(rest)
    edges: dict[tuple[int, int], int] = {}
    for face in shape.faces:
        for a, b in zip(face, face[1:] + face[:1], strict=True):
            edges[a, b] = edges.get((a, b), 0) + 1
    # Closed and consistently wound: every edge is used once each way.
    assert all(count == 1 and edges.get((b, a)) == 1 for (a, b), count in edges.items())
    corners = np.array([face[:3] for face in shape.faces])
    p = shape.vertices[corners]
    volume = np.einsum("fi,fi->", p[:, 0], np.cross(p[:, 1], p[:, 2])) / 6
    assert volume > 0, "faces look inwards"
    assert set(np.unique(shape.bones)) == set(range(len(NAMES)))
    assert len(shape.materials) == len(shape.faces)
    assert -1e-9 < shape.vertices[:, 2].min() < 0.005
    np.testing.assert_allclose(shape.vertices[:, 2].max(), rest.stature, atol=0.02)
    np.testing.assert_allclose(shape.vertices[:, 0].max(), -shape.vertices[:, 0].min(), atol=1e-9)


def test_keys_lie_on_whole_frames_unless_the_rate_varies() -> None:
    np.testing.assert_array_equal(timeline.key_frames(np.array([0.0, 0.033, 0.067]), 30.0), [1, 2, 3])
    np.testing.assert_array_equal(timeline.key_frames(np.array([2.0, 2.04]), 25.0), [51, 52])
    np.testing.assert_allclose(timeline.key_frames(np.array([0.0, 0.05, 0.075]), 24.0), [1, 2.2, 2.8])
    # Half the rate of the video: every second key lies between two frames.
    np.testing.assert_allclose(timeline.key_frames(np.arange(3) / 60, 30.0), [1, 1.5, 2])


@pytest.mark.parametrize(
    ("fps", "pair"),
    [
        (30.0, (30, 1.0)),
        (24000 / 1001, (24, 1.001)),
        (23.98, (24, 1.001)),
        (60000 / 1001, (60, 1.001)),
        (25.051, (25, 1.0)),  # a phone's
        (29.9, (30, 1.0)),
        (20.0, (24, 1.0)),
        (0.5, (24, 1.0)),
    ],
)
def test_the_nearest_standard_rate(fps: float, pair: tuple[int, float]) -> None:
    assert timeline.scene_rate(fps) == pair


class TestHandsAndFeet:
    """What a detector sees of them besides the joints."""

    def turned(
        self, rest: skeleton.Rest, axis: list[float], degrees: float, where: np.ndarray, name: str
    ) -> np.ndarray:
        """How a part comes out, (T,4) against where it rests, that is turned about an axis of the T-pose."""
        world = synthetic.pose(rest, identity(60), np.zeros((60, 3)))
        part = rotations.to_matrices(rotations.about(np.array(axis), np.full(60, np.radians(degrees))))
        found = solve.solve(world, np.zeros((60, 2), bool), RATE, rest, {name: (part, where)})
        still = solve.solve(world, np.zeros((60, 2), bool), RATE, rest)
        others = [row for row, other in enumerate(NAMES) if other != name]
        np.testing.assert_array_equal(found.rotations[:, others], still.rotations[:, others])
        return found.rotations[:, NAMES.index(name)]

    @pytest.mark.parametrize("name", ["hand.L", "hand.R"])
    def test_hands_roll_and_do_not_bend(self, rest: skeleton.Rest, name: str) -> None:
        seen = np.ones(60, bool)
        rolled = self.turned(rest, [1, 0, 0], 40.0, seen, name)
        np.testing.assert_allclose(angle(rolled, [1, 0, 0, 0]), 40.0, atol=1e-6)
        np.testing.assert_allclose(rolled[:, [1, 3]], 0.0, atol=1e-9)
        np.testing.assert_allclose(angle(self.turned(rest, [0, 0, 1], 40.0, seen, name), [1, 0, 0, 0]), 0.0, atol=1e-3)

    def test_feet_are_the_engines(self, rest: skeleton.Rest) -> None:
        """Any way, however far, also where the person was not seen: they agree with the engine's floor."""
        for axis in np.eye(3):
            for degrees, seen in ((30.0, np.ones(60, bool)), (80.0, np.arange(60) < 30)):
                found = self.turned(rest, list(axis), degrees, seen, "foot.L")
                np.testing.assert_allclose(angle(found, [1, 0, 0, 0]), degrees, atol=1e-3)

    def test_without_them_feet_in_contact_are_flat(self, rest: skeleton.Rest) -> None:
        world = synthetic.pose(rest, identity(60), np.zeros((60, 3)))
        world[:, JOINTS.index("LKnee"), 1] -= 0.2
        flat = solve.solve(world, np.ones((60, 2), bool), RATE, rest)
        free = solve.solve(world, np.zeros((60, 2), bool), RATE, rest)
        row = NAMES.index("foot.L")
        assert angle(flat.rotations[30:31, row], free.rotations[30, row])[0] > 10

    def test_hands_turn_no_more_than_what_is_human_and_nothing_of_what_cannot_be(self, rest: skeleton.Rest) -> None:
        seen = np.ones(60, bool)
        assert abs(angle(self.turned(rest, [1, 0, 0], 80.0, seen, "hand.R"), [1, 0, 0, 0]).max() - 70.0) < 1e-3
        assert angle(self.turned(rest, [1, 0, 0], 130.0, seen, "hand.R"), [1, 0, 0, 0]).max() < 1e-3

    def test_unseen_hands_rest_and_go_there_smoothly(self, rest: skeleton.Rest) -> None:
        where = np.arange(60) < 30
        turn = angle(self.turned(rest, [1, 0, 0], 40.0, where, "hand.L"), [1, 0, 0, 0])
        assert abs(turn[0] - 40.0) < 1e-3 and turn[-1] < 1e-3
        assert np.abs(np.diff(turn)).max() < 8.0
        assert (np.diff(turn) < 1e-6).all()


def test_an_hour_of_60_frames_a_second_takes_less_than_half_a_gigabyte(tmp_path: Path) -> None:
    """Per frame, which is what it grows with."""
    frames = 5000
    path = synthetic.save_motion(tmp_path / "long.npz", *synthetic.stroll(frames))
    tracemalloc.start()
    try:
        motion = motion_file.load(path)
        rest = skeleton.rest_pose(motion.world, motion.contacts)
        pose = solve.solve(motion.world, motion.contacts, motion.fps, rest, motion.parts)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(pose.location) == frames
    assert peak / frames * 216_000 < 0.5e9
