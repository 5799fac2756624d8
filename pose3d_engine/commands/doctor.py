"""``pose3d doctor``: what is installed, what is missing, and the command that mends it."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import platform
import sys
from typing import Any

from .. import __version__, cache, detectors, lifters, weights
from ..errors import UserError

HELP = "what is installed, which device, which weights, what is missing and how to mend it"

PACKAGES = ("torch", "numpy", "scipy", "av", "mediapipe", "opencv-contrib-python", "safetensors")
"""What the engine needs; the names are those of the packages."""

NEEDED = ("mediapipe-full", lifters.DEFAULT)
"""Weights without which nothing works with the default settings."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("--json", action="store_true", help="for programs")


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
        from ..lifters.device import choose_device

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
        "sources": _sources(),
        "weights": listed,
        "cache": {"folder": str(cache.folder()), "bytes": sum(size for _, size, _ in cache.entries())},
        "problems": problems,
    }


def _sources() -> list[dict[str, Any]]:
    """The sources of 2D: what each gives, and what it lacks with the command that mends it (None if nothing)."""
    listed = []
    for source in detectors.SOURCES:
        lacks = source.lacks()
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


def execute(args: argparse.Namespace) -> None:
    """Prints the report; raises UserError if something that is needed is missing."""
    state = report()
    if args.json:
        print(json.dumps(state, indent=1))
    else:
        print(f"engine {state['engine']}, Python {state['python']} ({state['executable']})")
        print(f"device {state['device']}" + (f" ({state['device_note']})" if state["device_note"] else ""))
        for package, version in state["packages"].items():
            print(f"  {package:24} {version or 'MISSING'}")
        print("sources of 2D")
        for source in state["sources"]:
            gives = ", ".join([source["layout"], *source["gives"]])
            print(f"  {source['name']:32} {'-' if source['lacks'] else 'ready':6} {source['licence']}; {gives}")
            if source["lacks"]:
                print(f"  {'':39} {source['lacks']}: {source['mend']}")
        print("weights")
        for entry in state["weights"]:
            mark = "default " if entry["name"] in NEEDED else ""
            print(f"  {entry['name']:32} {'there' if entry['present'] else '-':6} {mark}{entry['licence']}")
    if state["problems"]:
        for problem in state["problems"]:
            print(f"problem: {problem['what']}\n  mend it with: {problem['mend']}", file=sys.stderr)
        raise UserError(f"{len(state['problems'])} problem(s); see above")
    if not args.json:
        print("all is well")
