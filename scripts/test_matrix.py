"""Runs the add-on's tests in the other versions of Blender that it supports, each as a module in a .venv-bpy-VERSION.

``python scripts/test_matrix.py [--available] [VERSION ...]``. Blender 5.0 is in .venv and belongs to `make test`, as
does Debian's Blender. A stamp in each environment holds what was asked for, so that a second run installs nothing. Exit
status 0 if all tests pass in all of them.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CONSTRAINTS = ROOT / "constraints.txt"

VERSIONS = {"4.2.23": "3.11", "4.5.15": "3.11", "5.2.3": "3.13"}
"""Blender -> the one version of Python that its module is for."""

TOOLS = ("bvhio", "hatchling", "hypothesis", "numpy", "platformdirs", "psutil", "pybvh", "pytest")
"""What the add-on's tests import, and what packs it."""

WITH_THE_ENGINE = ("test_contact_sheet", "test_one_layer", "test_one_row")
"""Tests of the add-on that need the engine's packages or the demo's pictures: they run in .venv alone."""

RUN = """
import os, sys
import pytest
status = pytest.main(sys.argv[1:])
sys.stdout.flush(); sys.stderr.flush()
os._exit(status)
"""
"""Ends the process by force: Blender as a module crashes on its way out in some versions, or hangs."""


def interpreter(version: str) -> str | None:
    """A Python of that version: this one, one on the PATH, or one of pyenv's, which its shims hide; else None."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    candidates = [sys.executable, shutil.which(f"python{version}")]
    candidates += [str(path / "bin" / "python") for path in sorted(pyenv.glob(f"{version}.*"), reverse=True)]
    for candidate in filter(None, candidates):
        probe = [candidate, "-c", "import sys, venv; print('%d.%d' % sys.version_info[:2])"]
        answer = subprocess.run(probe, capture_output=True, text=True, check=False)
        if answer.returncode == 0 and answer.stdout.strip() == version:
            return candidate
    return None


def environment(blender: str, python: str) -> Path:
    """The Python of ``.venv-bpy-BLENDER``, made where it is not there. Raises CalledProcessError if pip fails."""
    folder = ROOT / f".venv-bpy-{blender}"
    inside, stamp = folder / "bin" / "python", folder / "installed.sha256"
    # One line there is for the Blender of .venv.
    pins = [line for line in CONSTRAINTS.read_text(encoding="utf-8").splitlines() if not line.startswith("bpy==")]
    wanted = hashlib.sha256("\0".join([blender, python, *TOOLS, *pins]).encode()).hexdigest()
    if not (stamp.is_file() and stamp.read_text() == wanted):
        print(f"installing Blender {blender} as a module into {folder.name} (about 1 GB)", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([python, "-m", "venv", str(folder)], check=True)
        with tempfile.TemporaryDirectory() as temporary:
            constraints = Path(temporary) / "constraints.txt"
            constraints.write_text("\n".join(pins), encoding="utf-8")
            pip = [str(inside), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*pip, "--constraint", str(constraints), f"bpy=={blender}", *TOOLS], check=True)
        stamp.write_text(wanted)
    return inside


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("versions", nargs="*", metavar="VERSION", help=f"of {', '.join(VERSIONS)}; default: all")
    parser.add_argument(
        "--available", action="store_true", help="a version whose Python this computer lacks is told, and no failure"
    )
    options = parser.parse_args()
    results, failed = {}, False
    for blender in options.versions or VERSIONS:
        python = interpreter(VERSIONS[blender])
        if python is None:
            results[blender] = f"NOT TESTED: Python {VERSIONS[blender]} is missing; install it, or put it on the PATH"
            failed = failed or not options.available
            continue
        print(f"\n== tests/unit/addon and tests/blender in Blender {blender}", flush=True)
        # Debian's Blender is the same one every time: `make test` has it.
        variables = os.environ | {"VIDEO_TO_MOCAP_BLENDERS": "bpy"}
        ignored = [f"--ignore=tests/unit/addon/{name}.py" for name in WITH_THE_ENGINE]
        tests = ["tests/unit/addon", "tests/blender", *ignored, "-k", "not TestRealEngine"]
        command = [str(environment(blender, python)), "-c", RUN, "-q", *tests]
        status = subprocess.run(command, cwd=ROOT, env=variables, check=False).returncode
        results[blender] = "passed" if status == 0 else f"failed (status {status})"
        failed = failed or status != 0
    for blender, result in results.items():
        print(f"Blender {blender}: {result}")
    return 1 if failed or "passed" not in results.values() else 0


if __name__ == "__main__":
    sys.exit(main())
