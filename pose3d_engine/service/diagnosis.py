"""The state of the installation: what is installed, what is missing, and the command that installs it."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from typing import Any

from .. import __version__, detect, weights
from ..contract.errors import UserError
from ..pose import lifters
from . import cache

PACKAGES = ("torch", "numpy", "scipy", "av", "mediapipe", "opencv-contrib-python", "safetensors")
"""What the engine needs; the names are those of the packages."""

NEEDED = ("mediapipe-full", lifters.DEFAULT)
"""Weights without which nothing works with the default settings."""


def report() -> dict[str, Any]:
    """The state of the installation. ``problems`` holds a record of what is wrong and the command that mends it."""
    packages = {package: _version(package) for package in PACKAGES}
    problems = [
        {"what": f"{package} is not installed", "mend": f"{sys.executable} -m pip install {package}"}
        for package, version in packages.items()
        if version is None
    ]
    device, reason = "unknown", "torch is not installed"
    if packages["torch"]:
        from ..pose.lifters.device import choose_device

        chosen, note = choose_device("auto")
        device, reason = str(chosen), note or ""
    listed = []
    for entry in weights.register():
        path = weights.present(entry.name)
        listed.append(
            {
                "name": entry.name,
                "kind": entry.kind,
                "title": entry.title,
                "licence": entry.licence,
                "origin": entry.origin,
                "fetchable": bool(entry.sources),
                "present": path is not None,
                "path": str(path) if path else None,
            }
        )
        if entry.name in NEEDED:
            try:
                weights.verify(entry.name)
            except UserError as error:
                problems.append({"what": str(error), "mend": f"pose3d weights fetch {entry.name}"})
    return {
        "engine": __version__,
        "python": platform.python_version(),
        "executable": sys.executable,
        "platform": platform.platform(),
        "packages": packages,
        "device": device,
        "device_note": reason,
        "lifter": lifters.DEFAULT,
        "detector": detect.source(detect.DEFAULT).name,
        "sources": _sources(),
        "weights": listed,
        "cache": {"folder": str(cache.folder()), "bytes": sum(size for _, size, _ in cache.entries())},
        "problems": problems,
    }


def _sources() -> list[dict[str, Any]]:
    """The sources of 2D: what each gives, and what it lacks with the command that mends it (None if nothing)."""
    listed = []
    for source in detect.SOURCES:
        lacks = source.missing_requirement()
        listed.append(
            {
                "name": source.name,
                "option": source.option,
                "title": source.title,
                "layout": source.layout,
                "gives": list(source.gives),
                "licence": source.licence,
                "lacks": lacks[0] if lacks else None,
                "mend": lacks[1] if lacks else None,
            }
        )
    return listed


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
