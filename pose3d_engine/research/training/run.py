"""One training run: epochs of batches, validation after each, and all files that an interrupted run needs.

In the output folder: ``state.pt`` (where the run stands), ``losses.csv`` and ``losses.png`` (how it went),
``best.pth`` (the weights with the least validation error; ``best.bin`` of VideoPose3D) and, with the refinement,
``best_refine.pth``.
"""

from __future__ import annotations

import csv
import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from ...contract import atomic
from ...contract.errors import UserError
from ...pose.lifters import checkpoint_files
from ...progress import Progress, silent
from ..data_sets import h36m, mocap_data
from ..data_sets.sequences import DataSet
from ..evaluation import drawing
from . import tasks
from .batches import Batch, Batches, open_data, seed_of
from .distributed import Team, open_team
from .options import MOCAP, MPI_INF_3DHP, PRETRAIN, PSTMO, Options

FORMAT = "pose3d-training-1"

Note = Callable[[str], None]


@dataclass
class State:
    """Progress of a run.

    Attributes:
        epoch: The current epoch.
        batch: Its next batch.
        loss: Sum of the loss over this epoch so far.
        seen: Windows of this epoch so far.
        best: Least validation error so far.
        seconds: Duration of the run.
        history: A row an epoch: number, learning rate, training loss, validation error, seconds.
    """

    epoch: int = 0
    batch: int = 0
    loss: float = 0.0
    seen: float = 0.0
    best: float = float("inf")
    seconds: float = 0.0
    history: list[list[float]] = field(default_factory=list)


def train(options: Options, resume: bool, progress: Progress, note: Note = print) -> Path | None:
    """Trains until ``options.epochs``.

    Args:
        options: Settings of the run.
        resume: Continue the run in ``options.output``.
        progress: Called after each batch.
        note: Called with a line for the user.

    Returns:
        The path of the best weights; None in a process that does not lead.

    Raises:
        UserError: Data, weights or the folder do not fit.
    """
    # Fail now rather than after the first epoch.
    drawing.figures()
    atomic.require_writable(options.output / "state.pt")
    with open_team(options.device) as team:
        if team.leads and team.note:
            note(team.note)
        batches, validation = open_data(options)
        run = _Run(options, team, batches, validation)
        run.restore(resume)
        run.work(progress if team.leads else silent, note)
        return run.best_path if team.leads else None


class _Run:
    def __init__(self, options: Options, team: Team, batches: Batches, validation: DataSet) -> None:
        self.options, self.team, self.batches, self.validation = options, team, batches, validation
        self.task = tasks.make(options, validation).to(team.device)
        self.optimizer = torch.optim.Adam(self.task.parameters(), lr=options.lr, amsgrad=True)
        self.state = State()
        self.state_path = options.output / "state.pt"
        # The state dict of VideoPose3D's files lies beside other things, and they are called .bin.
        self.best_path = options.output / ("best.pth" if options.lifter == PSTMO else "best.bin")

    # What is on disk

    def restore(self, resume: bool) -> None:
        """Loads the state of an earlier run, if there is one.

        Raises:
            UserError: There is one without ``resume``, or with other settings.
        """
        if not self.state_path.exists():
            return
        if not resume:
            raise UserError(f"{self.options.output}: holds a run already; add --resume to go on, or choose another -o")
        stored = checkpoint_files.load(self.state_path)
        if not isinstance(stored, dict) or stored.get("format") != FORMAT:
            raise UserError(f"{self.state_path}: not the state of a training run; choose another -o")
        ours, theirs = self.options.as_settings(), stored["settings"]
        different = [key for key in ours if ours[key] != theirs.get(key)]
        if different:
            key = different[0]
            raise UserError(
                f"{self.state_path}: begun with {key} {theirs.get(key)}, not {ours[key]}; give the same, or another -o"
            )
        self.task.load_state_dict(stored["task"])
        self.optimizer.load_state_dict(stored["optimizer"])
        self.state = State(**stored["state"])
        if not self.team.leads:
            # The sums of the leader are counted once.
            self.state.loss = self.state.seen = 0.0

    def _save_state(self) -> None:
        content = {
            "format": FORMAT,
            "settings": self.options.as_settings(),
            "task": self.task.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "state": vars(self.state),
        }
        _save(self.state_path, content)

    def _save_best(self) -> None:
        _save(self.best_path, self._weights(self.task.network))
        refine = getattr(self.task, "refine", None)
        if refine is not None:
            _save(self.options.output / "best_refine.pth", self._weights(refine))

    def _weights(self, network: nn.Module) -> dict[str, Any]:
        parameters = {key: value.detach().cpu() for key, value in network.state_dict().items()}
        settings = recipe(self.options)
        if self.options.lifter == PSTMO:
            return {"model": parameters, "settings": settings}
        lr = self._learning_rate()
        return {"epoch": self.state.epoch, "lr": lr, "model_pos": parameters, "model_traj": None, "settings": settings}

    # The work

    def work(self, progress: Progress, note: Note) -> None:
        """Trains all remaining epochs."""
        while self.state.epoch < self.options.epochs:
            self._epoch(progress)
            self.team.agree(self.task)
            error = self.task.eval().validate(self.validation, self.team)
            if not math.isfinite(error):
                raise UserError(
                    f"epoch {self.state.epoch + 1}: the network has diverged; start again with a lower --lr"
                )
            if not self.team.leads:
                self.state = State(self.state.epoch + 1)
                continue
            self._close_epoch(error)
            row = self.state.history[-1]
            unit = self.task.loss_unit()
            note(f"epoch {row[0]:.0f}: loss {row[2]:.5g}, validation {row[3]:.5g} {unit}, lr {row[1]:.3g}")
        self.team.wait()

    def _learning_rate(self) -> float:
        return self.options.lr * self.options.lr_decay**self.state.epoch

    def _epoch(self, progress: Progress) -> None:
        team, state = self.team, self.state
        for group in self.optimizer.param_groups:
            group["lr"] = self._learning_rate()
        self.task.train()
        self.task.begin_epoch(state.epoch)
        shared: nn.Module = self.task
        if team.size > 1:
            # Some parameters are in the files but in no output: the last norms of P-STMO's encoders.
            shared = DistributedDataParallel(self.task, find_unused_parameters=True)
        began = time.monotonic()
        for number, batch in self._batches():
            windows = len(batch.keypoints)
            # Dropout is a function of the batch too, so that an interrupted run gives the same result.
            torch.manual_seed(seed_of(self.options.seed, state.epoch, number, team.rank))
            loss = shared(batch, state.epoch, number)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()
            state.loss += float(loss.detach()) * windows
            state.seen += windows
            state.batch = number + 1
            progress(f"epoch {state.epoch + 1}/{self.options.epochs}", number + 1, len(self.batches))
            if team.leads and time.monotonic() - began > self.options.save_every:
                state.seconds += time.monotonic() - began
                began = time.monotonic()
                self._save_state()
        state.seconds += time.monotonic() - began
        state.loss, state.seen = team.total(state.loss, state.seen)

    def _batches(self) -> Iterator[tuple[int, Batch]]:
        """Yields the remaining batches of the epoch with their numbers; the next is made in the background."""
        team, epoch = self.team, self.state.epoch
        with ThreadPoolExecutor(max_workers=1) as pool:
            numbers = range(self.state.batch, len(self.batches))
            coming = deque[Future[Batch]]()
            for number in numbers:
                while len(coming) < 2 and number + len(coming) < numbers.stop:
                    coming.append(pool.submit(self.batches.batch, epoch, number + len(coming), team.rank, team.size))
                batch = coming.popleft().result()
                # A last batch can be too small to be shared by all processes.
                if len(batch.keypoints):
                    yield number, batch.to(team.device)

    def _close_epoch(self, error: float) -> None:
        state = self.state
        if error < state.best:
            state.best = error
            self._save_best()
        mean = state.loss / max(state.seen, 1)
        state.history.append([state.epoch + 1, self._learning_rate(), mean, error, state.seconds])
        self.state = State(state.epoch + 1, best=state.best, seconds=state.seconds, history=state.history)
        # The state last: whatever else is on disk then belongs to an epoch that is done.
        _write_csv(self.options.output / "losses.csv", state.history, self.task.loss_unit())
        _plot(self.options.output / "losses.png", state.history, self.options, self.task.loss_unit())
        self._save_state()


def recipe(options: Options) -> dict[str, Any]:
    """Returns the settings that a lifter needs to use the weights on videos: the fields of ``official.Recipe``."""
    found: dict[str, Any] = {"normalisation": None, "causal": options.causal}
    if options.dataset == MPI_INF_3DHP:
        return {**found, "rate": 25.0 / options.tds, "keypoints": "mpi", "joints": "mpi", "unit": 0.001}
    if options.dataset == MOCAP:
        return {**found, "rate": mocap_data.RATE / options.tds}
    found["rate"] = h36m.FPS / options.tds
    if options.detections == h36m.IN_THE_WILD:
        return {**found, "normalisation": [1000, 1002]}
    return {**found, "keypoints": "h36m"}


def _save(path: Path, content: dict[str, Any]) -> None:
    with atomic.replacing(path) as temporary:
        torch.save(content, temporary)


def _write_csv(path: Path, history: list[list[float]], unit: str) -> None:
    with atomic.replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(("epoch", "lr", "loss", f"validation ({unit})", "seconds"))
        for epoch, lr, loss, error, seconds in history:
            writer.writerow((int(epoch), f"{lr:.8g}", f"{loss:.8g}", f"{error:.8g}", f"{seconds:.1f}"))


def _plot(path: Path, history: list[list[float]], options: Options, unit: str) -> None:
    figure = drawing.figures().Figure(figsize=(7, 4))
    epochs = [row[0] for row in history]
    left = figure.add_subplot()
    left.xaxis.get_major_locator().set_params(integer=True)
    (training,) = left.plot(epochs, [row[2] for row in history], color="#2a6fbb", label="training loss")
    left.set(xlabel="epoch", ylabel="training loss", title=f"{options.lifter}, {options.stage} on {options.dataset}")
    right = left.twinx()
    (validation,) = right.plot(epochs, [row[3] for row in history], color="#c8452e", label="validation")
    right.set_ylabel("validation loss" if options.stage == PRETRAIN else f"validation MPJPE, {unit}")
    left.legend(handles=[training, validation])
    drawing.save(figure, path)
