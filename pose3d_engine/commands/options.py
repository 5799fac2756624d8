"""Options that several commands share."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from .. import detect
from ..contract import warnings
from ..contract.errors import UserError
from ..contract.motion_file import Motion
from ..contract.people_file import People
from ..contract.settings import CAMERA, FEET, AnalyseSettings, CaptureSettings
from ..pose.lifters.device import DEVICES


def tds(text: str) -> int | None:
    """``auto`` or a stride."""
    return None if text == "auto" else int(text)


def add_analyse(parser: argparse.ArgumentParser) -> None:
    """The options of :class:`~pose3d_engine.pipeline.AnalyseSettings`."""
    group = parser.add_argument_group("people")
    defaults = AnalyseSettings()
    ours = "; ".join(f"{source.name}: {source.title}" for source in detect.SOURCES if source.name in detect.NAMES)
    group.add_argument(
        "--detector",
        choices=detect.NAMES,
        default=defaults.detector,
        metavar="NAME",
        help=f"what finds them. {ours}",
    )
    group.add_argument(
        "--max-people", type=int, default=defaults.max_people, metavar="N", help="people to look for in a frame"
    )
    group.add_argument("--start", type=float, metavar="S", help="first second")
    group.add_argument("--end", type=float, metavar="S", help="second to stop before")
    other = group.add_mutually_exclusive_group()
    other.add_argument(
        "--keypoints",
        type=Path,
        metavar="PATH",
        help="2D of another program instead of a detector: see docs/keypoints.md",
    )
    other.add_argument(
        "--detector-command",
        metavar="COMMAND",
        help="another program instead of a detector: its command line, with {video} and the folder {output}",
    )
    group.add_argument(
        "--no-cache",
        dest="cache",
        action="store_false",
        help="find the people anew, and do not keep them: see `pose3d cache`",
    )


def add_capture(parser: argparse.ArgumentParser, height: bool = True) -> None:
    """The options of :class:`~pose3d_engine.pipeline.CaptureSettings`; ``--height`` unless the command has its own."""
    group = parser.add_argument_group("motion")
    defaults = CaptureSettings()
    who = group.add_mutually_exclusive_group()
    who.add_argument("--person", default=defaults.person, metavar="largest|all|ID[,ID]", help="who is captured")
    who.add_argument(
        "--person-at", metavar="X,Y,SECONDS", help="who is captured: the person at a pixel of the video, at a time"
    )
    group.add_argument("--lifter", default=defaults.lifter, metavar="NAME", help="see `pose3d weights list`")
    group.add_argument("--checkpoint", type=Path, metavar="FILE", help="a file of weights in place of the lifter's own")
    group.add_argument("--tds", type=tds, metavar="auto|N", help="stride of the lifter's window in frames")
    if height:
        group.add_argument(
            "--height",
            type=float,
            default=defaults.height,
            metavar="M",
            help="of the person (of several, the first), sole to crown",
        )
    group.add_argument(
        "--fov",
        type=float,
        metavar="DEG",
        help="of the camera, across the picture's longer side; found where it turns, else 60",
    )
    group.add_argument("--device", choices=DEVICES, default=defaults.device)
    group.add_argument(
        "--repair",
        default="all",
        metavar="all|none|STEP[,STEP]",
        help="what is mended in the 2D: swaps, outliers, gaps, rate (frames between those of a slow clip)",
    )
    group.add_argument(
        "--motion",
        default="all",
        metavar="all|none|STAGE[,STAGE]",
        help="stages of the clean-up: fusion, limits, filter, fit, level",
    )
    group.add_argument(
        "--feet",
        choices=[choice.name for choice in FEET],
        default=defaults.feet,
        help="which feet are planted on the floor",
    )
    group.add_argument("--tilt", type=float, metavar="DEG", help="that the camera looks down; found where possible")
    group.add_argument("--roll", type=float, metavar="DEG", help="that the camera is turned clockwise; likewise")
    group.add_argument(
        "--camera",
        choices=[choice.name for choice in CAMERA],
        default=defaults.camera,
        help="whether what a camera does that pans or is held by hand is taken out of the path: where it moves by more "
        "than noise, never, always",
    )
    group.add_argument("--no-flip", dest="flip", action="store_false", help="do not average with the mirrored input")


def analyse_settings(args: argparse.Namespace) -> AnalyseSettings:
    """The settings that :func:`add_analyse` asked for."""
    return AnalyseSettings.of({**vars(args), "keypoints": args.keypoints and str(args.keypoints)})


def capture_settings(args: argparse.Namespace, raw: bool = False) -> CaptureSettings:
    """The settings that :func:`add_capture` asked for. Raises UserError for numbers that make no sense."""
    values = {**vars(args), "checkpoint": args.checkpoint and str(args.checkpoint), "raw": raw}
    if args.person_at is not None:
        values["person"] = None
    return CaptureSettings.of(values)


SETTINGS_FORMAT, SETTINGS_VERSION = "video-to-mocap settings", 1
"""What a settings file says of itself. The add-on writes them, too (``blender_addon/settings_file.py``)."""

_NOT_IN_FILES = {"detector_command", "cache", "help"}
"""A file that somebody sends must not start a program; nor is it about how is captured whether it is kept."""


def add_settings(parser: argparse.ArgumentParser) -> None:
    """The option ``--settings``, for :func:`read_settings`."""
    parser.add_argument(
        "--settings",
        type=Path,
        metavar="FILE.json",
        help="settings exported from the panel; options beside it win: see docs/batch.md",
    )


def require_valid(args: argparse.Namespace) -> None:
    """Raises UserError for settings of which the parser did not see that they are wrong, or do not go together."""
    analyse_settings(args)
    capture_settings(args)


def chosen(args: argparse.Namespace) -> dict[str, Any]:
    """The settings that differ from the defaults, as a settings file has them; paths absolute."""
    parser = argparse.ArgumentParser()
    add_analyse(parser)
    add_capture(parser)
    defaults = vars(parser.parse_args([]))
    found = {name: getattr(args, name) for name, value in defaults.items() if getattr(args, name) != value}
    return {name: str(value.absolute()) if isinstance(value, Path) else value for name, value in found.items()}


class _OfFile(argparse.ArgumentParser):
    """Understands the settings in a file, and complains as bad input does."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{self.prog}: {message}; correct it")


def read_settings(path: Path) -> list[str]:
    """The settings in a file as words of the command line, ``--height=1.8``.

    Raises UserError for a file that is none, and for names and values that no option has.
    """
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}; give a file of settings (.json)") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not settings: no JSON ({' '.join(str(error).split())}); correct it") from error
    if not isinstance(data, dict) or data.get("format") != SETTINGS_FORMAT:
        raise UserError(f'{path}: not settings: "format" is not "{SETTINGS_FORMAT}"; export some from the panel')
    if data.get("version") != SETTINGS_VERSION:
        raise UserError(
            f"{path}: version {data.get('version')!r} is unknown; this engine reads version {SETTINGS_VERSION}"
        )
    values = data.get("settings")
    if not isinstance(values, dict) or set(data) - {"format", "version", "settings"}:
        raise UserError(f'{path}: has to hold "format", "version" and "settings", an object; correct it')
    parser = _OfFile(prog=str(path), add_help=False, allow_abbrev=False)
    add_analyse(parser)
    add_capture(parser)
    unknown = sorted(set(values) - (set(vars(parser.parse_args([]))) - _NOT_IN_FILES))
    if unknown:
        raise UserError(f"{path}: there is no setting {unknown[0]!r} for a file; take it out")
    found = words(values, str(path))
    chosen = parser.parse_args(found)
    try:
        require_valid(chosen)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    return found


def words(values: Mapping[str, Any], where: str) -> list[str]:
    """Settings by name as words of the command line. Raises UserError for a value that is no text, number or truth."""
    found = []
    for name, value in values.items():
        option = name.replace("_", "-")
        if value is False:
            found.append(f"--no-{option}")
        elif isinstance(value, (str, int, float)) and value is not True:
            found.append(f"--{option}={value}")
        elif value is not True or name != "flip":
            raise UserError(f"{where}: {name} is {json.dumps(value)}; give what the option --{option} takes")
    return found


def print_people(people: People) -> None:
    """A line a person, for the user to choose by."""
    for record in people.meta["people"]:
        whole = f"whole in {record['complete']:.0%} of these, " if "complete" in record else ""
        tall = f"{record['height_px']} px tall, " if "height_px" in record else ""
        print(
            f"person{record['person']}: frames {record['first']} to {record['last']}, "
            f"seen in {record['coverage']:.0%}, {whole}{tall}score {record['score']:.2f}"
        )


_DONE = {
    "swaps": "left and right put right in {} frames",
    "outliers": "{} keypoints that jumped away taken out",
    "gaps": "{} keypoints in short gaps interpolated",
    "rate": "{} frames put between",
}
"""What each step of the repair did, in words."""


def report(motion: Motion) -> None:
    """Says on stderr what was mended in a motion's 2D, and what is to be looked at."""
    person = f"person{motion.meta['person']}"
    done = [_DONE[step].format(count) for step, count in motion.meta["repairs"].items() if count]
    if done:
        print(f"{person}: {', '.join(done)}", file=sys.stderr)
    if turns := motion.meta["camera"]["turns_deg"]:
        print(f"{person}: the camera turns by up to {turns:.1f} degrees, which is taken out", file=sys.stderr)
    for notice in warnings.notices(motion.meta):
        advice = f". {notice.advice}" if notice.advice else ""
        print(f"{person}: {notice.text}{advice}", file=sys.stderr)
