"""Reads Acclaim's motion capture files: the skeleton (.asf), and a pose for every frame (.amc)."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ...contract.errors import UserError
from .kinematics import Recording, about

INCH = 0.0254


@dataclass
class Bone:
    """A bone of a skeleton.

    Attributes:
        name: Its name.
        parent: Name of its parent; None for the root.
        end: (3,) from its start, in the world's axes at rest.
        axes: (3,3) axes of its rotations.
        channels: Its values in a frame, such as ("rx", "ry").
    """

    name: str
    parent: str | None = None
    end: np.ndarray = field(default_factory=lambda: np.zeros(3))
    axes: np.ndarray = field(default_factory=lambda: np.eye(3))
    channels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Skeleton:
    """A skeleton.

    Attributes:
        bones: Parents first; the first is the root, which has no length.
        position: (3,) offset of the root.
        inches: Units of an inch.
        degrees: Whether angles are degrees.
    """

    bones: tuple[Bone, ...]
    position: np.ndarray
    inches: float
    degrees: bool


def read(path: Path, rate: float) -> Recording:
    """Returns the take in an .amc file, with the skeleton beside it.

    A joint of the recording is the start of the bone of its name.

    Args:
        path: The .amc file.
        rate: Frames a second, which the file does not hold.

    Raises:
        UserError: A file is damaged or another one.
    """
    skeleton = read_skeleton(skeleton_of(path))
    columns, numbers = _frames(path, skeleton)
    names = [bone.name for bone in skeleton.bones]
    parents = np.array([-1 if bone.parent is None else names.index(bone.parent) for bone in skeleton.bones])
    # The root has no length: its children start at its position.
    offsets = np.stack([np.zeros(3) if parent < 0 else skeleton.bones[parent].end for parent in parents])
    translations = np.repeat(offsets[None], len(numbers), axis=0)
    rotations = np.broadcast_to(np.eye(3), (len(numbers), len(names), 3, 3)).copy()
    translations[:, 0] += skeleton.position
    for column, (name, channel) in enumerate(columns):
        joint = names.index(name)
        if channel[0] == "t":
            translations[:, joint, "xyz".index(channel[1])] += numbers[:, column]
        else:
            # The first named rotation is applied first: it is the innermost.
            rotations[:, joint] = about(channel[1], numbers[:, column]) @ rotations[:, joint]
    axes = np.stack([bone.axes for bone in skeleton.bones])
    rotations = axes @ rotations @ np.swapaxes(axes, -1, -2)
    return Recording(tuple(names), parents, offsets, translations, rotations, rate, (INCH / skeleton.inches,))


def skeleton_of(path: Path) -> Path:
    """Returns the .asf file of an .amc file: of its name, of its subject's (01.asf for 01_07.amc), or the only one.

    Raises:
        UserError: There is none, or several of other names.
    """
    there = sorted(found for found in path.parent.iterdir() if found.suffix.lower() == ".asf")
    for stem in (path.stem, path.stem.rpartition("_")[0]):
        for found in there:
            if found.stem == stem:
                return found
    if len(there) == 1:
        return there[0]
    subject = path.stem.rpartition("_")[0] or path.stem
    raise UserError(f"{path}: no skeleton beside it; put its {subject}.asf into {path.parent}")


def read_skeleton(path: Path) -> Skeleton:
    """Returns the skeleton in an .asf file.

    Raises:
        UserError: The file is damaged or another one.
    """
    try:
        return _skeleton(_sections(path.read_text(encoding="utf-8", errors="replace")))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error}); check the file") from error
    except (ValueError, IndexError, KeyError) as error:
        raise UserError(f"{path}: not a whole ASF file ({error}); fetch it again or take it out") from error


def _sections(text: str) -> dict[str, list[list[str]]]:
    """Returns the lines after each ``:keyword``, as words; brackets and commas are blanks in this format."""
    sections: dict[str, list[list[str]]] = {}
    lines: list[list[str]] = []
    for line in text.splitlines():
        words = line.partition("#")[0].translate(str.maketrans("(),", "   ")).split()
        if words and words[0].startswith(":"):
            lines = sections.setdefault(words[0][1:].lower(), [])
        elif words:
            lines.append(words)
    return sections


def _skeleton(sections: dict[str, list[list[str]]]) -> Skeleton:
    missing = [name for name in ("root", "bonedata", "hierarchy") if name not in sections]
    if missing:
        raise ValueError(f"no :{missing[0]}")
    units = {words[0].lower(): words[1] for words in sections.get("units", [])}
    degrees = units.get("angle", "deg").lower().startswith("deg")
    inches = float(units.get("length", "1"))
    if not 1e-6 < inches < 1e6:
        raise ValueError(f"a unit of length of {units['length']}")

    root = Bone("root")
    position, turn = np.zeros(3), ["0", "0", "0"]
    order = "XYZ"
    for keyword, *values in sections["root"]:
        if keyword == "order":
            root.channels = _channels(values)
        elif keyword == "axis":
            order = values[0]
        elif keyword == "position":
            position = _vector(values)
        elif keyword == "orientation":
            turn = values
    root.axes = _axes([*turn[:3], order], degrees)

    bones = {"root": root}
    for block in _blocks(sections["bonedata"]):
        said = {words[0].lower(): words[1:] for words in block}
        bone = Bone(said["name"][0])
        if bone.name in bones:
            raise ValueError(f"two bones {bone.name}")
        direction = _vector(said["direction"])
        # Normalise: directions are rounded in some files.
        bone.end = direction / max(float(np.linalg.norm(direction)), 1e-12) * float(said["length"][0])
        bone.axes = _axes(said.get("axis", ["0", "0", "0", "XYZ"]), degrees)
        bone.channels = _channels(said.get("dof", []))
        bones[bone.name] = bone

    ordered = ["root"]
    for parent, *children in sections["hierarchy"]:
        for child in children:
            if child in ordered or parent not in ordered:
                raise ValueError(f"{child} hangs wrongly in the :hierarchy")
            bones[child].parent = parent
            ordered.append(child)
    return Skeleton(tuple(bones[name] for name in ordered), position, inches, degrees)


def _blocks(lines: list[list[str]]) -> list[list[list[str]]]:
    """Returns the lines between each ``begin`` and ``end``."""
    blocks: list[list[list[str]]] = []
    for words in lines:
        if words[0] == "begin":
            blocks.append([])
        elif words[0] != "end":
            blocks[-1].append(words)
    return blocks


def _channels(words: list[str]) -> tuple[str, ...]:
    channels = tuple(word.lower() for word in words)
    for channel in channels:
        if channel not in ("tx", "ty", "tz", "rx", "ry", "rz"):
            raise ValueError(f'a degree of freedom "{channel}"')
    return channels


def _vector(words: list[str]) -> np.ndarray:
    x, y, z = words[:3]
    vector = np.array([float(x), float(y), float(z)])
    if not np.isfinite(vector).all():
        raise ValueError(f"a vector {x} {y} {z}")
    return vector


def _axes(words: list[str], degrees: bool) -> np.ndarray:
    """Three angles and their order, such as XYZ, the first done first -> (3,3)."""
    angles = _vector(words)
    order = words[3].lower() if len(words) > 3 else "xyz"
    axes = np.eye(3)
    for axis, angle in zip(order, np.radians(angles) if degrees else angles, strict=True):
        axes = about(axis, angle) @ axes
    return axes


def _frames(path: Path, skeleton: Skeleton) -> tuple[list[tuple[str, str]], np.ndarray]:
    """(bone, channel) of each column, and the numbers (T, columns): angles in radians, lengths in the skeleton's unit.

    Frames all have the same bones in the same order, so that the whole take is one table of words: a file of an hour
    is read in seconds.
    """
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error}); check the file") from error
    try:
        degrees, first = skeleton.degrees, 0
        while not lines[first].strip().isdigit():
            keyword = lines[first].strip().upper()
            degrees = {":DEGREES": True, ":RADIANS": False}.get(keyword, degrees)
            first += 1
        words = [word for line in lines[first:] for word in line.split()]
        columns, is_name = _layout(lines[first + 1 :], skeleton)
        if len(words) % len(is_name):
            raise ValueError(f"its last frame, {len(words) // len(is_name) + 1}, is not complete")
        table = np.array(words).reshape(-1, len(is_name))
        names = table[:, is_name]
        names_differ = np.flatnonzero((names != names[0]).any(axis=1))
        if names_differ.size:
            raise ValueError(f"frame {names_differ[0] + 1} has other bones than the first")
        is_number = ~is_name
        is_number[0] = False  # the frame's own
        numbers = table[:, is_number].astype(float)
        if not np.isfinite(numbers).all():
            raise ValueError("a number that is not finite")
    except (ValueError, IndexError, KeyError) as error:
        raise UserError(f"{path}: not a whole AMC file ({error}); fetch it again or take it out") from error
    angles = np.array([channel[0] == "r" for _, channel in columns])
    if degrees:
        numbers[:, angles] = np.radians(numbers[:, angles])
    return columns, numbers


def _layout(lines: list[str], skeleton: Skeleton) -> tuple[list[tuple[str, str]], np.ndarray]:
    """The columns of the first frame's numbers; and which of a frame's words, its number included, are names."""
    channels = {bone.name: bone.channels for bone in skeleton.bones}
    columns: list[tuple[str, str]] = []
    is_name = [False]
    for line in lines:
        name, *numbers = line.split() or [""]
        if not name or name.isdigit():
            break
        if name not in channels:
            raise ValueError(f"a bone {name}, which its skeleton has not")
        if len(numbers) != len(channels[name]):
            raise ValueError(f"{len(numbers)} numbers for {name}, whose skeleton has {len(channels[name])}")
        columns += [(name, channel) for channel in channels[name]]
        is_name += [True] + [False] * len(numbers)
    if not columns:
        raise ValueError("no frames")
    return columns, np.array(is_name)
