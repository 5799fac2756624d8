"""An engine that speaks the protocol and misbehaves on demand, for the tests of the add-on.

Start it as ``python fake_engine.py FOLDER [BEHAVIOUR]``. Every test gives its own way of failing:
``wrong_version``, ``silent`` and ``dies_at_start`` at the greeting; the others are methods of a request:
``echo`` (answers with its params), ``steps`` (progress, then a result; obeys a cancel), ``garbage``, ``huge``,
``chatter`` (stderr), ``flood`` (progress), ``exit``, ``truncated``, ``deaf`` (ignores cancel and stdin's end).
``probe``, ``analyse``, ``edit``, ``capture`` and ``doctor`` do what the engine does, with two people who are made up;
their answers are those that the engine was recorded to give (tests/golden/engine_answers.json), but for the figures. A
video called ``crash.mp4`` crashes it, one called ``text.mp4`` is no video, and one called ``held.mp4`` is analysed
when there is a file ``held.go`` beside it.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import queue
import signal
import sys
import threading
import time
import uuid
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[1]
RECORDED = json.loads((TESTS / "golden" / "engine_answers.json").read_text(encoding="utf-8"))
"""A result of each method; tests/unit/engine/service/test_recorded_answers.py compares them with the real ones."""

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
    version = {"protocol": 99} if behaviour == "wrong_version" else {}
    say({**RECORDED["hello"], **version, "engine": VERSION, "pid": os.getpid()})
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
    elif method == "analyse":
        if Path(params["video"]).name == "text.mp4":
            message = f"{params['video']}: not a video; choose another file"
            say({"type": "error", "id": number, "code": "bad_input", "message": message})
            return
        if Path(params["video"]).name == "crash.mp4":
            os._exit(3)
        for step in range(10):
            say({"type": "progress", "id": number, "stage": "detect", "done": step, "total": 10})
        while Path(params["video"]).name == "held.mp4" and not Path(params["video"]).with_suffix(".go").exists():
            time.sleep(0.05)
        result = analyse(params)
    elif method == "probe":
        result = {"video": video_facts(params["video"])}
    elif method == "edit":
        result = edit(params)
    elif method == "capture":
        result = capture(params)
    elif method == "doctor":
        result = REPORT
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


FRAMES, FPS = 30, 30.0

VERSION = "0.0.0"

REPORT = {**RECORDED["doctor"], "engine": VERSION}
"""What ``doctor`` answers: only what comes with the engine and what set-up fetches is there."""


def video_facts(path: str) -> dict[str, Any]:
    """The facts of any video."""
    recorded = RECORDED["probe"]["video"]
    return {**recorded, "path": path, "width": 640, "height": 480, "fps": FPS, "duration": 1.0, "frames": FRAMES}


def analyse(params: dict[str, Any]) -> dict[str, Any]:
    """The people of a video of one second: one seen all the time, one in its second half. Kept in a cache."""
    asked = {name: value for name, value in params.items() if name != "previous"}
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:8]
    path = Path(os.environ["XDG_CACHE_HOME"], "analyses", digest, "people.npz")
    known = path.is_file()
    if not known:
        path.parent.mkdir(parents=True)
        write_people(path, params["video"], [(0, 29), (15, 29)])
    return found(path, known, [[1], [2]] if "previous" in params else None)


def edit(params: dict[str, Any]) -> dict[str, Any]:
    """A merge leaves one person, a split of person 2 makes three; the new one is the largest then."""
    spans = [(0, 29)] if "merge" in params else [(15, 29), (0, 29), (10, 14)]
    former = [[int(number) for number in params["merge"].split(",")]] if "merge" in params else [[], [1], [2]]
    path = Path(params["people"]).parent.parent / ("merged" if "merge" in params else "split") / "people.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    video = _contract("people_file").People.load(Path(params["people"])).meta["video"]["path"]
    write_people(path, video, spans)
    return found(path, False, former)


def write_people(path: Path, video: str, spans: list[tuple[int, int]]) -> None:
    import numpy as np

    people = [
        {**_person(), "person": number, "first": first, "last": last, "coverage": (last - first + 1) / FRAMES}
        for number, (first, last) in enumerate(spans, 1)
    ]
    keypoints = np.full((len(spans), FRAMES, 17, 3), np.nan, np.float32)
    boxes = np.full((len(spans), FRAMES, 4), np.nan, np.float32)
    for row, (first, last) in enumerate(spans):
        x, y = np.meshgrid(np.linspace(-40, 40, 4), np.linspace(-120, 120, 5))
        points = np.stack([x.ravel()[:17] + 200 + 200 * row, y.ravel()[:17] + 240, np.ones(17)], axis=-1)
        keypoints[row, first : last + 1] = points
        boxes[row, first : last + 1] = [150 + 200 * row, 110, 250 + 200 * row, 370]
    meta = {"people": people, "video": video_facts(video), "detector": "made up"}
    times = np.arange(FRAMES) / FPS
    _contract("people_file").People(keypoints, boxes, np.arange(FRAMES, dtype=np.int32), times, meta).save(path)


def _person() -> dict[str, Any]:
    """What a file of people says of one."""
    of_the_answer = ("first_s", "last_s", "thumbnail")
    return {key: value for key, value in RECORDED["analyse"]["persons"][0].items() if key not in of_the_answer}


def _contract(module: str) -> Any:
    """A module of the contract, by which files are written."""
    if str(TESTS.parent) not in sys.path:
        sys.path.insert(0, str(TESTS.parent))
    return importlib.import_module(f"blender_addon.contract.{module}")


def found(path: Path, known: bool, former: list[list[int]] | None = None) -> dict[str, Any]:
    """What is answered of a file of people."""
    meta = _contract("people_file").People.load(path).meta
    persons = [
        {**person, "first_s": person["first"] / FPS, "last_s": person["last"] / FPS, "thumbnail": None}
        for person in meta["people"]
    ]
    for person, numbers in zip(persons, former or [[]] * len(persons), strict=True):
        person["from"] = numbers
    facts = {"people": str(path), "persons": persons, "video": meta["video"], "detector": meta["detector"]}
    return {**RECORDED["analyse"], **facts, "warnings": [], "known": known}


def capture(params: dict[str, Any]) -> dict[str, Any]:
    """Writes the motion of somebody who stands and bends forward, once a person; not seen in frames 20 to 23."""
    import numpy as np

    standing = {
        0: (0, 0.95), 1: (-0.1, 0.95), 2: (-0.1, 0.5), 3: (-0.1, 0.08), 4: (0.1, 0.95), 5: (0.1, 0.5), 6: (0.1, 0.08),
        7: (0, 1.18), 8: (0, 1.4), 9: (0, 1.5), 10: (0, 1.65), 11: (0.17, 1.4), 12: (0.19, 1.12), 13: (0.2, 0.88),
        14: (-0.17, 1.4), 15: (-0.19, 1.12), 16: (-0.2, 0.88),
    }  # fmt: skip
    rest = np.array([(standing[joint][0], 0.0, standing[joint][1]) for joint in range(17)])
    world = np.repeat(rest[None], FRAMES, axis=0)
    for row, angle in enumerate(np.linspace(0.0, 0.8, FRAMES)):
        turn = np.array([[1, 0, 0], [0, np.cos(angle), np.sin(angle)], [0, -np.sin(angle), np.cos(angle)]])
        world[row, 7:] = (rest[7:] - rest[0]) @ turn + rest[0]
    found = _contract("people_file").People.load(Path(params["people"])).meta
    everybody = ",".join(str(person["person"]) for person in found["people"])
    persons = [int(person) for person in params["person"].replace("all", everybody).split(",")]
    clip = Path(found["video"]["path"]).stem
    output = Path(os.environ["XDG_CACHE_HOME"], "analyses", f"motion-{uuid.uuid4().hex[:16]}", f"{clip}.npz")
    output.parent.mkdir(parents=True)
    motions = []
    for person in persons:
        path = output.with_suffix(f".person{person}.npz") if len(persons) > 1 else output
        confidence = np.ones((FRAMES, 17), np.float32)
        confidence[20:24] = 0.0
        moved = world + np.array([1.5 * (person - 1), 0.0, 0.0])
        recorded = RECORDED["capture"]["motions"][0]
        tds = params.get("tds", 1)
        meta = {
            "fps": FPS, "width": 640, "height": 480, "focal_px": 600.0, "principal_point": [320.0, 240.0],
            "person": person, "tds": tds, "height_m": params["height"],
        }  # fmt: skip
        _contract("motion_file").Motion(
            joints3d=moved - moved[:, :1],
            root=moved[:, 0],
            world=moved,
            camera_R=np.repeat(np.array([[[1, 0, 0], [0, 0, 1], [0, -1, 0]]], np.float32), FRAMES, axis=0),
            camera_t=np.repeat(np.array([[0, -4, 1]], np.float32), FRAMES, axis=0),
            keypoints2d=np.zeros((FRAMES, 17, 3)),
            confidence=confidence,
            contacts=np.ones((FRAMES, 2), bool),
            frames=np.arange(FRAMES),
            times=np.arange(FRAMES) / FPS,
            meta=meta,
        ).save(path)
        answer = {"person": person, "path": str(path), "frames": FRAMES, "fps": FPS, "tds": tds}
        motions.append({**recorded, **answer, "repairs": {**recorded["repairs"], "swaps": 2}, "warnings": []})
    return {"motions": motions}


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
