"""Bone maps, recognition and the solver for any rig, without Blender."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from blender_addon.maths import bone_map, ik_controls, recognise, rotations, skeleton, transfer
from blender_addon.maths.bone_map import BoneMap, BoneMapError
from blender_addon.maths.motion_file import JOINTS
from blender_addon.maths.rig import RigError, Solution
from blender_addon.maths.transfer import Options
from tests.support import made_rigs, synthetic

RATE = 30.0
LIMBS = (
    ("upper_arm", "forearm", "Shoulder", "Elbow"),
    ("forearm", "hand", "Elbow", "Wrist"),
    ("thigh", "shin", "Hip", "Knee"),
    ("shin", "foot", "Knee", "Ankle"),
)


@pytest.fixture(scope="module")
def stroll() -> tuple[np.ndarray, np.ndarray]:
    return synthetic.stroll(60)


def solve(
    motion: tuple[np.ndarray, np.ndarray], made: made_rigs.MadeRig, found: BoneMap, options: Options | None = None
) -> Solution:
    return transfer.transfer(*motion, RATE, made.rig(found.bones["hips"][0]), found, options or Options())


def limb_error(world: np.ndarray, solution: Solution) -> float:
    """The largest angle in degrees between a limb's direction and the person's."""
    worst = 0.0
    for side in "LR":
        for limb, after, start, end in LIMBS:
            want = world[:, JOINTS.index(side + end)] - world[:, JOINTS.index(side + start)]
            have = solution.joints[f"{after}.{side}"] - solution.joints[f"{limb}.{side}"]
            cosine = (rotations.unit(want) * rotations.unit(have)).sum(axis=-1)
            worst = max(worst, float(np.degrees(np.arccos(np.clip(cosine, -1, 1))).max()))
    return worst


class TestBoneMaps:
    @pytest.mark.parametrize("name", [*bone_map.presets()])
    def test_presets_are_whole_and_survive_saving(self, name: str, tmp_path: Path) -> None:
        preset = bone_map.preset(name)
        assert not preset.missing()
        assert not [slot for slot in preset.bones if slot not in bone_map.SLOTS]
        bone_map.save(tmp_path / "my map.json", preset)
        assert bone_map.load(tmp_path / "my map.json") == preset == bone_map.preset(preset.name)
        assert [path.name for path in tmp_path.iterdir()] == ["my map.json"]

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"format": "other"}, '"format" is not'),
            ({"version": 2}, "version 2 is unknown"),
            ({"name": ""}, '"name" is missing'),
            ({"bones": []}, '"bones" is not an object'),
            ({"bones": {"tail": "tail"}}, "no slot 'tail'"),
            ({"bones": {"hips": 3}}, "hips is neither a bone's name nor a list"),
            ({"bones": {"hips": ["a", "b"]}}, "hips takes one bone, not 2"),
            ({"bones": {"hips": "a", "head": "a"}}, "the bone 'a' is in it twice"),
            ({"carried_by": {"a": "b"}}, "of which one is in no slot"),
            ({"properties": {"a": {"b": "import os"}}}, "are not numbers"),
            ({"properties": {"a": {"b": float("nan")}}}, "are not numbers"),
            ({"marks": "a"}, "marks is not a list"),
            ({"control_rig": 1}, "neither true nor false"),
            ({"script": "print()"}, "unknown entry 'script'"),
        ],
    )
    def test_what_is_wrong_is_said_in_one_line(self, changes: dict[str, object], said: str, tmp_path: Path) -> None:
        data = {**bone_map.as_data(bone_map.preset("mixamo")), **changes}
        (tmp_path / "m.json").write_text(json.dumps(data), encoding="utf-8")
        with pytest.raises(BoneMapError, match=re.escape(said)) as error:
            bone_map.load(tmp_path / "m.json")
        assert "\n" not in str(error.value) and str(tmp_path / "m.json") in str(error.value)

    @pytest.mark.parametrize("content", [b"", b"[" * 100_000, b"\xff\xfe", b"null"])
    def test_no_map_at_all(self, content: bytes, tmp_path: Path) -> None:
        (tmp_path / "m.json").write_bytes(content)
        with pytest.raises(BoneMapError, match=r"m\.json: not"):
            bone_map.load(tmp_path / "m.json")
        with pytest.raises(BoneMapError, match="choose a bone map"):
            bone_map.load(tmp_path / "none.json")
        with pytest.raises(BoneMapError, match=r"no such preset; there are .*mixamo"):
            bone_map.preset("biped")


def names_of(preset: BoneMap, change: str = "{}") -> list[str]:
    return [change.format(bone) for bones in preset.bones.values() for bone in bones]


class TestRecognition:
    @pytest.mark.parametrize("name", [*bone_map.presets()])
    @pytest.mark.parametrize("change", ["{}", "hero:{}", "a:b:{}", "Character1_{}"])
    def test_by_names_with_any_prefix(self, name: str, change: str) -> None:
        preset = bone_map.preset(name)
        names = [*names_of(preset, change), *(change.format(mark) for mark in preset.marks), "root", "Camera"]
        found = recognise.by_names(names)
        assert found is not None and found.name == preset.name
        assert set(found.bones) == set(preset.bones)
        assert set(names_of(found)) == set(names_of(preset, change))
        assert set(found.carried_by) == {change.format(bone) for bone in preset.carried_by}

    @pytest.mark.parametrize("prefix", ["mixamorig:", "mixamorig7:", "mixamorig", "mixamorig1_"])
    def test_mixamos_numbered_prefixes(self, prefix: str) -> None:
        found = recognise.by_names(names_of(bone_map.preset("mixamo"), prefix + "{}"))
        assert found is not None and found.bones["shin.L"] == (prefix + "LeftLeg",)

    def test_spelling_of_separators_and_sides(self) -> None:
        names = [name.replace(".", "_").upper() for name in names_of(bone_map.preset("video_to_mocap"))]
        found = recognise.by_names(names)
        assert found is not None and found.bones["upper_arm.L"] == ("UPPER_ARM_L",)

    def test_missing_bones_are_named(self) -> None:
        preset = bone_map.preset("unreal4")
        names = set(names_of(preset)) - {"clavicle_l", "spine_02", "spine_03", "neck_01"}
        found = recognise.by_names(sorted(names))
        assert found is not None and found.bones["spine"] == ("spine_01",)
        assert found.missing() == ["neck", "shoulder.L"]
        assert recognise.by_names(sorted(names - {"thigh_l"})) is None

    @pytest.mark.parametrize("seed", range(6))
    @pytest.mark.parametrize("name", ["mixamo", "unreal5", "video_to_mocap"])
    def test_unknown_names_by_shape(self, name: str, seed: int) -> None:
        preset = bone_map.preset(name)
        made = made_rigs.make(preset, seed)
        heads = np.array([bone.head for bone in made.bones])
        turn = rotations.to_matrices(rotations.about(rotations.AXES[2], float(seed)))
        row = {bone.name: number for number, bone in enumerate(made.bones)}
        parents = [row[bone.parent] if bone.parent else -1 for bone in made.bones]
        names = [f"bone {number}" for number in range(len(row))]
        tails = np.array([bone.tail for bone in made.bones])
        found = recognise.recognise(names, parents, heads @ turn.T, tails @ turn.T)
        assert found is not None
        for slot in (*bone_map.NEEDED, "upper_arm.L", "forearm.R", "foot.L"):
            # A helper that begins where the limb does, and carries it, serves as well.
            head = heads[names.index(found.bones[slot][0])]
            np.testing.assert_allclose(head, made.bones[row[preset.bones[slot][0]]].head, err_msg=slot)

    @pytest.mark.parametrize("lost", ["chest", "spine", "neck", "head", "limbs"])
    def test_a_rig_that_is_nearly_mixamos_is_completed_by_its_hierarchy(self, lost: str) -> None:
        preset = bone_map.preset("mixamo")
        made = made_rigs.make(preset, 2, plain=True)
        other = {
            "chest": {"Spine1": "Chest", "Spine2": "UpperChest"},
            "spine": {"Spine": "Abdomen", "Spine1": "Chest", "Spine2": "UpperChest"},
            "neck": {"Neck": "Hals", "Spine2": "Chest"},
            "head": {"Head": "Kopf"},
            "limbs": {"LeftToeBase": "LeftToe", "RightToeBase": "RightToe", "LeftHand": "Hand_L", "RightFoot": "Fuss"},
        }[lost]
        names = [other.get(bone.name, bone.name) for bone in made.bones]
        row = {bone.name: number for number, bone in enumerate(made.bones)}
        parents = [row[bone.parent] if bone.parent else -1 for bone in made.bones]
        ends = [np.array([getattr(bone, end) for bone in made.bones]) for end in ("head", "tail")]
        found = recognise.recognise(names, parents, *ends)
        assert found is not None and found.name == "Mixamo"
        wanted = {slot: tuple(other.get(bone, bone) for bone in bones) for slot, bones in preset.bones.items()}
        assert found.bones == wanted
        assert recognise.gaps(found, names, parents) == []
        if lost == "chest":
            named = recognise.by_names(names)
            assert named is not None and recognise.gaps(named, names, parents) == ["Chest", "UpperChest"]

    def test_presets_and_control_rigs_are_not_changed_by_it(self) -> None:
        for preset in bone_map.presets().values():
            made = made_rigs.make(preset, 3, plain=True)
            names = [bone.name for bone in made.bones]
            parents = [names.index(bone.parent) if bone.parent else -1 for bone in made.bones]
            ends = [np.array([getattr(bone, end) for bone in made.bones]) for end in ("head", "tail")]
            whole = replace(preset, marks=())
            assert recognise.filled(whole, names, parents, *ends).bones == preset.bones, preset.name

    @pytest.mark.parametrize("apart", [0.1, 0.0])
    def test_a_body_needs_a_left_and_a_right_leg(self, apart: float) -> None:
        names = ["root", "a1", "a2", "a3", "b1", "b2", "b3"]
        legs = [[x, y, z] for x in (apart, -apart) for y, z in ((0.0, 0.9), (-0.02, 0.5), (0.0, 0.1))]
        heads = np.array([[0.0, 0.0, 1.0], *legs])
        found = recognise.by_shape(names, [-1, 0, 1, 2, 0, 4, 5], heads, heads + [0.0, -0.1, 0.0])
        if apart:
            assert found is not None and found.one("shin.L") == "a2" and found.one("shin.R") == "b2"
        else:
            assert found is None

    def test_what_has_no_legs_is_no_body(self) -> None:
        assert recognise.recognise(["a", "b", "c"], [-1, 0, 1], np.eye(3), np.eye(3)) is None
        assert recognise.recognise([], [], np.zeros((0, 3)), np.zeros((0, 3))) is None


class TestTransfer:
    @pytest.mark.parametrize("seed", range(3))
    @pytest.mark.parametrize("name", [*bone_map.presets()])
    def test_limbs_point_as_the_persons_on_any_rig(
        self, name: str, seed: int, stroll: tuple[np.ndarray, np.ndarray]
    ) -> None:
        preset = bone_map.preset(name)
        made = made_rigs.make(preset, seed)
        free = solve(stroll, made, preset, Options(foot_lock=False))
        assert limb_error(stroll[0], free) < 0.5
        for quaternions in free.rotations.values():
            assert (quaternions[1:] * quaternions[:-1]).sum(axis=-1).min() > 0.5

    @pytest.mark.parametrize("seed", range(5))
    def test_feet_in_contact_stand_still_on_the_floor(self, seed: int) -> None:
        preset = bone_map.preset("character_creator")
        world, contacts = synthetic.stroll(90)
        # A person whose own feet slide and sink a little.
        t = np.linspace(0, 6, 90)
        world = world + np.stack([0.01 * np.sin(3 * t), 0.03 * t, 0.01 * np.sin(2 * t)], axis=-1)[:, None]
        made = made_rigs.make(preset, seed)
        locked = solve((world, contacts), made, preset)
        free = solve((world, contacts), made, preset, Options(foot_lock=False))
        rest = {bone.name: bone.head for bone in made.bones}
        for column, side in enumerate("LR"):
            foot, contact = locked.joints[f"foot.{side}"], contacts[:, column]
            assert np.abs(foot[contact, 2] - rest[preset.bones[f"foot.{side}"][0]][2]).max() < 0.01
            both = contact[1:] & contact[:-1]
            speeds = [
                np.linalg.norm(np.diff(item.joints[f"foot.{side}"], axis=0), axis=-1)[both] * RATE
                for item in (free, locked)
            ]
            assert speeds[1].max() < 0.02 < speeds[0].max()
            for solution in (free, locked):  # bones keep their length
                span = np.linalg.norm(solution.joints[f"shin.{side}"] - solution.joints[f"foot.{side}"], axis=-1)
                assert np.ptp(span) < 1e-6
            knee = [bend(item, side) for item in (free, locked)]
            assert np.abs(np.diff(knee[1])).max() < np.abs(np.diff(knee[0])).max() + 8  # no pop, degrees a frame
            assert np.abs(knee[1] - knee[0]).max() < 35

    def test_a_foot_on_a_step_stays_there(self) -> None:
        world, contacts = synthetic.stroll(40)
        preset = bone_map.preset("mixamo")
        made = made_rigs.make(preset, 1, plain=True)
        low = solve((world, contacts), made, preset)
        high = solve((world + [0, 0, 0.5], contacts), made, preset)
        rise = high.joints["foot.L"][:, 2] - low.joints["foot.L"][:, 2]
        # Metres of the person are metres of the character's legs.
        assert rise.min() > 0.3 and np.ptp(rise[contacts[:, 0]]) < 0.001

    def test_knees_bend_to_the_front_and_elbows_too(self, stroll: tuple[np.ndarray, np.ndarray]) -> None:
        preset = bone_map.preset("unreal4")
        solution = solve(stroll, made_rigs.make(preset, 2, plain=True), preset)
        for joint, start, end in (("shin", "thigh", "foot"), ("forearm", "upper_arm", "hand")):
            middle = (solution.joints[f"{start}.L"] + solution.joints[f"{end}.L"]) / 2
            ahead = -(solution.joints[f"{joint}.L"] - middle)[:, 1]  # the person walks towards -Y
            assert (ahead > 0).all() if joint == "shin" else (ahead < 0).all()

    @pytest.mark.parametrize(
        "lost",
        [
            ("shoulder.L", "shoulder.R"),
            ("spine",),
            ("neck", "head"),
            ("hand.L", "hand.R", "toe.L", "toe.R"),
            ("foot.L", "foot.R"),
            ("upper_arm.L", "forearm.L"),
            ("forearm.R",),
        ],
    )
    def test_missing_bones(self, lost: tuple[str, ...], stroll: tuple[np.ndarray, np.ndarray]) -> None:
        whole = bone_map.preset("mixamo")
        made = made_rigs.make(whole, 7)
        part = replace(whole, bones={slot: bones for slot, bones in whole.bones.items() if slot not in lost})
        solution = solve(stroll, made, part, Options(foot_lock=False))
        assert all(np.isfinite(q).all() for q in solution.rotations.values())
        want = rotations.unit(stroll[0][:, JOINTS.index("LKnee")] - stroll[0][:, JOINTS.index("LHip")])
        have = rotations.unit(solution.joints["shin.L"] - solution.joints["thigh.L"])
        assert (want * have).sum(axis=-1).min() > np.cos(np.radians(0.5))

    def test_a_bend_is_shared_by_a_long_spine(self) -> None:
        still = synthetic.pose(
            rest := skeleton.rest_pose(*synthetic.stroll(20)),
            np.tile([1.0, 0, 0, 0], (1, len(skeleton.BONES), 1)),
            np.zeros((1, 3)),
        )
        assert rest.leg > 0.5
        turn = rotations.to_matrices(rotations.about(rotations.AXES[2], 0.8))
        upper = [JOINTS.index(name) for name in ("LShoulder", "RShoulder", "LElbow", "RElbow", "LWrist", "RWrist")]
        world = still.copy()
        middle = world[:, JOINTS.index("Thorax")][:, None]
        world[:, upper] = (world[:, upper] - middle) @ turn.T + middle
        preset = bone_map.preset("unreal5")
        made = made_rigs.make(preset, 0, plain=True)
        solution = solve((world, np.zeros((1, 2), bool)), made, preset)
        angles = [
            np.degrees(2 * np.arccos(min(1.0, abs(float(solution.rotations[bone][0, 0])))))
            for bone in preset.bones["spine"]
        ]
        assert max(angles) < 0.3 * np.degrees(0.8) < np.degrees(0.8) < sum(angles) + 1

    def test_twist_bones_take_a_share_of_the_roll(self) -> None:
        preset = bone_map.preset("unreal5")
        made = made_rigs.make(preset, 0, plain=True)
        rest = skeleton.rest_pose(*synthetic.stroll(20))
        keys = np.tile([1.0, 0, 0, 0], (1, len(skeleton.BONES), 1))
        half = np.radians(60) / 2
        keys[:, skeleton.NAMES.index("upper_arm.L")] = [np.cos(half), 0, np.sin(half), 0]
        keys[:, skeleton.NAMES.index("forearm.L")] = [np.cos(0.5), np.sin(0.5), 0, 0]
        world = synthetic.pose(rest, keys, np.zeros((1, 3)))
        solution = solve((world, np.zeros((1, 2), bool)), made, preset)
        rolls = [
            np.degrees(2 * np.arccos(min(1.0, abs(float(solution.rotations[bone][0, 0])))))
            for bone in preset.bones["upper_arm_twist.L"]
        ]
        # At 0.3 and 0.8 of the upper arm: turned back by what is not yet theirs.
        np.testing.assert_allclose(rolls, [0.7 * 60, 0.2 * 60], atol=1.0)

    def test_arms_are_held_away_from_a_wide_body(self, stroll: tuple[np.ndarray, np.ndarray]) -> None:
        preset = bone_map.preset("vrm")
        made = made_rigs.make(preset, 0, plain=True)
        near, far = (solve(stroll, made, preset, Options(arm_space=angle)) for angle in (0.0, 0.4))
        for side, sign in (("L", 1), ("R", -1)):
            out = (far.joints[f"hand.{side}"] - near.joints[f"hand.{side}"])[:, 0] * sign
            assert out.min() > 0.08
            np.testing.assert_allclose(far.joints[f"foot.{side}"], near.joints[f"foot.{side}"], atol=1e-9)

    def test_what_cannot_be_solved_is_said(self, stroll: tuple[np.ndarray, np.ndarray]) -> None:
        preset = bone_map.preset("vrm")
        rig = made_rigs.make(preset, 0, plain=True).rig("hips")
        with pytest.raises(RigError, match=r"mirrored or has no size"):
            transfer.transfer(*stroll, RATE, replace(rig, world=np.diag([-1.0, 1, 1, 1])), preset)
        flat = rig.rest.copy()
        flat[:, :3, 3] = 0
        with pytest.raises(RigError, match=r"legs have no length|begin at one place"):
            transfer.transfer(*stroll, RATE, replace(rig, rest=flat), preset)


def bend(solution: Solution, side: str) -> np.ndarray:
    """How far a knee is bent, degrees."""
    hip, knee, ankle = (solution.joints[f"{limb}.{side}"] for limb in ("thigh", "shin", "foot"))
    cosine = (rotations.unit(knee - hip) * rotations.unit(ankle - knee)).sum(axis=-1)
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


class TestIK:
    def test_a_map_with_ik_is_kept_whole(self, tmp_path: Path) -> None:
        preset = bone_map.preset("rigify")
        assert set(preset.ik) == {f"{limb}.{side}" for limb in ("hand", "foot", "toe") for side in "LR"}
        bone_map.save(tmp_path / "m.json", preset)
        assert bone_map.load(tmp_path / "m.json") == preset

    def test_ik_is_offered_where_its_bones_are(self) -> None:
        preset = bone_map.preset("rigify")
        names = {bone for chain in preset.bones.values() for bone in chain} | set(preset.properties)
        assert recognise.fit(preset, names).ik == {}
        every = {bone for way in preset.ik.values() for bone in way.bones}
        assert recognise.fit(preset, names | every).ik == preset.ik
        assert "hand.L" not in recognise.fit(preset, names | every - {"upper_arm_ik_target.L"}).ik

    @pytest.mark.parametrize(
        ("ik", "words"),
        [
            ({"shin.L": {"control": "a", "carrier": "b"}}, "neither hand, foot nor toe"),
            ({"hand.L": {"control": "a"}}, "no bone's name"),
            ({"hand.L": {"control": "a", "carrier": "b", "pole": 3}}, "no bone's name"),
            ({"hand.L": {"control": "a", "carrier": "b", "rigid": "c"}}, "not lists"),
            ({"hand.L": {"control": "a", "carrier": "b", "else": "c"}}, "no object of"),
            ({"hand.L": {"control": "a", "carrier": "b", "properties": {"a": {"x": "y"}}}}, "not numbers"),
        ],
    )
    def test_a_wrong_ik_is_refused(self, ik: dict[str, object], words: str) -> None:
        with pytest.raises(ValueError, match=words):
            bone_map.parse({**bone_map.as_data(bone_map.preset("rigify")), "ik": ik})

    def test_the_pole_is_in_the_limbs_plane_and_in_front_of_a_straight_one(self) -> None:
        first, last = np.zeros((3, 3)), np.tile([0.0, 0.0, -1.0], (3, 1))
        middle = np.array([[0.0, -0.2, -0.5], [0.1, 0.0, -0.5], [0.0, 0.0, -0.5]])
        front = np.tile([1.0, 0.0, -1.0], (3, 1))
        found = ik_controls.pole(first, middle, last, front, 0.5)
        np.testing.assert_allclose(found, [[0.0, -0.7, -0.5], [0.6, 0.0, -0.5], [0.5, 0.0, -0.5]], atol=1e-9)

    @pytest.mark.parametrize("local", [True, False])
    def test_channels_bring_a_control_to_where_its_limb_is(self, local: bool) -> None:
        """Posed again as Blender does it: by the carrier, then the location in its axes, then the rotation."""
        random = np.random.default_rng(3)

        def turn(count: int) -> np.ndarray:
            return rotations.to_matrices(rotations.unit(random.normal(size=(count, 4))))

        foot = ik_controls.Moved(turn(5), random.normal(size=3), random.normal(size=(5, 3)))
        carrier = ik_controls.Moved(turn(1)[0], random.normal(size=3), random.normal(size=3))
        rest, parent, head = turn(1)[0], turn(1)[0], random.normal(size=3)
        axes = rest if local else parent
        place = foot.point(head)
        moved = ik_controls.location(place, carrier, head, axes)
        spun = rotations.to_matrices(ik_controls.rotation(foot, carrier, rest))
        np.testing.assert_allclose(carrier.point(head) + moved @ (carrier.turn @ axes).T, place, atol=1e-9)
        np.testing.assert_allclose(carrier.turn @ rest @ spun, foot.turn @ rest, atol=1e-9)
