"""The skeleton that other programs need of a rig: the bones that deform the body, on one root."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .arrays import Array
from .rotations import unit

_SAME_PLACE = 1e-3
"""Share of the rig's size within which two bones begin at one point."""
_SAME_DIRECTION = np.cos(np.radians(2.0))
"""Cosine of the angle within which two bones point the same way."""


@dataclass(frozen=True)
class Skeleton:
    """The chosen bones, parents first.

    Attributes:
        rows: (N) of the bones in the rig.
        parents: (N) place of the parent in ``rows``; -1 for the root alone.
    """

    rows: tuple[int, ...]
    parents: tuple[int, ...]


def skeleton(parents: Sequence[int], heads: Array, tails: Array, deforms: Sequence[bool]) -> Skeleton:
    """The deforming bones of a rig, with the parents that they follow.

    In a control rig the parents of deforming bones are often mechanism bones. The parent is then the nearest deforming
    bone upwards, or one that lies on a bone upwards at rest, as Rigify's ``DEF-spine`` lies on ``ORG-spine``. Further
    roots hang on the one that carries most. A rig in which no bone deforms keeps all of them.

    Args:
        parents: (B) row of the parent, -1 for none.
        heads, tails: (B,3) at rest.
        deforms: (B) whether a bone deforms the body.
    """
    chosen = [row for row in range(len(parents)) if deforms[row]] or list(range(len(parents)))
    places, directions = np.asarray(heads, float), unit(np.asarray(tails, float) - heads)
    lengths = np.linalg.norm(np.asarray(tails) - heads, axis=-1)
    near = _SAME_PLACE * float(np.ptp(np.concatenate([heads, tails]), axis=0).max())
    found: dict[int, int] = {}

    def carries(bone: int, other: int) -> bool:
        """Whether ``bone`` is ``other`` or above it, as far as parents are known."""
        while other >= 0 and other != bone:
            other = found.get(other, -1)
        return other == bone

    def lying_on(row: int) -> list[int]:
        at = np.linalg.norm(places[chosen] - places[row], axis=-1) <= near
        along = directions[chosen] @ directions[row] >= _SAME_DIRECTION
        twins = [chosen[index] for index in np.flatnonzero(at & along)]
        return sorted(twins, key=lambda twin: (twin != row, -lengths[twin]))

    for row in chosen:
        above = parents[row]
        while above >= 0:
            twin = next((twin for twin in lying_on(above) if not carries(row, twin)), -1)
            if twin >= 0:
                break
            above = parents[above]
        found[row] = twin if above >= 0 else -1
    children: dict[int, list[int]] = {row: [] for row in (-1, *chosen)}
    for row, parent in found.items():
        children[parent].append(row)
    order = _below(children, -1)
    roots = children[-1]
    main = max(roots, key=lambda root: len(_below(children, root)))
    order.sort(key=lambda row: row != main)  # stable: the root first, then as they were
    place = {row: number for number, row in enumerate(order)}
    return Skeleton(
        tuple(order),
        tuple(-1 if row == main else place[main] if found[row] < 0 else place[found[row]] for row in order),
    )


def _below(children: dict[int, list[int]], row: int) -> list[int]:
    """The bones below one, parents first."""
    order: list[int] = []
    waiting = list(children[row])
    while waiting:
        order.append(waiting.pop(0))
        waiting += children[order[-1]]
    return order
