"""``pose3d lift``: 2D keypoints become motion files."""

from __future__ import annotations

import argparse
from pathlib import Path

from .. import pipeline
from ..contract import atomic
from ..contract.settings import BY_NAME
from ..formats import keypoint_files
from ..progress import on_stderr
from . import options

HELP = "2D keypoints of any origin become 3D motion"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    source = "a file or folder: see docs/technical-director/keypoints.md"
    parser.add_argument("source", type=Path, metavar="KEYPOINTS", help=source)
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT.npz")
    facts = parser.add_argument_group("video", "where the file of keypoints does not say")
    facts.add_argument("--frame-width", "--width", type=int, metavar="PX", help="width of the picture in pixels")
    facts.add_argument("--frame-height", type=int, metavar="PX", help="height of the picture in pixels")
    facts.add_argument("--fps", type=float, metavar="HZ", help="frames a second")
    parser.add_argument("--raw", action="store_true", help=BY_NAME["raw"].help)
    options.add_capture(parser)


def execute(args: argparse.Namespace) -> None:
    """Writes the motion files; prints their paths. Raises UserError for settings or keypoints that cannot be used."""
    atomic.require_writable(args.output)
    _, settings = options.settings_of(args)
    people = keypoint_files.read(args.source, args.frame_width, args.frame_height, args.fps)
    motions = pipeline.capture(people, settings, on_stderr)
    for motion in motions:
        options.report(motion)
    for path in pipeline.write(motions, args.output):
        print(path)
