"""Marker files: .trc (OpenCap, Pose2Sim, Sports2D) and .c3d (Vicon, Qualisys, Pose2Sim)."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np

from ... import extras
from ...contract.errors import UserError, brief
from .motion3d import MOST_ROWS, UNITS, Motion3D, Person3D, upright
from .points import by_role, to_h36m

TRC, C3D = b"PathFileType", 0x50  #: The first word of a .trc, and the second byte of a .c3d.

_MOST_MARKERS, _LONGEST_LINE = 2000, 1 << 20  #: Of a .trc; letters.


def read_trc(path: Path) -> Motion3D:
    """Metres or what line 3 says, y up by the format; frames from 1; empty cells are missing."""
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as stream:
            head = [stream.readline(_LONGEST_LINE).rstrip("\r\n") for _ in range(5)]
            facts = dict(zip(head[1].split(), head[2].split(), strict=False))
            unit = facts.get("Units", "m").strip().lower()
            if unit not in UNITS:
                raise UserError(f"{path}: its unit is {unit[:40]!r}; write m or mm in its third line")
            names = [name.strip() for name in head[3].split("\t")[2:] if name.strip()]
            if not 0 < len(names) <= _MOST_MARKERS:
                raise UserError(f"{path}: line 4 names {len(names)} markers; write the file again")
            rows = [_row(line, len(names), path) for line in itertools.islice(stream, MOST_ROWS) if line.strip()]
    except UserError:
        raise
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: not a .trc ({brief(error)}); write it again") from error
    numbers = np.array(rows).reshape(-1, 2 + 3 * len(names))
    frames = numbers[:, 0]
    if not len(frames) or not np.isfinite(frames).all() or np.abs(frames).max() > 1e9 or (frames % 1).any():
        raise UserError(f"{path}: the first column is not whole numbers of frames; write the file again")
    rate = _rate(facts.get("DataRate", ""), numbers[:, 1])
    points = dict(
        zip(names, np.moveaxis(numbers[:, 2:].reshape(len(numbers), -1, 3), 1, 0) * UNITS[unit], strict=False)
    )
    first = int(frames[0] >= 1)
    return Motion3D(".trc", [_person(points, frames.astype(np.int64) - first, str(path), 1)], fps=rate)


def _row(line: str, markers: int, path: Path) -> list[float]:
    """The numbers of a line, NaN for empty cells."""
    cells = line.rstrip("\r\n").split("\t")[: 2 + 3 * markers]
    try:
        found = [float(cell) if cell.strip() else np.nan for cell in cells]
    except ValueError:
        raise UserError(f"{path}: {line[:40]!r} is not a row of numbers; write the file again") from None
    return found + [np.nan] * (2 + 3 * markers - len(found))


def _rate(said: str, times: np.ndarray) -> float | None:
    """Frames a second: as line 3 says, else from the times."""
    try:
        return float(said)
    except ValueError:
        step = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
        return 1 / step if step > 0 else None


def _person(points: dict[str, np.ndarray], frames: np.ndarray, where: str, up: int) -> Person3D:
    """The person of markers (T,3) in metres, by name."""
    joints = to_h36m(by_role(points), where)
    joints[np.abs(joints) > 1e9] = np.nan
    return Person3D(frames, upright(joints, up))


def read_c3d(path: Path) -> Motion3D:
    """Millimetres as a rule; a residual below 0 is a missing point. Read with py-c3d (MIT)."""
    library: Any = extras.require("c3d", "c3d", "reads .c3d files")
    try:
        with path.open("rb") as stream:
            reader = library.Reader(stream)
            labels = [label.strip() for label in reader.point_labels]
            said = reader.get("POINT:UNITS")
            unit = str(said.string_value).strip().lower() if said is not None else "mm"
            if unit not in UNITS:
                raise UserError(f"{path}: its unit is {unit[:40]!r}; write it in mm or m")
            frames = [points[:, :5] for _, points, _ in itertools.islice(reader.read_frames(), MOST_ROWS)]
            rate, first = float(reader.point_rate), int(reader.first_frame)
    except UserError:
        raise
    except Exception as error:  # damaged bytes make the package raise nearly anything
        raise UserError(f"{path}: damaged or not a .c3d ({brief(error)}); write it again") from error
    if not frames:
        raise UserError(f"{path}: has no frames; write it again")
    points = np.array(frames, np.float64)
    points[points[..., 3] < 0] = np.nan
    named = dict(zip(labels, np.moveaxis(points[..., :3], 1, 0) * UNITS[unit], strict=False))
    numbers = np.arange(len(points)) + max(first - 1, 0)
    return Motion3D(".c3d", [_person(named, numbers, str(path), 2)], fps=rate)
