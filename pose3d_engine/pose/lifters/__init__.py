"""Lifters: one person's 2D keypoints in, root-relative 3D joints out."""

from __future__ import annotations

from pathlib import Path

from ... import weights
from ...contract.errors import UserError
from .base import Lifter, Track2D, automatic_tds
from .device import choose_device

DEFAULT = "tcn-mocap"
"""The lifter of a capture without another choice."""

SHIPPED = (DEFAULT, "pstmo-s-cmu")
"""The lifters whose weights ship with the project."""

RENAMED = {"tcn-cmu": DEFAULT}
"""Lifters of version 0.1 whose successor has another name: settings that name them still work."""

__all__ = ["DEFAULT", "SHIPPED", "Lifter", "Track2D", "automatic_tds", "load"]


def load(name: str, checkpoint: Path | None = None, device: str = "auto") -> tuple[Lifter, str | None]:
    """Returns a lifter, and one line with the reason if it does not run on the requested device.

    Args:
        name: The weights' name in the register; ignored if there is a ``checkpoint``.
        checkpoint: A file with weights.
        device: One of :data:`.device.DEVICES`.

    Raises:
        UserError: There are no such weights or the file is damaged.
    """
    chosen, reason = choose_device(device)
    name = RENAMED.get(name, name)
    entry: weights.Entry | None
    if checkpoint is None:
        entry = weights.entry(name)
        if entry.kind != "lifter":
            raise UserError(f"{name} is a {entry.kind}, not a lifter; `pose3d weights list` shows the lifters")
        path = weights.require(name)
    else:
        entry, path = weights.entry_of(checkpoint), checkpoint
    # The papers' files are PyTorch's own; ours name their network themselves.
    if path.suffix == ".safetensors":
        from .viewed import ViewedLifter

        return ViewedLifter(entry.name if entry else path.stem, path, chosen), reason
    from . import official

    return official.load(path, entry, chosen), reason
