"""``pose3d detect``: everybody in a video, in 2D, with tracks."""

from __future__ import annotations

import argparse
from pathlib import Path

from .. import detectors
from ..pipeline import AnalyseSettings, analyse
from ..progress import on_stderr

HELP = "find the people of a video in 2D, a track each"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("video", type=Path, metavar="VIDEO")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="PEOPLE.npz")
    parser.add_argument("--detector", choices=detectors.NAMES, default=detectors.DEFAULT)
    parser.add_argument("--max-people", type=int, default=2, metavar="N", help="people to look for in a frame")
    parser.add_argument("--start", type=float, metavar="S", help="first second")
    parser.add_argument("--end", type=float, metavar="S", help="second to stop before")


def execute(args: argparse.Namespace) -> None:
    """Writes PEOPLE.npz and prints a line a person."""
    settings = AnalyseSettings(detector=args.detector, max_people=args.max_people, start=args.start, end=args.end)
    people = analyse(args.video, settings, on_stderr)
    people.save(args.output)
    for record in people.meta["people"]:
        print(
            f"person{record['person']}: frames {record['first']} to {record['last']}, "
            f"seen in {record['coverage']:.0%}, score {record['score']:.2f}"
        )
    print(args.output)
