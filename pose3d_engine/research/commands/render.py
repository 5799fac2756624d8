"""``pose3d render``: rendered people with their truth; see docs/contributor/rendering.md."""

from __future__ import annotations

import argparse
from pathlib import Path

from ...contract.errors import UserError
from ...detect import NAMES
from ...progress import on_stderr

HELP = "render people whose truth is known: videos, or a detector's points on them; resumable"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("mocap", type=Path, nargs="+", metavar="MOCAP.npz", help="mocap files, for the motion")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR")
    parser.add_argument("--clips", type=int, default=10, metavar="N", help="clips in total; finished ones stay (10)")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of the first clip; the next has the next (0)")
    parser.add_argument("--frames", type=int, default=72, metavar="N", help="of a clip, 30 a second (72)")
    parser.add_argument("--views", type=int, default=1, metavar="N", help="cameras of each clip (1)")
    parser.add_argument(
        "--held-out", type=float, default=0.2, metavar="SHARE", help="of clips, with takes that training lacks (0.2)"
    )
    parser.add_argument(
        "--detector", choices=NAMES, action="append", default=[], help="write its points instead of videos; repeatable"
    )


def execute(args: argparse.Namespace) -> None:
    """Renders, and prints the folder."""
    from ..data_sets.mocap_data import load_clips
    from ..rendering import pairs, videos
    from ..rendering.clips import Studio
    from ..rendering.plans import Plan

    for name, least in (("clips", 1), ("frames", 2), ("views", 1)):
        if getattr(args, name) < least:
            raise UserError(f"--{name} is {getattr(args, name)}; give {least} or more")
    if not 0 <= args.held_out <= 1:
        raise UserError(f"--held-out is {args.held_out:g}; give a share from 0 to 1")
    plan = Plan(args.clips, args.seed, args.held_out, args.views, args.frames)
    studio = Studio.make([clip for path in args.mocap for clip in load_clips(path)])
    if args.detector:
        pairs.make(plan, tuple(dict.fromkeys(args.detector)), studio, args.output, on_stderr)
    else:
        videos.make(plan, studio, args.output, on_stderr)
    print(args.output)
