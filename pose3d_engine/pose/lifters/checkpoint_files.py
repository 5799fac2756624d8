"""Reads the papers' checkpoint files (.pth, .bin) without executing anything from them.

PyTorch's own restricted reader builds tensors and plain containers and refuses all else. A file of VideoPose3D also
holds the state of a numpy random generator. Stand-ins discard it, so that nothing of numpy runs either.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ... import object_archive
from ...contract.errors import UserError, brief


class _Discarded:
    """Takes the place of a random generator, its arrays and its parts."""

    def __init__(self, *arguments: object) -> None: ...

    def __setstate__(self, state: object) -> None: ...


def _stand_in(path: str) -> type:
    module, _, name = path.rpartition(".")
    return type(name, (_Discarded,), {"__module__": module, "__qualname__": name})


_IN_NUMPY = (
    "dtype ndarray core.multiarray._reconstruct _core.multiarray._reconstruct random.__RandomState_ctor "
    "random._pickle.__randomstate_ctor random._pickle.__bit_generator_ctor random._mt19937.MT19937 "
    "random.bit_generator.SeedSequence random.bit_generator.__pyx_unpickle_SeedSequence"
)
"""Names of numpy < 1.17 (in the published file), 1.17 and 2 that make a random generator's state."""

_STAND_INS: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
    _stand_in(f"numpy.{name}") for name in _IN_NUMPY.split()
]

ARCHITECTURES = {
    "Transformer_reduce.model.pos_embedding_1": "pstmo",
    "encoder_to_decoder.weight": "pstmo-masked",
    "post_refine.0.weight": "pstmo-refine",
    "expand_conv.weight": "videopose3d",
}
"""The parameter that identifies each architecture."""


@dataclass(frozen=True)
class CheckpointFile:
    """The content of a file.

    Attributes:
        architecture: One of the values of :data:`ARCHITECTURES`.
        state: Parameters by their published names, without the ``module.`` of training on several GPUs.
        settings: How the weights were trained; empty in the published files.
    """

    architecture: str
    state: dict[str, Tensor]
    settings: dict[str, Any]


def read(path: Path) -> CheckpointFile:
    """Reads a checkpoint of one of the known architectures.

    Raises:
        UserError: The file is damaged or of another architecture.
    """
    content = load(path)
    holder = content if isinstance(content, Mapping) else {}
    # VideoPose3D's files hold parameters under a key, P-STMO's hold nothing else.
    state = next((holder[key] for key in ("model_pos", "model") if isinstance(holder.get(key), Mapping)), holder)
    settings = holder.get("settings")
    parameters = {str(key).removeprefix("module."): value for key, value in state.items()}
    architecture = next((name for key, name in ARCHITECTURES.items() if key in parameters), None)
    if architecture is None or not all(isinstance(value, Tensor) for value in parameters.values()):
        raise UserError(f"{path}: not a checkpoint of P-STMO or VideoPose3D; choose another file")
    if not all(torch.isfinite(value).all() for value in parameters.values()):
        raise UserError(f"{path}: its weights are not finite; get the file again")
    return CheckpointFile(architecture, parameters, dict(settings) if isinstance(settings, Mapping) else {})


def load(path: Path) -> Any:
    """Returns the tensors and plain containers of a file of ``torch.save``; executes nothing of it.

    Raises:
        UserError: The file is missing or damaged, or needs more than data.
    """
    return object_archive.load_torch(path, "a checkpoint", tuple(_STAND_INS))


def misfit(path: Path, error: Exception) -> UserError:
    """Returns the error for a file whose parameters do not fit their own network."""
    return UserError(f"{path}: its weights do not fit together ({brief(error)}); get the file again")
