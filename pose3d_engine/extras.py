"""Optional packages, which only some commands need."""

from __future__ import annotations

import importlib
from types import ModuleType

from .contract.errors import UserError


def require(module: str, extra: str, purpose: str) -> ModuleType:
    """Imports a module of an optional group of packages.

    Args:
        module: Its name.
        extra: The group in ``pyproject.toml``.
        purpose: Its use, for the message: "runs clips on many machines".

    Raises:
        UserError: The module is not installed; the message has the command that installs it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise UserError(
            f"{module} {purpose} and is not installed; install it with: pip install 'pose3d-engine[{extra}]'"
        ) from error
