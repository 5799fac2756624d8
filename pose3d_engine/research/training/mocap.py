"""Training of our own lifter on motion capture through virtual cameras.

One run: Muon for the hidden layers and AdamW for the rest, cosine decay over the frames to be seen, an exponential
moving average of the weights, which is validated and kept. A separate process draws the samples. State is written
beside the log every few minutes, so that an interrupted run continues.
"""

from __future__ import annotations

import copy
import csv
import math
import time
from collections.abc import Iterator
from dataclasses import astuple, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...contract import atomic
from ...contract.errors import UserError
from ...contract.skeletons import H36M17
from ...pose.lifters.temporal import TemporalModel
from ...pose.lifters.viewed import Config, Network, TcnConfig, read_weights, save_weights
from ...pose.lifters.whole_clip import WindowedPstmo
from ...progress import Progress
from ..data_sets import mocap_data, posed_bodies, rendered_pairs
from ..evaluation import mocap as evaluation
from ..models.net2net import can_expand, expanded
from .muon import Muon

JOINT_WEIGHTS = np.ones(17, np.float32)
JOINT_WEIGHTS[[H36M17.index(joint) for joint in ("RWrist", "LWrist", "RAnkle", "LAnkle")]] = 1.5
JOINT_WEIGHTS[[H36M17.index(joint) for joint in ("RElbow", "LElbow", "RKnee", "LKnee")]] = 1.25
JOINT_WEIGHTS[0] = 0
"""Weight of each joint's error. The Hip is the origin; ends of limbs are hardest and most visible."""

VELOCITY_WEIGHT = 0.5
"""Weight of the error of frame-to-frame movement relative to the error of position."""

BONE_WEIGHT, DEPTH_WEIGHT = 0.5, 0.2
"""Weights of the errors of bones and of depth, which are part of the error of position too: the direction of a bone is
what a rig follows, and depth is most of what a lifter gets wrong."""

_PARENTS, _CHILDREN = (torch.tensor(rows) for rows in zip(*H36M17.bones, strict=True))


@dataclass(frozen=True)
class TrainOptions:
    """Settings of a run.

    Attributes:
        data: The mocap files.
        pairs: Folder of rendered pairs, of which a share :data:`RENDERED` of each batch is made. With it, samples of a
            measured detector are of whole bodies, which needs the extra ``rendering``.
        output: Folder of state, log and weights.
        frames: Frames to lift in total.
        config: Shape of the network.
        start: Weights to begin with, of the same shape or of one that can be expanded to it.
        batch: Samples of a batch.
        outputs: Lifted frames of a sample; the receptive field's reach comes on top.
        lr: Learning rate of AdamW; Muon's is in a fixed ratio.
        seed: Seed of the run.
        save_every: Seconds between two saved states, each with a validation.
        validation_samples: Views of a validation.
        device: Device of the network.
    """

    data: tuple[Path, ...]
    output: Path
    pairs: Path | None = None
    frames: int = 40_000_000
    config: Config = field(default_factory=TcnConfig)
    start: Path | None = None
    batch: int = 64
    outputs: int = 55
    lr: float = 3e-3
    seed: int = 0
    save_every: float = 240.0
    validation_samples: int = 192
    device: str = "cpu"


def train(options: TrainOptions, progress: Progress) -> Path:
    """Trains, or continues the run in ``options.output``.

    A state belongs to its configuration; more ``frames`` later stretch the decay of the learning rate.

    Returns:
        The path of the weights.

    Raises:
        UserError: Data, weights or state do not fit.
    """
    device = torch.device(options.device)
    training, validation = mocap_data.split([clip for path in options.data for clip in mocap_data.load_clips(path)])
    run = _Run.start(options, device)
    model = run.model
    samples = _samples(training, options, first=run.seen)
    weights = torch.from_numpy(JOINT_WEIGHTS).to(device)[:, None]
    last_save = time.monotonic()
    losses: list[float] = []
    while run.seen < options.frames:
        inputs, targets = next(samples)
        x, y = inputs.to(device), targets.to(device)
        run.set_schedule(_schedule(run.seen / options.frames))
        model.train()
        with torch.autocast(device.type, torch.bfloat16):
            predictions = _predictions(model, x)
        error = torch.stack([_loss(joints.float(), y, weights) for joints in predictions]).sum()
        run.step(error)
        run.seen += len(x) * options.outputs
        # Short at first, so that the average forgets the fresh weights.
        run.average(min(0.999, run.seen / (run.seen + 100_000)))
        losses.append(float(error.detach()))
        progress("train", run.seen, options.frames)
        if time.monotonic() - last_save > options.save_every or run.seen >= options.frames:
            last_save = time.monotonic()
            lifted = {"simulated": evaluation.validate(run.averaged, validation, options.validation_samples)}
            if options.pairs is not None:
                lifted["rendered"] = evaluation.validate_pairs(run.averaged, options.pairs)
            run.save(options, float(np.mean(losses)), lifted)
            losses.clear()
    return options.output / "weights.safetensors"


def _predictions(model: Network, keypoints: Tensor) -> tuple[Tensor, ...]:
    """Returns all predictions for the loss: P-STMO has an inner head for the whole window beside its result."""
    if isinstance(model, WindowedPstmo):
        single, sequence = model.network(keypoints[..., :2].permute(0, 3, 1, 2).unsqueeze(-1))
        return single[..., 0].permute(0, 2, 3, 1), sequence[..., 0].permute(0, 2, 3, 1)
    return (model(keypoints),)


def _loss(predicted: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    """Returns the weighted sum of the mean errors of joints, depth, bones and frame-to-frame movement, metres.
    ``predicted`` are the frames in the middle of ``target``."""
    hidden = (target.shape[1] - predicted.shape[1]) // 2
    target = target[:, hidden : hidden + predicted.shape[1]]
    off = predicted - target
    position = (torch.linalg.vector_norm(off, dim=-1, keepdim=True) * weights).mean()
    position = position + DEPTH_WEIGHT * (off[..., 2:].abs() * weights).mean()
    bones = off[..., _CHILDREN, :] - off[..., _PARENTS, :]
    position = position + BONE_WEIGHT * torch.linalg.vector_norm(bones, dim=-1).mean()
    if predicted.shape[1] == 1:
        return position
    moved = torch.diff(predicted, dim=1) - torch.diff(target, dim=1)
    return position + VELOCITY_WEIGHT * (torch.linalg.vector_norm(moved, dim=-1, keepdim=True) * weights).mean()


def _schedule(share: float) -> float:
    """Returns the learning rate, relative to its highest, after a share of the run."""
    return min(1.0, 0.01 + share / 0.01) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, share))))


MUON_RATIO = 10.0
"""Ratio of Muon's learning rate to AdamW's."""


ENDS = ("expand_conv", "shrink", "fc_1", "fcn", "pos_embedding")
"""Parts of the names of first and last layers and of embeddings, which AdamW trains."""


class _Run:
    """The network in training, its average, and their files."""

    def __init__(self, model: Network, lr: float) -> None:
        self.model = model
        self.averaged = copy.deepcopy(model).eval()
        hidden = [p for name, p in model.named_parameters() if p.ndim > 1 and not any(end in name for end in ENDS)]
        chosen = {id(weight) for weight in hidden}
        others = [weight for weight in model.parameters() if id(weight) not in chosen]
        self.optimizers: list[torch.optim.Optimizer] = [
            Muon(hidden, lr * MUON_RATIO, weight_decay=0.1),
            torch.optim.AdamW(others, lr, weight_decay=0.1),
        ]
        self.full_rates = [group["lr"] for optimizer in self.optimizers for group in optimizer.param_groups]
        self.seen = 0
        self.seconds = 0.0
        self.began = time.monotonic()

    def set_schedule(self, factor: float) -> None:
        """Sets the learning rates to this share of their highest."""
        groups = [group for optimizer in self.optimizers for group in optimizer.param_groups]
        for group, full in zip(groups, self.full_rates, strict=True):
            group["lr"] = full * factor

    def step(self, error: Tensor) -> None:
        """Moves the network against the gradient of its error."""
        self.model.zero_grad(set_to_none=True)
        error.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self.optimizers:
            optimizer.step()

    @classmethod
    def start(cls, options: TrainOptions, device: torch.device) -> _Run:
        torch.manual_seed(options.seed)
        model = options.config.model()
        if options.start is not None:
            model.load_state_dict(_initial_weights(options.start, options.config, model), strict=False)
        run = cls(model.to(device), options.lr)
        path = options.output / "state.pt"
        if path.exists():
            try:
                state = torch.load(path, map_location=device, weights_only=True)
                run.model.load_state_dict(state["model"])
                run.averaged.load_state_dict(state["averaged"])
                for optimizer, stored in zip(run.optimizers, state["optimizers"], strict=True):
                    optimizer.load_state_dict(stored)
            except (RuntimeError, KeyError, ValueError, EOFError) as error:
                raise UserError(
                    f"{path}: not a state of this configuration ({error}); choose another --output"
                ) from error
            run.seen, run.seconds = int(state["seen"]), float(state["seconds"])
        return run

    @torch.no_grad()
    def average(self, decay: float) -> None:
        """Moves the average a little towards the network, its running statistics too."""
        for kept, new in zip(self.averaged.state_dict().values(), self.model.state_dict().values(), strict=True):
            if kept.dtype.is_floating_point:
                kept.lerp_(new, 1 - decay)
            else:
                kept.copy_(new)

    def save(self, options: TrainOptions, loss: float, lifted: dict[str, evaluation.Lifted]) -> None:
        """State, log line and weights, each written whole or not at all."""
        self.seconds += time.monotonic() - self.began
        self.began = time.monotonic()
        with atomic.replacing(options.output / "state.pt") as path:
            torch.save(
                {
                    "model": self.model.state_dict(),
                    "averaged": self.averaged.state_dict(),
                    "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
                    "seen": self.seen,
                    "seconds": self.seconds,
                },
                path,
            )
        weights = options.output / "weights.safetensors"
        uncertainty = list(lifted.values())[-1].uncertainty()
        save_weights(weights, options.config, self.averaged.state_dict(), uncertainty)
        log = options.output / "log.csv"
        new = not log.exists()
        with log.open("a", newline="") as stream:
            writer = csv.writer(stream)
            names = [f"{name} {key}" for name in lifted for key in ("n_mpjpe_mm", "pa_mpjpe_mm", "accel_mm")]
            if new:
                writer.writerow(("frames", "minutes", "loss", *names))
            numbers = [number for each in lifted.values() for number in astuple(each.scores())]
            writer.writerow((self.seen, f"{self.seconds / 60:.1f}", f"{loss:.4f}", *(f"{x:.2f}" for x in numbers)))


def _initial_weights(path: Path, wanted: Config, model: Network) -> dict[str, Tensor]:
    """Returns the weights of a file for a fresh network of shape ``wanted``, without the counters of batches.

    Raises:
        UserError: The file's shape cannot be expanded to ``wanted``.
    """
    config, weights = read_weights(path)
    if config == wanted:
        return weights
    if isinstance(config, TcnConfig) and isinstance(wanted, TcnConfig) and isinstance(model, TemporalModel):
        weights = _with_features(weights, config.features, wanted.features)
        longer = replace(config, filter_widths=wanted.filter_widths, features=max(config.features, wanted.features))
        if longer == wanted and config.filter_widths == wanted.filter_widths:
            return weights
        if longer == wanted and can_expand(config.filter_widths, wanted.filter_widths):
            return expanded(weights, config.filter_widths, model)
    raise UserError(f"{path}: another network than -f, --widths and --channels ask for; give those it has")


def _with_features(weights: dict[str, Tensor], features: int, wanted: int) -> dict[str, Tensor]:
    """Returns weights whose first layer takes more numbers a keypoint, which it ignores at first."""
    first = weights["expand_conv.weight"].unflatten(1, (-1, features))
    first = torch.nn.functional.pad(first, (0, 0, 0, max(wanted - features, 0))).flatten(1, 2)
    return {**weights, "expand_conv.weight": first}


RENDERED = 0.25
"""Share of rendered pairs in a batch."""


def _samples(clips: list[mocap_data.Clip], options: TrainOptions, first: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yields endless batches of inputs and targets. ``first``: frames seen before, so that a continued run does not
    repeat its first samples."""
    seed = options.seed * 1_000_003 + first
    length = options.config.model().receptive_field - 1 + options.outputs
    pairs, bodies, count = None, None, 0
    if options.pairs is not None:
        recorded = rendered_pairs.load(options.pairs, rendered_pairs.TRAINING)
        pairs, bodies = rendered_pairs.PairSampler(recorded, seed), posed_bodies.Bodies(clips, seed)
        count = round(RENDERED * options.batch)
    simulated = mocap_data.MocapSampler(clips, seed, bodies=bodies)
    while True:
        parts = [simulated.batch(options.batch - count, length)]
        if pairs is not None:
            parts.append(pairs.batch(count, length, options.outputs))
        inputs, targets = (np.concatenate(part) for part in zip(*parts, strict=True))
        yield torch.from_numpy(inputs[..., : options.config.features]), torch.from_numpy(targets)
