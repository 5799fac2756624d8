"""What the solver brings on unseen motion capture with known truth, by virtual cameras: part of `make bench`.

    python -m scripts.bench.motion [--data cmu_h36m17.npz] [--quick] [--per-clip]

Takes of the validation split (mocap_data.VALIDATION_TAKES) are filmed by virtual cameras that stand still, pitched
from -15 to +40 degrees and slightly rolled, seen through the detector noise that lifters are trained with, and captured
as a video would be. The field of view is given right, as a user would who knows his camera.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pose3d_engine import pipeline
from pose3d_engine.contract.people_file import People
from pose3d_engine.contract.settings import CaptureSettings
from pose3d_engine.contract.skeletons import COCO_ROWS, H36M17, H36M_ROWS
from pose3d_engine.pose.joint_definitions import from_anatomical
from pose3d_engine.research.data_sets import detector_noise, mocap_data
from pose3d_engine.research.evaluation import world
from pose3d_engine.solve import floor
from pose3d_engine.solve.body import CANONICAL_HEIGHT, LENGTHS
from pose3d_engine.take import LEVEL_CAMERA
from scripts import ROOT
from scripts.bench import ablation

DATA = ROOT.parent / "shared" / "mocap" / "cmu_h36m17.npz"
WIDTH, HEIGHT, FOV = 1920, 1080, 60.0
FOCAL = WIDTH / 2 / np.tan(np.radians(FOV) / 2)
NOISE = 0.015
"""Of the person's size: what MediaPipe's keypoints err by on real footage."""

LONGEST = 300
"""Frames of a take that are used."""

KINDS = {
    "walking": ("walking_24.txt#0", "04.bvh", "06.bvh", "19.bvh", "05.bvh"),
    "standing": ("basketball_signal_3.txt", "directing_traffic_4.txt", "washwindow_1.txt", "16_07.txt"),
    "jumping": ("jumping_2.txt", "49_02.txt"),
    "floor": ("139_17.txt", "140_02.txt"),
}
"""The end of the names of the takes: walking and dancing about, standing with moving arms, jumping, sitting down."""

PITCHES = (-15.0, 0.0, 12.0, 25.0, 40.0)
"""Degrees that the cameras look down."""


@dataclass(frozen=True)
class Scene:
    """A take on film. world (T,17,3) metres, z up, floor at 0; rotation, place: world = rotation @ camera + place."""

    kind: str
    name: str
    pitch: float
    world: np.ndarray
    rotation: np.ndarray
    place: np.ndarray
    people: People

    @property
    def camera(self) -> np.ndarray:
        """(T,17,3): the joints in camera axes."""
        return (self.world - self.place) @ self.rotation


def body(clip: mocap_data.Clip) -> tuple[np.ndarray, np.ndarray]:
    """Joints (T,17,3) and face (T,5,3), z up, of a body 1.70 m tall; the feet stay planted where they were.

    Legs and pelvis are scaled as a whole; what is above has the usual lengths, for some takes have no shoulders.
    """
    joints, face = clip.joints[:LONGEST].astype(np.float64), clip.face[:LONGEST].astype(np.float64)
    legs = [H36M17.index(j) for j in ("RKnee", "RAnkle")]
    sizes = {c: np.median(np.linalg.norm(joints[:, c] - joints[:, p], axis=-1)) for p, c in H36M17.bones}
    scale = (LENGTHS["RKnee"][0] + LENGTHS["RAnkle"][0]) / sum(sizes[j] for j in legs)
    new = joints * scale
    for parent, child in H36M17.bones:
        name = H36M17.joints[child]
        if child >= H36M17.index("Spine"):
            length = LENGTHS[name if name in LENGTHS else "R" + name[1:]][0]
            bone = joints[:, child] - joints[:, parent]
            new[:, child] = new[:, parent] + bone / np.linalg.norm(bone, axis=-1, keepdims=True) * length
    head = H36M17.index("Neck/Nose")
    face = (face - joints[:, head : head + 1]) * scale + new[:, head : head + 1]
    turn = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])  # y up -> z up
    return new @ turn.T, face @ turn.T


def film(kind: str, clip: mocap_data.Clip, pitch: float, seed: int, fov: float = FOV) -> Scene:
    """A take through one camera that keeps the whole of it in the picture."""
    rng = np.random.default_rng(seed)
    joints, face = body(clip)
    joints = from_anatomical(joints)
    ground = float(np.quantile(joints[:, floor.ANKLES, 2], 0.02)) - floor.ankle_height(CANONICAL_HEIGHT)
    joints[..., 2] -= ground
    face[..., 2] -= ground
    yaw, roll, down = rng.uniform(-np.pi, np.pi), np.radians(rng.normal(0, 2.5)), np.radians(pitch)
    about_z = np.array([[np.cos(yaw), -np.sin(yaw), 0], [np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]])
    tip = np.array([[1, 0, 0], [0, np.cos(down), -np.sin(down)], [0, np.sin(down), np.cos(down)]])
    lean = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    rotation = about_z @ LEVEL_CAMERA @ tip.T @ lean
    target = (joints.reshape(-1, 3).min(axis=0) + joints.reshape(-1, 3).max(axis=0)) / 2
    focal = WIDTH / 2 / np.tan(np.radians(fov) / 2)
    margin = np.array([WIDTH, HEIGHT]) / 2 / focal * 0.92
    for distance in np.arange(3.0, 20.0, 0.25):
        place = target - rotation[:, 2] * distance
        seen = (joints - place) @ rotation
        if (seen[..., 2] > 0.5).all() and (np.abs(seen[..., :2] / seen[..., 2:]) < margin).all():
            break
    coco = np.empty((len(joints), 17, 3))
    coco[:, COCO_ROWS] = joints[:, H36M_ROWS]
    coco[:, detector_noise.FACE] = face
    seen = (coco - place) @ rotation
    points, scores = detector_noise.noisy(rng, (seen[..., :2] / seen[..., 2:])[None].astype(np.float32), NOISE)
    pixels = points[0] * focal + np.array([WIDTH, HEIGHT]) / 2
    keypoints = np.concatenate([pixels, scores[0][..., None]], axis=-1).astype(np.float32)
    low, high = pixels.min(axis=1), pixels.max(axis=1)
    frames, rate = len(joints), mocap_data.RATE
    facts = {"path": clip.name, "width": WIDTH, "height": HEIGHT, "fps": rate, "duration": frames / rate}
    people = People(
        keypoints[None],
        np.concatenate([low, high], axis=1)[None].astype(np.float32),
        np.arange(frames, dtype=np.int32),
        np.arange(frames) / rate,
        {"people": [{"person": 1}], "video": {**facts, "frames": frames, "rotation": 0}, "detector": "virtual"},
    )
    return Scene(kind, f"{clip.source} {clip.name}", pitch, joints, rotation, place, people)


def scenes(data: Path, quick: bool) -> Iterator[Scene]:
    """Every take from two pitches (one, if quick), so that each kind sees them all."""
    _, clips = mocap_data.split(mocap_data.load_clips(data))
    number = 0
    for kind, names in KINDS.items():
        for name in names:
            clip = next(c for c in clips if c.name.endswith("/" + name))
            for step in range(1 if quick else 2):
                yield film(kind, clip, PITCHES[(number + step * 2) % len(PITCHES)], 100 * number + step)
            number += 1


def main() -> int:
    """Prints the tables; exit status 0 whatever the numbers are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--quick", action="store_true", help="one camera a take, and only the lifter and the default")
    parser.add_argument("--per-clip", action="store_true", help="a line for each scene, default settings")
    args = parser.parse_args()
    if not args.data.is_file():
        print(f"motion clean-up: not measured, {args.data} is not there (--data)", file=sys.stderr)
        return 0
    default = CaptureSettings(device="cpu")
    ways = {"lifter alone": (replace(default, raw=True), ablation.DEFAULT)}
    if not args.quick:
        ways["+ solver without ground"] = (default, ablation.WITHOUT_GROUND)
    ways["default"] = (default, ablation.DEFAULT)
    film_list = list(scenes(args.data, args.quick))
    print(f"{len(film_list)} virtual videos, {sum(len(s.world) for s in film_list)} frames; mm unless said otherwise")
    scores: dict[str, list[world.Scores]] = {}
    for name, (settings, change) in ways.items():
        for scene in film_list:
            with change.made(settings) as changed:
                (motion,) = pipeline.capture(scene.people, changed)
            scores.setdefault(name, []).append(world.score(motion, scene.world, scene.rotation, scene.place))
    print(world.table(scores))
    for kind in KINDS:
        chosen = [s for s, scene in zip(scores["default"], film_list, strict=True) if scene.kind == kind]
        print(world.table({f"default, {kind}": chosen}, head=False))
    if args.per_clip:
        for scene, s in zip(film_list, scores["default"], strict=True):
            print(world.table({f"{scene.pitch:4.0f} {scene.name[-28:]}": [s]}, head=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
