"""Options that several commands share, and the lines that they print about people and motions."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .. import detect
from ..contract import command_line, warnings
from ..contract.batch import tasks
from ..contract.motion_file import Motion
from ..contract.people_file import People
from ..contract.settings import AnalyseSettings, CaptureSettings


def add_analyse(parser: argparse.ArgumentParser) -> None:
    """Adds the options of :class:`.AnalyseSettings`, and ``--no-cache``."""
    ours = (f"{source.name}: {source.title}" for source in detect.SOURCES if source.name in detect.NAMES)
    notes = {"detector": "; ".join(ours), "keypoints": "see docs/technical-director/keypoints.md"}
    group = command_line.add_settings(parser, "analyse", notes)
    no_cache = "analyse the video even if its people are in the cache, and do not store them: see `pose3d cache`"
    group.add_argument("--no-cache", dest="cache", action="store_false", help=no_cache)


def add_capture(parser: argparse.ArgumentParser) -> None:
    """Adds the options of :class:`.CaptureSettings`."""
    notes = {"lifter": "see `pose3d weights list`", "motion_source": "see docs/technical-director/sources-3d.md"}
    command_line.add_settings(parser, "capture", notes)


def add_all(parser: argparse.ArgumentParser) -> None:
    """Adds ``--settings`` and the options of both steps."""
    command_line.add_settings_file(parser)
    add_analyse(parser)
    add_capture(parser)


def add_jobs(parser: argparse.ArgumentParser) -> None:
    """Adds the option ``--jobs``."""
    parser.add_argument("--jobs", type=int, metavar="N", help="clips that are processed at once; default 1")


def settings_of(args: argparse.Namespace, clip: Path | None = None) -> tuple[AnalyseSettings, CaptureSettings]:
    """The settings of options and of the file of ``--settings``; ``clip`` replaces ``{name}`` in paths.

    Raises:
        UserError: A value cannot be used, two exclude each other, or there is no such detector.
    """
    values = command_line.values(args)
    for name in ("keypoints", "motion_source"):
        if clip is not None and values.get(name) is not None:
            values[name] = tasks.of_clip(str(values[name]), clip)
    analysis, capture = AnalyseSettings.of(values), CaptureSettings.of(values)
    detect.source(analysis.detector)
    return analysis, capture


def print_people(people: People) -> None:
    """Prints one line for each person, from which a user chooses."""
    for record in people.meta["people"]:
        whole = f"full body in {record['complete']:.0%} of these, " if "complete" in record else ""
        tall = f"{record['height_px']} px tall, " if "height_px" in record else ""
        print(
            f"person{record['person']}: frames {record['first']} to {record['last']}, "
            f"visible in {record['coverage']:.0%}, {whole}{tall}score {record['score']:.2f}"
        )


_DONE = {
    "swaps": "{} left/right flips fixed",
    "outliers": "{} outliers removed",
    "gaps": "{} keypoints in short gaps interpolated",
    "rate": "{} frames interpolated",
}
"""The result of each repair step, in words."""


def report(motion: Motion) -> None:
    """Prints on stderr what was repaired in a motion's 2D track, and its warnings."""
    person = f"person{motion.meta['person']}"
    done = [_DONE[step].format(count) for step, count in motion.meta["repairs"].items() if count]
    if turns := motion.meta["camera"]["turns_deg"]:
        done.append(f"camera rotation of up to {turns:.1f}° removed from the path")
    if done:
        print(f"{person}: {', '.join(done)}", file=sys.stderr)
    for notice in warnings.notices(motion.meta):
        advice = f". {notice.advice}" if notice.advice else ""
        print(f"{person}: {notice.text}{advice}", file=sys.stderr)
