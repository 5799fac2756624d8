"""The engine as a subprocess: requests on stdin, answers on stdout; see :mod:`.protocol`.

The main thread reads; one worker thread works the requests off, one at a time. When stdin closes, because the
add-on has ended in whatever way, the process ends at once.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
import traceback
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from ..contract import atomic, protocol, warnings
from ..contract.errors import OUT_OF_MEMORY, Cancelled, UserError, out_of_memory, out_of_reach
from ..contract.settings import AnalyseSettings, CaptureSettings
from ..contract.version import __version__

_PROGRESS_EVERY = 0.1
"""Seconds between two progress messages of a stage."""


@dataclass
class _Job:
    id: int
    method: str
    params: dict[str, Any]
    cancelled: threading.Event = field(default_factory=threading.Event)


def serve() -> None:
    """Serves this process's stdin and stdout until stdin closes. Does not return."""
    # Libraries print to stdout whenever they like. They get stderr; the protocol keeps the real one to itself.
    channel = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    Server(sys.stdin.buffer, channel).run()
    # Not sys.exit: a worker thread in the middle of a network call must not keep the process alive.
    sys.stderr.flush()
    os._exit(0)


class Server:
    """Reads messages from one stream and answers on another."""

    def __init__(self, source: BinaryIO, sink: BinaryIO) -> None:
        self._source, self._sink = source, sink
        self._sending = threading.Lock()
        self._jobs: dict[int, _Job] = {}
        self._waiting: queue.Queue[_Job] = queue.Queue()

    def run(self) -> None:
        """Returns when the source has ended, or when nobody listens any more."""
        threading.Thread(target=self._work, name="engine", daemon=True).start()
        self._send({"type": protocol.HELLO, "protocol": protocol.VERSION, "engine": __version__, "pid": os.getpid()})
        while line := self._source.readline(protocol.MAX_LINE + 1):
            rest = line
            while rest and not rest.endswith(b"\n"):  # the rest of a line that is too long is skipped
                rest = self._source.readline(protocol.MAX_LINE)
            if line.strip():
                self._receive(line)

    def _receive(self, line: bytes) -> None:
        try:
            message = protocol.decode(line)
        except protocol.ProtocolError as error:
            self._complain(None, str(error))
            return
        number = message.get("id")
        if type(number) is not int:
            self._complain(None, f"{message['type']} without an id that is an integer")
        elif message["type"] == protocol.CANCEL:
            job = self._jobs.get(number)
            if job is not None:  # else it has just been answered
                job.cancelled.set()
        elif message["type"] != protocol.REQUEST:
            self._complain(None, f"no message of type {message['type']!r} is known here")
        elif number in self._jobs:
            self._complain(None, f"id {number} is in use")
        elif not isinstance(message.get("params", {}), dict):
            self._complain(number, "params is no object")
        elif message.get("method") not in METHODS:
            self._complain(number, f"no method {message.get('method')!r}; there are {', '.join(METHODS)}")
        else:
            job = _Job(number, message["method"], message.get("params", {}))
            self._jobs[number] = job
            self._waiting.put(job)

    def _complain(self, number: int | None, text: str) -> None:
        self._send({"type": protocol.ERROR, "id": number, "code": protocol.PROTOCOL, "message": text})

    def _work(self) -> None:
        while True:
            job = self._waiting.get()
            answer = self._answer(job)
            del self._jobs[job.id]
            self._send({**answer, "id": job.id})

    def _answer(self, job: _Job) -> dict[str, Any]:
        last: tuple[str, float] = ("", 0.0)

        def progress(stage: str, done: int, total: int | None) -> None:
            nonlocal last
            if job.cancelled.is_set():
                raise Cancelled
            now = time.monotonic()
            if stage == last[0] and now - last[1] < _PROGRESS_EVERY and done != total:
                return
            last = (stage, now)
            self._send({"type": protocol.PROGRESS, "id": job.id, "stage": stage, "done": done, "total": total})

        try:
            progress("start", 0, None)
            return {"type": protocol.RESULT, "result": METHODS[job.method](job.params, progress)}
        except Cancelled:
            code, text = protocol.CANCELLED, "cancelled"
        except UserError as error:
            code, text = protocol.BAD_INPUT, str(error)
        except Exception as error:  # noqa: BLE001 - a fault of ours must end the job, not the engine
            fault = f"{type(error).__name__}: {error}".splitlines()[0]
            code, text = protocol.INTERNAL, f"the engine failed ({fault})"
            if out_of_memory(error):
                text = OUT_OF_MEMORY
            else:
                traceback.print_exc()
                if isinstance(error, OSError):
                    code, text = protocol.BAD_INPUT, str(out_of_reach(error))
        return {"type": protocol.ERROR, "code": code, "message": text}

    def _send(self, message: dict[str, Any]) -> None:
        with self._sending:
            try:
                self._sink.write(protocol.encode(message))
            except (OSError, ValueError):
                os._exit(0)  # nobody listens any more


def _param(params: dict[str, Any], name: str, kind: type, default: Any = None) -> Any:
    """A parameter of the right type. Raises UserError for any other."""
    value = params.get(name, default)
    if value is None:
        return default
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        raise UserError(f"{name} is {value!r}, not {kind.__name__}")
    return value


def _path(params: dict[str, Any], name: str) -> Path | None:
    """A parameter that is a path. Raises UserError for anything else."""
    value = _param(params, name, str)
    return None if value is None else Path(value)


def _text(params: dict[str, Any], name: str) -> str:
    """A text that must be given. Raises UserError where it is not."""
    if params.get(name) is None:
        raise UserError(f"the request lacks {name}")
    return _param(params, name, str)


def _probe(params: dict[str, Any], progress: Any) -> dict[str, Any]:
    from ..media import video

    return {"video": asdict(video.probe(Path(_text(params, "video"))))}


def _analyse(params: dict[str, Any], progress: Any) -> dict[str, Any]:
    from ..contract.people_file import People
    from . import store

    path, output = Path(_text(params, "video")), _path(params, "output")
    if output is not None:
        atomic.require_writable(output)
    settings = AnalyseSettings.of(params)
    kept = store.analysed(path, settings, progress, again=_param(params, "again", bool, False))
    previous = _path(params, "previous")
    return _found(kept, path, params, output, progress, None if previous is None else People.load(previous))


def _edit(params: dict[str, Any], progress: Any) -> dict[str, Any]:
    from .. import track
    from ..contract.people_file import People
    from . import store

    source, output = Path(_text(params, "people")), _path(params, "output")
    split, merge = _param(params, "split", str), _param(params, "merge", str)
    if (split is None) == (merge is None):
        raise UserError("the request must say split or merge, one of them")
    edit = track.Merge.parse(merge) if split is None else track.Split.parse(split)
    people = People.load(source)
    video = Path(people.meta["video"]["path"])
    kept = store.derived(source, edit.apply(people), {"split": split, "merge": merge})
    return _found(kept, video, params, output, progress, people)


def _found(
    kept: Any, video: Path, params: dict[str, Any], output: Path | None, progress: Any, earlier: Any
) -> dict[str, Any]:
    """The result of ``analyse`` and ``edit``. earlier: the people whose numbers are told, None for nobody's."""
    from ..track import identity

    people, path = kept.people, kept.path
    former = identity.predecessors(people, earlier, "split" in params) if earlier else [[] for _ in people.boxes]
    thumbnails = kept.thumbnails(video, progress) if _param(params, "thumbnails", bool, False) else {}
    if output is not None:
        people.save(output)
        path = output
    seconds = dict(zip(people.frames.tolist(), people.times.tolist(), strict=True))
    persons = [
        {
            **record,
            "first_s": seconds[record["first"]],
            "last_s": seconds[record["last"]],
            "thumbnail": str(thumbnails[record["person"]]) if thumbnails else None,
            "from": former[record["person"] - 1],
        }
        for record in people.meta["people"]
    ]
    return {
        "people": str(path),
        "persons": persons,
        "video": people.meta["video"],
        "detector": people.meta["detector"],
        "warnings": [notice.to_json() for notice in warnings.notices(people.meta)],
        "known": kept.known,
    }


def _capture(params: dict[str, Any], progress: Any) -> dict[str, Any]:
    from .. import pipeline
    from ..formats import keypoint_files
    from . import store

    source, output = Path(_text(params, "people")), _path(params, "output")
    if output is not None:
        atomic.require_writable(output)
    settings = CaptureSettings.of(params)
    picture = _param(params, "picture", dict, {})
    size = (_param(picture, "width", int), _param(picture, "height", int))
    people = keypoint_files.read(source, *size, _param(picture, "fps", float))
    if output is None:
        output = store.motion_output(source, Path(people.meta["video"]["path"]).stem)
        atomic.require_writable(output)
    motions = pipeline.capture(people, settings, progress)
    return {
        "motions": [
            {
                **{fact: motion.meta[fact] for fact in ("person", "fps", "tds", "repairs")},
                "path": str(path),
                "frames": len(motion),
                "warnings": [notice.to_json() for notice in warnings.notices(motion.meta)],
            }
            for motion, path in zip(motions, pipeline.write(motions, output), strict=True)
        ]
    }


def _doctor(params: dict[str, Any], progress: Any) -> dict[str, Any]:
    from . import diagnosis

    return diagnosis.report()


def _fetch(params: dict[str, Any], progress: Any) -> dict[str, Any]:
    from .. import weights

    return {"path": str(weights.fetch(_text(params, "name"), progress))}


def _add(params: dict[str, Any], progress: Any) -> dict[str, Any]:
    from .. import weights

    return {"path": str(weights.add(Path(_text(params, "path"))))}


def _clear(params: dict[str, Any], progress: Any) -> dict[str, Any]:
    from . import cache

    return {"removed": cache.clear()}


_METHODS = (_probe, _analyse, _edit, _capture, _doctor, _fetch, _add, _clear)
METHODS = {method.__name__[1:]: method for method in _METHODS}
"""The methods of :mod:`.protocol`. They import what they need, so that the greeting comes at once."""
