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
    group.add_argument(
        "--no-cache",
        dest="cache",
        action="store_false",
        help="analyse the video even if its people are in the cache, and do not store them: see `pose3d cache`",
    )


def add_capture(parser: argparse.ArgumentParser, without: tuple[str, ...] = ()) -> None:
    """Adds the options of :class:`.CaptureSettings`, except those that the command defines itself."""
    command_line.add_settings(parser, "capture", {"lifter": "see `pose3d weights list`"}, without)


def settings_of(args: argparse.Namespace, clip: Path | None = None) -> tuple[AnalyseSettings, CaptureSettings]:
    """The settings that the options and the file of ``--settings`` give.

    Args:
        args: The parsed options.
        clip: Its name replaces ``{name}`` in the path of keypoints.

    Raises:
        UserError: A value cannot be used, two exclude each other, or there is no such detector.
    """
    values = command_line.values(args)
    if clip is not None and values.get("keypoints") is not None:
        values["keypoints"] = tasks.of_clip(str(values["keypoints"]), clip)
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
    if done:
        print(f"{person}: {', '.join(done)}", file=sys.stderr)
    if turns := motion.meta["camera"]["turns_deg"]:
        print(
            f"{person}: the camera rotates by up to {turns:.1f} degrees; this is removed from the path", file=sys.stderr
        )
    for notice in warnings.notices(motion.meta):
        advice = f". {notice.advice}" if notice.advice else ""
        print(f"{person}: {notice.text}{advice}", file=sys.stderr)
