"""Runs the engine as a child process and talks to it without ever blocking the caller.

A thread reads the engine's answers into a queue; :meth:`EngineClient.poll` empties that queue from Blender's
timer, :meth:`EngineClient.wait` from a script. Whatever the engine does (chatter, silence, a crash), every
request ends in exactly one ``result`` or ``error`` event.
"""

from __future__ import annotations

import atexit
import contextlib
import queue
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import IO, Any

from ..contract import processes, protocol
from .locate import EngineCommand, EngineNotFoundError

Event = dict[str, Any]
"""A message of the engine: ``progress``, ``result`` or ``error``."""

START_TIMEOUT = 120.0
"""Seconds until the engine must have greeted: the first import on a slow, cold disk takes this long."""

QUEUED = 1000
"""Messages that wait to be polled. An engine that sends more has to wait, as its pipe fills up."""

_TAIL_LINES, _TAIL_WIDTH = 40, 500
_QUOTED_LINES = 5


class EngineClient:
    """One engine process. Call all methods from the same thread.

    The process ends with :meth:`stop`, at the exit of Python, and (as its stdin closes) when Blender is killed.
    """

    def __init__(self, command: EngineCommand, start_timeout: float = START_TIMEOUT) -> None:
        self.command = command
        self.hello: Event | None = None
        """The engine's greeting, once it has arrived with our version of the protocol."""
        self._start_timeout = start_timeout
        self._process: _Process | None = None
        self._started = 0.0
        self._last_id = 0
        self._pending: dict[int, Event | None] = {}  # id -> request that is not sent yet
        self._backlog: list[Event] = []

    @property
    def running(self) -> bool:
        """Whether there is an engine for requests."""
        return self._process is not None

    def start(self) -> None:
        """Starts the engine unless it runs; returns at once, ``poll`` and ``wait`` take the greeting.

        Raises:
            EngineNotFoundError: Its Python cannot be started.
        """
        if self._process:
            return
        try:
            self._process = _Process(self.command)
        except OSError as error:
            raise EngineNotFoundError(
                f"The engine's Python cannot be started: {self.command.python} ({error.strerror or error}). "
                "Choose another one in the add-on's preferences."
            ) from error
        self._started = time.monotonic()
        atexit.register(self.stop)

    def request(self, method: str, params: dict[str, Any]) -> int:
        """Sends a request and returns its id. Raises RuntimeError if the engine was not started."""
        if not self._process:
            raise RuntimeError("the engine was not started")
        self._last_id += 1
        message = {"type": protocol.REQUEST, "id": self._last_id, "method": method, "params": params}
        self._pending[self._last_id] = message
        if self.hello:
            self._send_pending()
        return self._last_id

    def cancel(self, request_id: int) -> None:
        """Asks the engine to cancel a request; its ``error`` event (code ``cancelled``) follows.

        Does nothing if the request has ended.
        """
        if request_id not in self._pending:
            return
        if self._pending[request_id] is None:
            self._send({"type": protocol.CANCEL, "id": request_id})
        else:  # not even sent
            del self._pending[request_id]
            self._backlog.append(_error(request_id, protocol.CANCELLED, "Cancelled."))

    def poll(self) -> list[Event]:
        """The events since the last call. Never blocks."""
        return self._collect(0.0)

    def wait(
        self, request_id: int, on_event: Callable[[Event], None] | None = None, timeout: float | None = None
    ) -> Event:
        """Waits until a request ends; for scripts without a window. Events of other requests stay for ``poll``.

        Args:
            request_id: The request.
            on_event: Called with each of its ``progress`` events.
            timeout: Seconds after which the request is cancelled and ends with an ``error`` (code ``internal``).

        Returns:
            Its ``result`` or ``error`` event.

        Raises:
            ValueError: There is no such request.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        others: list[Event] = []
        try:
            while deadline is None or time.monotonic() < deadline:
                final = None
                for event in self._collect(0.1):
                    if event["id"] != request_id or final:
                        others.append(event)
                    elif event["type"] == protocol.PROGRESS:
                        if on_event:
                            on_event(event)
                    else:
                        final = event
                if final:
                    return final
                if request_id not in self._pending:
                    raise ValueError(f"no request {request_id}")
            self.cancel(request_id)
            self._pending.pop(request_id, None)
            return _error(request_id, protocol.INTERNAL, f"The engine did not finish within {timeout:g} seconds.")
        finally:
            self._backlog = others + self._backlog

    def stop(self, grace: float = 2.0) -> None:
        """Ends the engine: closes its stdin, terminates it after ``grace`` seconds, then kills it.

        Unfinished requests are dropped. May be called any number of times; ``start`` starts a new engine.
        """
        process, self._process = self._process, None
        self.hello = None
        self._pending.clear()
        self._backlog.clear()
        if process:
            atexit.unregister(self.stop)
            process.stop(grace)

    def _collect(self, patience: float) -> list[Event]:
        """The events that have arrived; without any, waits up to ``patience`` seconds for the first."""
        events, self._backlog = self._backlog, []
        if not self._process:
            return events
        for message in self._process.messages(0.0 if events else patience):
            events += self._failed(self._process.last_words()) if message is None else self._understood(message)
            if not self._process:
                return events
        if not self.hello and time.monotonic() - self._started > self._start_timeout:
            events += self._failed(
                f"The engine did not answer within {self._start_timeout:g} seconds of its start."
                + self._process.quote()
            )
        return events

    def _understood(self, message: Event) -> list[Event]:
        """The events for the caller that a message means."""
        kind, request_id = message["type"], message.get("id")
        if kind == protocol.HELLO:
            return self._greeted(message)
        if kind == protocol.ERROR and request_id is None:
            # It does not name its request, so all of them would wait in vain.
            return self._failed(f"The engine did not understand the add-on: {message.get('message', '')}")
        if not isinstance(request_id, int) or request_id not in self._pending:
            return []  # of a cancelled request
        if kind == protocol.PROGRESS:
            return [message]
        if kind in (protocol.RESULT, protocol.ERROR):
            del self._pending[request_id]
            return [message]
        return []

    def _greeted(self, message: Event) -> list[Event]:
        trouble = protocol.mismatch(message.get("protocol"))
        if trouble:
            return self._failed(trouble)
        self.hello = message
        self._send_pending()
        return []

    def _send_pending(self) -> None:
        for request_id, message in self._pending.items():
            if message:
                self._pending[request_id] = None
                self._send(message)

    def _send(self, message: Event) -> None:
        if self._process:
            self._process.send(protocol.encode(message))

    def _failed(self, reason: str) -> list[Event]:
        """Ends the process; every unfinished request ends in an error with the reason."""
        events = [_error(request_id, protocol.INTERNAL, reason) for request_id in self._pending]
        self.stop(grace=0.0)
        return events


class _Process:
    """The child process, its pipes and the two threads that read them."""

    def __init__(self, command: EngineCommand) -> None:
        self._popen = processes.start(command.arguments, command.folder, command.environment())
        self._queue: queue.Queue[Event | None] = queue.Queue(QUEUED)
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._stderr = threading.Thread(target=self._drain_stderr, name="engine stderr", daemon=True)
        self._stdout = threading.Thread(target=self._read_stdout, name="engine stdout", daemon=True)
        self._stderr.start()
        self._stdout.start()

    def send(self, line: bytes) -> None:
        """Writes a line. A dead engine is no error here: the end of its stdout reports it."""
        assert self._popen.stdin
        with contextlib.suppress(OSError, ValueError):
            self._popen.stdin.write(line)
            self._popen.stdin.flush()

    def messages(self, patience: float) -> list[Event | None]:
        """The messages that have arrived, None for the end of the process; at most as many as the queue holds."""
        found: list[Event | None] = []
        with contextlib.suppress(queue.Empty):
            while len(found) < QUEUED:
                found.append(self._queue.get(timeout=patience) if patience and not found else self._queue.get_nowait())
        return found

    def last_words(self) -> str:
        """The reason why the process ended, in plain words."""
        how = processes.ending(self._popen.poll())
        return f"The engine stopped unexpectedly ({how}). The next job starts it again." + self.quote()

    def quote(self) -> str:
        """The last lines that the engine wrote to stderr, as an appendix to a message."""
        lines = [line for line in tuple(self._tail) if line.strip()][-_QUOTED_LINES:]
        return "\n".join(["", *lines])

    def stop(self, grace: float) -> None:
        with contextlib.suppress(OSError, ValueError):
            if self._popen.stdin:
                self._popen.stdin.close()
        if grace > 0:
            self._ended_within(grace)
            if self._popen.poll() is None:
                processes.send(self._popen, "SIGTERM")
                self._ended_within(1.0)
        processes.send(self._popen, "SIGKILL")
        self._ended_within(5.0)

    def _ended_within(self, seconds: float) -> None:
        """Waits for the process, and keeps the queue from blocking the reader thread."""
        deadline = time.monotonic() + seconds
        while (self._popen.poll() is None or self._stdout.is_alive()) and time.monotonic() < deadline:
            with contextlib.suppress(queue.Empty):
                self._queue.get(timeout=0.02)

    def _read_stdout(self) -> None:
        """Thread: turns lines into messages. Other lines go to the tail and never end the reading."""
        stream = self._popen.stdout
        assert stream
        with contextlib.suppress(OSError, ValueError), stream:
            while line := stream.readline(protocol.MAX_LINE + 1):
                if not line.endswith(b"\n"):
                    self._note("[line without an end] " + line[:80].decode(errors="replace"))
                    _skip_line(stream)
                    continue
                try:
                    self._queue.put(protocol.decode(line))
                except protocol.ProtocolError:
                    self._note(line.decode(errors="replace"))
        # The end is reported once its reason is known, so that the window never waits for it.
        try:
            self._popen.wait(5.0)
        except subprocess.TimeoutExpired:
            processes.send(self._popen, "SIGKILL")
            self._popen.wait()
        self._stderr.join(1.0)
        self._queue.put(None)

    def _drain_stderr(self) -> None:
        """Thread: keeps the last lines, so that the engine never waits for a full pipe."""
        stream = self._popen.stderr
        assert stream
        with contextlib.suppress(OSError, ValueError), stream:
            while line := stream.readline(64 * 1024):
                self._note(line.decode(errors="replace"))

    def _note(self, line: str) -> None:
        self._tail.append(line.strip()[:_TAIL_WIDTH])


def _skip_line(stream: IO[bytes]) -> None:
    """Reads to the end of the line."""
    while (rest := stream.readline(protocol.MAX_LINE)) and not rest.endswith(b"\n"):
        pass


def _error(request_id: int, code: str, message: str) -> Event:
    return {"type": protocol.ERROR, "id": request_id, "code": code, "message": message}
