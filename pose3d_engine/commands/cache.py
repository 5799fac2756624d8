"""``pose3d cache``: what was found in videos and is kept."""

from __future__ import annotations

import argparse

from ..service import cache

HELP = "what was found in videos and is kept: where, how much; and to clear it"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("--clear", action="store_true", help="remove all of it")


def execute(args: argparse.Namespace) -> None:
    """Prints the folder and what is in it, or clears it."""
    if args.clear:
        print(f"removed {cache.clear()} analyses from {cache.folder()}")
        return
    there = cache.entries()
    size = sum(size for _, size, _ in there)
    print(f"{cache.folder()} (another one: {cache.FOLDER_VARIABLE})")
    print(f"{len(there)} analyses, {size / 1e6:.1f} of {cache.LIMIT / 1e6:.0f} MB")
