"""``pose3d import``: 3D motion of another system becomes motion files."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from .. import pipeline
from ..contract import atomic, command_line
from ..contract.errors import UserError
from ..formats import keypoint_files
from ..formats import motion as motion_files
from ..progress import on_stderr
from ..service import store
from ..stages import imported
from . import options

HELP = "3D motion of another system (GVHMR, WHAM, GEM-X, SAM 3D Body, ...) becomes a motion file"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    source = "a file or folder: see docs/technical-director/sources-3d.md"
    parser.add_argument("source", type=Path, metavar="FILE", help=source)
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT.npz")
    video = "its clip, or the people in it (.npz): the motion is fitted to them, as `run --motion-source` does"
    parser.add_argument("--video", type=Path, metavar="CLIP", help=video)
    rate = "frames a second of the file, where it does not say them, or other ones than the clip's"
    parser.add_argument("--fps", type=float, metavar="HZ", help=rate)
    options.add_all(parser)


def execute(args: argparse.Namespace) -> None:
    """Writes the motion files and prints their paths."""
    atomic.require_writable(args.output)
    given = command_line.values(args)
    if args.fps is not None and not 1.0 <= args.fps <= 2000.0:
        raise UserError(f"--fps is {args.fps:g}; give frames a second from 1 to 2000")
    analysis, capture = options.settings_of(args, args.video)
    motion = motion_files.read(args.source)
    if args.fps is not None:
        motion = replace(motion, fps=args.fps)
    if args.video is not None:
        if args.video.suffix.lower() == ".npz":
            people = keypoint_files.read(args.video)
        else:
            people = store.people_of(args.video, analysis, on_stderr, args.cache)
        motions = pipeline.capture(people, capture, on_stderr, imported=motion)
    else:
        # Motion of a file is not smoothed unless somebody asks for it.
        capture = capture if given.get("motion") is not None else replace(capture, motion=frozenset({"level"}))
        height = capture.height if given.get("height") is not None else None
        motions = imported.motions(motion, capture, args.fps, height)
    for one, path in zip(motions, pipeline.write(motions, args.output), strict=True):
        options.report(one)
        print(path)
