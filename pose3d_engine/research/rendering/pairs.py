"""Rendered pairs: a detector's points on rendered clips, with the truth; one small .npz per camera of a clip."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ... import detect
from ...detect.base import FrameDetections
from ...contract import arrays
from ...contract.errors import UserError
from ...contract.skeletons import COCO17, H36M17
from ...progress import Progress
from ..data_sets.mocap_data import RATE, Clip
from . import clips
from .body import SURFACE
from .cameras import draw_view
from .picture import Renderer

KEYS = ("keypoints2d", "joints", "joints2d", "truth2d", "body_axes", "focal_px", "meta")

TRUE_COCO = tuple(SURFACE[:5]) + tuple(COCO17.joints[5:])
"""Points of COCO-17 in the truth: the face's on the skin, the limbs' joints inside."""


@dataclass(frozen=True)
class Plan:
    """What to make.

    Attributes:
        count: Clips in total.
        seed: Of the first; each further clip has the next.
        held_out: Share of the clips that are held out.
        views: Cameras of each clip.
        frames: Of each clip.
        detectors: Names; the pairs of each lie in a folder of its name.
    """

    count: int
    seed: int = 0
    held_out: float = 0.2
    views: int = 1
    frames: int = 72
    detectors: tuple[str, ...] = ("mediapipe-full",)

    def recipe(self, number: int) -> clips.Recipe:
        """The recipe of a clip; every so manieth is held out."""
        held_out = bool(self.held_out) and int((number + 1) * self.held_out) > int(number * self.held_out)
        seed = self.seed + number
        views = None
        if self.views > 1:
            rng = np.random.default_rng([seed, 1])
            views = tuple(draw_view(rng) for _ in range(self.views))
        return clips.Recipe(seed, self.frames, held_out, views)


def make(plan: Plan, mocap: list[Clip], folder: Path, progress: Progress) -> int:
    """Renders and detects the clips that are not there yet. Returns the number of new ones.

    Raises:
        UserError: A package or the detector is missing, or the folder cannot be written.
    """
    if plan.count < 1:
        raise UserError(f"{plan.count} clips asked for; give 1 or more")
    os.environ.setdefault("LP_NUM_THREADS", "1")
    for name in plan.detectors:
        detect.create(name, 1).close()  # says what is missing before any work is lost
    studio = clips.Studio.make(mocap)
    renderer = Renderer(studio.model)
    made = 0
    for number in range(plan.count):
        wanted = {name: [path(folder, name, plan, number, view) for view in range(plan.views)] for name in plan.detectors}
        if not all(file.is_file() for files in wanted.values() for file in files):
            _make_one(studio, renderer, plan.recipe(number), wanted)
            made += 1
        progress("Rendering", number + 1, plan.count)
    renderer.close()
    return made


def path(folder: Path, detector: str, plan: Plan, number: int, view: int) -> Path:
    """The file of one camera of a clip."""
    return folder / detector / f"clip{plan.seed + number:05d}-{view}.npz"


def _make_one(
    studio: clips.Studio, renderer: Renderer, recipe: clips.Recipe, files: dict[str, list[Path]]
) -> None:
    performance = studio.perform(recipe)
    true = clips.truth(performance)
    detectors = {name: [detect.create(name, 1) for _ in performance.cameras] for name in files}
    found: dict[str, list[list[FrameDetections]]] = {
        name: [[] for _ in performance.cameras] for name in files
    }
    for frame, images in enumerate(clips.pictures(renderer, performance)):
        for view, image in enumerate(images):
            for name in files:
                found[name][view].append(detectors[name][view].detect(image, frame / RATE))
    for name, paths in files.items():
        for view, file in enumerate(paths):
            detectors[name][view].close()
            arrays.save_npz(file, pair(performance, true, view, found[name][view], name))


def pair(
    performance: clips.Performance,
    true: dict[str, np.ndarray],
    view: int,
    found: list[FrameDetections],
    detector: str,
) -> dict[str, np.ndarray]:
    """The arrays of one camera's pair; docs/contributor/rendering.md lists them."""
    camera = performance.cameras[view]
    points = np.full((len(found), 17, 3), np.nan, np.float32)
    points[..., 2] = 0
    extras = {}
    for frame, one in enumerate(found):
        if len(one.keypoints):
            points[frame] = one.keypoints[0]
            for key, value in one.extras.items():
                extras.setdefault(key, np.full((len(found), *value.shape[1:]), np.nan, np.float32))[frame] = value[0]
    joints = camera.to_camera(true["joints"])
    rows = [H36M17.roles[name] for name in COCO17.joints[5:]]
    coco = np.concatenate([true["surface"][:, :5], true["joints"][:, rows]], axis=1)
    recipe = performance.recipe
    return {
        "keypoints2d": points,
        **extras,
        "joints": joints.astype(np.float32),
        "joints2d": camera.project(true["joints"]).astype(np.float32),
        "truth2d": camera.project(coco).astype(np.float32),
        "truth": camera.to_camera(coco).astype(np.float32),
        "surface": camera.to_camera(true["surface"]).astype(np.float32),
        "hands": np.stack([camera.to_camera(hand) for hand in true["hands"]]).astype(np.float32),
        "contacts": true["contacts"],
        "body_axes": (camera.rotation @ true["body_axes"]).astype(np.float32),
        "camera_R": camera.rotation.astype(np.float32),
        "camera_t": camera.translation.astype(np.float32),
        "focal_px": camera.focal.astype(np.float32),
        "centre": camera.centre.astype(np.float32),
        "width": np.int32(camera.width),
        "height": np.int32(camera.height),
        "fps": np.float32(RATE),
        "height_m": true["height"],
        "meta": arrays.pack_meta(
            {
                "detector": detector,
                "seed": recipe.seed,
                "view": view,
                "split": "held-out" if recipe.held_out else "training",
                "kind": performance.motion.kind,
                "take": performance.motion.take,
            }
        ),
    }


def load(folder: Path, detector: str) -> Iterator[dict[str, np.ndarray]]:
    """Yields the pairs of a detector in the order of their names.

    Raises:
        UserError: There are none, or a file is something else.
    """
    files = sorted((folder / detector).glob("clip*.npz"))
    if not files:
        raise UserError(f"{folder / detector}: no pairs; make them with `pose3d render`")
    for file in files:
        yield arrays.load_npz(file, KEYS, "a rendered pair")
