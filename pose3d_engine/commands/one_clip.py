"""The process that does the clips of a batch, one after the other: what is loaded stays loaded between them."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

from .. import pipeline
from ..contract import warnings
from ..contract.batch import record
from ..contract.batch.tasks import Result, Task, of_clip, result
from ..contract.batch.worker import Report, serve
from ..contract.errors import UserError
from ..formats import keypoint_files
from ..pose import lifters
from ..service import store
from . import options


def work(task: Task, report: Report) -> Iterator[Result]:
    """The motions of one clip, a result each; those that are there already are not made again. Raises UserError."""
    began = time.monotonic()
    parser = argparse.ArgumentParser()
    parser.add_argument("clip", type=Path)
    parser.add_argument("--output-dir", type=Path)
    options.add_analyse(parser)
    options.add_capture(parser)
    args = parser.parse_args(task.words)
    clip, folder, settings = args.clip, args.output_dir, options.chosen(args)
    if not clip.is_file():
        raise UserError(f"{task.source}: no such file; give the path of a video or of keypoints (.npz)")
    if args.keypoints is not None:
        args.keypoints = Path(of_clip(str(args.keypoints), clip))
    output = folder / f"{clip.stem}.npz"
    if output.resolve() == clip.resolve():
        raise UserError(f"{task.source}: its result would replace it; choose another output folder")
    sources = [path for path in (args.keypoints, args.checkpoint) if path is not None and path.exists()]
    motions = record.finished(folder, clip, settings, sources)
    made = not motions
    if made:
        motions = _capture(clip, output, args, report)
        record.note(folder, clip, settings, motions)
    seconds = round((time.monotonic() - began) / len(motions), 3)
    for motion in motions:
        path = folder / motion["file"]
        facts = {key: motion[key] for key in ("person", "frames", "warnings")}
        yield result(task.source, **facts, outputs=[str(path)], seconds=seconds, skipped=not made)


def _capture(clip: Path, output: Path, args: argparse.Namespace, report: Report) -> list[dict]:
    """Makes the motion files of a clip; a record each."""
    progress = _Progress(report)
    settings = options.capture_settings(args)
    if clip.suffix.lower() == ".npz":
        people = keypoint_files.read(clip)
    else:
        lifters.load(settings.lifter, settings.checkpoint, settings.device)  # a wrong one is told before the minutes
        people = store.people_of(clip, options.analyse_settings(args), progress, args.cache)
    motions = pipeline.capture(people, settings, progress)
    paths = pipeline.write(motions, output)
    for motion in motions:
        options.report(motion)
    return [
        {
            "person": motion.meta["person"],
            "file": path.name,
            "frames": len(motion),
            "warnings": warnings.texts(motion.meta),
        }
        for motion, path in zip(motions, paths, strict=True)
    ]


class _Progress:
    """Reports how far a stage is, once a second."""

    def __init__(self, report: Report) -> None:
        self._report, self._last = report, time.monotonic()

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        if time.monotonic() - self._last > 1.0:
            self._last = time.monotonic()
            self._report(f"{stage} {done}{f'/{total}' if total else ''}")


if __name__ == "__main__":
    serve(work)
