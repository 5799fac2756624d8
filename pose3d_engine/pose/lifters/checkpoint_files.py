"""Reads the papers' checkpoint files (.pth, .bin) without executing anything from them.

PyTorch's own restricted reader builds tensors and plain containers and refuses all else. A file of VideoPose3D also
holds the state of a numpy random generator. Stand-ins take the place of the few names that it needs and discard it, so
that nothing of numpy runs either.
"""

from __future__ import annotations

import pickle
import struct
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...contract.errors import UserError


class _Discarded:
    """Takes the place of a random generator, its arrays and its parts."""

    def __init__(self, *arguments: object) -> None: ...

    def __setstate__(self, state: object) -> None: ...


def _stand_in(path: str) -> type:
    module, _, name = path.rpartition(".")
    return type(name, (_Discarded,), {"__module__": module, "__qualname__": name})


_RANDOM_STATE: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
    _stand_in(path)
    for path in (
        "numpy.dtype",
        "numpy.ndarray",
        "numpy.core.multiarray._reconstruct",
        "numpy._core.multiarray._reconstruct",  # numpy 2
        "numpy.random.__RandomState_ctor",  # numpy < 1.17, in the published file
        "numpy.random._pickle.__randomstate_ctor",
        "numpy.random._pickle.__bit_generator_ctor",
        "numpy.random._mt19937.MT19937",
        "numpy.random.bit_generator.SeedSequence",
        "numpy.random.bit_generator.__pyx_unpickle_SeedSequence",
    )
]

_DAMAGE = (
    OSError,
    EOFError,
    RuntimeError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ImportError,
    AssertionError,
    OverflowError,
    MemoryError,
    struct.error,
    pickle.UnpicklingError,
)
"""Exceptions of the reader on damaged bytes."""

ARCHITECTURES: dict[str, str] = {
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
        path: The file.
        architecture: One of the values of :data:`ARCHITECTURES`.
        state: Parameters by their published names, without the ``module.`` of training on several GPUs.
        settings: How the weights were trained; empty in the published files.
    """

    path: Path
    architecture: str
    state: dict[str, Tensor]
    settings: dict[str, Any] = field(default_factory=dict)


def read(path: Path) -> CheckpointFile:
    """Reads a checkpoint of one of the known architectures.

    Raises:
        UserError: The file is damaged or of another architecture.
    """
    path = Path(path)
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
    return CheckpointFile(path, architecture, parameters, dict(settings) if isinstance(settings, Mapping) else {})


def load(path: Path) -> Any:
    """Returns the tensors and plain containers of a file of ``torch.save``; executes nothing of it.

    Raises:
        UserError: The file is missing or damaged, or needs more than data.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: no such file; `pose3d weights list` shows where checkpoints are looked for")
    try:
        with torch.serialization.safe_globals(_RANDOM_STATE), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # old files announce their old storage classes
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if "unsupported global" in str(error).lower() or "unrecognized function" in str(error):
            raise UserError(f"{path}: refused, because it asks to run code; get it from its authors") from error
        raise UserError(f"{path}: damaged or not a checkpoint; get the file again") from error
    except _DAMAGE as error:
        raise UserError(f"{path}: damaged or not a checkpoint; get the file again") from error


def misfit(path: Path, error: Exception) -> UserError:
    """Returns the error for a file whose parameters do not fit their own network."""
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return UserError(f"{path}: its weights do not fit together ({reason}); get the file again")
