"""Settings as a file: what was tuned by hand in the panel runs over a hundred clips."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .atomic import replacing
from .errors import UserError, brief, file_not_found
from .setting import Plain
from .settings import BY_NAME, require_compatible

FORMAT, VERSION = "video-to-mocap settings", 1
"""What a settings file says of itself."""


def load(path: str | Path) -> dict[str, Plain]:
    """The plain values in a settings file, by name. Raises UserError for any other file, and for unknown settings."""
    path = Path(path)
    try:
        return _parse(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise file_not_found(path, "give a settings file (.json)") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); give a settings file (.json)") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: it is not text; give a settings file (.json)") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not JSON ({brief(error)}); correct it") from error
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def _parse(data: Any) -> dict[str, Plain]:
    """The plain values of a settings file's JSON."""
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise UserError(f'not a settings file: "format" is not "{FORMAT}"; export one from the panel')
    version = data.get("version")
    if version != VERSION:
        newer = type(version) is int and version > VERSION
        what = f"is newer than this program, which reads version {VERSION}; update it" if newer else "is unknown"
        raise UserError(f"version {version!r} {what}")
    values = data.get("settings")
    if not isinstance(values, dict) or set(data) - {"format", "version", "settings"}:
        raise UserError('a settings file holds "format", "version" and "settings", an object; correct it')
    for name in values:
        if name not in BY_NAME or not BY_NAME[name].in_file:
            raise UserError(f"there is no setting {name!r} for a file; remove it")
    checked = {name: BY_NAME[name].check(value) for name, value in values.items()}
    require_compatible(checked)
    return checked


def save(path: str | Path, values: Mapping[str, Plain]) -> None:
    """Writes a settings file atomically. Raises UserError if it cannot be written."""
    data = {"format": FORMAT, "version": VERSION, "settings": dict(values)}
    with replacing(Path(path)) as temporary:
        temporary.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
