"""``pose3d detect``: everybody in a video, in 2D, with tracks."""

from __future__ import annotations

import argparse
from pathlib import Path

from .. import files
from ..pipeline import analyse
from ..progress import on_stderr
from . import options

HELP = "find the people of a video in 2D, a track each"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("video", type=Path, metavar="VIDEO")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="PEOPLE.npz")
    options.add_analyse(parser)


def execute(args: argparse.Namespace) -> None:
    """Writes PEOPLE.npz and prints a line a person."""
    files.require_writable(args.output)
    files.require_writable(args.output)
    people = analyse(args.video, options.analyse_settings(args), on_stderr)
    people.save(args.output)
    for record in people.meta["people"]:
        print(
            f"person{record['person']}: frames {record['first']} to {record['last']}, "
            f"seen in {record['coverage']:.0%}, score {record['score']:.2f}"
        )
    print(args.output)
