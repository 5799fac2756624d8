"""The program that installs and removes the engine: a separate process, run by the Python that it is made from.

It speaks the engine's protocol (``hello``, then one ``request``, ``progress``, ``result`` or ``error``), so that the
add-on starts, watches, cancels and survives it as it does the engine. Methods:

``install`` {build, wheels, index} makes an environment, tests it, and puts it into use in place of the last one.
It continues an interrupted installation of the same. ``build``: of :mod:`.builds`. ``wheels``: a folder to
take all packages from, without a network; empty for pip's own settings (its configuration files and ``PIP_*``
variables are respected, so mirrors and proxies work). ``index``: PyTorch's index for builds that pip does not find.

``remove`` {} takes the engine away.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from typing import IO, Any

from ..contract import protocol
from ..contract.errors import UserError
from . import installation, installed
from .builds import find
from .installation import InstallError
from .programs import CancelledError, Commands, pip_environment


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Allows one installation at a time; the lock ends with the process. Raises InstallError if another one runs."""
    with (installed.folder() / "lock").open("a") as file:
        try:
            if os.name == "nt":
                import msvcrt

                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
            else:
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InstallError("Another Blender is installing the engine. Wait until it has finished.") from None
        yield


METHODS = {"install": installation.install, "remove": installation.remove}


class _Channel:
    """The answers to one request. From any thread."""

    def __init__(self, sink: IO[bytes]) -> None:
        self._sink = sink
        self._lock = threading.Lock()
        self._furthest = 0.0
        self.request: int | None = None
        """The id of the request."""

    def send(self, kind: str, **facts: Any) -> None:
        """Sends a message; ends the process if Blender does not listen any more."""
        with self._lock:
            try:
                self._sink.write(protocol.encode({"type": kind, "id": self.request, **facts}))
                self._sink.flush()
            except (OSError, ValueError):
                os._exit(0)

    def progress(self, stage: str, done: float, total: int) -> None:
        """Sends how far the installation is. Sizes are estimates; the bar never goes back."""
        self._furthest = max(self._furthest, min(done, total))
        self.send(protocol.PROGRESS, stage=stage, done=round(self._furthest), total=total)

    def fail(self, code: str, message: str) -> None:
        """Ends the request with an error."""
        self.send(protocol.ERROR, code=code, message=message)


def serve(source: IO[bytes], sink: IO[bytes]) -> None:
    """Answers the one request that comes on ``source``. Does not return while it is open."""
    channel = _Channel(sink)
    channel.send(protocol.HELLO, protocol=protocol.VERSION, engine="installer", pid=os.getpid())
    line = source.readline()
    if not line:
        return
    request = protocol.decode(line)
    channel.request = request["id"]
    channel.send(protocol.PROGRESS, stage="start", done=0, total=None)
    try:
        result = _execute(request["method"], request.get("params") or {}, source, channel)
        channel.send(protocol.RESULT, result=result)
    except CancelledError:
        channel.fail(protocol.CANCELLED, "cancelled")
    except UserError as error:
        channel.fail(protocol.BAD_INPUT, str(error))
    except OSError as error:
        where = error.filename or installed.folder()
        channel.fail(protocol.BAD_INPUT, f"{where}: {error.strerror or error}. Solve that and press Install again.")


def _execute(method: str, params: dict[str, Any], source: IO[bytes], channel: _Channel) -> dict[str, Any]:
    """Carries out a method alone, with a log, and cancels it when ``source`` says so or ends."""
    folder = installed.folder()
    temporary = folder / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(), installed.log_file().open("w", encoding="utf-8") as log:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        commands = Commands(log, pip_environment(str(params.get("wheels") or ""), temporary))
        commands.note(f"{time.strftime('%Y-%m-%d %H:%M')} {method} {params}, Python {sys.version}")
        total = installation.total(find(str(params.get("build") or "")))

        def listen() -> None:
            while line := source.readline():
                with contextlib.suppress(protocol.ProtocolError):
                    if protocol.decode(line)["type"] == protocol.CANCEL:
                        commands.cancel()
            commands.cancel()  # Blender has ended

        threading.Thread(target=listen, daemon=True).start()
        try:
            return METHODS[method](params, commands, lambda stage, done: channel.progress(stage, done, total))
        except UserError as error:
            commands.note(f"failed: {error}")
            raise
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def main() -> None:
    """Serves stdin and stdout."""
    channel = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    serve(sys.stdin.buffer, channel)


if __name__ == "__main__":
    main()
