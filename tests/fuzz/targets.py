"""What reads files and messages of others, with valid examples: a reader gives a value or one clear line."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from blender_addon.maths import motion_file
from pose3d_engine import pipeline, weights
from pose3d_engine.contract import protocol
from pose3d_engine.contract.errors import UserError
from pose3d_engine.contract.motion_file import Motion
from pose3d_engine.contract.people_file import People
from pose3d_engine.contract.settings import CaptureSettings
from pose3d_engine.formats import keypoint_files
from pose3d_engine.formats import motion as motion_files
from pose3d_engine.pose.lifters import checkpoint_files, viewed
from pose3d_engine.pose.lifters.temporal import TemporalModel
from pose3d_engine.research.data_sets import acclaim, bvh
from pose3d_engine.stages import imported
from tests.fuzz import mutations
from tests.support import GOLDEN, ROOT, filmed, motion_writers
from tests.support import keypoint_writers as write
from tests.unit.engine.research import test_prepare

CASES = Path(__file__).with_name("cases")
"""Inputs that once were answered with something else than a value or one clear line; a folder a target."""


@dataclass(frozen=True)
class Target:
    """seeds: writes valid files into a folder. read: reads one file. mutate: makes another file of one."""

    name: str
    seeds: Callable[[Path], list[Path]]
    read: Callable[[Path], object]
    mutate: Callable[[bytes, random.Random], bytes]
    suffix: str

    def check(self, content: bytes) -> None:
        """Reads ``content``; raises AssertionError, or whatever the reader lets escape, where it is at fault."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"input{self.suffix}"
            path.write_bytes(content)
            try:
                self.read(path)
            except (UserError, motion_file.MotionFileError) as error:
                assert "\n" not in str(error), f"more than one line: {error}"
                assert len(str(error)) < 1000, f"a line of {len(str(error))} letters"
            except protocol.ProtocolError:
                pass


def _people() -> People:
    return filmed.people(*(filmed.project(filmed.walk(6, seed=seed)) for seed in (0, 1)))


def _keypoints_json(folder: Path) -> list[Path]:
    people = np.nan_to_num(_people().keypoints2d)
    return [
        write.alphapose(folder / "alphapose.json", people, tracks=True),
        write.alphapose(folder / "halpe.json", people, layout="halpe26"),
        write.alphapose_pictures(folder / "cmu.json", people, "cmu"),
        write.poseflow(folder / "poseflow.json", people),
        write.lighttrack(folder / "lighttrack.json", people),
        write.mmpose(folder / "mmpose.json", people),
        write.mmpose(folder / "demo.json", people, demo=True),
        write.coco_results(folder / "coco.json", people),
    ]


def _openpose(folder: Path) -> list[Path]:
    frames = write.openpose(folder / "openpose", np.nan_to_num(_people().keypoints2d), hands=True)
    return sorted(frames.iterdir())[:2]


def _read_openpose(path: Path) -> People:
    frames = path.parent / "frames"
    frames.mkdir()
    for index in range(2):
        (frames / f"walk_{index:012d}_keypoints.json").write_bytes(path.read_bytes())
    return keypoint_files.read(frames, 1280, 720, 30.0)


def _archives(folder: Path) -> list[Path]:
    people = _people()
    people.save(folder / "people.npz")
    np.savez(folder / "track.npz", keypoints2d=people.keypoints2d[0], width=1280, height=720, fps=30.0)
    write.videopose3d(folder / "vp3d.npz", people.keypoints2d[0, :, :, :2])
    return sorted(folder.glob("*.npz"))


def _motions(folder: Path) -> list[Path]:
    motions = pipeline.capture(_people(), pipeline.CaptureSettings(raw=True, flip=False))
    return pipeline.write(motions, folder / "motion.npz")


def _checkpoints(folder: Path) -> list[Path]:
    small = folder / "vp3d.bin"
    torch.save({"model_pos": TemporalModel(17, 2, 17, (3, 3), channels=2).state_dict(), "epoch": 1}, small)
    return [small, GOLDEN / "vp3d_small.bin"]


def _tcn(folder: Path) -> list[Path]:
    config = viewed.TcnConfig(filter_widths=(3, 3), channels=2)
    viewed.save_weights(folder / "a.safetensors", config, config.model().state_dict())
    return [folder / "a.safetensors"]


def _acclaim(folder: Path) -> list[Path]:
    return [test_prepare.write_amc(folder / "7_01.amc", test_prepare.walk(3))]


def _read_acclaim(path: Path) -> object:
    test_prepare.write_asf(path.with_name("input.asf"))
    return acclaim.read(path, 120.0)


def _messages(folder: Path) -> list[Path]:
    messages = (
        {"type": "hello", "protocol": 1, "engine": "0.1.0", "pid": 4711},
        {"type": "request", "id": 1, "method": "probe", "params": {"video": "/a.mp4"}},
        {"type": "progress", "id": 1, "stage": "detect", "done": 120, "total": 900},
    )
    paths = [folder / f"{index}.json" for index in range(len(messages))]
    for path, message in zip(paths, messages, strict=True):
        path.write_bytes(protocol.encode(message))
    return paths


def _read_message(path: Path) -> None:
    protocol.decode(path.read_bytes())


def _read_keypoints(path: Path) -> People:
    return keypoint_files.read(path, 1280, 720, 30.0)


def _motion_archives(folder: Path) -> list[Path]:
    one = motion_writers.performance(8)
    return [
        motion_writers.comfy(folder / "comfy.npz", one),
        motion_writers.amass(folder / "amass.npz", one),
        motion_writers.soma(folder / "soma.npz", one),
        motion_writers.sam3d(folder / "sam3d.npz", one),
        motion_writers.mhformer(folder / "mhformer.npz", one),
    ]


def _motion_pickles(folder: Path) -> list[Path]:
    one = motion_writers.performance(4)
    return [
        motion_writers.gvhmr_pickle(folder / "gvhmr.pkl", one),
        motion_writers.gvhmr(folder / "gvhmr.pt", one),
        motion_writers.gem(folder / "gem.pt", one),
        motion_writers.wham(folder / "wham.pkl", motion_writers.performance(2)),
        motion_writers.prompthmr(folder / "prompthmr.pkl", one),
        motion_writers.phalp(folder / "phalp.pkl", one),
        motion_writers.tram(folder / "tram", one),
        motion_writers.videopose3d(folder / "joints.npy", one),
        motion_writers.freemocap(folder / "freemocap.npy", one),
    ]


def _read_motion(path: Path) -> object:
    """Also what becomes of it: numbers that no check refuses must make a motion, too."""
    return imported.motions(motion_files.read(path), CaptureSettings(person="all"), 30.0, None)


TARGETS = (
    Target("messages", _messages, _read_message, mutations.of_json, ".json"),
    Target("keypoints", _keypoints_json, _read_keypoints, mutations.of_json, ".json"),
    Target("openpose", _openpose, _read_openpose, mutations.of_json, ".json"),
    Target("archives", _archives, _read_keypoints, mutations.of_arrays, ".npz"),
    Target("motion_archives", _motion_archives, _read_motion, mutations.of_arrays, ".npz"),
    Target("motion_pickles", _motion_pickles, _read_motion, mutations.of_bytes, ".pkl"),
    Target(
        "motion_markers",
        lambda folder: [motion_writers.trc(folder / "a.trc", motion_writers.performance(8))],
        _read_motion,
        mutations.of_lines,
        ".trc",
    ),
    Target("motions", _motions, Motion.load, mutations.of_arrays, ".npz"),
    Target("motions_in_blender", _motions, motion_file.load, mutations.of_arrays, ".npz"),
    Target("checkpoints", _checkpoints, checkpoint_files.read, mutations.of_bytes, ".bin"),
    Target("weights", _tcn, viewed.read_weights, mutations.of_bytes, ".safetensors"),
    Target(
        "register",
        lambda folder: [ROOT / "checkpoint" / "register.json"],
        weights.read_register,
        mutations.of_json,
        ".json",
    ),
    Target(
        "bvh",
        lambda folder: [test_prepare.write_bvh(folder / "a.bvh", test_prepare.walk(3))],
        bvh.read,
        mutations.of_lines,
        ".bvh",
    ),
    Target("amc", _acclaim, _read_acclaim, mutations.of_lines, ".amc"),
    Target(
        "asf",
        lambda folder: [test_prepare.write_asf(folder / "7.asf")],
        acclaim.read_skeleton,
        mutations.of_lines,
        ".asf",
    ),
)
