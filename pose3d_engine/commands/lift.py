"""``pose3d lift``: 2D keypoints become motion files."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from .. import pipeline
from ..contract import atomic
from ..contract.settings import BY_NAME
from ..formats import keypoint_files
from ..progress import on_stderr
from . import options

HELP = "2D keypoints of any origin become 3D motion"

_TALLEST = BY_NAME["height"].high


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument(
        "source", type=Path, metavar="KEYPOINTS", help="a file or folder: see docs/technical-director/keypoints.md"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT.npz")
    parser.add_argument("--width", type=int, metavar="PX", help="of the video, where the file does not say")
    parser.add_argument("--fps", type=float, metavar="HZ", help="of the video, where the file does not say")
    parser.add_argument("--raw", action="store_true", help=BY_NAME["raw"].help)
    options.add_capture(parser, without=("height",))
    # One option has two meanings: the picture's height beside --width, and the person's height as in `run`. No person
    # is taller than 3 m and no picture smaller than 3 pixels, so that a value tells which one is meant.
    parser.add_argument(
        "--height",
        dest="heights",
        type=float,
        action="append",
        default=[],
        metavar="PX|M",
        help="of the video in pixels, where the file does not say; or, up to 3, of the person in metres; may be given "
        "twice",
    )


def execute(args: argparse.Namespace) -> None:
    """Writes the motion files; prints their paths."""
    atomic.require_writable(args.output)
    # NaN and infinity are no picture's height either; as a person's height they are refused.
    pixels = [int(value) for value in args.heights if _TALLEST < value < math.inf]
    metres = [value for value in args.heights if not _TALLEST < value < math.inf]
    if metres:
        args.height = metres[-1]
    _, settings = options.settings_of(args)
    people = keypoint_files.read(args.source, args.width, pixels[-1] if pixels else None, args.fps)
    motions = pipeline.capture(people, settings, on_stderr)
    for motion in motions:
        options.report(motion)
    for path in pipeline.write(motions, args.output):
        print(path)
