"""``pose3d detect``: everybody in a video, in 2D, with tracks."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..contract import atomic
from ..progress import on_stderr
from ..service import store
from ..show.thumbnails import write_thumbnails
from . import options

HELP = "find the people of a video in 2D, a track each"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("video", type=Path, metavar="VIDEO")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="PEOPLE.npz")
    thumbnails = "a folder for a picture of each person: person1.png, ..."
    parser.add_argument("--thumbnails", type=Path, metavar="DIR", help=thumbnails)
    options.add_analyse(parser)


def execute(args: argparse.Namespace) -> None:
    """Writes PEOPLE.npz, and thumbnails where they are asked for; prints a line a person and the paths."""
    atomic.require_writable(args.output)
    if args.thumbnails is not None:
        atomic.require_writable(args.thumbnails / "person1.png")
    analysis, _ = options.settings_of(args, args.video)
    people = store.people_of(args.video, analysis, on_stderr, args.cache)
    people.save(args.output)
    options.print_people(people)
    print(args.output)
    if args.thumbnails is not None:
        for path in write_thumbnails(args.video, people, args.thumbnails, on_stderr).values():
            print(path)
