"""What the add-on's fake engine answers is what the engine has answered: tests/golden/engine_answers.json.

After a change of the protocol: ``python -m tests.unit.engine.service.test_recorded_answers`` asks the engine
anew, and the add-on's tests show what the panel makes of it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import av
import numpy as np

from tests.support import GOLDEN, keypoint_writers

RECORD = GOLDEN / "engine_answers.json"

THIS_COMPUTERS = {"executable": "python", "platform": "Linux", "python": "3.11", "pid": 1}
"""What is no answer but a property of the computer, and what is recorded for it."""


STANDING = [
    *((0, -150), (5, -155), (-5, -155), (10, -152), (-10, -152)),
    *((35, -110), (-35, -110), (42, -55), (-42, -55), (45, 0), (-45, 0)),
    *((20, 0), (-20, 0), (21, 85), (-21, 85), (22, 165), (-22, 165)),
]
"""Somebody who stands, in COCO's order: pixels from the middle of the hips."""


def figure(x: float, y: float, frames: int = 40) -> np.ndarray:
    """Keypoints (T,17,3) of somebody who stands there and sways."""
    points = np.repeat(np.array([STANDING], float), frames, axis=0) + [x, y]
    points[..., 0] += (np.sin(np.arange(frames) / 5)[:, None]) * 3
    return np.concatenate([points, np.ones((frames, 17, 1))], axis=-1)


def ask_all(folder: Path) -> dict[str, Any]:
    """The engine's greeting, and a result of each method that the panel uses, on a clip with keypoints of two people.

    All paths below ``folder`` are written without it.
    """
    clip = folder / "clip.mp4"
    with av.open(str(clip), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        for _ in range(40):
            frame = av.VideoFrame.from_ndarray(np.zeros((720, 1280, 3), np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    two = np.stack([figure(300, 360), figure(800, 300)])
    two[1, 20:32] = [np.nan, np.nan, 0]  # warnings have a form, too
    keypoints = keypoint_writers.alphapose(folder / "alphapose-results.json", two, tracks=True)
    found = {"people": str(folder / "people.npz")}
    wanted: list[tuple[str, dict[str, Any]]] = [
        ("doctor", {}),
        ("probe", {"video": str(clip)}),
        ("analyse", {"video": str(clip), "keypoints": str(keypoints), "thumbnails": True, "output": found["people"]}),
        ("edit", {**found, "split": "1@0.5", "thumbnails": True, "output": str(folder / "split.npz")}),
        ("capture", {**found, "person": "all", "device": "cpu", "output": str(folder / "motion.npz")}),
    ]
    requests = [{"type": "request", "id": n, "method": m, "params": p} for n, (m, p) in enumerate(wanted)]
    # The engine ends with its input: it stays open until all is answered.
    process = subprocess.Popen(
        [sys.executable, "-m", "pose3d_engine", "serve"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
        env={**os.environ, "VIDEO_TO_MOCAP_CACHE": str(folder / "cache")},
    )
    assert process.stdin and process.stdout
    process.stdin.write("".join(json.dumps(request) + "\n" for request in requests))
    process.stdin.flush()
    answers: dict[str, Any] = {}
    for line in process.stdout:
        message = json.loads(line)
        assert message["type"] != "error", message
        if message["type"] == "hello":
            answers["hello"] = message
        elif message["type"] == "result":
            answers[wanted[message["id"]][0]] = message["result"]
        if len(answers) == len(wanted) + 1:
            break
    process.stdin.close()
    process.wait(timeout=20)
    process.stdout.close()
    return _portable(answers, str(folder))


def _portable(value: Any, folder: str) -> Any:
    if isinstance(value, dict):
        return {key: THIS_COMPUTERS.get(key, _portable(item, folder)) for key, item in value.items()}
    if isinstance(value, list):
        return [_portable(item, folder) for item in value]
    if isinstance(value, str) and Path(value).is_absolute():
        return value.removeprefix(f"{folder}/") if value.startswith(folder) else Path(value).name
    return round(value, 4) if isinstance(value, float) else value


def shape(value: Any) -> Any:
    """The names in a value, at any depth; of a list's elements those that any of them has."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if not isinstance(value, list):
        return None
    merged: dict[str, Any] = {}
    for item in value:
        merged |= shape(item) or {}
    return [merged]


def test_the_record_has_what_the_engine_answers(tmp_path: Path) -> None:
    recorded, today = json.loads(RECORD.read_text(encoding="utf-8")), ask_all(tmp_path)
    for name in today:
        assert shape(recorded[name]) == shape(today[name]), name
    assert set(recorded) == set(today)
    assert recorded["capture"]["motions"][1]["warnings"], "of a person who is not seen in 12 of 40 frames"
    # The panel's lists are made of these.
    for kind, name in (("sources", "name"), ("sources", "option"), ("weights", "name"), ("weights", "kind")):
        was, now = ([entry[name] for entry in found["doctor"][kind]] for found in (recorded, today))
        assert was == now, kind
    assert recorded["doctor"]["lifter"] == today["doctor"]["lifter"]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        answered = ask_all(Path(temporary))
    # As on a computer where set-up has fetched what the defaults need, and nothing else was added.
    for entry in answered["doctor"]["weights"]:
        entry["present"] = (entry["present"] and not entry["fetchable"]) or entry["name"] == "mediapipe-full"
        entry["path"] = entry["path"] if entry["present"] else None
    answered["doctor"]["problems"] = []
    RECORD.write_text(json.dumps(answered, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
