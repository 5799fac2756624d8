"""The clean-up tools' maths on any motion, without Blender: what must hold whatever is moved."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blender_addon.maths import motion_file
from blender_addon.maths import rotations as rot
from blender_addon.maths.clean_up import (
    bezier,
    foot_pinning,
    interpolation,
    key_reduction,
    mirroring,
    root_motion,
    smoothing,
    suspicious_frames,
)
from blender_addon.maths.clean_up.errors import CleanUpError
from blender_addon.maths.clean_up.motion import Motion, Rig, pose
from tests.support import synthetic

NAMES = ("root", "thigh.L", "shin.L", "foot.L", "thigh.R", "shin.R", "foot.R")
PARENTS = (-1, 0, 1, 2, 0, 4, 5)
MODES = ("QUATERNION", "XYZ", "ZXY", "AXIS_ANGLE")

few = settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
seeds = st.integers(0, 2**32 - 1)


def rig(modes: tuple[str, ...] = ("QUATERNION",) * len(NAMES), rolls: np.ndarray | None = None) -> Rig:
    """A pelvis with two legs that hang; the same on both sides. rolls: (B,) radians."""
    down = rot.about(rot.AXES[0], -np.pi / 2)  # y, along the bone, points to -z
    rest = np.array(
        [rot.multiply(down, rot.about(rot.AXES[1], roll)) for roll in (rolls if rolls is not None else [0.0] * 7)]
    )
    heads = np.array([[0, 0, 1.0], *[[x, 0, z] for x in (0.1, -0.1) for z in (0.95, 0.5, 0.1)]])
    return Rig(NAMES, PARENTS, rest, heads, np.array([0.2, 0.45, 0.4, 0.1, 0.45, 0.4, 0.1]), (True,) * 7, modes)


def moving(seed: int, frames: int, size: float = 0.6, bones: Rig | None = None) -> Motion:
    """A smooth motion made of slow sines, at 30 frames a second."""
    random = np.random.default_rng(seed)
    time = np.arange(frames)[:, None, None] / 30.0
    shape = (1, len(NAMES), 3)
    angles = sum(
        size / 2 * random.normal(size=shape) * np.sin(2 * np.pi * random.uniform(0.1, 2.0, shape) * time + phase)
        for phase in (0.0, 1.5)
    )
    locations = np.zeros((frames, len(NAMES), 3))
    locations[:, 0] = np.cumsum(random.normal(size=3) * 0.01 + 0.005 * np.sin(time[:, 0] * 5), axis=0)
    bones = bones or rig()
    return Motion(bones, np.arange(frames) + 1.0, 30.0, smooth_signs(rot.from_euler(angles, "XYZ")), locations)


def smooth_signs(q: np.ndarray) -> np.ndarray:
    return rot.continuous(q, q[0])


def drawn(keys: key_reduction.Keys) -> np.ndarray:
    """An F-curve as Blender draws it, (T,): Bezier pieces, their parameter found by halving."""

    def curve(points: list[np.ndarray], u: np.ndarray) -> np.ndarray:
        v = 1 - u
        return points[0] * v**3 + 3 * points[1] * u * v**2 + 3 * points[2] * u**2 * v + points[3] * u**3

    result = np.empty(keys.rows[-1] + 1)
    for i in range(len(keys.rows) - 1):
        a, b = keys.rows[i], keys.rows[i + 1]
        right, left = keys.right[i], keys.left[i + 1]
        assert right > 0 and left > 0 and right + left <= (b - a) * (1 + 1e-9), "Blender would shorten these handles"
        frames = np.arange(a, b + 1)
        low, high = np.zeros(len(frames)), np.ones(len(frames))
        for _ in range(40):
            middle = (low + high) / 2
            early = curve([a, a + right, b - left, b], middle) < frames
            low, high = np.where(early, middle, low), np.where(early, high, middle)
        values = keys.values[i : i + 2]
        rises = right * keys.slopes[i], left * keys.slopes[i + 1]
        result[a : b + 1] = curve([values[0], values[0] + rises[0], values[1] - rises[1], values[1]], low)
    return result


def channels(motion: Motion) -> list[key_reduction.Channels]:
    """All rotations as their bones' modes have them, and the root's location."""
    found = [key_reduction.Channels(0, True, motion.locations[:, 0])]
    for bone, mode in enumerate(motion.rig.modes):
        start = rot.to_channels(
            motion.rotations[:1, bone], mode, np.zeros(4 if mode in ("QUATERNION", "AXIS_ANGLE") else 3)
        )
        found.append(key_reduction.Channels(bone, False, rot.to_channels(motion.rotations[:, bone], mode, start[0])))
    return found


def assert_within(
    motion: Motion,
    chosen: list[key_reduction.Channels],
    keys: list[list[key_reduction.Keys]],
    degrees: float,
    millimetres: float,
) -> None:
    """The posed character keeps the bound on every frame, and its curves their ends."""
    rotations, locations = motion.rotations.copy(), motion.locations.copy()
    for item, columns in zip(chosen, keys, strict=True):
        curves = np.stack([drawn(column) for column in columns], axis=-1)
        assert np.allclose(curves[[0, -1]], item.values[[0, -1]], atol=1e-6)
        if item.located:
            locations[:, item.bone] = curves
        else:
            rotations[:, item.bone] = rot.from_channels(curves, motion.rig.modes[item.bone])
    was, now = pose(motion), pose(motion.with_rotations(rotations).with_locations(locations))
    assert np.degrees(rot.angle(was.rotations, now.rotations)).max() <= degrees * 1.001
    for a, b in ((was.heads, now.heads), (was.tails, now.tails)):
        assert np.linalg.norm(a - b, axis=-1).max() <= millimetres / 1000 * 1.001


class TestReduction:
    @few
    @given(seeds, st.integers(3, 80), st.sampled_from([(1.0, 5.0), (0.2, 1.0), (5.0, 1000.0), (90.0, 2.0)]), st.data())
    def test_the_bound_holds_on_every_frame(
        self, seed: int, frames: int, bound: tuple[float, float], data: st.DataObject
    ) -> None:
        modes = tuple(data.draw(st.lists(st.sampled_from(MODES), min_size=7, max_size=7)))
        motion = moving(seed, frames, 0.4, rig(modes))
        everything = channels(motion)
        chosen = [item for item in everything if item.bone % data.draw(st.sampled_from([1, 2])) == 0]
        keys = key_reduction.reduce(motion, chosen, bound[0], bound[1] / 1000)
        assert_within(motion, chosen, keys, *bound)

    def test_long_clips_are_cut_into_windows_that_join(self) -> None:
        motion = moving(5, 700)
        keys = key_reduction.reduce(motion, channels(motion), 1.0, 0.005)
        for key in (key for columns in keys for key in columns):
            assert (np.diff(key.rows) > 0).all() and key.rows[0] == 0 and key.rows[-1] == 699
        assert_within(motion, channels(motion), keys, 1.0, 5.0)
        assert sum(len(key.rows) for columns in keys for key in columns) < 0.2 * 700 * 31

    def test_what_stands_still_needs_two_keys(self) -> None:
        motion = moving(1, 50, size=0.0).with_locations(np.zeros((50, 7, 3)))
        keys = key_reduction.reduce(motion, channels(motion), 1.0, 0.005)
        assert {len(key.rows) for columns in keys for key in columns} == {2}

    def test_noise_needs_every_key_and_gets_it(self) -> None:
        random = np.random.default_rng(0)
        motion = moving(0, 30)
        motion = motion.with_rotations(
            rot.normalise(motion.rotations + random.normal(size=motion.rotations.shape) * 0.3)
        )
        keys = key_reduction.reduce(motion, channels(motion), 0.1, 0.0005)
        assert max(len(key.rows) for columns in keys for key in columns) > 25
        assert_within(motion, channels(motion), keys, 0.1, 0.5)

    def test_bounds_and_ranges_that_leave_nothing_to_do(self) -> None:
        motion = moving(0, 30)
        with pytest.raises(CleanUpError, match="every key"):
            key_reduction.reduce(motion, channels(motion), 0.0, 0.005)
        with pytest.raises(CleanUpError, match="too few frames"):
            key_reduction.reduce(moving(0, 2), channels(moving(0, 2)), 1.0, 0.005)


def test_free_handles_meet_what_thirds_cannot() -> None:
    keys = np.zeros((1, 41), bool)
    keys[0, [0, 20, 40]] = True
    curves = bezier.start(keys, np.zeros((2, 1, 41)), np.zeros((2, 1, 41)))
    curves.values[:, 0, [0, 20, 40]] = [[0, 1, 0.5], [2, -1, 0]]
    curves.slopes[:, 0, [0, 20, 40]] = [[0, 0.05, 0], [0.1, 0, -0.02]]
    curves.leaving[0, [0, 20]], curves.arriving[0, [0, 20]] = [0.5, 0.25], [0.3, 0.45]
    samples = bezier.evaluate(curves)
    held = np.zeros((1, 41), bool)
    held[:, [0, -1]] = True
    tangents = bezier.slopes(samples)
    tangents[..., [0, -1]] = curves.slopes[..., [0, -1]]
    again = bezier.start(keys, samples, tangents)
    third = bezier.fit(bezier.start(keys, samples, tangents), samples, tangents, held, 1, free=False)
    free = bezier.fit(again, samples, tangents, held, 30)
    assert np.abs(free - samples).max() < 0.5 * np.abs(third - samples).max()
    assert np.allclose(bezier.evaluate(again), free, atol=1e-6)


@few
@given(seeds, st.integers(5, 200), st.integers(1, 4))
def test_pieces_of_any_length_are_what_their_handles_say(seed: int, frames: int, items: int) -> None:
    """Pieces are worked on in groups of about one length, padded: none may leak into another."""
    random = np.random.default_rng(seed)
    keys = random.random((items, frames)) < random.choice([0.02, 0.1, 0.5], (items, 1))
    keys[:, [0, -1]] = True
    curves = bezier.start(keys, random.normal(size=(2, items, frames)), random.normal(size=(2, items, frames)) / frames)
    curves.leaving, curves.arriving = random.uniform(0.1, 0.5, (2, items, frames))
    found = bezier.evaluate(curves)
    for item in range(items):
        rows = np.flatnonzero(keys[item])
        lengths = np.diff(rows)
        right, left = curves.leaving[item, rows[:-1]] * lengths, curves.arriving[item, rows[:-1]] * lengths
        for channel in range(2):
            values, rises = curves.values[channel, item, rows], curves.slopes[channel, item, rows]
            alone = drawn(
                key_reduction.Keys(rows, values, rises, np.append(right[:1], left), np.append(right, left[-1:]))
            )
            assert np.abs(found[channel, item] - alone).max() < 1e-5


def test_what_a_curve_would_miss_without_a_key() -> None:
    keys = np.zeros((1, 41), bool)
    keys[0, [0, 12, 30, 40]] = True
    t = np.arange(41.0)
    cubic = (0.001 * t**3 - 0.03 * t**2 + 0.2 * t)[None, None]
    curves = bezier.start(keys, cubic, (0.003 * t**2 - 0.06 * t + 0.2)[None, None])
    starts, off = bezier.without(curves)
    assert starts.tolist() == [0, 12, 30, 40] and np.allclose(off[1:3], 0.0, atol=1e-9)
    curves.values[0, 0, 12] += 0.5
    assert np.isclose(bezier.without(curves)[1][1], 0.5)


class TestSmoothing:
    @few
    @given(seeds, st.integers(4, 90), st.floats(0.1, 14.0))
    def test_ends_and_stillness_stay(self, seed: int, frames: int, cutoff: float) -> None:
        motion = moving(seed, frames)
        done = smoothing.smooth(motion, cutoff)
        assert np.allclose(np.abs((done.rotations * motion.rotations).sum(-1))[[0, -1]], 1.0, atol=1e-7)
        assert np.allclose(done.locations[[0, -1]], motion.locations[[0, -1]], atol=1e-4)
        still = motion.with_rotations(np.repeat(motion.rotations[:1], frames, 0))
        assert np.allclose(smoothing.smooth(still, cutoff).rotations, still.rotations, atol=1e-9)

    def test_slow_stays_and_fast_goes(self) -> None:
        time = np.arange(300) / 30.0
        waves = np.stack([np.sin(2 * np.pi * f * time) for f in (0.5, 4.0, 12.0)], axis=-1)
        gain = smoothing.low_pass(waves, 4.0 / 30)[60:-60].std(axis=0) / waves[60:-60].std(axis=0)
        assert gain[0] > 0.99 and abs(gain[1] - 0.5) < 0.03 and gain[2] < 0.03


class TestSides:
    @few
    @given(seeds, st.integers(2, 20))
    def test_mirrored_twice_is_as_before(self, seed: int, frames: int) -> None:
        rolls = np.random.default_rng(seed).uniform(-3, 3, 7)
        motion = moving(seed, frames, bones=rig(rolls=rolls))
        axis = np.array([1.0, 0.0, 0.0])
        once = mirroring.mirror(motion, axis)
        twice = mirroring.mirror(once, axis)
        assert rot.angle(twice.rotations, motion.rotations).max() < 1e-6
        assert np.allclose(twice.locations, motion.locations)
        was, now = pose(motion).heads, pose(once).heads
        assert np.allclose(now[:, mirroring.partners(motion.rig)] * [-1, 1, 1], was, atol=1e-9)

    @few
    @given(seeds)
    def test_swapped_limbs_point_as_the_others_did(self, seed: int) -> None:
        motion = moving(seed, 8)
        swapped = mirroring.swap_sides(motion, [1, 2])

        def way(which: Motion, bone: int) -> np.ndarray:
            posed = pose(which)
            return (posed.tails - posed.heads)[:, bone] / which.rig.lengths[bone]

        for left, right in ((1, 4), (2, 5)):
            assert np.allclose(way(swapped, left), way(motion, right), atol=1e-6)
            assert np.allclose(way(swapped, right), way(motion, left), atol=1e-6)

    @pytest.mark.parametrize(
        ("name", "other"),
        [
            ("hand.L", "hand.R"),
            ("mixamorig:LeftArm", "mixamorig:RightArm"),
            ("upperarm_l", "upperarm_r"),
            ("J_Bip_L_Hand", "J_Bip_R_Hand"),
            ("spine", None),
            ("pelvis", None),
        ],
    )
    def test_names_of_sides(self, name: str, other: str | None) -> None:
        assert mirroring.other_side(name) == other


class TestWay:
    @few
    @given(seeds, st.integers(12, 60), st.booleans(), st.data())
    def test_a_loop_closes(self, seed: int, frames: int, stay: bool, data: st.DataObject) -> None:
        motion = moving(seed, frames)
        done = root_motion.make_loop(motion, data.draw(st.integers(1, frames - 1)), stay)
        assert rot.angle(done.rotations[0], done.rotations[-1]).max() < 1e-6
        height = pose(done).heads[:, 0, 2]
        assert abs(height[0] - height[-1]) < 1e-9
        if stay:
            assert np.allclose(done.locations[0], done.locations[-1])

    @few
    @given(seeds, st.floats(-3.1, 3.1))
    def test_the_heading_is_what_was_asked_for(self, seed: int, radians: float) -> None:
        done = root_motion.set_heading(moving(seed, 60), radians)
        assert abs(np.angle(np.exp(1j * (root_motion.heading(done) - radians)))) < 1e-6

    @few
    @given(seeds)
    def test_only_the_place_changes_when_all_is_moved(self, seed: int) -> None:
        motion = moving(seed, 20)
        turn, shift = rot.about(rot.AXES[2], 0.7), np.array([1.0, 2.0, 3.0])
        was, now = pose(motion), pose(root_motion.transformed(motion, turn, shift))
        assert np.allclose(now.tails, rot.rotate(turn, was.tails) + shift, atol=1e-9)


class TestFeet:
    @few
    @given(seeds, st.integers(5, 20), st.integers(0, 8))
    def test_a_locked_foot_holds_where_it_can_and_the_rest_stays(self, seed: int, first: int, blend: int) -> None:
        bent = np.zeros((40, 7, 3))
        bent[:, [1, 4], 0], bent[:, [2, 5], 0] = -0.6, 1.2  # so that the target is within reach
        motion = moving(seed, 40, size=0.05)
        still = np.zeros((40, 7, 3))
        motion = motion.with_rotations(rot.multiply(rot.from_euler(bent, "XYZ"), motion.rotations)).with_locations(
            still
        )
        feet = foot_pinning.find_feet(motion.rig)
        done = foot_pinning.pin_feet(motion, pose(motion), feet, first, first + 10, blend)
        inside = slice(first - 1, first + 10)
        for foot in (3, 6):
            assert np.ptp(pose(done).heads[inside, foot], axis=0).max() < 1e-6
        touched = np.flatnonzero(np.abs(done.rotations - motion.rotations).max(axis=(1, 2)) > 1e-12)
        assert touched.min() >= first - 1 - blend and touched.max() <= first + 9 + blend
        free = foot_pinning.unpin_feet(done, motion, feet, 1, 40, 0)
        assert rot.angle(free.rotations, motion.rotations).max() < 1e-6


class TestRotations:
    @few
    @given(seeds, st.sampled_from([*MODES, "YXZ", "ZYX", "XZY", "YZX"]))
    def test_channels_are_the_same_rotation_without_jumps(self, seed: int, mode: str) -> None:
        q = moving(seed, 60).rotations[:, 1]
        start = np.zeros(4 if mode in ("QUATERNION", "AXIS_ANGLE") else 3)
        values = rot.to_channels(q, mode, start)
        assert rot.angle(rot.from_channels(values, mode), q).max() < 1e-6
        turned = rot.multiply(q, rot.about(rot.AXES[0], 0.01))
        near = rot.nearest_channels(turned, mode, values)
        assert rot.angle(rot.from_channels(near, mode), turned).max() < 1e-6
        if mode == "QUATERNION":
            assert np.abs(np.diff(values, axis=0)).max() < 0.5 and np.abs(near - values).max() < 0.02

    @few
    @given(seeds)
    def test_signs_never_jump(self, seed: int) -> None:
        q = moving(seed, 40).rotations
        flipped = q * np.random.default_rng(seed).choice([-1.0, 1.0], (40, 7, 1))
        assert np.abs(np.diff(smooth_signs(flipped), axis=0)).max() < 0.5


def test_a_bridge_leads_from_what_was_before_to_what_comes_after() -> None:
    motion = moving(3, 40)
    part, keys = interpolation.interpolate_range(motion, channels(motion), 10, 20)
    assert (part.frames[0], part.frames[-1]) == (10, 20)
    for item, columns in zip(channels(motion), keys, strict=True):
        for column, key in enumerate(columns):
            values = drawn(key)
            ends = item.values[[9, 19], column]
            assert np.allclose(values[[0, -1]], ends)
            room = np.ptp(ends) / 2 + 0.01
            assert values.min() > ends.min() - room and values.max() < ends.max() + room


class TestSuspiciousFrames:
    def test_a_jerk_is_found_and_nothing_else(self) -> None:
        motion = moving(2, 120)
        rotations = motion.rotations.copy()
        rotations[60, 2] = rot.multiply(rotations[60, 2], rot.about(rot.AXES[0], 1.2))
        found = suspicious_frames.find_jerks(motion.with_rotations(rotations), list(range(7)))
        assert len(found) == 1 and found[0].first <= 60 <= found[0].last
        assert not suspicious_frames.find_jerks(motion, list(range(7)))

    @pytest.mark.parametrize("back", [False, True])
    def test_a_jump_is_found_in_a_fast_motion(self, back: bool) -> None:
        """58 degrees in one frame, to stay there or to come back."""
        motion = moving(2, 120, size=1.5)
        assert not suspicious_frames.find_jumps(motion, list(range(7)), ())
        rotations = motion.rotations.copy()
        rows = slice(60, 61 if back else None)
        rotations[rows, 3] = rot.multiply(rotations[rows, 3], rot.about(rot.AXES[2], np.radians(58)))
        (found,) = suspicious_frames.find_jumps(motion.with_rotations(rotations), list(range(7)), ())
        assert found.first <= 60 <= found.last and found.kind == "jumps"
        assert 50 < int(found.text.split("turns ")[1].split("\N{DEGREE SIGN}")[0]) < 70, found.text

    def test_knees_beyond_their_limits_are_found(self) -> None:
        motion = moving(1, 30, size=0.0)
        slots = {"thigh.L": 1, "shin.L": 2, "foot.L": 3, "thigh.R": 4, "shin.R": 5, "foot.R": 6}
        assert not suspicious_frames.beyond_limits(motion, pose(motion), slots)
        for angle, bone, said in ((2.97, 2, "folded"), (-0.4, 2, "forwards"), (-0.4, 5, "forwards"), (0.4, 5, "")):
            rotations = motion.rotations.copy()
            rotations[10:15, bone] = rot.about(rot.AXES[0], angle)
            changed = motion.with_rotations(rotations)
            found = suspicious_frames.beyond_limits(changed, pose(changed), slots)
            assert [said in doubt.text for doubt in found] == [True] * bool(said), (angle, found)
            assert all((doubt.first, doubt.last) == (10, 14) for doubt in found)

    def test_a_drifting_foot_is_found_while_it_stands(self) -> None:
        heads, contact = np.zeros((60, 3)), np.zeros(60, bool)
        heads[:, 1] = np.linspace(0.0, 1.0, 60)
        assert not suspicious_frames.drifting(heads, contact, "foot")
        contact[20:30] = True
        (found,) = suspicious_frames.drifting(heads, contact, "foot")
        assert (found.first, found.last) == (20, 29) and "153 mm" in found.text


def taken(folder: Path) -> tuple[motion_file.MotionFile, np.ndarray]:
    """A capture that lies over its person, and the keypoints (T,17,3)."""
    seen = np.ones((40, 17))
    seen[30:35] = 0.0
    motion = motion_file.load(synthetic.save_motion(folder / "x.npz", *synthetic.walk(40), confidence=seen))
    with np.load(folder / "x.npz") as file:
        return motion, file["keypoints2d"].astype(float)


def test_a_body_off_the_image_is_found(tmp_path: Path) -> None:
    motion, keypoints = taken(tmp_path)
    assert not suspicious_frames.off_the_image(motion, keypoints)
    keypoints[12:20, :, 0] += 0.09 * 1100.0 * 1.7 / 4.0  # 9 % of the height, 4 m away
    (found,) = suspicious_frames.off_the_image(motion, keypoints)
    assert (found.first, found.last) == (12, 19) and "of its height off the image" in found.text
    keypoints[12:20, :, 2] = 0.1  # nothing to compare with
    assert not suspicious_frames.off_the_image(motion, keypoints)
    (hidden,) = suspicious_frames.interpolated(motion)
    assert (hidden.first, hidden.last) == (30, 34)
