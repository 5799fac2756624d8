"""Batches for training. Each is a function of the seed, the epoch and its number alone, so that an interrupted run
continues with the same batches."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ...contract.errors import UserError
from ...contract.skeletons import COCO17, H36M17
from ..data_sets import h36m, mocap_data, mpi_inf_3dhp
from ..data_sets.sequences import DataSet, Layout, Sequence, Windows
from .options import IN_THE_WILD, MOCAP, MPI_INF_3DHP, Options


@dataclass(frozen=True)
class Batch:
    """B windows of F frames.

    Attributes:
        keypoints: (B,F,K,2) on the screen.
        joints: (B,F,J,3) camera axes, relative to the root, in the unit of the data set.
        depth: (B,) distance of the root from the camera in the middle frame.
        camera: (B,4) focal lengths and centre in the scale of the keypoints; None if unknown.
    """

    keypoints: Tensor
    joints: Tensor
    depth: Tensor
    camera: Tensor | None

    def to(self, device: torch.device) -> Batch:
        """Returns a copy on another device."""
        camera = None if self.camera is None else self.camera.to(device)
        return Batch(self.keypoints.to(device), self.joints.to(device), self.depth.to(device), camera)


def seed_of(*numbers: int) -> int:
    """Returns one seed made of several numbers."""
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])


class Batches(Protocol):
    """All batches of a run; ``len`` gives those of an epoch."""

    def __len__(self) -> int: ...

    def batch(self, epoch: int, number: int, rank: int, size: int) -> Batch:
        """Returns the share of a batch for process ``rank`` of ``size``; shares are equally large."""
        ...


class RecordedBatches:
    """Every window of a data set, once plain and once mirrored, in a new order each epoch."""

    def __init__(self, data: DataSet, options: Options) -> None:
        self.windows = Windows(data, options.frames, options.tds)
        self.layout = data.layout
        self.options = options
        self._order: tuple[int, np.ndarray] = (-1, np.empty(0, int))

    def __len__(self) -> int:
        return -(-2 * len(self.windows) // self.options.batch)

    def batch(self, epoch: int, number: int, rank: int, size: int) -> Batch:
        """See :class:`Batches`. A last batch that does not divide among the processes is cut a little."""
        if self._order[0] != epoch:
            rng = np.random.default_rng([self.options.seed, epoch])
            self._order = (epoch, rng.permutation(2 * len(self.windows)))
        chosen = self._order[1][number * self.options.batch : (number + 1) * self.options.batch]
        chosen = chosen[: len(chosen) // size * size][rank::size]
        mirrored, centres = np.divmod(chosen, len(self.windows))
        flip = mirrored.astype(bool)
        keypoints, joints = self.windows.keypoints(centres), self.windows.joints(centres)
        keypoints[flip] = self.layout.mirrored_keypoints(keypoints[flip])
        joints[flip] = self.layout.mirrored_joints(joints[flip])
        camera = self.windows.cameras(centres)
        if camera is not None:
            camera[flip, 2] *= -1
        return Batch(
            torch.from_numpy(keypoints),
            torch.from_numpy(joints),
            torch.from_numpy(self.windows.roots(centres)[:, 2]),
            None if camera is None else torch.from_numpy(camera),
        )


FOCAL = (1.2, 3.0)
"""Focal lengths of the virtual cameras in half widths of the picture: fields of view from 80 to 37 degrees."""

VALIDATION_FOCAL = 1.9


def screen_camera(focal: float) -> np.ndarray:
    """(4,): a camera without distortion that looks along the middle of the picture, as :class:`Sequence` has it."""
    return np.array([focal, focal, 0, 0], np.float32)


class MocapBatches:
    """Motion capture through random virtual cameras: COCO keypoints, scaled as a video's pixels."""

    def __init__(self, clips: list[mocap_data.Clip], options: Options) -> None:
        self.clips, self.options = clips, options

    def __len__(self) -> int:
        return self.options.epoch_batches

    def batch(self, epoch: int, number: int, rank: int, size: int) -> Batch:
        """See :class:`Batches`."""
        seed = seed_of(self.options.seed, epoch, number, rank)
        scene = mocap_data.MocapSampler(self.clips, seed).scene(self.options.batch // size, self.options.frames)
        focal = np.exp(np.random.default_rng(seed).uniform(np.log(FOCAL[0]), np.log(FOCAL[1]), len(scene.joints)))
        return Batch(
            torch.from_numpy((scene.keypoints * focal[:, None, None, None]).astype(np.float32)),
            torch.from_numpy((scene.joints - scene.joints[:, :, :1]).astype(np.float32)),
            torch.from_numpy(scene.joints[:, self.options.frames // 2, 0, 2].astype(np.float32)),
            torch.from_numpy(np.stack([screen_camera(each) for each in focal])),
        )


def mocap_data_set(clips: list[mocap_data.Clip], count: int = 32, length: int = 64) -> DataSet:
    """Returns a fixed set of ``count`` views of ``length`` frames, for validation; see :data:`.mocap_data.PLAIN`."""
    scene = mocap_data.MocapSampler(clips, 7, mocap_data.PLAIN).scene(count, length)
    sequences = []
    for i in range(count):
        joints = scene.joints[i].astype(np.float32)
        sequences.append(
            Sequence(
                "mocap",
                "all",
                str(i),
                (scene.keypoints[i] * VALIDATION_FOCAL).astype(np.float32),
                joints - joints[:, :1],
                joints[:, 0],
                screen_camera(VALIDATION_FOCAL),
                np.ones(length, bool),
                np.zeros(length, int),
            )
        )
    return DataSet("mocap", Layout(COCO17.mirror, H36M17.mirror, 0), 1000.0, mocap_data.RATE, tuple(sequences))


def open_data(options: Options) -> tuple[Batches, DataSet]:
    """Opens the data of a run.

    Returns:
        The training batches and the validation data.

    Raises:
        UserError: Files are missing or do not fit.
    """
    if options.dataset == MOCAP:
        training, validation = mocap_data.split(mocap_data.load_clips(Path(options.data)))
        # A file without validation takes is validated on its own training takes.
        return MocapBatches(training, options), mocap_data_set(validation or training)
    if options.dataset == MPI_INF_3DHP:
        return RecordedBatches(mpi_inf_3dhp.load_training(options.data), options), mpi_inf_3dhp.load_testing(
            options.data
        )
    if options.dataset == IN_THE_WILD and options.detections == "gt":
        raise UserError("in-the-wild lifters take keypoints in COCO order; give -k detectron_pt_coco")
    training_data = h36m.load(options.data, options.detections, h36m.TRAINING)
    return RecordedBatches(training_data, options), h36m.load(options.data, options.detections, h36m.TESTING)
