"""``pose3d weights``: which networks there are, under which terms, and whether they are here and intact."""

from __future__ import annotations

import argparse
from pathlib import Path

from .. import weights
from ..progress import silent

HELP = "list, fetch, add and verify the weights of networks"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="names, terms, and where they lie")
    fetch = actions.add_parser("fetch", help="get weights that do not ship with the project")
    fetch.add_argument("names", nargs="+", metavar="NAME")
    add = actions.add_parser("add", help="take files that you have into the folder of weights")
    add.add_argument("paths", nargs="+", type=Path, metavar="FILE")
    verify = actions.add_parser("verify", help="compare files with the register's SHA-256")
    verify.add_argument("names", nargs="*", metavar="NAME", help="default: all that are here")


def execute(args: argparse.Namespace) -> None:
    """Prints a block an entry for ``list``, else a line a file."""
    if args.action == "list":
        for entry in weights.register():
            print(_description(entry))
    elif args.action == "fetch":
        for name in args.names:
            print(f"{name}: {weights.fetch(name, silent)}")
    elif args.action == "add":
        for path in args.paths:
            print(weights.add(path))
    else:
        here = [entry.name for entry in weights.register() if weights.locate(entry.name)]
        for name in args.names or here:
            path = weights.verify(name)
            known = "intact" if weights.entry(name).sha256 else "here; the register has no SHA-256 to compare with"
            print(f"{name}: {known}: {path}")


def _description(entry: weights.Entry) -> str:
    path = weights.locate(entry.name)
    remedy = f"run: pose3d weights fetch {entry.name}" if entry.sources else f"yours to add as {entry.file}"
    return "\n".join(
        [
            f"{entry.name} ({entry.kind}): {entry.title}",
            f"    file     {path or f'missing; {remedy}'}",
            f"    licence  {entry.licence}",
            f"    credit   {entry.credit}",
            f"    origin   {entry.origin}",
            f"    SHA-256  {entry.sha256 or 'not in the register'}",
        ]
    )
