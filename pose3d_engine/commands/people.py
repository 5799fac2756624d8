"""``pose3d people``: lists a file of people; splits and merges tracks."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..contract import atomic
from ..contract.errors import UserError
from ..contract.people_file import People
from ..track import Merge, Split
from . import options

HELP = "list a file of people; split a track of two people, merge two tracks of one person"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("people", type=Path, metavar="PEOPLE.npz", help="a result of `pose3d detect`")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--split", metavar="ID@SECONDS", help="from then on the track is another person")
    merge = "two tracks are one person; where both are visible, the first counts"
    what.add_argument("--merge", metavar="ID,ID", help=merge)
    parser.add_argument("-o", "--output", type=Path, metavar="OUT.npz", help="the file for the result")


def execute(args: argparse.Namespace) -> None:
    """Prints a line for each person, after the edit if there is one, and the path of the edited file."""
    people = People.load(args.people)
    edit = Split.parse(args.split) if args.split else Merge.parse(args.merge) if args.merge else None
    if (edit is None) != (args.output is None):
        raise UserError("give --split or --merge, and -o for the result, together")
    if edit is not None:
        atomic.require_writable(args.output)
        people = edit.apply(people)
        people.save(args.output)
    options.print_people(people)
    if edit is not None:
        print(args.output)
