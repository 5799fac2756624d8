"""The protocol of MPI-INF-3DHP's test set, as its MATLAB scripts count: MPJPE of all 17 joints, PCK at 150 mm and AUC
by group of joints, for every sequence and every activity.

Pelvis, spine and head are left out of PCK and AUC. "Total" is over the joints of all groups, so that a group counts
by the number of its joints. ``3dhp_test/test_util/mpii_*.m`` of the data set.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...contract.errors import UserError
from ..data_sets.mpi_inf_3dhp import ACTIVITIES, JOINTS
from ..data_sets.sequences import DataSet
from . import metrics
from .tables import Table, write_csv, write_xlsx

GROUPS: dict[str, tuple[int, ...]] = {
    "Head": (0,),
    "Neck": (1,),
    "Shou": (2, 5),
    "Elbow": (3, 6),
    "Wrist": (4, 7),
    "Hip": (8, 11),
    "Knee": (9, 12),
    "Ankle": (10, 13),
}
"""Rows of :data:`JOINTS`, under the names that the official tables have."""

TOTAL = tuple(joint for joints in GROUPS.values() for joint in joints)


@dataclass(frozen=True)
class Scores:
    """Scores over some frames; nan without scored frames.

    Attributes:
        frames: Number of frames.
        joints: MPJPE of each of the 17 joints and their mean, mm.
        pck: Percent, of each group of :data:`GROUPS` and in total.
        auc: Percent, of each group of :data:`GROUPS` and in total.
    """

    frames: int
    joints: tuple[float, ...]
    pck: tuple[float, ...]
    auc: tuple[float, ...]

    @property
    def mpjpe(self) -> float:
        """MPJPE of all 17 joints, mm."""
        return self.joints[-1]


def score(errors_mm: np.ndarray) -> Scores:
    """Errors (17, frames) in the order of :data:`JOINTS` -> scores."""
    if not errors_mm.shape[1]:
        nothing = (float("nan"),) * (len(GROUPS) + 1)
        return Scores(0, (float("nan"),) * (len(JOINTS) + 1), nothing, nothing)
    joints = errors_mm.mean(axis=1)
    groups = [errors_mm[list(rows)] for rows in (*GROUPS.values(), TOTAL)]
    return Scores(
        errors_mm.shape[1],
        (*map(float, joints), float(joints.mean())),
        tuple(metrics.pck(group) for group in groups),
        tuple(metrics.auc(group) for group in groups),
    )


@dataclass(frozen=True)
class Report:
    """Scores of a test set.

    Attributes:
        sequences: Take -> scores.
        activities: Name -> scores; empty if no frame has a label.
        everything: Scores over all frames, so that a sequence has the weight of its length.
    """

    sequences: dict[str, Scores]
    activities: dict[str, Scores]
    everything: Scores

    def sequence_tables(self) -> list[Table]:
        """Returns MPJPE, PCK and AUC of each sequence and of all frames."""
        return _tables("sequence", {**self.sequences, "All": self.everything})

    def activity_tables(self) -> list[Table]:
        """Returns MPJPE, PCK and AUC of each activity and of all frames."""
        return _tables("activity", {**self.activities, "All": self.everything})

    def write(self, folder: Path) -> list[Path]:
        """Writes ``mpii_3dhp_evaluation_sequencewise`` and, with labels, ``_activitywise``, as .csv and .xlsx.

        Returns:
            The written files.

        Raises:
            UserError: A file cannot be written.
        """
        written = []
        kinds = [("sequencewise", self.sequence_tables())]
        if self.activities:
            kinds.append(("activitywise", self.activity_tables()))
        for kind, tables in kinds:
            for suffix, write in ((".csv", write_csv), (".xlsx", write_xlsx)):
                path = folder / f"mpii_3dhp_evaluation_{kind}{suffix}"
                write(path, tables)
                written.append(path)
        return written


def _tables(first: str, scores: dict[str, Scores]) -> list[Table]:
    groups = (*GROUPS, "Total")
    return [
        Table("MPJPE, mm", (first, *JOINTS, "Average"), tuple((k, *s.joints) for k, s in scores.items())),
        Table("PCK, %", (first, *groups), tuple((k, *s.pck) for k, s in scores.items())),
        Table("AUC, %", (first, *groups), tuple((k, *s.auc) for k, s in scores.items())),
    ]


def report(data: DataSet, predictions: dict[str, np.ndarray]) -> Report:
    """Compares predictions with the truth.

    Args:
        data: The test set.
        predictions: Take -> (N,17,3) millimetres of its N scored frames.

    Raises:
        UserError: A take or a frame is missing.
    """
    errors, labels = {}, []
    for sequence in data.sequences:
        truth = sequence.joints[sequence.scored]
        found = predictions.get(sequence.action)
        if found is None or found.shape != truth.shape:
            shape = None if found is None else found.shape
            raise UserError(f"predictions of {sequence.action} are {shape}, not {truth.shape}; predict the same frames")
        # In double precision as in MATLAB: an error of 150 mm is not below 150 mm.
        errors[sequence.action] = metrics.joint_errors(found.astype(np.float64), truth.astype(np.float64)).T
        labels.append(sequence.labels[sequence.scored])
    everything, activity = np.concatenate(list(errors.values()), axis=1), np.concatenate(labels)
    activities = {name: score(everything[:, activity == i]) for i, name in enumerate(ACTIVITIES, start=1)}
    return Report(
        {take: score(error) for take, error in errors.items()},
        activities if activity.any() else {},
        score(everything),
    )
