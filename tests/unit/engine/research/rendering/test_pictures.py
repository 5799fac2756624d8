"""Pictures: the truth lies on them, the same seed gives them again, and detectors find the people."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from pose3d_engine.__main__ import main
from pose3d_engine.contract import arrays
from pose3d_engine.contract.skeletons import COCO17, H36M17
from pose3d_engine.progress import silent
from pose3d_engine.research.rendering import cameras, clips, pairs, picture, scene, videos
from pose3d_engine.research.rendering.plans import Plan

SIZE = (320, 240)


def digest(images: list[list[np.ndarray]], truth: dict[str, np.ndarray]) -> str:
    found = hashlib.sha256()
    for array in [*(image for views in images for image in views), *truth.values()]:
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def test_a_seed_gives_the_same_pictures_and_truth_again(studio: clips.Studio, renderer: picture.Renderer) -> None:
    found = []
    for seed in (7, 8, 7):
        performance = studio.perform(clips.Recipe(seed, frames=3, size=SIZE))
        found.append(digest(list(clips.pictures(renderer, performance)), clips.truth(performance)))
    assert found[0] == found[2] != found[1]


def plain(performance: clips.Performance, texture: np.ndarray) -> clips.Performance:
    """The same performance, lit evenly before nothing, without clothes that stand off."""
    void = scene.Scene((), np.array([0, 0, 1.0]), ambient=1.0, exposure=1.0)
    return replace(performance, scene=void, texture=texture, standoff=0 * performance.standoff, blur=0, noise=0)


def test_the_truth_lies_on_the_pictures(studio: clips.Studio, renderer: picture.Renderer) -> None:
    views = (
        cameras.View(azimuth=20, pitch=10, roll=12, shift=(0.1, -0.05)),
        cameras.View(azimuth=-70, pitch=30, field=60, pan=1.0, shake=1.0),
    )
    performance = studio.perform(clips.Recipe(2, frames=2, size=SIZE, views=views))
    # The left hand is red, the right one blue.
    at = studio.texture_regions
    left = at.place[..., :1] > 0
    hand = (at.arm > 1.7)[..., None]
    texture = np.where(hand, np.where(left, [255, 0, 0], [0, 0, 255]), 255).astype(np.uint8)
    bare = plain(performance, texture)
    truth, shown = clips.truth(bare), set()
    for frame, images in enumerate(clips.pictures(renderer, bare)):
        for camera, image in zip(bare.cameras, images, strict=True):
            sky = image[0, 0]
            mask = (np.abs(image.astype(int) - sky) > 20).any(axis=-1)
            skin = camera.project(bare.skin(frame)[0][None].repeat(2, axis=0))[frame]
            rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
            box = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
            assert np.abs(np.array([*skin.min(axis=0), *skin.max(axis=0)]) - box).max() < 1.5
            for name, colour in (("left_wrist", 0), ("right_wrist", 2)):
                x, y = camera.project(truth["joints"])[frame, H36M17.roles[name]]
                pixel = image[int(y), int(x)].astype(int)
                assert mask[int(y), int(x)]
                if np.ptp(pixel) > 100:  # the hand is not behind the body
                    assert pixel[colour] > pixel[2 - colour]
                    shown.add(name)
    assert shown == {"left_wrist", "right_wrist"}


def test_the_person_turns_from_the_camera_after_a_cut(studio: clips.Studio) -> None:
    views = (cameras.View(azimuth=0, pitch=0, cut=0.5),)
    camera = studio.perform(clips.Recipe(1, frames=4, views=views)).cameras[0]
    turned = camera.rotation[1] @ camera.rotation[2].T
    assert np.allclose(camera.rotation[0], camera.rotation[1]) and abs(np.trace(turned) - 1) < 1e-6  # by 90 degrees


def test_videos_are_resumed(studio: clips.Studio, tmp_path: Path) -> None:
    plan = Plan(2, seed=4, frames=3, views=2)
    assert videos.make(plan, studio, tmp_path, silent) == 2
    names = {
        "clip00004-0.mp4",
        "clip00004-1.mp4",
        "clip00004.npz",
        "clip00005-0.mp4",
        "clip00005-1.mp4",
        "clip00005.npz",
    }
    assert {path.name for path in tmp_path.iterdir()} == names
    truth = arrays.load_npz(tmp_path / "clip00004.npz", ("joints", "camera_R"), "a clip's truth")
    assert truth["joints"].shape == (3, 17, 3) and truth["camera_R"].shape == (2, 3, 3, 3)
    (tmp_path / "clip00005-1.mp4").unlink()
    assert videos.make(plan, studio, tmp_path, silent) == 1
    assert videos.make(plan, studio, tmp_path, silent) == 0


def test_the_detector_finds_the_people(studio: clips.Studio, tmp_path: Path, detector_model: Path) -> None:
    pairs.make(Plan(1, seed=1, frames=4), ("mediapipe-full",), studio, tmp_path, silent)
    (pair,) = pairs.load(tmp_path, "mediapipe-full", silent)
    metres = pair["truth"][..., 2] / pair["focal_px"][:, None]
    error = np.linalg.norm(pair["keypoints2d"][..., :2] - pair["truth2d"], axis=-1) * metres
    assert np.isfinite(error).all() and np.median(error) < 0.06
    limbs = COCO17.rows("left_hip", "right_knee", "left_ankle", "right_shoulder", "left_wrist")
    assert np.median(error[:, limbs], axis=0).max() < 0.15


def test_bad_requests_say_so(studio: clips.Studio, tmp_path: Path, capsys) -> None:
    assert main(["render", str(tmp_path / "nothing.npz"), "-o", str(tmp_path)]) == 2
    assert main(["render", "m.npz", "-o", str(tmp_path), "--clips", "0"]) == 2
    assert main(["render", "m.npz", "-o", str(tmp_path), "--held-out", "2"]) == 2
    assert main(["calibrate", str(tmp_path), "--detector", "mediapipe"]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 4 and "File not found" in errors[0] and "pose3d render" in errors[3]
