"""BVH, the text format of motion capture: a skeleton in its rest pose, and the rotations of its joints.

As most programs write and expect it: y up, centimetres, a T-pose that faces +z, rotations about z, x and y, and names
of letters, digits and underscores. A rest pose has no bone axes in BVH: every joint's axes are the world's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from . import rotations
from .arrays import Array

_CHANNELS = "Zrotation Xrotation Yrotation"
_ORDER = "YXZ"
"""Blender's word for rotations about z, x and y as BVH lists them: the last one acts first."""
_LIFT = 0.25
"""Share of the root bone's length by which the root joint lies below a joint that would be at the same place: a first
bone without length is refused or turned by some programs."""
_TOUCHING = 1e-3
"""Share of the skeleton's size within which two joints are at one place."""


@dataclass(frozen=True)
class Figure:
    """A skeleton of N bones over T frames, world axes (z up), metres.

    Attributes:
        names: (N) of the bones.
        parents: (N) of the bones, parents first; -1 for the root, which is the first.
        rest: (N,3,3) orientations at rest. heads, tails: (N,3).
        turned: (T,N,3,3) orientations.
        place: (T,3) head of the root.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    rest: Array
    heads: Array
    tails: Array
    turned: Array
    place: Array


def text(figure: Figure, rate: float, y_up: bool = True) -> str:
    """The contents of a BVH file.

    Args:
        figure: the skeleton and its motion.
        rate: frames a second.
        y_up: y up in centimetres with plain names, for most programs; otherwise z up in metres with the names as they
            are, for Blender.
    """
    figure = _with_length(figure)
    scale, turn = (100.0, _Y_UP) if y_up else (1.0, np.eye(3))
    names = _plain(figure.names) if y_up else [name.replace(" ", "_") for name in figure.names]
    # The root's is 0: some programs add it to the root's positions, others do not.
    offsets = np.zeros_like(figure.heads)
    offsets[1:] = figure.heads[1:] - figure.heads[list(figure.parents[1:])]
    offsets = offsets @ turn.T * scale
    ends = (figure.tails - figure.heads) @ turn.T * scale
    lines = ["HIERARCHY", *_joint(0, names, figure.parents, offsets, ends, "")]
    local = turn @ (figure.turned @ np.swapaxes(figure.rest, -1, -2)) @ turn.T
    columns = [figure.place @ turn.T * scale]
    for row, parent in enumerate(figure.parents):
        own = local[:, row] if parent < 0 else np.swapaxes(local[:, parent], -1, -2) @ local[:, row]
        x, y, z = np.degrees(rotations.to_euler(rotations.to_quaternions(own), _ORDER)).T
        columns.append(np.stack([z, x, y], axis=-1))
    order = _depth_first(figure.parents)
    values = np.concatenate([columns[0], *(columns[1 + row] for row in order)], axis=1)
    lines += ["MOTION", f"Frames: {len(values)}", f"Frame Time: {1 / rate:.8f}"]
    lines += [" ".join(f"{value:.6f}" for value in row) for row in values]
    return "\n".join(lines) + "\n"


_Y_UP = np.array([[1.0, 0, 0], [0, 0, 1.0], [0, -1.0, 0]])
"""World axes to those of BVH: up is y, and who faces -y faces +z."""


def in_t_pose(figure: Figure, bones: Mapping[str, str]) -> Figure:
    """The same motion with a rest pose that faces -y and holds its arms out level.

    Args:
        figure: as it is.
        bones: by slot of a bone map (``thigh.L``, ``upper_arm.L``, ``forearm.L``, ``hand.L``, ...) a bone's name. What
            is missing stays as it is.
    """
    row = {slot: figure.names.index(name) for slot, name in bones.items() if name in figure.names}
    facing = np.eye(3)
    if "thigh.L" in row and "thigh.R" in row:
        left = (figure.heads[row["thigh.L"]] - figure.heads[row["thigh.R"]]) * [1.0, 1.0, 0.0]
        if np.linalg.norm(left) > 1e-6:
            facing = rotations.to_matrices(rotations.about(rotations.AXES[2], -np.arctan2(left[1], left[0])))
    out = {}
    for side, sign in (("L", 1.0), ("R", -1.0)):
        limbs = [row.get(f"{limb}.{side}") for limb in ("upper_arm", "forearm", "hand")]
        for bone, after in pairwise(limbs):
            if bone is not None and after is not None:
                out[bone] = figure.heads[after] - figure.heads[bone], sign * rotations.AXES[0]
    spin = np.empty_like(figure.rest)
    heads, tails = figure.heads.copy(), figure.tails.copy()
    for bone, parent in enumerate(figure.parents):
        spin[bone] = facing if parent < 0 else spin[parent]
        heads[bone] = (
            facing @ figure.heads[bone]
            if parent < 0
            else heads[parent] + spin[parent] @ (figure.heads[bone] - figure.heads[parent])
        )
        if bone in out:
            along, wanted = out[bone]
            spin[bone] = rotations.to_matrices(rotations.shortest_arc(spin[bone] @ along, wanted)) @ spin[bone]
        tails[bone] = heads[bone] + spin[bone] @ (figure.tails[bone] - figure.heads[bone])
    return replace(figure, rest=spin @ figure.rest, heads=heads, tails=tails)


def _with_length(figure: Figure) -> Figure:
    """Moves the root's joint down its bone where another joint begins at the same place; all others stay."""
    children = [row for row, parent in enumerate(figure.parents) if parent == 0]
    away = np.linalg.norm(figure.heads[children] - figure.heads[0], axis=-1)
    if not len(away) or away.min() > _TOUCHING * np.ptp(figure.heads, axis=0).max():
        return figure
    down = figure.rest[0].T @ (figure.heads[0] - figure.tails[0]) * _LIFT
    heads = figure.heads.copy()
    heads[0] += figure.rest[0] @ down
    return replace(figure, heads=heads, place=figure.place + figure.turned[:, 0] @ down)


def _joint(
    row: int, names: Sequence[str], parents: Sequence[int], offsets: Array, ends: Array, indent: str
) -> list[str]:
    """The lines of a joint and of those below it."""

    def offset(values: Array) -> str:
        return "OFFSET " + " ".join(f"{value:.6f}" for value in values)

    inner = indent + "\t"
    channels = f"CHANNELS 3 {_CHANNELS}" if row else f"CHANNELS 6 Xposition Yposition Zposition {_CHANNELS}"
    lines = [f"{indent}{'JOINT' if row else 'ROOT'} {names[row]}", indent + "{", inner + offset(offsets[row])]
    lines.append(inner + channels)
    children = [child for child, parent in enumerate(parents) if parent == row]
    for child in children:
        lines += _joint(child, names, parents, offsets, ends, inner)
    if not children:
        lines += [inner + "End Site", inner + "{", inner + "\t" + offset(ends[row]), inner + "}"]
    return [*lines, indent + "}"]


def _depth_first(parents: Sequence[int], row: int = 0) -> list[int]:
    """The rows in the order in which ``_joint`` lists them."""
    order = [row]
    for child, parent in enumerate(parents):
        if parent == row:
            order += _depth_first(parents, child)
    return order


def _plain(names: Sequence[str]) -> list[str]:
    """Names of letters, digits and underscores, each once."""
    found: list[str] = []
    for name in names:
        plain = base = re.sub(r"\W+", "_", name.rsplit(":", 1)[-1], flags=re.ASCII).strip("_") or "bone"
        number = 1
        while plain in found:
            number += 1
            plain = f"{base}_{number}"
        found.append(plain)
    return found
