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


def installed_version(package: str) -> str | None:
    """The version of an installed package; None for one that is missing."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def report() -> dict[str, Any]:
    """The state of the installation, as ``pose3d doctor --json`` prints it."""
    packages = {package: installed_version(package) for package in PACKAGES}
    device, note = "unknown", "torch is not installed"
    if packages["torch"]:
        from ..pose.lifters.device import choose_device

        chosen, reason = choose_device("auto")
        device, note = str(chosen), reason or ""
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


def _weights(entry: weights.Entry) -> dict[str, Any]:
    """One entry of the register of weights, and whether they are installed."""
    path = weights.locate(entry.name)
    facts = {name: getattr(entry, name) for name in ("name", "kind", "title", "licence", "origin")}
    present = {"present": path is not None, "path": str(path) if path else None}
    return {**facts, "fetchable": bool(entry.sources), **present}


def _sources() -> list[dict[str, Any]]:
    """The sources of 2D: what each gives, its missing requirement and the install hint for it (None if ready)."""
    listed = []
    for source in detect.SOURCES:
        missing, hint = source.missing_requirement() or (None, None)
        facts = {name: getattr(source, name) for name in ("name", "option", "title", "layout", "licence")}
        listed.append({**facts, "gives": list(source.gives), "missing": missing, "install_hint": hint})
    return listed
