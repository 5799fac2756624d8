"""``pose3d lift``: 2D keypoints become motion files."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from .. import pipeline
from ..contract import atomic
from ..formats import keypoint_files
from ..progress import on_stderr
from ..solve.body import CANONICAL_HEIGHT
from . import options

HELP = "2D keypoints of any origin become 3D motion"

_TALLEST = 3.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument(
        "keypoints", type=Path, metavar="KEYPOINTS", help="a file or folder: see docs/technical-director/keypoints.md"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT.npz")
    parser.add_argument("--width", type=int, metavar="PX", help="of the video, where the file does not say")
    parser.add_argument("--fps", type=float, metavar="HZ", help="of the video, where the file does not say")
    parser.add_argument("--raw", action="store_true", help="stop after the lifter: no fusion, no motion stage")
    options.add_capture(parser, height=False)
    # Two contracts meet in one name: the picture's height beside --width, and the person's, as `run` has it. No
    # person is taller than 3 m and no picture smaller than 3 pixels, so both can be meant, even at once.
    parser.add_argument(
        "--height",
        type=float,
        action="append",
        default=[],
        metavar="PX|M",
        help="pixels of the video, where the file does not say; or, up to 3, metres of the person; may be given twice",
    )


def execute(args: argparse.Namespace) -> None:
    """Writes the motion files; prints their paths."""
    atomic.require_writable(args.output)
    # What is no number at all is no picture's height either; as a person's it is refused.
    pixels = [int(value) for value in args.height if _TALLEST < value < math.inf]
    metres = [value for value in args.height if not _TALLEST < value < math.inf]
    args.height = metres[-1] if metres else CANONICAL_HEIGHT
    settings = options.capture_settings(args, raw=args.raw)
    people = keypoint_files.read(args.keypoints, args.width, pixels[-1] if pixels else None, args.fps)
    motions = pipeline.capture(people, settings, on_stderr)
    for motion in motions:
        options.report(motion)
    for path in pipeline.write(motions, args.output):
        print(path)
