"""The device that networks run on."""

from __future__ import annotations

import warnings

import torch

from ...contract.errors import UserError

DEVICES = ("auto", "cpu", "cuda", "mps")
"""Names of devices. ``auto`` takes the first of CUDA, Metal and CPU that works."""


def choose_device(name: str = "auto") -> tuple[torch.device, str | None]:
    """Returns the device, and one line with the reason if it is not the requested one.

    A requested device that does not work falls back to the CPU. ``auto`` gives a reason only if an accelerator fails.

    Raises:
        UserError: The name is none of :data:`DEVICES`.
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
    """Returns whether PyTorch finds such a device, and the reason if it does not."""
    if kind == "cuda":
        if torch.version.cuda is None and torch.version.hip is None:
            return False, "this PyTorch was installed without CUDA"
        # A driver that is too old makes PyTorch warn on stderr; the reason below suffices.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.cuda.is_available(), "no CUDA device or driver was found"
    if not torch.backends.mps.is_built():
        return False, "this PyTorch was installed without Metal"
    return torch.backends.mps.is_available(), "Metal needs macOS 12.3 and a supported graphics chip"


def _failure(kind: str) -> str | None:
    """Returns why a small convolution fails: a device can be listed and still not run this PyTorch's kernels."""
    try:
        probe = torch.ones(1, 4, 8, device=kind)
        torch.nn.functional.conv1d(probe, torch.ones(4, 4, 3, device=kind)).sum().item()
    except (RuntimeError, NotImplementedError, AssertionError) as error:
        return str(error).strip().splitlines()[0]
    return None
