"""``pose3d run``: a video becomes motion files."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .. import detector_command, files, keypoint_files, lifters, pipeline, video
from ..preview import require_preview, write_preview
from ..progress import on_stderr
from . import options

HELP = "a video becomes 3D motion: detect, track, select, lift, clean up"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("video", type=Path, metavar="VIDEO")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT.npz")
    other = parser.add_mutually_exclusive_group()
    other.add_argument(
        "--keypoints",
        type=Path,
        metavar="PATH",
        help="2D of another program instead of a detector: see docs/keypoints.md",
    )
    other.add_argument(
        "--detector-command",
        metavar="COMMAND",
        help="another program instead of a detector: its command line, with {video} and the folder {output}",
    )
    parser.add_argument(
        "--preview", type=Path, metavar="FILE.mp4|.gif", help="the video with its 2D skeleton beside the 3D one"
    )
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
    if args.detector_command is not None:
        people = detector_command.people_of(args.detector_command, video.probe(args.video))
        people = keypoint_files.between(people, args.start, args.end)
    elif args.keypoints is not None:
        info = video.probe(args.video)
        people = keypoint_files.read(args.keypoints, info.width, info.height, info.fps)
        people = keypoint_files.on_video(people, info, args.keypoints)
        people = keypoint_files.between(people, args.start, args.end)
    else:
        people = pipeline.analyse(args.video, search, on_stderr)
    motions = pipeline.capture(people, settings, on_stderr)
    paths = pipeline.write(motions, args.output)
    for motion, path in zip(motions, paths, strict=True):
        for warning in motion.meta["warnings"]:
            print(f"person{motion.meta['person']}: {warning}", file=sys.stderr)
        print(path)
        if args.preview is not None:
            preview = args.preview if len(motions) == 1 else pipeline.person_path(args.preview, motion.meta["person"])
            write_preview(args.video, motion, preview, on_stderr)
            print(preview)
