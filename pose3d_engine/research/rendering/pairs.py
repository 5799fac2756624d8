"""Rendered pairs: a detector's points on rendered clips, with the truth; one small .npz per camera of a clip."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import numpy as np

from ... import detect
from ...contract import arrays
from ...contract.errors import UserError
from ...contract.skeletons import COCO17, H36M17
from ...detect.base import FrameDetections
from ...progress import Progress
from ..data_sets.mocap_data import RATE
from .clips import Performance, Studio, pictures, truth
from .picture import Renderer
from .plans import Plan, carry_out

KEYS = ("keypoints2d", "truth", "truth2d", "body_axes", "focal_px", "width", "height", "height_m", "meta")


def make(plan: Plan, detectors: tuple[str, ...], studio: Studio, folder: Path, progress: Progress) -> int:
    """Renders and detects the clips that are not there yet. Returns the number of new ones.

    The pairs of each detector lie in a folder of its name.

    Raises:
        UserError: A package or a detector is missing, or the folder cannot be written.
    """
    names = tuple(detect.source(name).name for name in detectors)
    for name in names:
        detect.create(name, 1).close()  # says what is missing before any work is lost

    def paths(name: str, number: int) -> list[Path]:
        return [folder / name / f"{plan.name(number)}-{view}.npz" for view in range(plan.views)]

    def files(number: int) -> list[Path]:
        return [path for name in names for path in paths(name, number)]

    def one(renderer: Renderer, performance: Performance, number: int) -> None:
        with ExitStack() as stack:
            using = {
                name: [stack.enter_context(closing(detect.create(name, 1))) for _ in performance.cameras]
                for name in names
            }
            found: dict[str, list[list[FrameDetections]]] = {name: [] for name in names}
            for frame, images in enumerate(pictures(renderer, performance)):
                for name, views in using.items():
                    found[name].append(
                        [view.detect(image, frame / RATE) for view, image in zip(views, images, strict=True)]
                    )
        true = truth(performance)
        for name in names:
            for view, path in enumerate(paths(name, number)):
                arrays.save_npz(path, pair(performance, true, view, [row[view] for row in found[name]], name))

    return carry_out(plan, studio, files, one, progress)


def pair(
    performance: Performance,
    true: dict[str, np.ndarray],
    view: int,
    found: list[FrameDetections],
    detector: str,
) -> dict[str, np.ndarray]:
    """The arrays of one camera's pair; docs/contributor/rendering.md lists them."""
    camera = performance.cameras[view]
    points = np.full((len(found), 17, 3), np.nan, np.float32)
    points[..., 2] = 0
    extras: dict[str, np.ndarray] = {}
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
        "width": np.array(camera.width, np.int32),
        "height": np.array(camera.height, np.int32),
        "fps": np.array(RATE, np.float32),
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


def load(folder: Path, detector: str, progress: Progress) -> Iterator[dict[str, np.ndarray]]:
    """Yields the pairs of a detector in the order of their names.

    Raises:
        UserError: There are none, or a file is something else.
    """
    files = sorted((folder / detector).glob("clip*.npz"))
    if not files:
        raise UserError(f"{folder / detector}: no pairs; make them with `pose3d render --detector {detector}`")
    for number, file in enumerate(files):
        progress("Reading", number + 1, len(files))
        yield arrays.load_npz(file, KEYS, "a rendered pair")
