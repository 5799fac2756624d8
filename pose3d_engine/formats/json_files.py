"""Reading of JSON from other programs, with one-line errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..contract.errors import UserError


def load(path: Path) -> Any:
    """The content of a JSON file; raises UserError if it cannot be read, is cut off or is not JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error}); give another file") from error
    except json.JSONDecodeError as error:
        place = f"{error.msg}, line {error.lineno} column {error.colno}"
        raise UserError(f"{path}: not JSON, or cut off ({place}); write it again") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not JSON; give the results of a pose program") from error


def entries(value: Any, where: str, what: str) -> list[dict[str, Any]]:
    """The value, a list of JSON objects; raises UserError, with the place and the list's name, for anything else."""
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise UserError(f"{where}: {what} is not a list of objects; write the file again")
    return value


def identity(value: Any, where: str) -> int | None:
    """The number of a track, None if there is none; AlphaPose writes 3, 3.0, [3.0] and lists in lists."""
    while isinstance(value, list) and value:
        value = value[0]
    if value is None or value == []:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value or abs(value) > 1e15:
        raise UserError(f"{where}: {value!r} is not the number of a track; write the file again")
    # Trackers write -1 where they have no track.
    return int(value) if value >= 0 else None
