"""Installs the system packages that pip cannot bring, through apt where the user may, else names them.

    python3.11 scripts/system_packages.py run         what the engine and bpy load
    python3.11 scripts/system_packages.py run test    and Debian's Blender with a display for its window

Nothing is asked of the network, and no rights are needed, where nothing is missing. Runs before anything is
installed, so it uses the standard library only.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path


def _library(soname: str) -> Callable[[], bool]:
    def loads() -> bool:
        # By loading and not by asking dpkg: the packages' names differ between releases, the libraries' do not.
        try:
            ctypes.CDLL(soname)
        except OSError:
            return False
        return True

    return loads


def _command(name: str) -> Callable[[], bool]:
    return lambda: shutil.which(name) is not None


GROUPS: dict[str, dict[str, Callable[[], bool]]] = {
    "run": {
        "python3-venv": lambda: importlib.util.find_spec("ensurepip") is not None,
        "libgl1": _library("libGL.so.1"),
        "libegl1": _library("libEGL.so.1"),
        "libgles2": _library("libGLESv2.so.2"),
        "libglib2.0-0": _library("libglib-2.0.so.0"),
        "libsm6": _library("libSM.so.6"),
        "libxi6": _library("libXi.so.6"),
        "libxrender1": _library("libXrender.so.1"),
        "libxkbcommon0": _library("libxkbcommon.so.0"),
        "libxfixes3": _library("libXfixes.so.3"),
    },
    "test": {
        "blender": _command("blender"),
        # Debian's Blender uses the system's Python, which has no numpy of its own.
        "python3-numpy": lambda: Path("/usr/lib/python3/dist-packages/numpy").is_dir(),
        # Rendered people are drawn on the processor.
        "libegl-mesa0": _library("libEGL_mesa.so.0"),
        "libgl1-mesa-dri": lambda: any(Path("/usr/lib").glob("*/dri/swrast_dri.so")),
        "xvfb": _command("Xvfb"),
        "xauth": _command("xauth"),
    },
}
"""Group -> Debian package -> whether what it brings is there."""


def missing(groups: list[str]) -> list[str]:
    """The packages of these groups that are not there, in order. On other systems than Linux: none."""
    if not sys.platform.startswith("linux"):
        return []
    return [package for group in groups for package, present in GROUPS[group].items() if not present()]


def administrator() -> list[str] | None:
    """What to put before a command that needs rights: nothing for root, sudo where it asks no password."""
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    if sudo and subprocess.run([sudo, "-n", "true"], capture_output=True, check=False).returncode == 0:
        return [sudo, "-n"]
    return None


def main() -> int:
    """Exit status 0 if everything is there now, 1 if the user has to install something first."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("groups", nargs="+", choices=GROUPS)
    packages = missing(parser.parse_args().groups)
    if not packages:
        return 0

    install = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    if shutil.which("apt-get") is None:
        print(
            f"missing, as Debian names them: {' '.join(packages)}; install them and run this again",
            file=sys.stderr,
        )
        return 1
    prefix = administrator()
    if prefix is None:
        print(f"system packages are missing; run this, then again: sudo {' '.join(install)}", file=sys.stderr)
        return 1

    print(f"installing system packages: {' '.join(packages)}", file=sys.stderr)
    quiet = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive"]
    for command in (["apt-get", "update"], install):
        done = subprocess.run([*quiet, *command], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}", file=sys.stderr)
            return 1
    still = missing(parser.parse_args().groups)
    if still:
        print(f"installed, and yet not found: {' '.join(still)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
