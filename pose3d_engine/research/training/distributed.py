"""Several processes that train one network: what ``torchrun`` starts, one process a GPU."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import nn

from ...contract.errors import UserError
from ...pose.lifters.device import choose_device


@dataclass(frozen=True)
class Team:
    """``rank`` of ``size`` processes, on ``device``. One process is a team of one. ``note``: why not the GPU."""

    rank: int
    size: int
    device: torch.device
    note: str | None = None

    @property
    def leads(self) -> bool:
        """Whether this is the process that writes files and talks."""
        return self.rank == 0

    def total(self, *numbers: float) -> tuple[float, ...]:
        """The sums of the numbers over all processes."""
        if self.size == 1:
            return numbers
        sums = torch.tensor(numbers, dtype=torch.float64 if self.device.type == "cpu" else torch.float32)
        sums = sums.to(self.device)
        dist.all_reduce(sums)
        return tuple(sums.tolist())

    def agree(self, module: nn.Module) -> None:
        """Running statistics as the leader has them: each process has seen other windows."""
        if self.size > 1:
            for buffer in module.buffers():
                dist.broadcast(buffer, 0)

    def wait(self) -> None:
        """Until all processes are here."""
        if self.size > 1:
            dist.barrier()


@contextmanager
def team(device: str) -> Iterator[Team]:
    """The team that ``torchrun`` has told this process of in its environment, or a team of one.

    Raises UserError for a device that is not known or of which there are fewer than processes.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    chosen, note = choose_device(device)
    if size == 1:
        yield Team(0, 1, chosen, note)
        return
    local = int(os.environ.get("LOCAL_RANK", "0"))
    if chosen.type == "cuda":
        if local >= torch.cuda.device_count():
            raise UserError(f"{torch.cuda.device_count()} GPUs for more processes; lower torchrun's --nproc-per-node")
        chosen = torch.device("cuda", local)
        torch.cuda.set_device(chosen)
    elif chosen.type == "mps":
        chosen, note = torch.device("cpu"), "Metal has no collective operations; running on the CPU"
    dist.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
    try:
        yield Team(dist.get_rank(), size, chosen, note)
    finally:
        dist.destroy_process_group()
