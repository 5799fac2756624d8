"""Packs the add-on into one zip that Blender installs as a legacy add-on (3.4+) and as an extension (4.2+).

``python -m scripts.build_addon [--output-dir DIR]`` writes ``video_to_mocap-VERSION.zip`` and prints its path.
The same source gives the same bytes. What the engine is installed from travels inside, in the folder ``bundle``: its
wheel with its weights, the versions of all that it needs, and pip for a Python that has none.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from scripts import copy_contract

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "blender_addon"
LICENCE = ROOT / "LICENSE"
CONSTRAINTS = ROOT / "constraints.txt"
MODULE = "video_to_mocap"
"""The name of the installed add-on; as a legacy add-on it is that of a module, and must not be anybody else's."""
BUNDLE = f"{MODULE}/bundle"

PIP, PIP_SHA256 = "26.3", "f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13"
"""What installs the engine. This one works on Python 3.10 and newer."""

_SUFFIXES = {".py", ".toml", ".json"}
"""What belongs to the add-on; caches, notes and editors' leavings do not."""

_DATE = (1980, 1, 1, 0, 0, 0)


def version() -> str:
    """The version in the manifest. (tomllib came with Python 3.11; this runs on 3.10 too.)"""
    manifest = (PACKAGE / "blender_manifest.toml").read_text(encoding="utf-8")
    found = re.search(r'^version = "([^"]+)"$', manifest, re.MULTILINE)
    assert found, "the manifest has no version"
    return found[1]


def pip_wheel() -> Path:
    """pip's wheel, downloaded once into .cache. Raises CalledProcessError, after pip's own message, if it cannot be."""
    path = ROOT / ".cache" / f"pip-{PIP}-py3-none-any.whl"
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != PIP_SHA256:
        with tempfile.TemporaryDirectory() as folder:
            wanted = Path(folder) / "requirements.txt"
            wanted.write_text(f"pip=={PIP} --hash=sha256:{PIP_SHA256}\n", encoding="utf-8")
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--disable-pip-version-check"]
            subprocess.run([*command, "--dest", folder, "--requirement", str(wanted)], check=True, stdout=sys.stderr)
            path.parent.mkdir(exist_ok=True)
            unfinished = path.with_suffix(f".{os.getpid()}.tmp")
            unfinished.write_bytes((Path(folder) / path.name).read_bytes())
            unfinished.replace(path)
    return path


def engine_wheel(folder: Path) -> Path:
    """Builds the engine's wheel into ``folder``. Raises CalledProcessError, after the builder's words, if it fails."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    (wheel,) = folder.glob("*.whl")
    return wheel


def contents(folder: Path) -> dict[str, bytes]:
    """What goes into the zip: names in it, sorted, and bytes. ``folder``: an empty one to work in.

    All is in one folder, which a legacy add-on needs and an extension may have.
    """
    sources = [path for path in PACKAGE.rglob("*") if path.is_file() and path.suffix in _SUFFIXES]
    texts = {f"{MODULE}/{path.relative_to(PACKAGE).as_posix()}": path for path in sources}
    texts |= {f"{MODULE}/LICENSE": LICENCE, f"{BUNDLE}/constraints.txt": CONSTRAINTS}
    # As a checkout on Windows may have other line ends.
    packed = {name: path.read_bytes().replace(b"\r\n", b"\n") for name, path in texts.items()}

    wheel, pip = engine_wheel(folder), pip_wheel()
    packed |= {f"{BUNDLE}/{path.name}": path.read_bytes() for path in (wheel, pip)}
    digest = hashlib.sha256(packed[f"{BUNDLE}/{wheel.name}"] + packed[f"{BUNDLE}/constraints.txt"]).hexdigest()
    record = {"wheel": wheel.name, "pip": pip.name, "digest": digest}
    packed[f"{BUNDLE}/bundle.json"] = json.dumps(record, indent=1).encode()
    return dict(sorted(packed.items()))


def build(folder: Path) -> Path:
    """Writes the zip into ``folder`` and returns its path. Never leaves a half-written one."""
    copy_contract.main()
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{MODULE}-{version()}.zip"
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        unfinished, work = Path(temporary) / target.name, Path(temporary) / "wheel"
        with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in contents(work).items():
                entry = zipfile.ZipInfo(name, _DATE)  # the date and the mode would differ between machines
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, content)
        unfinished.replace(target)
    return target


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output-dir", type=Path, default=ROOT / "dist")
    print(build(parser.parse_args().output_dir))


if __name__ == "__main__":
    main()
