"""Makes .venv: the engine (editable), its development tools and Blender as a module, all at pinned versions.

Run by `make setup` with Python 3.11. A stamp in .venv holds the digest of what was asked for, so that a second
run installs and downloads nothing. Uses the standard library only.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = ROOT / ".venv"
PYTHON = ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = ENVIRONMENT / "installed.sha256"
CONSTRAINTS = ROOT / "constraints.txt"
REQUIREMENTS = ["--editable", f"{ROOT}[dev,papers,rendering,rtmpose]", "bpy"]


def digest() -> str:
    """Of all that decides what gets installed."""
    parts = [platform.python_version(), *REQUIREMENTS]
    parts += [path.read_text(encoding="utf-8") for path in (CONSTRAINTS, ROOT / "pyproject.toml")]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def works() -> bool:
    """Whether .venv holds a Python of this version with pip; an interrupted set-up may have left less."""
    if not PYTHON.exists():
        return False
    probe = [str(PYTHON), "-c", "import sys, pip; print(sys.version_info[:2])"]
    answer = subprocess.run(probe, capture_output=True, text=True, check=False)
    return answer.returncode == 0 and answer.stdout.strip() == str(sys.version_info[:2])


def main() -> int:
    """Exit status 0 if .venv is ready."""
    if sys.version_info[:2] != (3, 11):
        print(
            f"this is Python {platform.python_version()}, and Blender 5.0 as a module needs Python 3.11; "
            "install it, or say where it is: make setup PYTHON=/path/to/python3.11",
            file=sys.stderr,
        )
        return 2
    wanted = digest()
    if STAMP.is_file() and STAMP.read_text(encoding="utf-8") == wanted and works():
        return 0

    start = time.monotonic()
    if not works():
        shutil.rmtree(ENVIRONMENT, ignore_errors=True)
        venv.create(ENVIRONMENT, with_pip=True, symlinks=os.name != "nt")
    STAMP.unlink(missing_ok=True)
    print("installing into .venv (about 3 GB; a few minutes the first time)", file=sys.stderr)
    # In the environment and not as an option, so that it also holds for the tools that build the engine's wheel.
    # As a URI, because pip splits the variable at spaces.
    environment = {**os.environ, "PIP_CONSTRAINT": CONSTRAINTS.as_uri(), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    install = [str(PYTHON), "-m", "pip", "install", "--quiet", *REQUIREMENTS]
    status = subprocess.run(install, env=environment, cwd=ROOT, stdin=subprocess.DEVNULL, check=False).returncode
    if status:
        print("pip could not install everything: see its message above, then run this again", file=sys.stderr)
        return 1
    STAMP.write_text(wanted, encoding="utf-8")
    print(f".venv is ready after {time.monotonic() - start:.0f} s", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
