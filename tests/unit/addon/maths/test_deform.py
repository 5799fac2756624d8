"""The deforming bones of a rig, and what they hang on."""

from __future__ import annotations

import numpy as np

from blender_addon.maths import deform

RIG = (
    # name, parent, head, tail, deforms
    ("root", None, (0, 0, 0), (0, 1, 0), False),
    ("ORG-spine", "root", (0, 0, 1), (0, 0, 1.2), False),
    ("tweak", "ORG-spine", (0, 0, 1), (0, 0, 1.1), False),
    ("DEF-ear", "ORG-head", (0.1, 0, 1.6), (0.2, 0, 1.6), True),
    ("ORG-head", "ORG-spine", (0, 0, 1.5), (0, 0, 1.7), False),
    ("DEF-spine", "root", (0, 0, 1), (0, 0, 1.2), True),
    ("DEF-thigh", "tweak", (0.1, 0, 1), (0.1, 0, 0.5), True),
    ("DEF-shin", "DEF-thigh", (0.1, 0, 0.5), (0.1, 0, 0), True),
    ("DEF-head", "DEF-spine", (0, 0, 1.5), (0, 0, 1.7), True),
    ("DEF-hat", None, (0, 0, 1.7), (0, 0, 1.8), True),
)


def names(**changes: bool) -> dict[str, str | None]:
    """The parents of the chosen bones by name, in their order."""
    rows = {name: row for row, (name, *_) in enumerate(RIG)}
    found = deform.skeleton(
        [rows.get(parent, -1) for _, parent, *_ in RIG],
        *(np.array([bone[column] for bone in RIG], float) for column in (2, 3)),
        [changes.get("deform", deforms) for *_, deforms in RIG],
    )
    chosen = [RIG[row][0] for row in found.rows]
    return {name: chosen[parent] if parent >= 0 else None for name, parent in zip(chosen, found.parents, strict=True)}


def test_deforming_bones_hang_on_those_that_lie_on_their_parents() -> None:
    found = names()
    assert found == {
        "DEF-spine": None,
        "DEF-hat": "DEF-spine",  # a second root
        "DEF-thigh": "DEF-spine",  # lies on "tweak"
        "DEF-head": "DEF-spine",
        "DEF-shin": "DEF-thigh",
        "DEF-ear": "DEF-head",  # lies on "ORG-head"
    }
    assert all(parent is None or [*found].index(parent) < row for row, parent in enumerate(found.values()))


def test_without_deforming_bones_all_stay_with_their_parents() -> None:
    found = names(deform=False)
    assert len(found) == len(RIG) and found["DEF-hat"] == "root"
    assert {name: parent for name, parent, *_ in RIG if name != "DEF-hat"}.items() <= found.items()
