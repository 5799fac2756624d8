"""Understands what pip prints: how far it is, and why it failed, in an animator's words."""

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

    stage: ``download``, then ``unpack``. megabytes: downloaded or found in pip's cache so far.
    packages: how many are unpacked in the end; 0 before that is known.
    """

    def __init__(self) -> None:
        self.stage = DOWNLOAD
        self.packages = 0
        self._finished = 0.0
        self._current = 0.0

    @property
    def megabytes(self) -> float:
        """Downloaded or found in pip's cache so far."""
        return self._finished + self._current

    def take(self, line: str) -> None:
        """Takes in the next line."""
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
    """Why pip failed and what to do, from the last ``lines`` it printed.

    folder: where it installed. wheels: the folder that it was told to take packages from, empty for the network.
    """
    text = "\n".join(lines)
    if re.search(r"No space left on device|Errno 28|WinError 112", text):
        return f"The disk is full: {folder}. Make room there and press Install again; what is done so far is kept."
    missing = re.search(r"No matching distribution found for ([^\s;]+)", text)
    if wheels and missing:
        return f"The folder of wheels, {wheels}, has no {missing[1]} for this Python. Add it and press Install again."
    if re.search(r"CERTIFICATE_VERIFY_FAILED|SSLError", text):
        return (
            "The server of the packages could not be trusted: its certificate does not fit. Where a company's proxy "
            "stands between, tell pip its certificate (PIP_CERT), then press Install again."
        )
    if any(sign in text for sign in _NETWORK):
        return "The packages could not be downloaded. Check the internet connection and press Install again."
    if missing:
        return f"There is no {missing[1]} for this Python and this system where pip looks for packages."
    if re.search(r"Permission denied|WinError 5\b|Access is denied", text):
        return f"A file could not be written in {folder}. Close other Blenders, and try again."
    errors = [line.strip() for line in lines if line.strip().lower().startswith("error")]
    return f"pip failed: {errors[-1] if errors else (text.strip().splitlines() or ['without a word'])[-1]}"
