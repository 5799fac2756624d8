"""Networks with their loss, each as one module so that several GPUs can share it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from ...contract.errors import UserError
from ...pose.lifters import checkpoint_files, pstmo
from ...pose.lifters.temporal import TemporalModel
from ..data_sets.sequences import DataSet, Layout, Windows
from ..evaluation import metrics
from ..evaluation.predict import Predictor
from ..models.pstmo_pretraining import MaskedPSTMO, load_pretrained, mask_order
from ..models.refinement import Refine, refined
from .batches import Batch
from .distributed import Team
from .options import PRETRAIN, PSTMO, Options


def distance(predicted: Tensor, target: Tensor) -> Tensor:
    """Returns MPJPE as a loss: the mean distance of (..., C) to (..., C)."""
    return torch.linalg.vector_norm(predicted - target, dim=-1).mean()


class Task(nn.Module):
    """``forward(batch, epoch, number)`` gives the loss; the weights of ``network`` are saved."""

    network: nn.Module

    def loss_unit(self) -> str:
        """Returns the unit of the loss and of the validation, for the log."""
        raise NotImplementedError

    def validate(self, data: DataSet, team: Team) -> float:
        """Returns the error on validation data; every process works on its share and gets the whole result."""
        raise NotImplementedError

    def begin_epoch(self, epoch: int) -> None:
        """Called before the first batch of an epoch in this process."""


class Masked(Task):
    """The pre-training of P-STMO: reconstruct hidden frames and joints of the 2D sequence."""

    network: MaskedPSTMO

    def __init__(self, options: Options, joints_in: int) -> None:
        super().__init__()
        self.options = options
        self.network = MaskedPSTMO(_sizes(options, joints_in), options.dropout)

    def forward(self, batch: Batch, epoch: int, number: int) -> Tensor:
        """Returns the mean distance of the reconstructed keypoints; the mask is a function of epoch and number."""
        return self._loss(batch.keypoints, np.random.default_rng([self.options.seed, epoch, number]))

    def _loss(self, keypoints: Tensor, rng: np.random.Generator) -> Tensor:
        frames, joints = keypoints.shape[1:3]
        hidden = int(frames * self.options.temporal_mask_rate)
        frame_mask = np.zeros(frames, bool)
        frame_mask[rng.permutation(frames)[:hidden]] = True
        joint_mask = rng.random((frames, joints)).argsort(axis=1) < self.options.spatial_mask_num
        hidden_frames = torch.from_numpy(frame_mask).to(keypoints.device)
        hidden_joints = torch.from_numpy(joint_mask).to(keypoints.device)
        reconstructed = self.network(_as_published(keypoints), hidden_frames, hidden_joints)
        return distance(_as_batch(reconstructed), keypoints[:, mask_order(hidden_frames)])

    def loss_unit(self) -> str:
        """See :class:`Task`."""
        return "half widths of the picture"

    def validate(self, data: DataSet, team: Team) -> float:
        """Returns the loss on windows of validation takes, with the same masks each time."""
        windows = Windows(data, self.options.frames, self.options.tds)
        starts = range(0, len(windows), self.options.batch)
        device = next(self.parameters()).device
        loss = frames = 0.0
        for number in starts[team.rank :: team.size]:
            centres = np.arange(number, min(number + self.options.batch, len(windows)))
            keypoints = torch.from_numpy(windows.keypoints(centres)).to(device)
            with torch.inference_mode():
                loss += len(centres) * float(self._loss(keypoints, np.random.default_rng([0, number])))
            frames += len(centres)
        loss, frames = team.total(loss, frames)
        return loss / frames


class _Lifting(Task):
    """The error of the predicted joints."""

    network: pstmo.PSTMO | TemporalModel
    refine: Refine | None

    def __init__(self, options: Options, layout: Layout) -> None:
        super().__init__()
        self.options, self.layout = options, layout
        self.refine = Refine() if options.refine else None

    def loss_unit(self) -> str:
        """See :class:`Task`."""
        return "mm"

    def validate(self, data: DataSet, team: Team) -> float:
        """Returns MPJPE (protocol 1) of the scored frames, mm."""
        predict = Predictor(self.network, self.layout, self.options.tds, refine=self.refine)
        error = frames = 0.0
        for sequence in data.sequences[team.rank :: team.size]:
            scored = int(sequence.scored.sum())
            if scored:
                found = predict(sequence)[sequence.scored]
                error += scored * data.millimetres * metrics.mpjpe(found, sequence.joints[sequence.scored])
                frames += scored
        error, frames = team.total(error, frames)
        return error / frames


class Pstmo(_Lifting):
    """The fine-tuning of P-STMO: the middle frame, and every frame of the window from the inner head."""

    network: pstmo.PSTMO

    def __init__(self, options: Options, layout: Layout, joints_in: int) -> None:
        super().__init__(options, layout)
        self.network = pstmo.PSTMO(_sizes(options, joints_in), options.dropout)

    def forward(self, batch: Batch, epoch: int, number: int) -> Tensor:
        """Returns the mean distance in the middle frame plus that in all frames; with the refinement, in the middle.

        Raises:
            UserError: The refinement lacks the camera.
        """
        single, sequence = self.network(_as_published(batch.keypoints))
        single, sequence = _as_batch(single), _as_batch(sequence)
        middle = batch.joints.shape[1] // 2
        target = batch.joints[:, middle : middle + 1]
        if self.refine is not None:
            if batch.camera is None:
                raise UserError("the refinement needs the cameras, which this data set does not have")
            keypoints = batch.keypoints[:, middle]
            better = refined(self.refine, single[:, 0], keypoints, batch.depth, batch.camera)
            return distance(better, target[:, 0])
        return distance(sequence, batch.joints) + distance(single, target)


class VideoPose3D(_Lifting):
    """The training of VideoPose3D, a window at a time."""

    network: TemporalModel

    def __init__(self, options: Options, layout: Layout, joints_in: int, joints_out: int) -> None:
        super().__init__(options, layout)
        widths = filter_widths(options.frames)
        self.network = TemporalModel(
            joints_in, 2, joints_out, widths, options.causal, options.dropout, options.channels
        )

    def begin_epoch(self, epoch: int) -> None:
        """Lowers the momentum of batch statistics from 0.1 to 0.001 over the run."""
        share = epoch / max(self.options.epochs - 1, 1)
        for module in self.network.modules():
            if isinstance(module, nn.BatchNorm1d):
                module.momentum = 0.1 * 0.01**share

    def forward(self, batch: Batch, epoch: int, number: int) -> Tensor:
        """Returns the mean distance of the joints in the window's own frame."""
        # A causal window ends with its own frame.
        frames = batch.joints.shape[1]
        at = frames - 1 if self.options.causal else frames // 2
        return distance(self.network.forward_window(batch.keypoints), batch.joints[:, at : at + 1])


def filter_widths(frames: int) -> tuple[int, ...]:
    """Returns n filter widths of 3 for a window of 3^n frames.

    Raises:
        UserError: Another length.
    """
    widths: list[int] = []
    rest = frames
    while rest > 1 and rest % 3 == 0:
        widths.append(3)
        rest //= 3
    if rest != 1 or not widths:
        raise UserError(f"VideoPose3D has windows of 9, 27, 81 or 243 frames, not {frames}; choose one with -f")
    return tuple(widths)


def make(options: Options, data: DataSet) -> Task:
    """Returns the task of a run, with fresh weights or those of its options.

    Raises:
        UserError: The weights do not fit.
    """
    torch.manual_seed(options.seed)
    first = data.sequences[0]
    joints_in, joints_out = first.keypoints.shape[1], first.joints.shape[1]
    task: Task
    if options.lifter != PSTMO:
        task = VideoPose3D(options, data.layout, joints_in, joints_out)
    elif options.stage == PRETRAIN:
        task = Masked(options, joints_in)
    else:
        task = Pstmo(options, data.layout, joints_in)
    try:
        if options.start is not None:
            task.network.load_state_dict(checkpoint_files.read(options.start).state)
        if options.pretrained is not None:
            if not isinstance(task, Pstmo):
                raise UserError(
                    "--pretrained is for the fine-tuning of P-STMO; use --start for weights of the same network"
                )
            load_pretrained(task.network, checkpoint_files.read(options.pretrained).state)
    except (RuntimeError, KeyError) as error:
        path = options.start or options.pretrained
        raise UserError(
            f"{path}: other sizes than -f, --layers, --channels ask for; give those it was trained with"
        ) from error
    return task


def _sizes(options: Options, joints_in: int) -> pstmo.Sizes:
    return pstmo.Sizes.of(
        options.frames,
        layers=options.layers,
        channels=options.channels,
        d_hid=options.d_hid,
        hidden=options.d_hid,
        joints_in=joints_in,
        # Masked pre-training reconstructs the keypoints; both skeletons of the papers have 17.
        joints_out=17,
    )


def _as_published(keypoints: Tensor) -> Tensor:
    """(B,F,K,2) -> (B,2,F,K,1)."""
    return keypoints.permute(0, 3, 1, 2).unsqueeze(-1)


def _as_batch(joints: Tensor) -> Tensor:
    """(B,C,F,J,1) -> (B,F,J,C)."""
    return joints[..., 0].permute(0, 2, 3, 1)
