"""``pose3d batch``: many videos become motion files, on this machine or on many."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from ..batch import cluster
from ..contract import atomic, command_line
from ..contract.batch import pool, tasks
from ..contract.batch.summary import Summary
from ..contract.errors import UserError
from . import options

HELP = "many videos become 3D motion: like run, with a summary; finished clips are skipped"

COMMAND = (sys.executable, "-m", "pose3d_engine.commands.one_clip")
"""Starts the process that works off clips."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument(
        "inputs", nargs="+", metavar="VIDEO", help="videos, folders of them, patterns; also 2D keypoints (.npz)"
    )
    parser.add_argument("--output-dir", type=Path, required=True, metavar="DIR", help="where CLIP.npz and logs go")
    add_workers(parser)
    parser.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="on a Ray cluster (host:port, or auto): one process a graphics card, else one a core; --jobs limits them",
    )
    command_line.add_settings_file(parser)
    options.add_analyse(parser)
    options.add_capture(parser)


def add_workers(parser: argparse.ArgumentParser) -> None:
    """The option ``--jobs``."""
    parser.add_argument("--jobs", type=int, metavar="N", help="clips that are processed at once; default 1")


def execute(args: argparse.Namespace) -> None:
    """Writes the motion files; prints a line of JSON for each result. Exits with status 1 if any failed."""
    run(args, args.inputs, args.output_dir, args.jobs, args.ray)


def run(args: argparse.Namespace, words: Sequence[str], folder: Path, jobs: int | None, ray: str | None) -> None:
    """Processes many clips.

    Args:
        args: The settings.
        words: Files, folders and patterns.
        folder: The output folder.
        jobs: Clips at once, None for one; on a cluster None for as many as it has room for.
        ray: The address of a Ray cluster, None for this machine.

    Raises:
        UserError: Inputs or settings cannot be used; before any work.
    """
    if jobs is not None and jobs < 1:
        raise UserError(f"jobs is {jobs}; give a number from 1")
    clips = tasks.expand(words)
    tasks.require_distinct(clips)
    options.settings_of(args)
    settings = command_line.chosen(command_line.values(args))
    keypoints = settings.get("keypoints")
    tasks.require_one_each(clips, None if keypoints is None else str(keypoints))
    atomic.require_writable(folder / "any.npz")
    given = (
        f"--output-dir={folder.absolute()}",
        *command_line.words(settings),
        *([] if args.cache else ["--no-cache"]),
    )
    todo = [
        tasks.Task(str(clip), (*given, "--", str(clip.absolute())), str(tasks.log_file(folder.absolute(), clip)))
        for clip in clips
    ]
    summary = Summary(len(todo))
    channel = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):  # Ray reports on stdout about its machines
        for result in cluster.results(todo, ray, jobs) if ray else pool.results(todo, COMMAND, jobs or 1):
            print(json.dumps(result), file=channel, flush=True)
            summary.add(result)
    print(summary.table(), file=sys.stderr)
    if summary.failed:
        sys.exit(1)
