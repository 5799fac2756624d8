"""An engine that speaks the protocol and misbehaves on demand, for the tests of the add-on.

Start it as ``python fake_engine.py FOLDER [BEHAVIOUR]``. Every test gives its own way of failing:
``wrong_version``, ``silent`` and ``dies_at_start`` at the greeting; the others are methods of a request:
``echo`` (answers with its params), ``steps`` (progress, then a result; obeys a cancel), ``garbage``, ``huge``,
``chatter`` (stderr), ``flood`` (progress), ``exit``, ``truncated``, ``deaf`` (ignores cancel and stdin's end).
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
import time
from typing import Any

MAX_LINE = 1 << 20


def say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def main(behaviour: str) -> None:
    if behaviour == "silent":
        sys.stdin.read()
        return
    if behaviour == "dies_at_start":
        print("Traceback: no module named pose3d_engine", file=sys.stderr)
        sys.exit(1)
    version = 99 if behaviour == "wrong_version" else 1
    say({"type": "hello", "protocol": version, "engine": "0.0.0", "pid": os.getpid()})
    requests: queue.Queue[dict[str, Any] | None] = queue.Queue()
    cancelled: set[int] = set()

    def read() -> None:
        for line in sys.stdin:
            message = json.loads(line)
            if message["type"] == "cancel":
                cancelled.add(message["id"])
            else:
                requests.put(message)
        requests.put(None)

    threading.Thread(target=read, daemon=True).start()
    while request := requests.get():
        answer(request, cancelled)


def answer(request: dict[str, Any], cancelled: set[int]) -> None:
    number, method, params = request["id"], request["method"], request["params"]
    result: Any = params
    if method == "environment":
        result = {"variables": dict(os.environ)}
    elif method == "steps":
        for step in range(params["steps"]):
            if number in cancelled:
                say({"type": "error", "id": number, "code": "cancelled", "message": "Cancelled."})
                return
            say({"type": "progress", "id": number, "stage": "detect", "done": step, "total": params["steps"]})
            time.sleep(params.get("pause", 0))
    elif method == "bad_input":
        say({"type": "error", "id": number, "code": "bad_input", "message": "a.mp4: not a video"})
        return
    elif method == "garbage":
        sys.stdout.buffer.write(b"W0000 a library says hello\n\xff\xfe\x00\n[1, 2]\n{}\n\n" + b"[" * 5000 + b"\n")
    elif method == "huge":
        for size in (MAX_LINE + 10, 3 * MAX_LINE):
            sys.stdout.write("x" * size + "\n")
    elif method == "chatter":
        for _ in range(20_000):
            print("a warning of a library that nobody reads", file=sys.stderr)
    elif method == "flood":
        for step in range(params["lines"]):
            say({"type": "progress", "id": number, "stage": "detect", "done": step, "total": None})
    elif method == "exit":
        print("first line\n\nlast line", file=sys.stderr)
        sys.stderr.flush()
        os._exit(3)
    elif method == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    elif method == "truncated":
        sys.stdout.write('{"type": "result", "id": 1, "resu')
        sys.stdout.flush()
        os._exit(0)
    elif method == "not_understood":
        say({"type": "error", "id": None, "code": "protocol", "message": "what?"})
        return
    elif method == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        say({"type": "progress", "id": number, "stage": "detect", "done": 0, "total": 1})
        while True:
            time.sleep(1)
    say({"type": "result", "id": number, "result": result})


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
