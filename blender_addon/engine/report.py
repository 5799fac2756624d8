"""What the engine's report of itself (``doctor``) offers to choose from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def names(report: Mapping[str, Any], kind: str) -> tuple[str, ...]:
    """The names that a setting can have (``Setting.lists``), the default first.

    Args:
        report: The engine's report; empty before the engine was asked.
        kind: ``sources``, the detectors for which nothing is missing, or ``lifters``, those whose weights are there.
    """
    if kind == "sources":
        found = [
            str(source["name"])
            for source in report.get("sources", ())
            if source.get("option") == "--detector" and not source.get("missing")
        ]
        default = report.get("detector")
    else:
        found = [
            str(weights["name"])
            for weights in report.get("weights", ())
            if weights.get("kind") == "lifter" and weights.get("present")
        ]
        default = report.get("lifter")
    return tuple(sorted(found, key=lambda name: name != default))
