"""The file of people that is drawn over the video, read in a thread: that of a long clip takes seconds."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ... import session

Content = tuple[Any, Any, Any]
"""Times (T,) in seconds, keypoints (P,T,17,3) and boxes (P,T,4) in pixels."""


class PeopleFiles:
    """Keeps the content of one file; a part of the session."""

    def __init__(self) -> None:
        self._path = ""
        self._content: Content | None = None
        self._thread: threading.Thread | None = None

    def get(self, path: str, ready: Callable[[], None]) -> Content | None:
        """The content of a file; None while it is read, and where it is gone or damaged. Never waits.

        Args:
            path: The file.
            ready: Called in the main thread when the file has been read.
        """
        if self._thread is not None:
            return None
        if path == self._path:
            return self._content
        self._content = None
        self._thread = threading.Thread(target=self._read, args=(path,), name="people file", daemon=True)
        self._thread.start()

        def done() -> bool:
            if self._thread is not None and self._thread.is_alive():
                return False
            self._thread, self._path = None, path
            ready()
            return True

        session.current().watch(done)
        return None

    def close(self) -> None:
        if self._thread is not None:
            self._thread.join(10.0)

    def _read(self, path: str) -> None:
        """Runs in the thread: nothing of Blender is touched here."""
        import numpy as np  # not at the top: enabling the add-on must not wait for it

        try:
            with np.load(Path(path), allow_pickle=False) as archive:
                self._content = archive["times"], archive["keypoints2d"], archive["boxes"]
        except Exception:  # noqa: BLE001 - whatever is wrong with it, nothing can be drawn
            self._content = None
