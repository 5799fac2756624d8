"""The motion files of a video, from the engine or from an earlier run."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

from ..contract import settings, warnings
from ..contract.batch import record, tasks
from ..contract.batch.worker import Report
from ..contract.errors import UserError
from ..engine.client import EngineClient, Event
from ..engine.locate import EngineNotFoundError, find_engine
from .options import Options

_REPORT_EVERY_S = 1.0
"""Seconds between two reports of the progress."""


class Engine:
    """The engine's process, started when the first video needs it."""

    def __init__(self) -> None:
        self._client: EngineClient | None = None

    def ask(self, method: str, params: dict[str, Any], report: Report) -> dict[str, Any]:
        """The result of one request. Raises UserError with the engine's own message."""
        try:
            if self._client is None:
                self._client = EngineClient(find_engine())
            self._client.start()
        except EngineNotFoundError as error:
            raise UserError(str(error)) from error
        last = 0.0

        def progress(event: Event) -> None:
            nonlocal last
            if time.monotonic() - last > _REPORT_EVERY_S:
                last = time.monotonic()
                total = event.get("total")
                report(f"{event.get('stage', method)} {event.get('done', '')}{f'/{total}' if total else ''}")

        event = self._client.wait(self._client.request(method, params), on_event=progress)
        if event["type"] != "result":
            raise UserError(event.get("message", "the engine failed"))
        result: dict[str, Any] = event["result"]
        return result

    def stop(self) -> None:
        """Ends the process if there is one."""
        if self._client is not None:
            self._client.stop()


def capture(video: Path, options: Options, engine: Engine, report: Report) -> list[dict[str, Any]]:
    """The motion files of a video in the output folder, one record a person: person, path, frames and warnings.

    The engine captures only if they are missing, older than the video, or made with other settings.

    Raises:
        UserError: The video is missing, the folder cannot be written, or the engine cannot capture.
    """
    if not video.is_file():
        raise UserError(f"{video}: no such file; give the path of a video or of a motion file")
    # The engine's own batch notes the same settings, so that each goes on where the other one was.
    beside = dict(options.settings)
    if "keypoints" in beside:
        beside["keypoints"] = tasks.of_clip(str(beside["keypoints"]), video)
    sources = [Path(str(beside[name])) for name in beside if settings.BY_NAME[name].kind == "path"]
    motions = record.finished(options.output_dir, video, options.settings, [path for path in sources if path.exists()])
    if motions:
        return motions

    require_folder(options.output_dir)
    with tempfile.TemporaryDirectory() as temporary:
        people = str(Path(temporary) / "people.npz")
        chosen = settings.for_step(beside, "analyse")
        engine.ask("analyse", {"video": str(video.resolve()), "output": people, **chosen}, report)
        chosen = settings.for_step(beside, "capture")
        output = str(options.output_dir.resolve() / f"{video.stem}.npz")
        found = engine.ask("capture", {"people": people, "output": output, **chosen}, report)["motions"]
    motions = [
        {
            "person": item["person"],
            "file": Path(item["path"]).name,
            "frames": item["frames"],
            "warnings": warnings.texts(item),
        }
        for item in found
    ]
    record.note(options.output_dir, video, options.settings, motions)
    return [{**motion, "path": options.output_dir / motion["file"]} for motion in motions]


def require_folder(folder: Path) -> None:
    """Makes a folder. Raises UserError if nothing can be written there: asked before the work, not after it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise UserError(f"cannot write into {folder}: {error.strerror or error}; choose another folder") from error
