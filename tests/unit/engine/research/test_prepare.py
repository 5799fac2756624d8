"""Motion capture files become training data: small skeletons in known poses, written here, have known joints."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from pose3d_engine.__main__ import main
from pose3d_engine.contract.errors import UserError
from pose3d_engine.contract.skeletons import H36M17
from pose3d_engine.research.data_sets import bvh, mocap_data, prepare
from pose3d_engine.research.data_sets.prepare import Motion
from pose3d_engine.research.training import train_weights
from tests.support import ROOT

INCH_UNIT = 0.0254 / 0.45
"""Metres of CMU's unit."""

ACCLAIM = """
lhipjoint lfemur ltibia lfoot / rhipjoint rfemur rtibia rfoot
lowerback upperback thorax lowerneck upperneck head
lclavicle lhumerus lradius lwrist / rclavicle rhumerus rradius rwrist
"""
"""Names in the order of :data:`BONES`."""
MOTION_BUILDER = """
LHipJoint LeftUpLeg LeftLeg LeftFoot / RHipJoint RightUpLeg RightLeg RightFoot
LowerBack Spine Spine1 Neck Neck1 Head
LeftShoulder LeftArm LeftForeArm LeftHand / RightShoulder RightArm RightForeArm RightHand
"""
DAZ = """
lButtock lThigh lShin lFoot / rButtock rThigh rShin rFoot
abdomen abdomen2 abdomen3 chest neck head
lCollar lShldr lForeArm lHand / rCollar rShldr rForeArm rHand
"""
THREEDS_MAX = """
LeftPelvis LeftHip LeftKnee LeftAnkle / RightPelvis RightHip RightKnee RightAnkle
Spine1 Spine2 Spine3 Chest Neck Head
LeftCollar LeftShoulder LeftElbow LeftWrist / RightCollar RightShoulder RightElbow RightWrist
"""

BONES: list[tuple[int, tuple[float, float, float]]] = [
    *[(-1, (2, 0, 0)), (0, (0, -7, 0)), (1, (0, -7, 0)), (2, (0, 0, 2))],
    *[(-1, (-2, 0, 0)), (4, (0, -7, 0)), (5, (0, -7, 0)), (6, (0, 0, 2))],
    *[(-1, (0, 2, 0)), (8, (0, 2, 0)), (9, (0, 2, 0)), (10, (0, 1.5, 0)), (11, (0, 1.5, 0)), (12, (0, 2, 0))],
    *[(10, (3, 1, 0)), (14, (5, 0, 0)), (15, (4, 0, 0)), (16, (1, 0, 0))],
    *[(10, (-3, 1, 0)), (18, (-5, 0, 0)), (19, (-4, 0, 0)), (20, (-1, 0, 0))],
]
"""(parent, end) of each bone of a body in T-pose that looks along Z, in CMU's unit; -1 is the root."""

AXES = {"lradius": "0 0 90", "lhumerus": "0 0 0"}
"""Axes of the bones that the tests turn; all others have some that must not matter while they are not turned."""

Pose = dict[str, tuple[float, float, float]]
"""Bone by Acclaim's name -> the angles about x, y and z in degrees, done in this order; "position" of the root."""

T_POSE: Pose = {"position": (1, 16, 2)}
BENT_ELBOW: Pose = {**T_POSE, "lradius": (0, -90, 0)}
ARM_FORWARD: Pose = {**T_POSE, "lhumerus": (0, -90, 90)}
LYING: Pose = {**T_POSE, "root": (-90, 90, 0)}


def words(names: str) -> list[str]:
    return names.replace("/", " ").split()


def write_asf(path: Path) -> Path:
    """The body as an Acclaim skeleton."""
    lines = ["# a body", ":version 1.10", ":name body", ":units", " mass 1.0", " length 0.45", " angle deg"]
    lines += [":documentation", " written by a test", ":root", " order TX TY TZ RX RY RZ", " axis XYZ"]
    lines += [" position 0 0 0", " orientation 0 0 0", ":bonedata"]
    names = words(ACCLAIM)
    for i, (name, (_, end)) in enumerate(zip(names, BONES, strict=True)):
        length = float(np.linalg.norm(end))
        x, y, z = np.array(end) / length
        lines += [" begin", f"  id {i + 1}", f"  name {name}", f"  direction {x:.9g} {y:.9g} {z:.9g}"]
        lines += [f"  length {length:.9g}", f"  axis {AXES.get(name, '10 20 30')} XYZ"]
        if "hipjoint" not in name:
            lines += ["  dof rx ry rz", "  limits (-180.0 180.0)", "         (-180.0 180.0)", "         (-180.0 180.0)"]
        lines += [" end"]
    lines += [":hierarchy", " begin"]
    for parent in range(-1, len(BONES)):
        children = [names[i] for i, bone in enumerate(BONES) if bone[0] == parent]
        lines += [f"  {' '.join([names[parent] if parent >= 0 else 'root', *children])}"] if children else []
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*lines, " end", ""]))
    return path


def write_amc(path: Path, poses: list[Pose]) -> Path:
    """A take of the body, with its skeleton beside it."""
    write_asf(path.with_name(f"{path.stem.rpartition('_')[0] or path.stem}.asf"))
    lines = ["#!a take", ":FULLY-SPECIFIED", ":DEGREES"]
    for i, pose in enumerate(poses):
        x, y, z = pose["position"]
        lines += [str(i + 1), " ".join(f"{v:.9g}" for v in (x, y, z, *pose.get("root", (0, 0, 0))))]
        lines[-1] = f"root {lines[-1]}"
        for name in words(ACCLAIM):
            if "hipjoint" not in name:
                rx, ry, rz = pose.get(name, (0, 0, 0))
                # The forearm's own x is the world's y.
                lines.append(f"{name} {ry:g} 0 0" if name == "lradius" else f"{name} {rx:g} {ry:g} {rz:g}")
    path.write_text("\n".join([*lines, ""]))
    return path


def write_bvh(
    path: Path, poses: list[Pose], names: str = MOTION_BUILDER, unit: float = 1.0, rate: float = 120, lost: bool = False
) -> Path:
    """The same take as BVH. ``unit``: CMU's unit in the file's. ``lost``: without the length of the thorax bone."""
    bones = words(names)
    starts = [np.zeros(3) if parent < 0 else np.array(BONES[parent][1]) for parent, _ in BONES]
    if lost:
        starts = [np.zeros(3) if parent == 10 else start for (parent, _), start in zip(BONES, starts, strict=True)]
    lines = ["HIERARCHY"]
    order: list[str] = []

    def joint(index: int, depth: int) -> None:
        name = "Hips" if index < 0 else bones[index]
        order.append("root" if index < 0 else words(ACCLAIM)[index])
        start = np.zeros(3) if index < 0 else starts[index] * unit
        position = "6 Xposition Yposition Zposition" if index < 0 else "3"
        indent = "\t" * depth
        lines.extend([f"{indent}{'ROOT' if index < 0 else 'JOINT'} {name}", indent + "{"])
        lines.append(f"{indent}\tOFFSET {start[0]:.9g} {start[1]:.9g} {start[2]:.9g}")
        lines.append(f"{indent}\tCHANNELS {position} Zrotation Yrotation Xrotation")
        children = [i for i, bone in enumerate(BONES) if bone[0] == index]
        for child in children:
            joint(child, depth + 1)
        if not children:
            lines.extend([f"{indent}\tEnd Site", indent + "\t{", f"{indent}\t\tOFFSET 0 1 0", indent + "\t}"])
        lines.append(indent + "}")

    joint(-1, 0)
    lines += ["MOTION", f"Frames: {len(poses)}", f"Frame Time: {1 / rate:.7f}"]
    for pose in poses:
        row = [value * unit for value in pose["position"]]
        for name in order:
            rx, ry, rz = pose.get(name, (0, 0, 0))
            row += [rz, ry, rx]
        lines.append(" ".join(f"{value:.9g}" for value in row))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*lines, ""]))
    return path


WRITERS: dict[str, Callable[[Path, list[Pose]], Path]] = {
    "acclaim": lambda folder, poses: write_amc(folder / "7_1.amc", poses),
    "motionbuilder": lambda folder, poses: write_bvh(folder / "a.bvh", poses),
    "lost-thorax": lambda folder, poses: write_bvh(folder / "a.bvh", poses, lost=True),
    "daz-cm": lambda folder, poses: write_bvh(folder / "a.bvh", poses, DAZ, unit=INCH_UNIT * 100),
    "3ds-max-m": lambda folder, poses: write_bvh(folder / "a.bvh", poses, THREEDS_MAX, unit=INCH_UNIT),
}


@pytest.fixture(params=WRITERS)
def pose(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Pose], Motion]:
    """Writes a take of one pose in one of the formats and reads it."""
    return lambda pose: prepare.motion_of(WRITERS[request.param](tmp_path, [pose]))


def relative(motion: Motion) -> dict[str, np.ndarray]:
    """Joints of the first frame from the hip, in CMU's unit."""
    joints = (motion.joints[0] - motion.joints[0, 0]) / INCH_UNIT
    return dict(zip(H36M17.joints, joints, strict=True))


def test_t_pose(pose: Callable[[Pose], Motion]) -> None:
    motion = pose(T_POSE)
    np.testing.assert_allclose(motion.joints[0, 0], np.array([1, 16, 2]) * INCH_UNIT, atol=1e-6)
    joints = relative(motion)
    expected = {
        "RHip": (-2, 0, 0),
        "RKnee": (-2, -7, 0),
        "RAnkle": (-2, -14, 0),
        "LAnkle": (2, -14, 0),
        # The shoulders are 1 above the chest at 6, and the neck 1.5.
        "Thorax": (0, 7, 0),
        "Spine": (0, 0.476 * 7, 0),
        "LShoulder": (3, 7, 0),
        "LElbow": (8, 7, 0),
        "LWrist": (12, 7, 0),
        "RWrist": (-12, 7, 0),
    }
    for name, place in expected.items():
        np.testing.assert_allclose(joints[name], place, atol=1e-5, err_msg=name)
    base = motion.joints[0, 0] + np.array([0, 9 * INCH_UNIT, 0])
    np.testing.assert_allclose(motion.joints[0, 9] - base, (0, 0.02, 0.04), atol=1e-6)
    np.testing.assert_allclose(motion.joints[0, 10] - base, (0, 0.15, 0.01), atol=1e-6)
    face = [(0, 0.04, 0.105), (0.032, 0.075, 0.085), (-0.032, 0.075, 0.085), (0.075, 0.055, 0.005)]
    np.testing.assert_allclose(motion.face[0] - base, [*face, (-0.075, 0.055, 0.005)], atol=1e-6)


def test_bent_elbow(pose: Callable[[Pose], Motion]) -> None:
    joints = relative(pose(BENT_ELBOW))
    np.testing.assert_allclose(joints["LElbow"], (8, 7, 0), atol=1e-5)
    np.testing.assert_allclose(joints["LWrist"], (8, 7, 4), atol=1e-5)
    np.testing.assert_allclose(joints["RWrist"], (-12, 7, 0), atol=1e-5)


def test_order_of_rotations(pose: Callable[[Pose], Motion]) -> None:
    """About y first, then about z: the other way round, the arm would point up."""
    joints = relative(pose(ARM_FORWARD))
    np.testing.assert_allclose(joints["LElbow"], (3, 7, 5), atol=1e-5)


def test_rotated_root(pose: Callable[[Pose], Motion]) -> None:
    """On the back, then turned: up is -x, left is -z, forward is up."""
    motion = pose(LYING)
    joints = relative(motion)
    np.testing.assert_allclose(joints["Thorax"], (-7, 0, 0), atol=1e-5)
    np.testing.assert_allclose(joints["LWrist"], (-7, 0, -12), atol=1e-5)
    np.testing.assert_allclose(joints["RAnkle"], (14, 0, 2), atol=1e-5)
    nose = motion.face[0, 0] - motion.joints[0, 0]
    np.testing.assert_allclose(nose, (-9 * INCH_UNIT - 0.04, 0.105, 0), atol=1e-6)


def walk(frames: int, jump_at: int | None = None) -> list[Pose]:
    """Forward at 1.2 m/s and 120 frames a second, with a swinging arm; the body may be elsewhere from a frame on."""
    ahead = 0.01 / INCH_UNIT
    away = [0 if jump_at is None or i < jump_at else 30 for i in range(frames)]
    return [
        {"position": (5.0 + away[i], 16.0, i * ahead), "lhumerus": (0.0, -30 * np.sin(i / 20), -70.0)}
        for i in range(frames)
    ]


def test_round_trip(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file is what training reads: metres, 30 frames a second, the published split by its names."""
    write_amc(tmp_path / "in" / "01" / "01_07.amc", walk(122))
    write_bvh(tmp_path / "in" / "salsa" / "02.bvh", walk(122))
    output = tmp_path / "new" / "cmu.npz"
    assert main(["train", "prepare", str(tmp_path / "in"), "-o", str(output)]) == 0
    assert capsys.readouterr().out.strip() == str(output)

    with np.load(output) as data:
        assert {key: data[key].dtype.str[1:] for key in data.files if key not in ("source", "name")} == {
            "joints_q": "i2",
            "face_q": "i2",
            "root": "f4",
            "start": "i4",
            "fps": "f4",
            "unit_m": "f4",
        }
    clips = mocap_data.load_clips(output)
    assert [mocap_data.take(clip) for clip in clips] == ["amc_01 01_07", "bvh_salsa 02"]
    training, validation = mocap_data.split(clips)
    assert (len(training), len(validation)) == (1, 1)
    original = prepare.motion_of(tmp_path / "in" / "01" / "01_07.amc")
    for clip in clips:
        assert len(clip.joints) == 31  # the first of every four
        moved = original.joints[::4] - original.joints[::4, :1].mean(axis=0) * (1, 0, 1)
        np.testing.assert_allclose(clip.joints, moved, atol=6e-5)
        np.testing.assert_allclose(clip.joints[:, 0].mean(axis=0)[[0, 2]], 0, atol=1e-6)
    assert mocap_data.MocapSampler(clips, seed=0).batch(2, 9)[0].shape == (2, 9, 17, 4)


@pytest.mark.parametrize("rate", [24.0, 60.0, 100.0])
def test_other_rates(tmp_path: Path, rate: float) -> None:
    """Each new frame is where the body was at its time."""
    motion = prepare.motion_of(write_bvh(tmp_path / "a.bvh", walk(100), rate=rate))
    clip = prepare.resampled(motion)
    assert len(clip.joints) == int(99 / rate * 30) + 1
    ahead = clip.joints[:, 0, 2] - clip.joints[0, 0, 2]
    np.testing.assert_allclose(ahead, np.arange(len(ahead)) / 30 * 0.01 * rate, atol=1e-3)


def test_rate_of_amc(tmp_path: Path) -> None:
    write_amc(tmp_path / "in" / "a.amc", walk(60))
    assert prepare.prepare([tmp_path / "in"], tmp_path / "a.npz", amc_rate=60) == 1
    assert len(mocap_data.load_clips(tmp_path / "a.npz")[0].joints) == 30


def test_cut_at_jumps(tmp_path: Path) -> None:
    """Two clips of one take; the T-pose before it and what is too short are left out."""
    take = [{**T_POSE, "position": (40.0, 16.0, 0.0)}, *walk(300, jump_at=150), {**T_POSE, "position": (90, 16, 0)}]
    write_bvh(tmp_path / "in" / "salsa" / "19.bvh", take)
    assert prepare.prepare([tmp_path / "in"], tmp_path / "cut.npz") == 2
    clips = mocap_data.load_clips(tmp_path / "cut.npz")
    assert [(clip.name, len(clip.joints)) for clip in clips] == [("salsa/19.bvh#0", 38), ("salsa/19.bvh#1", 38)]
    assert {mocap_data.take(clip) for clip in clips} == {"bvh_salsa 19"}
    for clip in clips:
        assert np.linalg.norm(np.diff(clip.joints, axis=0), axis=-1).max() < 0.2


def test_one_frame_off_is_a_jump() -> None:
    """A wrist that is 15 cm off for one of 120 frames a second is no faster than a blow, but it is no movement."""
    joints = np.zeros((40, 17, 3))
    joints[:, :, 0] = np.arange(40)[:, None] * 0.04  # 5 m/s
    assert not prepare.glitches(joints, 120).size
    joints[20, 13, 1] += 0.15
    assert prepare.glitches(joints, 120).tolist() == [20, 21]


def test_twins_are_kept_once(tmp_path: Path) -> None:
    original = write_amc(tmp_path / "asf" / "01" / "01_07.amc", walk(4))
    write_bvh(tmp_path / "bvh" / "01" / "01_07.bvh", walk(4))
    other = write_bvh(tmp_path / "bvh" / "01" / "01_08.bvh", walk(4))
    assert prepare.find_takes([tmp_path / "bvh", tmp_path / "asf"]) == [original, other]


def replaced(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


BREAKS: dict[str, tuple[Callable[[Path], object], str]] = {
    "no-skeleton": (lambda path: path.with_name("7.asf").unlink(), "no skeleton beside it"),
    "half-a-frame": (lambda path: path.write_text(path.read_text()[:-60]), "not complete|other bones|has"),
    "a-word": (lambda path: replaced(path, "head 0 0 0", "head 0 zero 0"), "zero"),
    "not-a-number": (lambda path: replaced(path, "head 0 0 0", "head 0 nan 0"), "not finite"),
    "bone-unknown": (lambda path: replaced(path, "head 0", "tail 0"), "tail"),
    "freedom-missing": (lambda path: replaced(path, "head 0 0 0", "head 0 0"), "2 numbers for head"),
    "no-frames": (lambda path: path.write_text(":DEGREES\n"), "AMC"),
    "loop": (lambda path: replaced(path.with_name("7.asf"), "  lfemur ltibia", "  lfemur root"), "root hangs wrongly"),
    "unit": (lambda path: replaced(path.with_name("7.asf"), "length 0.45", "length 45"), "no person's"),
    "no-bones": (lambda path: replaced(path.with_name("7.asf"), ":bonedata", ":bones"), "no :bonedata"),
    "bytes": (lambda path: path.with_name("7.asf").write_bytes(bytes(range(256))), "ASF"),
}


@pytest.mark.parametrize("how", BREAKS)
def test_broken_acclaim(tmp_path: Path, how: str) -> None:
    path = write_amc(tmp_path / "in" / "7_1.amc", walk(3))
    damage, message = BREAKS[how]
    damage(path)
    with pytest.raises(UserError, match=message) as caught:
        prepare.prepare([tmp_path / "in"], tmp_path / "out.npz")
    assert "\n" not in str(caught.value) and str(tmp_path) in str(caught.value)
    assert not (tmp_path / "out.npz").exists()


BVH_BREAKS: dict[str, tuple[str, str, str]] = {
    "frames-missing": ("Frames: 3", "Frames: 4", "4 frames of"),
    "frame-time": ("Frame Time: 0.0083333", "Frame Time: 0", "frame time"),
    "a-word": ("Frame Time: 0.0083333\n5", "Frame Time: 0.0083333\nfive", "five"),
    "not-a-number": ("Frame Time: 0.0083333\n5", "Frame Time: 0.0083333\nnan", "not finite"),
    "channel": ("Xrotation", "Wrotation", "Wrotation"),
    "channels": ("CHANNELS 3", "CHANNELS 4", "4 channels announced"),
    "bracket": ("\t}\n", "", "not complete|more than one|the skeleton"),
    "header": ("HIERARCHY", "hello", "HIERARCHY"),
    "names": ("LeftUpLeg", "Leg1", "CMU's names"),
    "lying": ("OFFSET 0 2 0", "OFFSET 0 0 99", "upright"),
}


def test_no_back(tmp_path: Path) -> None:
    path = write_bvh(tmp_path / "a.bvh", walk(3))
    replaced(path, "JOINT Spine1", "JOINT Spine2")
    text = path.read_text().replace("Neck1", "Other").replace("JOINT Neck", "JOINT Collar").replace("LowerBack", "Neck")
    path.write_text(text)
    with pytest.raises(UserError, match="no back"):
        prepare.motion_of(path)


@pytest.mark.parametrize("how", BVH_BREAKS)
def test_broken_bvh(tmp_path: Path, how: str) -> None:
    path = write_bvh(tmp_path / "in" / "a.bvh", walk(3))
    old, new, message = BVH_BREAKS[how]
    replaced(path, old, new)
    with pytest.raises(UserError, match=message) as caught:
        prepare.prepare([tmp_path / "in"], tmp_path / "out.npz")
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


def test_any_damage_is_a_user_error(tmp_path: Path) -> None:
    """Files that end anywhere, or lack any line, are read or refused; nothing else happens."""
    take = write_amc(tmp_path / "7_1.amc", walk(2))
    refused = 0
    for path in (take, tmp_path / "7.asf", write_bvh(tmp_path / "a.bvh", walk(2))):
        text = path.read_text()
        lines = text.splitlines(keepends=True)
        damaged = [text[:end] for end in range(0, len(text), 97)]
        damaged += ["".join(lines[:i] + lines[i + 1 :]) for i in range(0, len(lines), 3)]
        for broken in damaged:
            path.write_text(broken)
            try:
                prepare.motion_of(path if path.suffix == ".bvh" else take)
            except UserError as error:
                refused += 1
                assert "\n" not in str(error)
        path.write_text(text)
    assert refused > 100


def test_nothing_to_prepare(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such folder"):
        prepare.prepare([tmp_path / "none"], tmp_path / "out.npz")
    with pytest.raises(UserError, match=r"no \.amc or \.bvh file"):
        prepare.prepare([tmp_path], tmp_path / "out.npz")
    write_bvh(tmp_path / "short.bvh", walk(60))
    with pytest.raises(UserError, match=r"no clip of 0\.8 s"):
        prepare.prepare([tmp_path], tmp_path / "out.npz")
    with pytest.raises(UserError, match="--amc-rate 0"):
        prepare.prepare([tmp_path], tmp_path / "out.npz", amc_rate=0)


def test_end_sites_and_names_with_blanks(tmp_path: Path) -> None:
    """Joint names keep their blanks, and the character's name before a colon is not theirs."""
    path = write_bvh(tmp_path / "a.bvh", walk(2))
    path.write_text(path.read_text().replace("Hips", "the man:Hips").replace("Left", "the man:Left"))
    assert bvh.read(path).names[0] == "the man:Hips"
    assert prepare.motion_of(path).joints.shape == (2, 17, 3)


def test_the_documented_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The commands of docs/contributor/training.md, one after the other, with a small network."""
    text = (ROOT / "docs" / "contributor" / "training.md").read_text(encoding="utf-8")
    lines = re.findall(r"^pose3d .*$", text, re.MULTILINE)
    monkeypatch.chdir(tmp_path)
    for take in ("01/01_01", "01/01_07", "03/03_04"):
        write_amc(tmp_path / "cmu" / f"{take}.amc", walk(110))
    torch.set_num_threads(1)
    small = ["--channels", "16", "-b", "4", "--device", "cpu", "--total-frames", "500"]
    assert [line.split()[:3] for line in lines] == [
        ["pose3d", "train", "prepare"],
        *2 * [["pose3d", "train", "finetune"]],
        ["pose3d", "evaluate", "mocap"],
        ["pose3d", "evaluate", "mocap"],
    ]
    prepare_line, *others = lines
    assert main(prepare_line.split()[1:]) == 0
    assert (
        f"\npython -m pose3d_engine.research.training.train_weights {prepare_line.split()[-1]} --pairs out/pairs\n"
        in text
    )
    for stage in train_weights.STAGES:
        command = train_weights.command(stage, train_weights.Setup((Path("cmu.npz"),), Path("out/weights"), scale=1e-5))
        assert command[1:3] == ["-m", "pose3d_engine"]
        assert main([*command[3:], *small]) == 0
    for line in others:
        line = line.replace(" --pairs out/pairs", "")  # rendering them takes too long here
        assert main([*line.split()[1:], *(small if "finetune" in line else [])]) == 0
    assert capsys.readouterr().out.count("N-MPJPE") == 2  # a table each
