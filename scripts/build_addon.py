"""Packs the add-on into one zip that Blender installs as a legacy add-on (3.4+) and as an extension (4.2+).

``python scripts/build_addon.py [--output-dir DIR]`` writes ``video_to_mocap-VERSION.zip`` and prints its path.
The same source gives the same bytes.
"""

from __future__ import annotations

import argparse
import re
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "blender_addon"
LICENCE = ROOT / "LICENSE"

_SUFFIXES = {".py", ".toml", ".json"}
"""What belongs to the add-on; caches, notes and editors' leavings do not."""

_DATE = (1980, 1, 1, 0, 0, 0)


def version() -> str:
    """The version in the manifest. (tomllib came with Python 3.11; this runs on 3.10 too.)"""
    manifest = (PACKAGE / "blender_manifest.toml").read_text(encoding="utf-8")
    found = re.search(r'^version = "([^"]+)"$', manifest, re.MULTILINE)
    assert found, "the manifest has no version"
    return found[1]


def files() -> dict[str, Path]:
    """What goes into the zip: names in it, sorted, and where they come from.

    All is in one folder, which a legacy add-on needs and an extension may have.
    """
    sources = [path for path in PACKAGE.rglob("*") if path.is_file() and path.suffix in _SUFFIXES]
    named = {path.relative_to(ROOT).as_posix(): path for path in sources}
    named[f"{PACKAGE.name}/LICENSE"] = LICENCE
    return dict(sorted(named.items()))


def build(folder: Path) -> Path:
    """Writes the zip into ``folder`` and returns its path. Never leaves a half-written one."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"video_to_mocap-{version()}.zip"
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        unfinished = Path(temporary) / target.name
        with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, source in files().items():
                entry = zipfile.ZipInfo(name, _DATE)  # the date and the mode would differ between machines
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = 0o644 << 16
                # As a checkout on Windows may have other line ends.
                archive.writestr(entry, source.read_bytes().replace(b"\r\n", b"\n"))
        unfinished.replace(target)
    return target


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output-dir", type=Path, default=ROOT / "dist")
    print(build(parser.parse_args().output_dir))


if __name__ == "__main__":
    main()
