"""``pose3d calibrate``: where a detector places its points; see docs/contributor/rendering.md."""

from __future__ import annotations

import argparse
from pathlib import Path

from ...detect import NAMES, source
from ...detect.calibration import FALLBACK, FILE
from ...progress import on_stderr

HELP = "measure where detectors place their points, on the pairs of `pose3d render --detector`"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("folder", type=Path, metavar="DIR", help="that `pose3d render` wrote")
    parser.add_argument("--detector", choices=NAMES, action="append", required=True, help="repeatable")
    parser.add_argument("-o", "--output", type=Path, default=FILE, metavar="FILE.json", help="the engine's own file")


def execute(args: argparse.Namespace) -> None:
    """Prints tables on stdout and writes them, with the one for detectors that were not measured."""
    from ..rendering import body, calibration, pairs

    tables = []
    for name in args.detector:
        detector = source(name)
        seen = calibration.Observations.of(pairs.load(args.folder, detector.name, on_stderr))
        tables.append(seen.table(detector.layout))
        calibration.store(args.output, detector.name, tables[-1])
        print(f"{detector.name}: {seen.clips} clips, {seen.frames} frames\n\n{seen.report()}\n")
    calibration.store(args.output, FALLBACK, calibration.generic(body.load(), tables[0]))
