"""Videos or motion files to FBX, BVH and .blend without a window.

    blender -b --python scripts/batch.py -- VIDEO... --output-dir DIR --format fbx --format bvh
    python scripts/batch.py VIDEO... --output-dir DIR        (where the module bpy is installed)

A folder stands for its videos, a pattern (takes/*.npz) for what fits it. With ``--jobs N`` N processes share the clips.

Several people of a video share one .blend, in which they stand where they were relative to each other; other formats
hold one person each. Motion files CLIP.person1.npz, CLIP.person2.npz that are given together are people of one video.

One line of JSON a result goes to stdout; a line a clip and a table at the end go to stderr, all else to DIR/logs.
(Blender itself greets on stdout before any script runs; results are the lines that begin with a brace.) Exit status: 0
all done, 1 some failed, 2 bad usage. Run again, it makes only what is missing, older than its input, or was made with
other settings.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import bpy

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from blender_addon import settings_file  # noqa: E402
from blender_addon.blend import armature as apply
from blender_addon.blend import camera, character, export
from blender_addon.contract import warnings  # noqa: E402
from blender_addon.engine.client import EngineClient, Event  # noqa: E402
from blender_addon.engine.locate import EngineNotFoundError, find_engine  # noqa: E402
from blender_addon.maths import bone_map, recognise  # noqa: E402
from blender_addon.maths.motion_file import MotionFile, MotionFileError, load  # noqa: E402
from blender_addon.maths.rig import RigError  # noqa: E402

# The batch's own modules need neither torch nor anything else that Blender's Python lacks.
from pose3d_engine.contract.batch import pool, record, tasks, worker  # noqa: E402
from pose3d_engine.contract.batch.summary import Summary  # noqa: E402
from pose3d_engine.contract.batch.tasks import Result, Task  # noqa: E402
from pose3d_engine.contract.errors import UserError  # noqa: E402

FORMATS = ("fbx", "bvh", "blend")
WORKER = "--worker"
"""The only argument of a process that does one clip after the other for another one."""

Report = Callable[[str], None]


class ClipError(Exception):
    """One input failed; the message is one line."""


def arguments(argv: list[str]) -> argparse.Namespace:
    """The options. Exits with status 2 on bad usage."""
    parser = argparse.ArgumentParser(
        prog="batch.py", description="Videos or motion files to animated armatures: FBX, BVH, .blend."
    )
    parser.add_argument(
        "inputs", nargs="+", metavar="VIDEO", help="videos, folders of them, patterns; also motion files (.npz)"
    )
    parser.add_argument("--output-dir", required=True, type=Path, metavar="DIR", help="where the results go")
    parser.add_argument(
        "--format", action="append", choices=FORMATS, dest="formats", help="may be repeated; fbx where not given"
    )
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="clips that are worked on at once")
    parser.add_argument(
        "--settings",
        metavar="FILE.json",
        help="settings exported from the panel; options beside it win: see docs/batch.md",
    )
    group = parser.add_argument_group("settings")
    for setting in settings_file.SETTINGS:
        option = setting.name.replace("_", "-")
        if setting.kind is bool:
            group.add_argument(
                f"--no-{option}", dest=setting.name, action="store_const", const=False, help=setting.description
            )
        else:
            group.add_argument(
                f"--{option}",
                type=partial(_option, setting),
                metavar=setting.metavar or "|".join(setting.choices),
                help=setting.description,
            )
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
    options = parser.parse_args(argv)
    options.rig = character.Options(not options.no_foot_lock, math.radians(options.arm_space), options.ik_limbs)
    if _about_rig(options) and not options.armature:
        parser.error(f"{_about_rig(options)[0]} is about the rig of --armature; give that too")
    try:
        options.bone_map = bone_map.preset(options.preset) if options.preset else None
    except bone_map.BoneMapError as error:
        parser.error(str(error))
    options.formats = list(dict.fromkeys(options.formats or ["fbx"]))
    given = {setting.name: getattr(options, setting.name) for setting in settings_file.SETTINGS}
    given = {name: value for name, value in given.items() if value is not None}
    try:
        kept = settings_file.load(options.settings) if options.settings else {}
        # Who says otherwise beside the file means it.
        instead = {setting.unless: setting.name for setting in settings_file.SETTINGS if setting.unless in kept}
        kept = {name: value for name, value in kept.items() if instead.get(name) not in given}
        options.values = {**kept, **given}
        clash = settings_file.conflict(options.values)
        if clash:
            parser.error(clash)
        options.inputs = tasks.expand(options.inputs)
        tasks.require_distinct(options.inputs)
        tasks.require_one_each(options.inputs, options.values.get("keypoints"))
    except (settings_file.SettingsFileError, UserError) as error:
        parser.error(str(error))
    if options.jobs < 1:
        parser.error(f"jobs is {options.jobs}; give a number from 1")
    return options


def _about_rig(options: argparse.Namespace) -> list[str]:
    """What is said about the rig."""
    found = [f"--preset={options.preset}"] if options.preset else []
    found += [f"--arm-space={options.arm_space}"] if options.arm_space else []
    return found + [f"--{name}" for name in ("no-foot-lock", "ik-limbs") if getattr(options, name.replace("-", "_"))]


def words(options: argparse.Namespace, inputs: list[Path]) -> tuple[str, ...]:
    """The command line for some of the inputs."""
    found = [f"--output-dir={options.output_dir}", *(f"--format={kind}" for kind in options.formats)]
    if options.armature:
        found += [f"--armature={options.armature[0]}:{options.armature[1]}", *_about_rig(options)]
    for name, value in options.values.items():
        option = name.replace("_", "-")
        found.append(f"--no-{option}" if value is False else f"--{option}={value}")
    return (*found, "--", *map(str, inputs))


def _option(setting: settings_file.Setting, text: str) -> Any:
    """A setting's value as it is written on the command line; None for what the engine chooses."""
    try:
        return None if setting.name == "tds" and text == "auto" else setting.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


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
    if not 0 <= value <= 85:
        raise argparse.ArgumentTypeError(f"{text}: give degrees from 0 to 85")
    return value


class Engine:
    """The engine's process, started when the first video needs it."""

    def __init__(self) -> None:
        self._client: EngineClient | None = None

    def ask(self, method: str, params: dict[str, Any], report: Report) -> dict[str, Any]:
        """The result of one request. Raises ClipError with the engine's own message."""
        try:
            if self._client is None:
                self._client = EngineClient(find_engine())
            self._client.start()
        except EngineNotFoundError as error:
            raise ClipError(str(error)) from error

        last = 0.0

        def progress(event: Event) -> None:
            nonlocal last
            if time.monotonic() - last > 1.0:
                last = time.monotonic()
                total = event.get("total")
                report(f"{event.get('stage', method)} {event.get('done', '')}{f'/{total}' if total else ''}")

        event = self._client.wait(self._client.request(method, params), on_event=progress)
        if event["type"] != "result":
            raise ClipError(event.get("message", "the engine failed"))
        return event["result"]

    def stop(self) -> None:
        """Ends the process if there is one."""
        if self._client is not None:
            self._client.stop()


def capture(video: Path, options: argparse.Namespace, engine: Engine, report: Report) -> list[dict[str, Any]]:
    """The motion files of a video in the output folder: a record each, with person, path and warnings.

    Captures only if they are missing, older than the video, or made with other settings. Raises ClipError.
    """
    if not video.is_file():
        raise ClipError(f"{video}: no such file; give the path of a video or of a motion file")
    # As the command line of the engine notes them, so that either goes on where the other was. It has another working
    # folder.
    paths = {
        name: str(Path(options.values[name]).absolute())
        for name in ("keypoints", "checkpoint")
        if name in options.values
    }
    settings = {name: value for name, value in options.values.items() if (name, value) != ("person", "largest")} | paths
    beside = {name: tasks.of_clip(path, video) if name == "keypoints" else path for name, path in paths.items()}
    sources = [Path(path) for path in beside.values() if Path(path).exists()]
    motions = record.finished(options.output_dir, video, settings, sources)
    if motions:
        return motions

    _require_folder(options.output_dir)
    with tempfile.TemporaryDirectory() as temporary:
        people = str(Path(temporary) / "people.npz")
        chosen = settings_file.for_step({**settings, **beside}, "analyse")
        engine.ask("analyse", {"video": str(video.resolve()), "output": people, **chosen}, report)
        chosen = settings_file.for_step(settings, "capture")
        output = str(options.output_dir.resolve() / f"{video.stem}.npz")
        found = engine.ask("capture", {"people": people, "output": output, **chosen}, report)["motions"]
    motions = [
        {
            "person": item["person"],
            "file": Path(item["path"]).name,
            "frames": item["frames"],
            "warnings": warnings.texts(item),
        }
        for item in found
    ]
    record.note(options.output_dir, video, settings, motions)
    return [{**motion, "path": options.output_dir / motion["file"]} for motion in motions]


def _require_folder(folder: Path) -> None:
    """Makes the folder. Raises ClipError if nothing could be written there: asked before the work, not after it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise ClipError(f"cannot write into {folder}: {error.strerror or error}; choose another folder") from error


def write_scene(
    motions: list[MotionFile], video: Path | None, outputs: dict[str, Path], options: argparse.Namespace
) -> None:
    """A scene with the characters, the light and the video's camera, written in the wanted formats; fbx and bvh hold
    the first character alone.

    They are new ones, or the rig of ``--armature`` in its own file. Raises ClipError and RigError.
    """
    if options.armature:
        targets = {0: _rig(options)}
    else:
        bpy.ops.wm.read_factory_settings(use_empty=True)
        targets = {}
    context = bpy.context
    (armature, *_) = apply.capture_to_scene(context, [motion.path for motion in motions], True, targets)
    for kind, path in outputs.items():
        if kind == "fbx":
            export.export_fbx(context, armature, path)
        elif kind == "bvh":
            export.export_bvh(context, armature, path)
        else:
            camera.look_through(context, camera.create_camera(context, motions[0], "Video camera"), motions[0], video)
            camera.add_sun(context)
            export.save_blend(path)


def _rig(options: argparse.Namespace) -> character.Target:
    """Opens the file of ``--armature`` and finds the rig in it, with its bone map. Raises ClipError."""
    path, name = options.armature
    try:
        bpy.ops.wm.open_mainfile(filepath=str(path.resolve()), load_ui=False, use_scripts=False)
    except RuntimeError as error:
        raise ClipError(f"{path} cannot be opened: {' '.join(str(error).split())}") from error
    armatures = [item.name for item in bpy.context.scene.objects if item.type == "ARMATURE"]
    if name not in armatures:
        there = ", ".join(armatures) or "none"
        raise ClipError(f"{path}: no armature {name} in its scene; there are: {there}")
    item = bpy.data.objects[name]
    names = [bone.name for bone in item.data.bones]
    chosen: bone_map.BoneMap | None = options.bone_map
    found = recognise.fit(chosen, names) if chosen else character.recognised(item)
    if found is None:
        what = f"has no bones of {chosen.name}" if chosen else "is no rig that is recognised"
        raise ClipError(f"{path}: {name} {what}; save its bone map with the panel and give it as --preset MAP.json")
    return character.Target(item, found, options.rig)


def _noted_rig(note: Path) -> str | None:
    """For which rig the results beside ``note`` were made; None for new armatures."""
    try:
        return note.read_text(encoding="utf-8").strip() or None
    except (OSError, ValueError):
        return None


def together(inputs: list[Path]) -> list[list[Path]]:
    """The inputs in their order, motion files of several people of one video as one."""
    groups: dict[Path, list[Path]] = {}
    for path in inputs:
        name = re.fullmatch(r"(.+)\.person[1-9]\d*", path.stem) if _is_motion(path) else None
        groups.setdefault(path.with_name(name[1]) if name else path, []).append(path)
    return list(groups.values())


def _is_motion(path: Path) -> bool:
    return path.suffix.lower() == ".npz"


def process(
    sources: list[Path], options: argparse.Namespace, engine: Engine, report: Report = lambda text: None
) -> Iterator[Result]:
    """The results of a video, or of the motion files of one, a person each; failures are results too."""
    started = time.monotonic()
    result = tasks.result(sources[0])

    def finished(**facts: Any) -> Result:
        nonlocal started
        now = time.monotonic()
        seconds, started = round(now - started, 2), now
        return {**result, **facts, "seconds": seconds}

    records: list[dict[str, Any]]
    video = None if _is_motion(sources[0]) else sources[0]
    try:
        records = [{"path": path} for path in sources] if video is None else capture(video, options, engine, report)
    except (ClipError, export.ExportError) as error:
        yield finished(error=str(error))
        return
    for known in records:
        path: Path = known["path"]
        facts: Result = {"person": known.get("person"), "warnings": known.get("warnings", [])}
        if video is None:
            facts["input"] = str(path)
        try:
            motion = load(path)
            facts |= {"person": motion.meta.get("person"), "frames": len(motion)}
            outputs = {kind: options.output_dir / f"{path.stem}.{kind}" for kind in options.formats}
            needed = {kind: [path, *([options.armature[0]] if options.armature else [])] for kind in outputs}
            # One rig has room for one person, a scene for all.
            shared = len(records) > 1 and not options.armature and "blend" in outputs
            if shared:
                outputs["blend"] = options.output_dir / f"{path.stem.rpartition('.person')[0]}.blend"
                needed["blend"] = [other["path"] for other in records]
            # Results do not tell by themselves whose body they show.
            note = options.output_dir / f"{path.stem}.rig.txt"
            rig = None
            if options.armature:
                rig = " ".join([f"{options.armature[0].resolve()}:{options.armature[1]}", *_about_rig(options)])
            same = _noted_rig(note) == rig
            missing = {
                kind: output
                for kind, output in outputs.items()
                if not same or not all(record.newer(output, source) for source in needed[kind])
            }
            if missing:
                report(f"writing {', '.join(output.name for output in missing.values())}")
                _require_folder(options.output_dir)
                beside = [load(other["path"]) for other in records if other is not known]
                write_scene([motion, *(beside if shared and "blend" in missing else [])], video, missing, options)
                if rig:
                    note.write_text(f"{rig}\n", encoding="utf-8")
                else:
                    note.unlink(missing_ok=True)
            written = list(outputs.values()) if video is None else [path, *outputs.values()]
            yield finished(**facts, outputs=[str(output) for output in written], skipped=not missing)
        except (MotionFileError, RigError, ClipError, export.ExportError) as error:
            yield finished(**facts, error=str(error))


def main(argv: list[str], emit: Callable[[Result], None]) -> int:
    """Works off the inputs. Returns the exit status."""
    options = arguments(argv)
    groups = together(options.inputs)
    todo = [
        Task(str(group[0]), words(options, group), str(tasks.log_file(options.output_dir, group[0])))
        for group in groups
    ]
    summary = Summary(len(options.inputs))
    for result in pool.results(todo, _worker(), options.jobs) if options.jobs > 1 else _here(todo):
        emit(result)
        summary.add(result)
    print(summary.table(), file=sys.stderr, flush=True)
    return 1 if summary.failed else 0


def _worker() -> list[str]:
    """The command of a process like this one that takes its clips from us."""
    if not bpy.app.binary_path:
        return [sys.executable, str(Path(__file__).resolve()), WORKER]
    said = sys.argv[1 : sys.argv.index("--")] if "--" in sys.argv else ["-b", "--python", str(Path(__file__).resolve())]
    return [bpy.app.binary_path, *said, "--", WORKER]


def _here(todo: list[Task]) -> Iterator[Result]:
    """The results of one clip after the other, in this process."""
    engine = Engine()

    def tell(task: Task, terminal: Any, text: str) -> None:
        print(f"{Path(task.source).name}: {text}", file=terminal, flush=True)

    try:
        for task in todo:
            yield from worker.done_logged(task, partial(_one, engine), partial(tell, task))
    finally:
        engine.stop()


def _one(engine: Engine, task: Task, report: Report) -> Iterator[Result]:
    """The results of one clip."""
    options = arguments(list(task.words))
    return process(options.inputs, options, engine, report)


def _run() -> int:
    if sys.argv[-1] == WORKER:
        worker.serve(partial(_one, Engine()))
    # Blender and its exporters print to stdout as they like, some of it not through Python. Results get a
    # private copy of it, and everybody else's stdout becomes stderr.
    results = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr

    def emit(result: Result) -> None:
        print(json.dumps(result), file=results, flush=True)

    given = sys.argv[sys.argv.index("--") + 1 :] if bpy.app.binary_path and "--" in sys.argv else sys.argv[1:]
    try:
        return main(given, emit)
    except SystemExit as leave:  # argparse
        return leave.code if isinstance(leave.code, int) else 2
    except KeyboardInterrupt:
        return 130
    except Exception:  # noqa: BLE001 - the last resort, as Python's own, but with our way out
        traceback.print_exc()
        return 1


if __name__ == "__main__":
    status = _run()
    sys.stderr.flush()
    # Blender's own way out loses the status, and crashes in some versions of the module. It would also have removed
    # the folder of temporary files; where none could be made, the name is that of the system's own.
    folder = Path(bpy.app.tempdir)
    if folder.name.startswith("blender_"):
        shutil.rmtree(folder, ignore_errors=True)
    os._exit(status)
