"""Several processes of ``torchrun`` that train one network, one process a GPU."""

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
    """The processes that train together; one process is a team of one.

    Attributes:
        rank: Number of this process.
        size: Number of processes.
        device: Device of this process.
        note: Why the device is not the requested one.
    """

    rank: int
    size: int
    device: torch.device
    note: str | None = None

    @property
    def leads(self) -> bool:
        """Whether this process writes files and messages."""
        return self.rank == 0

    def total(self, *numbers: float) -> tuple[float, ...]:
        """Returns the sums of the numbers over all processes."""
        if self.size == 1:
            return numbers
        sums = torch.tensor(numbers, dtype=torch.float64 if self.device.type == "cpu" else torch.float32)
        sums = sums.to(self.device)
        dist.all_reduce(sums)
        return tuple(sums.tolist())

    def agree(self, module: nn.Module) -> None:
        """Copies the leader's running statistics to all processes, which have seen different windows."""
        if self.size > 1:
            for buffer in module.buffers():
                dist.broadcast(buffer, 0)

    def wait(self) -> None:
        """Waits for all processes."""
        if self.size > 1:
            dist.barrier()


@contextmanager
def open_team(device: str) -> Iterator[Team]:
    """Opens the team of ``torchrun``'s environment variables, or a team of one.

    Raises:
        UserError: The device is unknown, or there are fewer GPUs than processes.
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
