"""``pose3d weights``: the networks, their licences, and whether they are installed and intact."""

from __future__ import annotations

import argparse
from pathlib import Path

from .. import weights
from ..progress import silent

HELP = "list, fetch, add and verify the weights of networks"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="names, licences, and where they lie")
    fetch = actions.add_parser("fetch", help="download weights that do not ship with the project")
    fetch.add_argument("names", nargs="+", metavar="NAME")
    add = actions.add_parser("add", help="copy files of yours into the folder of weights")
    add.add_argument("paths", nargs="+", type=Path, metavar="FILE")
    verify = actions.add_parser("verify", help="compare files with the register's SHA-256")
    verify.add_argument("names", nargs="*", metavar="NAME", help="default: all that are installed")


def execute(args: argparse.Namespace) -> None:
    """Prints a block for each entry (``list``), or a line for each file."""
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
        installed = [entry.name for entry in weights.register() if weights.locate(entry.name)]
        for name in args.names or installed:
            path = weights.verify(name)
            state = "intact" if weights.entry(name).sha256 else "installed; the register has no SHA-256 to compare with"
            print(f"{name}: {state}: {path}")


def _description(entry: weights.Entry) -> str:
    path = weights.locate(entry.name)
    hint = f"run: pose3d weights fetch {entry.name}" if entry.sources else f"yours to add as {entry.file}"
    return (
        f"{entry.name} ({entry.kind}): {entry.title}\n"
        f"    file     {path or f'missing; {hint}'}\n"
        f"    licence  {entry.licence}\n"
        f"    credit   {entry.credit}\n"
        f"    origin   {entry.origin}\n"
        f"    SHA-256  {entry.sha256 or 'not in the register'}"
    )
