"""The process that works off the clips of a batch; networks stay loaded from one to the next."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

from .. import pipeline
from ..contract import command_line, warnings
from ..contract.batch import record
from ..contract.batch.tasks import Result, Task, result
from ..contract.batch.worker import Report, serve
from ..contract.errors import UserError, file_not_found
from ..formats import keypoint_files
from ..service import store
from . import options


def work(task: Task, report: Report) -> Iterator[Result]:
    """The motions of one clip, a result each; those of an earlier run with the same settings are kept."""
    began = time.monotonic()
    parser = argparse.ArgumentParser()
    parser.add_argument("clip", type=Path)
    parser.add_argument("--output-dir", type=Path)
    options.add_all(parser)
    args = parser.parse_args(task.words)
    clip, folder, noted = args.clip, args.output_dir, command_line.chosen(command_line.values(args))
    if not clip.is_file():
        raise file_not_found(task.source, "give the path of a video or of keypoints (.npz)")
    analysis, capture = options.settings_of(args, clip)
    output = folder / f"{clip.stem}.npz"
    if output.resolve() == clip.resolve():
        raise UserError(f"{task.source}: its result would replace it; choose another output folder")
    sources = [
        path
        for path in (analysis.keypoints, capture.checkpoint, capture.motion_source)
        if path is not None and path.exists()
    ]
    records = record.finished(folder, clip, noted, sources)
    made = not records
    if made:
        progress = _Progress(report)
        if clip.suffix.lower() == ".npz":
            people = keypoint_files.read(clip)
        else:
            pipeline.require_source(capture)
            people = store.people_of(clip, analysis, progress, args.cache)
        motions = pipeline.capture(people, capture, progress)
        for motion, path in zip(motions, pipeline.write(motions, output), strict=True):
            options.report(motion)
            facts = {"frames": len(motion), "warnings": warnings.texts(motion.meta)}
            records.append({"person": motion.meta["person"], "file": path.name, **facts})
        record.note(folder, clip, noted, records)
    seconds = round((time.monotonic() - began) / len(records), 3)
    for one in records:
        facts = {key: one[key] for key in ("person", "frames", "warnings")}
        yield result(task.source, **facts, outputs=[str(folder / one["file"])], seconds=seconds, skipped=not made)


class _Progress:
    """Reports the progress of a stage once a second."""

    def __init__(self, report: Report) -> None:
        self._report, self._last = report, time.monotonic()

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        if time.monotonic() - self._last > 1.0:
            self._last = time.monotonic()
            self._report(f"{stage} {done}{f'/{total}' if total else ''}")


if __name__ == "__main__":
    serve(work)
