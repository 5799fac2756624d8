"""One clip of a batch: a video, or the motion files of its people, becomes files of the formats."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..blend.character import RigError
from ..blend.export import ExportError
from ..contract import command_line
from ..contract.batch import record, tasks
from ..contract.batch.tasks import Result
from ..contract.batch.worker import Report
from ..contract.errors import UserError
from ..maths.motion_file import MotionFileError, load
from . import scenes
from .captures import Engine, capture, require_folder
from .options import Options


def together(inputs: Sequence[Path]) -> list[list[Path]]:
    """The inputs in their order, with the motion files of several people of one video as one."""
    groups: dict[Path, list[Path]] = {}
    for path in inputs:
        name = re.fullmatch(r"(.+)\.person[1-9]\d*", path.stem) if _is_motion(path) else None
        groups.setdefault(path.with_name(name[1]) if name else path, []).append(path)
    return list(groups.values())


def results(sources: Sequence[Path], options: Options, engine: Engine, report: Report) -> Iterator[Result]:
    """The results of a video, or of the motion files of one: one result a person; failures are results too."""
    started = time.monotonic()

    def finished(**facts: Any) -> Result:
        nonlocal started
        now = time.monotonic()
        seconds, started = round(now - started, 2), now
        return {**tasks.result(sources[0]), **facts, "seconds": seconds}

    video = None if _is_motion(sources[0]) else sources[0]
    try:
        records = [{"path": path} for path in sources] if video is None else capture(video, options, engine, report)
    except UserError as error:
        yield finished(error=str(error))
        return
    for known in records:
        facts: Result = {"person": known.get("person"), "warnings": known.get("warnings", [])}
        if video is None:
            facts["input"] = str(known["path"])
        try:
            facts |= _write(known["path"], [other["path"] for other in records], video, options, report)
        except (UserError, MotionFileError, RigError, ExportError) as error:
            facts["error"] = str(error)
        yield finished(**facts)


@dataclass(frozen=True)
class _Plan:
    """The files that come of one motion.

    Attributes:
        outputs: The path of each format.
        sources: The files that each format is made from.
        shared: Whether the .blend shows all people of the video.
    """

    outputs: dict[str, Path]
    sources: dict[str, list[Path]]
    shared: bool

    def missing(self) -> dict[str, Path]:
        """The outputs that are not there, or older than a source."""
        return {
            kind: path
            for kind, path in self.outputs.items()
            if not all(record.newer(path, source) for source in self.sources[kind])
        }


def _plan(motion: Path, people: Sequence[Path], options: Options) -> _Plan:
    """The files that come of the motion of one of the people of a video."""
    rig = options.rig
    outputs = {kind: options.output_dir / f"{motion.stem}.{kind}" for kind in options.formats}
    sources = {kind: [motion, *([rig.file] if rig else [])] for kind in outputs}
    # One rig has room for one person, a scene for all.
    shared = len(people) > 1 and rig is None and "blend" in outputs
    if shared:
        outputs["blend"] = options.output_dir / f"{motion.stem.rpartition('.person')[0]}.blend"
        sources["blend"] = list(people)
    return _Plan(outputs, sources, shared)


def _write(
    path: Path, people: Sequence[Path], video: Path | None, options: Options, report: Report
) -> Mapping[str, Any]:
    """Writes the missing outputs of one motion file, and returns the facts of the result."""
    motion = load(path)
    plan = _plan(path, people, options)
    note, made_for = options.output_dir / f"{path.stem}.rig.txt", _described(options)
    missing = plan.missing() if _noted(note) == made_for else plan.outputs
    if missing:
        report(f"writing {', '.join(output.name for output in missing.values())}")
        require_folder(options.output_dir)
        beside = [load(other) for other in people if other != path] if plan.shared and "blend" in missing else []
        scenes.write([motion, *beside], video, missing, options.rig, options.scene)
        # Results do not tell by themselves whose body they show, nor how.
        if made_for:
            note.write_text(f"{made_for}\n", encoding="utf-8")
        else:
            note.unlink(missing_ok=True)
    written = list(plan.outputs.values()) if video is None else [path, *plan.outputs.values()]
    return {
        "person": motion.meta.get("person"),
        "frames": len(motion),
        "outputs": [str(output) for output in written],
        "skipped": not missing,
    }


def _described(options: Options) -> str | None:
    """A rig, how it is used, and where the motion lies, in one line; None for new armatures with the defaults."""
    rig = options.rig
    words = [f"{rig.file.resolve()}:{rig.name}", *rig.words] if rig else []
    return " ".join([*words, *command_line.words(options.scene.values())]) or None


def _noted(note: Path) -> str | None:
    """What the results beside ``note`` were made for, as :func:`_described` says it."""
    try:
        return note.read_text(encoding="utf-8").strip() or None
    except (OSError, ValueError):
        return None


def _is_motion(path: Path) -> bool:
    return path.suffix.lower() == ".npz"
