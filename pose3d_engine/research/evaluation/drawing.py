"""Drawings of 2D and 3D poses for a paper or a visual check, as P-STMO's ``draw_2d`` and ``draw_3d_keypoint_3dhp``."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from ... import extras
from ...contract import atomic
from ...contract.skeletons import side

COLOURS = {"left": "#2a6fbb", "right": "#c8452e", "": "#3a3a3a"}
"""Colours of the sides of a body: left blue, right red, the middle grey."""


def figures() -> ModuleType:
    """Returns matplotlib.figure, which draws without a display.

    Raises:
        UserError: matplotlib is missing.
    """
    extras.require("matplotlib", "papers", "draws")
    return extras.require("matplotlib.figure", "papers", "draws")


def draw_2d(path: Path, keypoints: np.ndarray, joints: tuple[str, ...], parents: tuple[int, ...]) -> None:
    """Draws keypoints (K,2), y down.

    Raises:
        UserError: The file cannot be written.
    """
    figure = figures().Figure(figsize=(4, 4))
    axes = figure.add_subplot()
    for child, parent in enumerate(parents):
        if parent >= 0:
            line = keypoints[[parent, child]]
            axes.plot(line[:, 0], line[:, 1], color=COLOURS[side(joints[child])], linewidth=2, marker="o", markersize=3)
    axes.set_aspect("equal")
    axes.invert_yaxis()
    save(figure, path)


def draw_3d(path: Path, poses: dict[str, np.ndarray], joints: tuple[str, ...], parents: tuple[int, ...]) -> None:
    """Draws poses (J,3) in camera axes beside each other, each under its title.

    Raises:
        UserError: The file cannot be written.
    """
    figure = figures().Figure(figsize=(4 * len(poses), 4))
    everything = np.concatenate(list(poses.values()))
    middle, reach = everything.mean(axis=0), np.ptp(everything, axis=0).max() / 2 or 1.0
    for i, (title, pose) in enumerate(poses.items(), start=1):
        axes = figure.add_subplot(1, len(poses), i, projection="3d")
        for child, parent in enumerate(parents):
            if parent >= 0:
                line = pose[[parent, child]]
                # y down and z forward in the camera: the plot has z up.
                axes.plot(
                    line[:, 0],
                    line[:, 2],
                    -line[:, 1],
                    color=COLOURS[side(joints[child])],
                    linewidth=2,
                    marker="o",
                    markersize=3,
                )
        axes.set(
            title=title,
            xlim=(middle[0] - reach, middle[0] + reach),
            ylim=(middle[2] - reach, middle[2] + reach),
            zlim=(-middle[1] - reach, -middle[1] + reach),
        )
        axes.locator_params(nbins=4)
        axes.tick_params(labelsize=7)
        axes.set_box_aspect((1, 1, 1))
        axes.view_init(elev=12, azim=-70)
    save(figure, path)


def save(figure: Any, path: Path) -> None:
    """Writes a figure of matplotlib as a picture.

    Raises:
        UserError: The file cannot be written.
    """
    with atomic.replacing(path) as temporary:
        figure.savefig(temporary, dpi=120, bbox_inches="tight")
