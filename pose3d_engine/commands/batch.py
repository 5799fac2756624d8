"""``pose3d batch``: many videos become motion files, on this machine or on many."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
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
    inputs = "videos, folders of them, patterns; also 2D keypoints (.npz)"
    parser.add_argument("inputs", nargs="+", metavar="VIDEO", help=inputs)
    parser.add_argument("--output-dir", type=Path, required=True, metavar="DIR", help="where CLIP.npz and logs go")
    options.add_jobs(parser)
    ray = "on a Ray cluster (host:port, or auto): one process a graphics card, else one a core; --jobs limits them"
    parser.add_argument("--ray", metavar="ADDRESS", help=ray)
    options.add_all(parser)


def execute(args: argparse.Namespace) -> None:
    """Writes the motion files; prints a line of JSON for each result. Exits with status 1 if any failed.

    Raises:
        UserError: Inputs or settings cannot be used; before any work.
    """
    jobs = args.jobs
    if jobs is not None and jobs < 1:
        raise UserError(f"jobs is {jobs}; give a number from 1")
    clips = tasks.expand(args.inputs)
    tasks.require_distinct(clips)
    options.settings_of(args)
    settings = command_line.chosen(command_line.values(args))
    keypoints = settings.get("keypoints")
    tasks.require_one_each(clips, None if keypoints is None else str(keypoints))
    folder = args.output_dir.absolute()
    atomic.require_writable(folder / "any.npz")
    given = [f"--output-dir={folder}", *command_line.words(settings), *([] if args.cache else ["--no-cache"])]
    todo = [
        tasks.Task(str(clip), (*given, "--", str(clip.absolute())), str(tasks.log_file(folder, clip))) for clip in clips
    ]
    summary = Summary(len(todo))
    channel = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):  # Ray reports on stdout about its machines
        results = cluster.results(todo, args.ray, jobs) if args.ray else pool.results(todo, COMMAND, jobs or 1)
        for result in results:
            print(json.dumps(result), file=channel, flush=True)
            summary.add(result)
    print(summary.table(), file=sys.stderr)
    if summary.failed:
        sys.exit(1)
