"""The command line of the add-on: its options, and the command line for some of the inputs."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..blend import character
from ..contract import command_line
from ..contract.batch import tasks
from ..contract.errors import UserError
from ..contract.setting import Plain
from ..contract.settings import SceneSettings
from ..maths import bone_map

FORMATS = ("fbx", "bvh", "glb", "blend")
"""Formats by the endings of their files; binary glTF is .glb."""

_MOST_ARM_SPACE = 85.0
"""Degrees; an arm that is held out further points up."""


@dataclass(frozen=True)
class Rig:
    """The rig of ``--armature``.

    Attributes:
        file, name: The .blend file and the armature object in it.
        bone_map: Of ``--preset``; None where the rig is recognised.
        transfer: How the motion is transferred to it.
        words: The other options that change the result, as they were given.
    """

    file: Path
    name: str
    bone_map: bone_map.BoneMap | None
    transfer: character.Options
    words: tuple[str, ...]


@dataclass(frozen=True)
class Options:
    """A parsed command line.

    Attributes:
        inputs: Videos and motion files.
        output_dir: The folder of the results.
        formats: Of :data:`FORMATS`, each once.
        jobs: Clips that are worked on at once.
        settings: The engine's plain values that differ from the defaults, with absolute paths.
        scene: Where the motion lies on the timeline.
        rig: None where every person becomes a new armature.
    """

    inputs: list[Path]
    output_dir: Path
    formats: tuple[str, ...]
    jobs: int
    settings: dict[str, Plain]
    scene: SceneSettings
    rig: Rig | None


def parse(words: Sequence[str], program: str) -> Options:
    """The options of a command line.

    Args:
        words: The arguments.
        program: The name of the program in messages.

    Raises:
        SystemExit: The usage is bad (status 2, one line on stderr), or help was asked for.
    """
    parser = _parser(program)
    try:
        args = parser.parse_args(words)
        values = command_line.values(args)
        settings, scene = command_line.chosen(values), SceneSettings.of(values)
        inputs = tasks.expand(args.inputs)
        tasks.require_distinct(inputs)
        keypoints = values.get("keypoints")
        tasks.require_one_each(inputs, None if keypoints is None else str(keypoints))
        if args.jobs < 1:
            raise UserError(f"jobs is {args.jobs}; give a number from 1")
        rig = _rig(args)
    except (UserError, bone_map.BoneMapError) as error:
        parser.exit(2, f"{program}: {error}\n")
    formats = tuple(dict.fromkeys(args.formats or ["fbx"]))
    return Options(inputs, args.output_dir, formats, args.jobs, settings, scene, rig)


def words(options: Options, inputs: Sequence[Path]) -> tuple[str, ...]:
    """The command line for some of the inputs."""
    found = [f"--output-dir={options.output_dir}", *(f"--format={kind}" for kind in options.formats)]
    if options.rig:
        found += [f"--armature={options.rig.file}:{options.rig.name}", *options.rig.words]
    chosen = options.settings | options.scene.values()
    return (*found, *command_line.words(chosen), "--", *map(str, inputs))


def _parser(program: str) -> argparse.ArgumentParser:
    parser = command_line.Parser(
        prog=program, description="Videos or motion files to animated armatures: FBX, BVH, glTF, .blend."
    )
    parser.add_argument(
        "inputs", nargs="+", metavar="VIDEO", help="videos, folders of them, patterns; also motion files (.npz)"
    )
    parser.add_argument("--output-dir", required=True, type=Path, metavar="DIR", help="the folder of the results")
    parser.add_argument(
        "--format",
        action="append",
        type=_format,
        choices=FORMATS,
        dest="formats",
        help="may be repeated; fbx where not given; gltf is glb",
    )
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="clips that are worked on at once")
    command_line.add_settings_file(parser)
    command_line.add_settings(parser, "analyse")
    command_line.add_settings(parser, "capture")
    command_line.add_settings(parser, "scene")
    rig = parser.add_argument_group("your own rig")
    rig.add_argument(
        "--armature", type=_armature, metavar="FILE.blend:OBJECT", help="the rig, instead of a new armature"
    )
    rig.add_argument(
        "--preset", metavar="NAME", help="the rig's kind or its bone map (.json); recognised where not given"
    )
    rig.add_argument("--no-foot-lock", action="store_true", help="limbs point exactly as the person's, feet may slide")
    rig.add_argument("--arm-space", type=_angle, default=0.0, metavar="DEG", help="hold hanging arms further out")
    rig.add_argument("--ik-limbs", action="store_true", help="key Rigify's IK controls, too, and switch to them")
    return parser


def _rig(args: argparse.Namespace) -> Rig | None:
    """The rig of the parsed arguments. Raises UserError if there is none for the options about it."""
    about = [f"--preset={args.preset}"] if args.preset else []
    about += [f"--arm-space={args.arm_space}"] if args.arm_space else []
    about += ["--no-foot-lock"] if args.no_foot_lock else []
    about += ["--ik-limbs"] if args.ik_limbs else []
    if not args.armature:
        if about:
            raise UserError(f"{about[0]} is about the rig of --armature; give that too")
        return None
    chosen = bone_map.preset(args.preset) if args.preset else None
    transfer = character.Options(not args.no_foot_lock, math.radians(args.arm_space), args.ik_limbs)
    file, name = args.armature
    return Rig(file, name, chosen, transfer, tuple(about))


def _format(text: str) -> str:
    return "glb" if text == "gltf" else text


def _armature(text: str) -> tuple[Path, str]:
    """The file and the object in it."""
    file, found, name = text.rpartition(".blend:")
    path = Path(f"{file}.blend")
    if not found or not name:
        raise argparse.ArgumentTypeError(f"{text}: give FILE.blend:OBJECT, the file and the armature object in it")
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"{path}: no such file; give FILE.blend:OBJECT")
    return path, name


def _angle(text: str) -> float:
    """Degrees by which arms are held out."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= _MOST_ARM_SPACE:
        raise argparse.ArgumentTypeError(f"{text}: give degrees from 0 to {_MOST_ARM_SPACE:g}")
    return value
