"""Parses the output of pip: its progress, and the reason for a failure in an animator's words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

DOWNLOAD, UNPACK = "download", "unpack"

_UNITS = {"bytes": 1e-6, "kB": 1e-3, "MB": 1.0, "GB": 1e3}
_SIZE = re.compile(r"\((\d+(?:\.\d+)?) (bytes|kB|MB|GB)\)")
_RAW = re.compile(r"Progress (\d+) of (\d+)")


class Reading:
    """Follows one run of ``pip install --progress-bar raw``.

    stage: ``download``, then ``unpack``. packages: the number of packages to unpack; 0 before it is known.
    """

    def __init__(self) -> None:
        self.stage = DOWNLOAD
        self.packages = 0
        self._finished = 0.0
        self._current = 0.0

    @property
    def megabytes(self) -> float:
        """MB that are downloaded or found in pip's cache so far."""
        return self._finished + self._current

    def take(self, line: str) -> None:
        """Takes the next line."""
        line = line.strip()
        raw = _RAW.fullmatch(line)
        if raw:
            self._current = int(raw[1]) / 1e6
        elif line.startswith(("Downloading ", "Using cached ", "Collecting ")):
            self._finished, self._current = self._finished + self._current, 0.0
            size = _SIZE.search(line)
            if size and line.startswith("Using cached "):
                self._finished += float(size[1]) * _UNITS[size[2]]
        elif line.startswith("Installing collected packages:"):
            self._finished, self._current = self._finished + self._current, 0.0
            self.stage, self.packages = UNPACK, line.count(",") + 1


_NETWORK = (
    "NewConnectionError",
    "ConnectTimeout",
    "ReadTimeout",
    "ProxyError",
    "Failed to establish a new connection",
    "Temporary failure in name resolution",
    "getaddrinfo failed",
    "Network is unreachable",
    "Connection refused",
    "Connection reset",
    "Connection aborted",
    "Read timed out",
    "IncompleteRead",
    "Max retries exceeded",
)


def explain(lines: Sequence[str], folder: Path, wheels: str) -> str:
    """The reason why pip failed, and what to do.

    Args:
        lines: The last lines that it printed.
        folder: The folder that it installed into.
        wheels: The folder that it took packages from, empty for the network.
    """
    text = "\n".join(lines)
    if re.search(r"No space left on device|Errno 28|WinError 112", text):
        return f"The disk is full: {folder}. Free some space and press Install again; finished steps are kept."
    missing = re.search(r"No matching distribution found for ([^\s;]+)", text)
    if wheels and missing:
        return f"The folder of wheels, {wheels}, has no {missing[1]} for this Python. Add it and press Install again."
    if re.search(r"CERTIFICATE_VERIFY_FAILED|SSLError", text):
        return (
            "The package server cannot be trusted: its certificate is not valid. Behind a company's proxy, give pip "
            "the proxy's certificate (PIP_CERT), then press Install again."
        )
    if any(sign in text for sign in _NETWORK):
        return "The packages could not be downloaded. Check the internet connection and press Install again."
    if missing:
        return f"pip finds no {missing[1]} for this Python and this system. Choose another Python under Advanced."
    if re.search(r"Permission denied|WinError 5\b|Access is denied", text):
        return f"A file in {folder} cannot be written. Close other instances of Blender and try again."
    errors = [line.strip() for line in lines if line.strip().lower().startswith("error")]
    return f"pip failed: {errors[-1] if errors else (text.strip().splitlines() or ['no reason given'])[-1]}"
