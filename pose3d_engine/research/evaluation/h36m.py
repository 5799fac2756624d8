"""The protocols of Human3.6M: errors of subjects 9 and 11, an action at a time, and their mean over actions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...progress import Progress
from ..data_sets.h36m import action_name
from ..data_sets.sequences import DataSet, Sequence
from . import metrics
from .tables import Cell, Table

PROTOCOLS = ("MPJPE", "P-MPJPE", "N-MPJPE", "MPJVE")
"""Protocol 1, protocol 2, protocol 1 after the best scale, and the error of velocity (a frame)."""


@dataclass(frozen=True)
class Errors:
    """Errors of each action.

    Attributes:
        of: Action -> the four :data:`PROTOCOLS`, millimetres.
    """

    of: dict[str, tuple[float, ...]]

    @property
    def mean(self) -> tuple[float, ...]:
        """The mean of the :data:`PROTOCOLS` over actions, each with the same weight, millimetres."""
        return tuple(float(np.mean(values)) for values in zip(*self.of.values(), strict=True))

    def table(self, title: str) -> Table:
        """Returns a table with a row for each action and the mean."""
        rows: list[tuple[Cell, ...]] = [(action, *values) for action, values in self.of.items()]
        rows.append(("mean", *self.mean))
        return Table(f"{title}, mm", ("action", *PROTOCOLS), tuple(rows))


def evaluate(data: DataSet, predict: Callable[[Sequence], np.ndarray], progress: Progress) -> Errors:
    """Compares the prediction of every sequence with the truth; each frame of each camera has the same weight.

    Args:
        data: The sequences.
        predict: Gives (T,J,3), root-relative, in the unit and the axes of ``data``.
        progress: Called before each sequence.
    """
    sums: dict[str, np.ndarray] = defaultdict(lambda: np.zeros(len(PROTOCOLS)))
    frames: dict[str, int] = defaultdict(int)
    for i, sequence in enumerate(data.sequences):
        progress("evaluate", i, len(data.sequences))
        action = action_name(sequence.action)
        sums[action] += len(sequence) * _errors(predict(sequence), sequence.joints)
        frames[action] += len(sequence)
    progress("evaluate", len(data.sequences), len(data.sequences))
    return Errors({a: tuple(map(float, data.millimetres * sums[a] / frames[a])) for a in sorted(sums)})


def _errors(predicted: np.ndarray, target: np.ndarray) -> np.ndarray:
    return np.array(
        [
            metrics.mpjpe(predicted, target),
            metrics.p_mpjpe(predicted, target),
            metrics.n_mpjpe(predicted, target),
            metrics.mean_velocity_error(predicted, target),
        ]
    )
