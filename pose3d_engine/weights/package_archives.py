"""Archives of published packages, downloaded by their package managers: some weights are inside of one."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from ..contract.errors import UserError
from ..progress import Progress

Download = Callable[[str, Path, Progress], Path]
"""``download(package, folder, progress)`` puts a package's archive into ``folder`` and returns its path. Raises
UserError if it cannot be downloaded."""


def member(archive: Path, name: str) -> bytes:
    """One file of a wheel (zip) or an npm package (tar); nothing is unpacked.

    Raises KeyError for a missing file; OSError, BadZipFile or TarError for a damaged archive.
    """
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as wheel:
            return wheel.read(name)
    with tarfile.open(archive) as package:
        stream = package.extractfile(name)
        if stream is None:
            raise KeyError(f"{name} is not a file")
        return stream.read()


def _pip_download(package: str, folder: Path, progress: Progress) -> Path:
    # The wheel is only a container here, so that of any platform serves: the register names one.
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"]
    command += ["--no-deps", "--only-binary=:all:", "--platform", "manylinux_2_28_x86_64"]
    command += ["--python-version", "311", "--dest", str(folder), package]
    return downloaded(command, package, folder, progress)


def _npm_pack(package: str, folder: Path, progress: Progress) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        raise UserError(f"{package} is downloaded by npm, which is not installed; install Node.js and try again")
    command = [npm, "pack", "--silent", "--ignore-scripts", "--pack-destination", str(folder), package]
    return downloaded(command, package, folder, progress)


def downloaded(command: list[str], package: str, folder: Path, progress: Progress) -> Path:
    """The only new file in the folder after a package manager has run; ``progress`` may cancel it.

    Raises:
        UserError: There is no new file; the message quotes the package manager.
    """
    before = set(folder.iterdir())
    with tempfile.TemporaryFile() as log:
        # Its output goes to a file: none may reach our stdout.
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        try:
            while process.poll() is None:
                progress("fetch", 0, None)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=0.2)
        except BaseException:
            process.kill()
            process.wait()
            raise
        log.seek(0)
        lines = log.read().decode(errors="replace").strip().splitlines()
    new = [path for path in folder.iterdir() if path not in before]
    if process.returncode != 0 or len(new) != 1:
        reason = next((line for line in reversed(lines) if "error" in line.lower()), "".join(lines[-1:])).strip()
        said = reason or f"status {process.returncode}"
        raise UserError(f"{package} could not be downloaded ({said}); check the network connection and try again")
    return new[0]


DOWNLOADS: dict[str, Download] = {"pip": _pip_download, "npm": _npm_pack}
"""The downloads, by the name of the package manager."""
