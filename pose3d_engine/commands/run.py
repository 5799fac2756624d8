"""``pose3d run``: a video becomes motion files."""

from __future__ import annotations

import argparse
from pathlib import Path

from .. import pipeline
from ..contract import atomic
from ..contract.errors import UserError
from ..progress import on_stderr
from ..service import store
from ..show.preview import require_preview, write_preview
from . import batch, options

HELP = "a video becomes 3D motion: detect, track, select, lift, clean up"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    videos = "one with -o; any number with --output-dir, also folders and patterns"
    parser.add_argument("inputs", nargs="+", metavar="VIDEO", help=videos)
    output = parser.add_mutually_exclusive_group(required=True)
    output.add_argument("-o", "--output", type=Path, metavar="OUT.npz")
    output.add_argument("--output-dir", type=Path, metavar="DIR", help="for many videos: the same as `pose3d batch`")
    options.add_jobs(parser)
    preview = "the video with its 2D skeleton beside the 3D one"
    parser.add_argument("--preview", type=Path, metavar="FILE.mp4", help=preview)
    options.add_all(parser)
    parser.set_defaults(ray=None)


def execute(args: argparse.Namespace) -> None:
    """Writes the motion files and their previews, and prints the paths; does many videos as ``batch`` does."""
    if args.output_dir is not None:
        if args.preview is not None:
            raise UserError("preview is for one video; give -o OUT.npz in place of --output-dir")
        batch.execute(args)
        return
    if len(args.inputs) > 1 or args.jobs is not None:
        raise UserError("-o takes the result of one video; give --output-dir DIR for many")
    # Bad input is refused before the minutes of detection, not after them.
    video = Path(args.inputs[0])
    atomic.require_writable(args.output)
    if args.preview is not None:
        require_preview(args.preview)
    analysis, capture = options.settings_of(args, video)
    pipeline.require_source(capture)
    people = store.people_of(video, analysis, on_stderr, args.cache)
    motions = pipeline.capture(people, capture, on_stderr)
    for motion, path in zip(motions, pipeline.write(motions, args.output), strict=True):
        options.report(motion)
        print(path)
        if args.preview is not None:
            preview = args.preview if len(motions) == 1 else pipeline.person_path(args.preview, motion.meta["person"])
            write_preview(video, motion, preview, on_stderr)
            print(preview)
