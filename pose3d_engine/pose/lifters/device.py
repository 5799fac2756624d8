"""Which processor the networks run on."""

from __future__ import annotations

import warnings

import torch

from ...contract.errors import UserError

DEVICES = ("auto", "cpu", "cuda", "mps")
"""What can be asked for. ``auto`` takes the first of CUDA, Metal and CPU that works."""


def choose_device(name: str = "auto") -> tuple[torch.device, str | None]:
    """The device to use and, where it is not the one that was hoped for, one line that says why.

    A device that is asked for by name but does not work falls back to the CPU with its reason; ``auto`` gives
    a reason only where an accelerator is there but fails, because a machine without one has nothing to explain.
    Raises UserError for a name that is not in :data:`DEVICES`.
    """
    if name not in DEVICES:
        raise UserError(f"device {name!r} is not known; use one of {', '.join(DEVICES)}")
    if name == "cpu":
        return torch.device("cpu"), None
    problems = []
    for kind in ("cuda", "mps") if name == "auto" else (name,):
        present, reason = _present(kind)
        if present:
            failure = _failure(kind)
            if failure is None:
                return torch.device(kind), None
            problems.append(f"{kind} does not work here ({failure}); running on the CPU")
        elif name != "auto":
            problems.append(f"{reason}; running on the CPU")
    return torch.device("cpu"), "; ".join(problems) or None


def _present(kind: str) -> tuple[bool, str]:
    """Whether PyTorch sees such a device, and the reason if it does not."""
    if kind == "cuda":
        if torch.version.cuda is None and torch.version.hip is None:
            return False, "this PyTorch was installed without CUDA"
        # A driver that is too old makes PyTorch warn on stderr; the reason below says the same.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.cuda.is_available(), "no CUDA device or driver was found"
    if not torch.backends.mps.is_built():
        return False, "this PyTorch was installed without Metal"
    return torch.backends.mps.is_available(), "Metal needs macOS 12.3 and a supported graphics chip"


def _failure(kind: str) -> str | None:
    """Runs one small convolution, because a device can be listed and still not run this PyTorch's kernels."""
    try:
        probe = torch.ones(1, 4, 8, device=kind)
        torch.nn.functional.conv1d(probe, torch.ones(4, 4, 3, device=kind)).sum().item()
    except (RuntimeError, NotImplementedError, AssertionError) as error:
        return str(error).strip().splitlines()[0]
    return None
