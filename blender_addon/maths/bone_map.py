"""Bone maps: which bone of a rig is which part of a body. They are data in JSON, those that ship and the user's own.

A map names slots (``hips``, ``spine``, ``upper_arm.L``, ...) and the bones in them;
docs/technical-director/retarget.md describes it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..contract import atomic
from ..contract.errors import UserError

FORMAT, VERSION = "video-to-mocap bone map", 1
FOLDER = Path(__file__).resolve().parents[1] / "presets"

SIDED = ("shoulder", "upper_arm", "forearm", "hand", "thigh", "shin", "foot", "toe")
TWISTED = ("upper_arm", "forearm", "thigh", "shin")
"""Limbs that can have twist bones, in the slot ``upper_arm_twist.L``."""
CHAINS = ("spine", "neck", *(f"{limb}_twist.{side}" for side in "LR" for limb in TWISTED))
"""Slots that hold any number of bones, from the hips upwards or from the joint outwards."""
SLOTS = (
    "hips",
    "spine",
    "neck",
    "head",
    *(f"{limb}.{side}" for side in "LR" for limb in SIDED),
    *CHAINS[2:],
)
NEEDED = ("hips", *(f"{limb}.{side}" for side in "LR" for limb in ("thigh", "shin")))
"""Without these there is nothing to solve; a missing one of the others is only told."""
EXPECTED = ("spine", "neck", "head", *(f"{limb}.{side}" for side in "LR" for limb in SIDED if limb != "toe"))
"""What most characters have; a user is told which of these their rig has not."""


class BoneMapError(Exception):
    """The map cannot be used. The message is one line for the user: what, where, what to do."""


@dataclass(frozen=True)
class IKControl:
    """The IK of a hand, foot or toe of a control rig.

    control: the bone that takes its place and turn. carrier: the bone that carries the control and the pole: another
    control, or one that the motion does not move. pole: the bone that says where elbow or knee points. rigid: bones of
    the IK that must not stretch. still: controls that have to be at rest. properties: as those of a map, and set after
    them.
    """

    control: str
    carrier: str
    pole: str | None = None
    rigid: tuple[str, ...] = ()
    still: tuple[str, ...] = ()
    properties: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def bones(self) -> list[str]:
        """All bones that it names."""
        return [self.control, self.carrier, *([self.pole] if self.pole else []), *self.rigid, *self.still]


@dataclass(frozen=True)
class BoneMap:
    """bones: slot -> names of bones. control_rig: the bones are controls, and constraints carry them to the body.

    carried_by: bone -> the bone in the map that carries it, where the rig does that by constraints. properties: bone
    -> custom property -> value that the rig needs to listen to these controls (IK/FK, follow). marks: names by which
    the rig is told from others of the same bones. ik: slot (hand, foot, toe) -> its IK, of a rig that has one.
    """

    name: str
    bones: Mapping[str, tuple[str, ...]]
    control_rig: bool = False
    carried_by: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    marks: tuple[str, ...] = ()
    ik: Mapping[str, IKControl] = field(default_factory=dict)

    def one(self, slot: str) -> str | None:
        """The first bone of a slot."""
        return next(iter(self.bones.get(slot, ())), None)

    def missing(self) -> list[str]:
        """Slots that a character usually has and this map leaves empty, the needed ones first."""
        return [slot for slot in (*NEEDED, *EXPECTED) if not self.bones.get(slot) and slot in SLOTS]


def load(path: str | Path) -> BoneMap:
    """Reads a map from a JSON file. Raises BoneMapError."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text"
        raise BoneMapError(f"{path}: {reason}; choose a bone map (.json)") from error
    try:
        return parse(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise BoneMapError(f"{path}: not a bone map: {error}; save one with the panel to see the form") from error


def parse(data: Any) -> BoneMap:
    """A map from what its JSON file holds. Raises ValueError that says what is wrong."""
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ValueError(f'"format" is not "{FORMAT}"')
    if data.get("version") != VERSION:
        raise ValueError(f"version {data.get('version')!r} is unknown; this one reads version {VERSION}")
    unknown = set(data) - {
        "format",
        "version",
        "name",
        "bones",
        "control_rig",
        "carried_by",
        "properties",
        "marks",
        "ik",
    }
    if unknown:
        raise ValueError(f"unknown entry {sorted(unknown)[0]!r}")
    name = data.get("name")
    if not isinstance(name, str) or not name.strip():
        raise ValueError('"name" is missing')
    bones: dict[str, tuple[str, ...]] = {}
    for slot, value in _object(data, "bones").items():
        if slot not in SLOTS:
            raise ValueError(f"there is no slot {slot!r}")
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, list) or not all(isinstance(item, str) and item for item in names):
            raise ValueError(f"{slot} is neither a bone's name nor a list of them")
        if len(names) > 1 and slot not in CHAINS:
            raise ValueError(f"{slot} takes one bone, not {len(names)}")
        bones[slot] = tuple(names)
    used = [bone for names in bones.values() for bone in names]
    twice = sorted({bone for bone in used if used.count(bone) > 1})
    if twice:
        raise ValueError(f"the bone {twice[0]!r} is in it twice")
    carried = _object(data, "carried_by")
    for bone, by in carried.items():
        if bone not in used or by not in used:
            raise ValueError(f"carried_by names {bone!r} and {by!r}, of which one is in no slot")
    properties = _properties(data)
    marks, control_rig = data.get("marks", []), data.get("control_rig", False)
    if not isinstance(marks, list) or not all(isinstance(mark, str) for mark in marks):
        raise ValueError("marks is not a list of names")
    if not isinstance(control_rig, bool):
        raise ValueError("control_rig is neither true nor false")
    ik = {slot: _ik(slot, value) for slot, value in _object(data, "ik").items()}
    return BoneMap(name.strip(), bones, control_rig, carried, properties, tuple(marks), ik)


def _properties(data: dict[str, Any]) -> dict[str, Any]:
    properties = _object(data, "properties")
    for bone, values in properties.items():
        if not isinstance(values, dict) or not all(_is_number(value) for value in values.values()):
            raise ValueError(f"properties of {bone!r} are not numbers by name")
    return properties


def _ik(slot: str, data: Any) -> IKControl:
    """The IK of a slot. Raises ValueError."""
    if slot.split(".")[0] not in ("hand", "foot", "toe") or slot not in SLOTS:
        raise ValueError(f"ik has {slot!r}, which is neither hand, foot nor toe of a side")
    if not isinstance(data, dict) or set(data) - {"control", "carrier", "pole", "rigid", "still", "properties"}:
        raise ValueError(f"the ik of {slot} is no object of control, carrier, pole, rigid, still and properties")
    names = [data.get("control"), data.get("carrier"), *([data["pole"]] if "pole" in data else [])]
    lists = data.get("rigid", []), data.get("still", [])
    if not all(isinstance(part, list) for part in lists):
        raise ValueError(f"rigid and still in the ik of {slot} are not lists of bones")
    if not all(isinstance(name, str) and name for name in [*names, *lists[0], *lists[1]]):
        raise ValueError(f"the ik of {slot} has something that is no bone's name")
    rigid, still = (tuple(part) for part in lists)
    return IKControl(data["control"], data["carrier"], data.get("pole"), rigid, still, _properties(data))


def as_data(bone_map: BoneMap) -> dict[str, Any]:
    """What a map's JSON file holds."""
    data: dict[str, Any] = {"format": FORMAT, "version": VERSION, "name": bone_map.name}
    data["bones"] = {
        slot: list(names) if slot in CHAINS else names[0] for slot in SLOTS if (names := bone_map.bones.get(slot, ()))
    }
    if bone_map.control_rig:
        data["control_rig"] = True
    if bone_map.carried_by:
        data["carried_by"] = dict(bone_map.carried_by)
    if bone_map.properties:
        data["properties"] = {bone: dict(values) for bone, values in bone_map.properties.items()}
    if bone_map.ik:
        data["ik"] = {
            slot: {key: list(value) if isinstance(value, tuple) else value for key, value in vars(ik).items() if value}
            for slot, ik in bone_map.ik.items()
        }
    if bone_map.marks:
        data["marks"] = list(bone_map.marks)
    return data


def save(path: str | Path, bone_map: BoneMap) -> None:
    """Writes a map as JSON, whole or not at all. Raises BoneMapError."""
    path = Path(path)
    text = json.dumps(as_data(bone_map), indent=2, ensure_ascii=False) + "\n"
    try:
        with atomic.replacing(path) as unfinished:
            unfinished.write_text(text, encoding="utf-8")
    except UserError as error:
        raise BoneMapError(str(error)) from error


@lru_cache(maxsize=1)
def presets() -> dict[str, BoneMap]:
    """The maps that ship, by the stems of their files' names."""
    return {path.stem: load(path) for path in sorted(FOLDER.glob("*.json"))}


def preset(name: str) -> BoneMap:
    """A preset by its name or its file's stem; or a map file by its path. Raises BoneMapError."""
    for stem, bone_map in presets().items():
        if name in (stem, bone_map.name):
            return bone_map
    if name.endswith(".json"):
        return load(name)
    raise BoneMapError(
        f"{name}: no such preset; there are {', '.join(presets())}, or give the path of a bone map (.json)"
    )


def _object(data: dict[str, Any], key: str) -> dict[str, Any]:
    value = data.get(key, {})
    if not isinstance(value, dict):
        raise ValueError(f'"{key}" is not an object')
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
