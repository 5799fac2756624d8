"""``pose3d people``: who is in a file of people; a track in two, two tracks in one."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..contract import atomic
from ..contract.errors import UserError
from ..contract.people_file import People
from ..track import Merge, Split
from . import options

HELP = "who is in a file of people; split a track that holds two, merge two that are one"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("people", type=Path, metavar="PEOPLE.npz", help="what `pose3d detect` wrote")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--split", metavar="ID@SECONDS", help="from then on the person is another one")
    what.add_argument("--merge", metavar="ID,ID", help="the two are one; where both are seen, the first counts")
    parser.add_argument("-o", "--output", type=Path, metavar="OUT.npz", help="where the changed people go")


def execute(args: argparse.Namespace) -> None:
    """Prints a line a person, after the change if there is one, and the path of the changed file. Raises UserError."""
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
