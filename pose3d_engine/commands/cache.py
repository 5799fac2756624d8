"""``pose3d cache``: analyses and captured motions that are kept."""

from __future__ import annotations

import argparse

from ..service import cache

HELP = "show or clear the cache of analyses and captured motions"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--clear", action="store_true", help="remove all of them")


def execute(args: argparse.Namespace) -> None:
    """Prints the folder, the number of entries and their size, or clears it."""
    if args.clear:
        print(f"removed {cache.clear()} entries from {cache.folder()}")
        return
    existing = cache.entries()
    size = sum(size for _, size, _ in existing)
    print(f"{cache.folder()} (set {cache.FOLDER_VARIABLE} for another one)")
    print(f"{len(existing)} entries, {size / 1e6:.1f} of {cache.LIMIT / 1e6:.0f} MB")
