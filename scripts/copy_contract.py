"""Makes what is made from pose3d_engine/contract: the add-on's copy of it, and the documentation's table of settings.

``python scripts/copy_contract.py``: run it after a change there. A test fails where something differs, and the build of
the add-on runs this first. The add-on needs a copy because it may not import the engine.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SOURCE, COPY = ROOT / "pose3d_engine" / "contract", ROOT / "blender_addon" / "contract"
TABLE = ROOT / "docs" / "technical-director" / "settings.md"

_HEAD = """\
# Settings

Every setting of an analysis, of a capture and of a scene. This page is made from
`pose3d_engine/contract/settings.py` by `scripts/copy_contract.py`; change the table there.

In `pose3d run`, `pose3d batch` and `scripts/batch.py` an option is the name of the setting with dashes. A settings file
(`--settings FILE.json`) and a request to the engine use the name itself and plain values: text, numbers, `true` and
`false`. Steps are names with commas between, `all` or `none`.
"""

_TITLES = {
    "analyse": "## Analysis: the people in a video",
    "capture": "## Capture: the motion of the chosen people",
    "scene": "## Scene: where the motion lies on the timeline (panel and `scripts/batch.py`)",
}


def modules(folder: Path) -> dict[str, bytes]:
    """Relative path -> bytes of every module in a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.py"))}


def table() -> str:
    """The page of the documentation with all settings."""
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    from blender_addon.contract.settings import SETTINGS

    lines = [_HEAD]
    for step, title in _TITLES.items():
        lines += [title, "", "| setting | option | values | default | what it does |", "|---|---|---|---|---|"]
        lines += [_row(setting) for setting in SETTINGS if setting.step == step]
        lines.append("")
    return "\n".join(lines)


def _row(setting: Any) -> str:
    """One row of the table."""
    from blender_addon.contract import command_line

    option = command_line.option(setting.name)
    if setting.kind == "bool":
        option = f"{option}`, `--no-{option[2:]}"
    default = "" if setting.default is None else f"`{str(setting.default).lower()}`"
    about = setting.help if setting.in_file else f"{setting.help} (not in a settings file)"
    cells = (f"`{setting.name}`", f"`{option}`" if setting.option else "", setting.form, default, about)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def main() -> None:
    """Makes the copy the same as the source, and the table anew."""
    if modules(SOURCE) != (modules(COPY) if COPY.is_dir() else {}):
        shutil.rmtree(COPY, ignore_errors=True)
        shutil.copytree(SOURCE, COPY, ignore=shutil.ignore_patterns("__pycache__"))
    text = table()
    if not TABLE.is_file() or TABLE.read_text(encoding="utf-8") != text:
        TABLE.parent.mkdir(parents=True, exist_ok=True)
        TABLE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
