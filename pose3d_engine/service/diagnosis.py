"""The state of the installation: packages, device, weights, and what is missing with the command that installs it."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from typing import Any

from .. import detect, weights
from ..contract.errors import UserError
from ..contract.version import __version__
from ..pose import lifters
from . import cache

PACKAGES = ("torch", "numpy", "scipy", "av", "mediapipe", "opencv-contrib-python", "safetensors", "platformdirs")
"""Packages that the engine needs."""

NEEDED = ("mediapipe-full", lifters.DEFAULT)
"""Weights that the default settings need."""


def report() -> dict[str, Any]:
    """The state of the installation, as ``pose3d doctor --json`` prints it.

    ``problems`` has a record of each defect (``what``) and the command that solves it (``install_hint``); ``sources``
    and ``weights`` say what there is to choose from.
    """
    packages = {package: _version(package) for package in PACKAGES}
    device, note = _device() if packages["torch"] else ("unknown", "torch is not installed")
    return {
        "engine": __version__,
        "python": platform.python_version(),
        "executable": sys.executable,
        "platform": platform.platform(),
        "packages": packages,
        "device": device,
        "device_note": note,
        "lifter": lifters.DEFAULT,
        "detector": detect.source(detect.DEFAULT).name,
        "sources": _sources(),
        "weights": [_weights(entry) for entry in weights.register()],
        "cache": {"folder": str(cache.folder()), "bytes": sum(size for _, size, _ in cache.entries())},
        "problems": _problems(packages),
    }


def _problems(packages: dict[str, str | None]) -> list[dict[str, str]]:
    """What keeps the engine from working with its default settings."""
    problems = [
        {"what": f"{package} is not installed", "install_hint": f"{sys.executable} -m pip install {package}"}
        for package, version in packages.items()
        if version is None
    ]
    for name in NEEDED:
        try:
            weights.verify(name)
        except UserError as error:  # noqa: PERF203 - two names
            problems.append({"what": str(error), "install_hint": f"pose3d weights fetch {name}"})
    return problems


def _device() -> tuple[str, str]:
    """The device that lifters run on by default, and the reason if it is not the fastest one."""
    from ..pose.lifters.device import choose_device

    device, reason = choose_device("auto")
    return str(device), reason or ""


def _weights(entry: weights.Entry) -> dict[str, Any]:
    """One entry of the register of weights, and whether they are installed."""
    path = weights.locate(entry.name)
    return {
        "name": entry.name,
        "kind": entry.kind,
        "title": entry.title,
        "licence": entry.licence,
        "origin": entry.origin,
        "fetchable": bool(entry.sources),
        "present": path is not None,
        "path": str(path) if path else None,
    }


def _sources() -> list[dict[str, Any]]:
    """The sources of 2D: what each gives, its missing requirement and the install hint for it (None if ready)."""
    listed = []
    for source in detect.SOURCES:
        missing = source.missing_requirement()
        listed.append(
            {
                "name": source.name,
                "option": source.option,
                "title": source.title,
                "layout": source.layout,
                "gives": list(source.gives),
                "licence": source.licence,
                "missing": missing[0] if missing else None,
                "install_hint": missing[1] if missing else None,
            }
        )
    return listed


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
