"""``pose3d run``: a video becomes motion files."""

from __future__ import annotations

import argparse
from pathlib import Path

from .. import analysis, files, lifters, pipeline
from ..preview import require_preview, write_preview
from ..progress import on_stderr
from . import options

HELP = "a video becomes 3D motion: detect, track, select, lift, clean up"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("video", type=Path, metavar="VIDEO")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT.npz")
    parser.add_argument(
        "--preview", type=Path, metavar="FILE.mp4|.gif", help="the video with its 2D skeleton beside the 3D one"
    )
    options.add_settings(parser)
    options.add_analyse(parser)
    options.add_capture(parser)


def execute(args: argparse.Namespace) -> None:
    """Writes the motion files, and previews of them; prints their paths."""
    # Whatever can be refused is refused before the minutes of detection, not after them.
    files.require_writable(args.output)
    if args.preview is not None:
        require_preview(args.preview)
    search, settings = options.analyse_settings(args), options.capture_settings(args)
    lifters.load(settings.lifter, settings.checkpoint, settings.device)
    people = analysis.people_of(args.video, search, on_stderr, args.cache)
    motions = pipeline.capture(people, settings, on_stderr)
    paths = pipeline.write(motions, args.output)
    for motion, path in zip(motions, paths, strict=True):
        options.report(motion)
        print(path)
        if args.preview is not None:
            preview = args.preview if len(motions) == 1 else pipeline.person_path(args.preview, motion.meta["person"])
            write_preview(args.video, motion, preview, on_stderr)
            print(preview)
