"""Training of our own lifter on motion capture through virtual cameras.

One run: AdamW, cosine decay over the frames to be seen, an exponential moving average of the weights, which is
what is validated and kept. State is written beside the log every few minutes, so that a killed run goes on.
"""

from __future__ import annotations

import copy
import csv
import math
import queue
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .. import files
from ..errors import UserError
from ..evaluation import mocap as evaluation
from ..lifters.tcn import TcnConfig, save_weights
from ..lifters.temporal import TemporalModel, parameters
from ..progress import Progress
from ..skeletons import H36M17
from . import mocap_data

JOINT_WEIGHTS = np.ones(17, np.float32)
JOINT_WEIGHTS[[H36M17.index(joint) for joint in ("RWrist", "LWrist", "RAnkle", "LAnkle")]] = 1.5
JOINT_WEIGHTS[[H36M17.index(joint) for joint in ("RElbow", "LElbow", "RKnee", "LKnee")]] = 1.25
JOINT_WEIGHTS[0] = 0
"""The Hip is the origin; ends of limbs are hardest, and what an animator sees."""

VELOCITY_WEIGHT = 0.5
"""Of the error of frame-to-frame movement beside the error of place."""


@dataclass(frozen=True)
class TrainOptions:
    """data: the mocap file. output: folder of state, log and weights. frames: to be seen in total."""

    data: Path
    output: Path
    frames: int = 40_000_000
    config: TcnConfig = field(default_factory=TcnConfig)
    batch: int = 64
    length: int = 80
    """Frames of a sample, the receptive field's reach included."""
    lr: float = 1.5e-3
    seed: int = 0
    save_every: float = 240.0
    """Seconds between two saved states; a validation goes with each."""
    validation_samples: int = 192
    device: str = "cpu"


def train(options: TrainOptions, progress: Progress) -> Path:
    """Trains, or goes on training where ``options.output`` has a state. Returns the path of the weights.

    The state is bound to the configuration it was begun with; asking for more ``frames`` later stretches the decay.
    """
    device = torch.device(options.device)
    training, validation = mocap_data.split(mocap_data.load_clips(options.data))
    run = _Run.start(options, device)
    model = run.model
    samples = _Prefetch(training, options, first=run.seen)
    weights = torch.from_numpy(JOINT_WEIGHTS).to(device)[:, None]
    reach = model.receptive_field // 2
    last_save = time.monotonic()
    losses: list[float] = []
    try:
        while run.seen < options.frames:
            inputs, targets = samples.next()
            x, y = inputs.to(device), targets[:, reach:-reach].to(device)
            for group in run.optimizer.param_groups:
                group["lr"] = _learning_rate(options, run.seen)
            model.train()
            with torch.autocast(device.type, torch.bfloat16):
                predicted = model(x)
            error = _loss(predicted.float(), y, weights)
            run.optimizer.zero_grad(set_to_none=True)
            error.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            run.optimizer.step()
            run.seen += x.shape[0] * (x.shape[1] - 2 * reach)
            # Short at first, so that the average forgets the fresh weights.
            run.average(min(0.999, run.seen / (run.seen + 100_000)))
            losses.append(float(error.detach()))
            progress("train", run.seen, options.frames)
            if time.monotonic() - last_save > options.save_every or run.seen >= options.frames:
                last_save = time.monotonic()
                scores = evaluation.validate(run.averaged, validation, options.validation_samples)
                run.save(options, float(np.mean(losses)), scores)
                losses.clear()
    finally:
        samples.stop()
    return options.output / "weights.safetensors"


def _loss(predicted: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    """Mean distance a joint, and of its movement from frame to frame; metres."""
    place = (torch.linalg.vector_norm(predicted - target, dim=-1, keepdim=True) * weights).mean()
    moved = torch.diff(predicted, dim=1) - torch.diff(target, dim=1)
    return place + VELOCITY_WEIGHT * (torch.linalg.vector_norm(moved, dim=-1, keepdim=True) * weights).mean()


def _learning_rate(options: TrainOptions, seen: int) -> float:
    warm = min(1.0, (seen + 1) / (0.01 * options.frames))
    return options.lr * warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, seen / options.frames))))


class _Run:
    """The network in training, its average, and how to store and find them again."""

    def __init__(self, model: TemporalModel) -> None:
        self.model = model
        self.averaged = copy.deepcopy(model).eval()
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-2)
        self.seen = 0
        self.seconds = 0.0
        self.began = time.monotonic()

    @classmethod
    def start(cls, options: TrainOptions, device: torch.device) -> _Run:
        torch.manual_seed(options.seed)
        run = cls(options.config.model().to(device))
        path = options.output / "state.pt"
        if path.exists():
            try:
                state = torch.load(path, map_location=device, weights_only=True)
                run.model.load_state_dict(state["model"])
                run.averaged.load_state_dict(state["averaged"])
                run.optimizer.load_state_dict(state["optimizer"])
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

    def save(self, options: TrainOptions, loss: float, scores: evaluation.Scores) -> None:
        """State, log line and weights, each written whole or not at all."""
        self.seconds += time.monotonic() - self.began
        self.began = time.monotonic()
        with files.replacing(options.output / "state.pt") as path:
            torch.save(
                {
                    "model": self.model.state_dict(),
                    "averaged": self.averaged.state_dict(),
                    "optimizer": self.optimizer.state_dict(),
                    "seen": self.seen,
                    "seconds": self.seconds,
                },
                path,
            )
        save_weights(options.output / "weights.safetensors", options.config, self.averaged.state_dict())
        log = options.output / "log.csv"
        new = not log.exists()
        with log.open("a", newline="") as stream:
            writer = csv.writer(stream)
            if new:
                writer.writerow(("frames", "minutes", "loss", "n_mpjpe_mm", "pa_mpjpe_mm", "accel_mm", "parameters"))
            numbers = (loss, scores.n_mpjpe_mm, scores.pa_mpjpe_mm, scores.accel_mm)
            writer.writerow(
                (self.seen, f"{self.seconds / 60:.1f}", *(f"{x:.4f}" for x in numbers), parameters(self.model))
            )


class _Prefetch:
    """Draws samples in a thread of its own: numpy works while torch does."""

    def __init__(self, clips: list[mocap_data.Clip], options: TrainOptions, first: int) -> None:
        # A run that goes on must not see its first samples again.
        self._sampler = mocap_data.MocapSampler(clips, seed=options.seed * 1_000_003 + first)
        self._options = options
        self._ready: queue.Queue[tuple[Tensor, Tensor] | Exception] = queue.Queue(maxsize=4)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def _work(self) -> None:
        while not self._stopped.is_set():
            try:
                inputs, targets = self._sampler.batch(self._options.batch, self._options.length)
                item: tuple[Tensor, Tensor] | Exception = (torch.from_numpy(inputs), torch.from_numpy(targets))
            except Exception as error:  # noqa: BLE001 - handed to the thread that waits for it
                item = error
            while not self._stopped.is_set():
                try:
                    self._ready.put(item, timeout=0.5)
                    break
                except queue.Full:
                    continue

    def next(self) -> tuple[Tensor, Tensor]:
        item = self._ready.get()
        if isinstance(item, Exception):
            raise item
        return item

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()
