"""The engine of Video to Mocap: video in, 3D motion out. Never imports bpy.

The public API is what ``__all__`` names; everything else may change between versions. Importing the package loads none
of the engine's libraries: a name is imported when it is first used.

Example:
    >>> people = analyse(Path("clip.mp4"), AnalyseSettings())
    >>> (motion,) = capture(people, CaptureSettings(person="largest", height=1.75))
    >>> motion.save(Path("motion.npz"))
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .contract.version import __version__ as __version__

if TYPE_CHECKING:
    from .contract.errors import UserError
    from .contract.motion_file import Motion
    from .contract.people_file import People
    from .contract.settings import AnalyseSettings, CaptureSettings
    from .pipeline import analyse, capture

__all__ = ["AnalyseSettings", "CaptureSettings", "Motion", "People", "UserError", "analyse", "capture"]

_MODULES = {
    "AnalyseSettings": "contract.settings",
    "CaptureSettings": "contract.settings",
    "Motion": "contract.motion_file",
    "People": "contract.people_file",
    "UserError": "contract.errors",
    "analyse": "pipeline",
    "capture": "pipeline",
}
"""The module of each public name."""


def __getattr__(name: str) -> Any:
    """Imports a public name at its first use.

    Raises:
        AttributeError: The package has no such name.
    """
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f".{_MODULES[name]}", __name__), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
