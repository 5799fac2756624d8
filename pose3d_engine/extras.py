"""Optional packages, which only some commands need."""

from __future__ import annotations

import importlib
from types import ModuleType

from .contract.errors import UserError


def require(module: str, extra: str, purpose: str) -> ModuleType:
    """Imports a module of the optional group ``extra``; ``purpose`` is its use, such as "runs clips on many machines".

    Raises:
        UserError: The module is not installed; the message has the command that installs it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        command = f"pip install 'pose3d-engine[{extra}]'"
        raise UserError(f"{module} {purpose} and is not installed; install it with: {command}") from error
