"""What there is to choose from, by the engine's own report of its weights."""

from __future__ import annotations

from typing import Any

METHOD = "doctor"
"""What the engine is asked for."""


def there(report: dict[str, Any], kind: str = "lifter") -> tuple[str, ...]:
    """The names of the lifters (or detectors) in ``report`` whose weights are there, the default first."""
    found = [
        str(weights["name"])
        for weights in report.get("weights", ())
        if weights.get("kind") == kind and weights.get("present")
    ]
    return tuple(sorted(found, key=lambda name: name != report.get(kind)))
