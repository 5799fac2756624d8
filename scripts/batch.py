"""Videos or motion files to FBX, BVH and .blend without a window.

    blender -b --python scripts/batch.py -- VIDEO... --output-dir DIR --format fbx --format bvh
    python scripts/batch.py VIDEO... --output-dir DIR        (where the module bpy is installed)

Several people of a video share one .blend, in which they stand where they were relative to each other; other formats
hold one person each. Motion files CLIP.person1.npz, CLIP.person2.npz that are given together are people of one video.

One line of JSON a result goes to stdout, everything else to stderr. (Blender itself greets on stdout before
any script runs; results are the lines that begin with a brace.) Exit status: 0 all done, 1 some failed, 2 bad
usage. Run again, it makes only what is missing, older than its input, or was made with other settings.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bpy

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from blender_addon import export  # noqa: E402
from blender_addon.engine.client import EngineClient, Event  # noqa: E402
from blender_addon.engine.locate import EngineNotFoundError, find_engine  # noqa: E402
from blender_addon.retarget import apply, bone_map, camera, character, recognise  # noqa: E402
from blender_addon.retarget.motion_file import MotionFile, MotionFileError, load  # noqa: E402
from blender_addon.retarget.transfer import RigError  # noqa: E402

FORMATS = ("fbx", "bvh", "blend")
ANALYSE_OPTIONS = ("detector", "start", "end")
CAPTURE_OPTIONS = ("person", "lifter", "tds", "height", "fov")

Result = dict[str, Any]
Report = Callable[[str], None]


class ClipError(Exception):
    """One input failed; the message is one line."""


def arguments(argv: list[str]) -> argparse.Namespace:
    """The options. Exits with status 2 on bad usage."""
    parser = argparse.ArgumentParser(
        prog="batch.py", description="Videos or motion files to animated armatures: FBX, BVH, .blend."
    )
    parser.add_argument("inputs", nargs="+", type=Path, metavar="VIDEO", help="a video, or a motion file (.npz)")
    parser.add_argument("--output-dir", required=True, type=Path, metavar="DIR", help="where the results go")
    parser.add_argument(
        "--format", action="append", choices=FORMATS, dest="formats", help="may be repeated; fbx where not given"
    )
    parser.add_argument("--detector", help="how people are found in the picture")
    parser.add_argument("--start", type=float, metavar="S", help="from this second of the video")
    parser.add_argument("--end", type=float, metavar="S", help="up to this second of the video")
    parser.add_argument("--person", type=_person, default="largest", help="largest (default), all, or numbers: 1,3")
    parser.add_argument("--lifter", help="how 2D becomes 3D")
    parser.add_argument("--tds", type=_tds, default="auto", help="stride of the lifter's window in frames, or auto")
    parser.add_argument("--height", type=float, metavar="M", help="the person's height in metres")
    parser.add_argument("--fov", type=float, metavar="DEG", help="of the camera, across the picture's longer side")
    parser.add_argument(
        "--armature", type=_armature, metavar="FILE.blend:OBJECT", help="your own rig, instead of a new armature"
    )
    parser.add_argument(
        "--preset", metavar="NAME", help="the rig's kind or its bone map (.json); recognised where not given"
    )
    options = parser.parse_args(argv)
    if options.preset and not options.armature:
        parser.error("--preset tells what kind of rig --armature is; give that too")
    try:
        options.bone_map = bone_map.preset(options.preset) if options.preset else None
    except bone_map.BoneMapError as error:
        parser.error(str(error))
    options.formats = list(dict.fromkeys(options.formats or ["fbx"]))
    twins = {path.stem for path in options.inputs if sum(other.stem == path.stem for other in options.inputs) > 1}
    if twins:
        parser.error(f"several inputs are named {', '.join(sorted(twins))}: their results would overwrite each other")
    return options


def _person(text: str) -> str:
    if not re.fullmatch(r"largest|all|[1-9]\d*(,[1-9]\d*)*", text):
        raise argparse.ArgumentTypeError(f"{text}: give largest, all, or numbers such as 1,3")
    return text


def _tds(text: str) -> int | None:
    """None where the engine chooses."""
    if text == "auto":
        return None
    if not re.fullmatch(r"[1-9]\d*", text):
        raise argparse.ArgumentTypeError(f"{text}: give auto or a whole number from 1")
    return int(text)


def _armature(text: str) -> tuple[Path, str]:
    """The file and the object in it."""
    file, found, name = text.rpartition(".blend:")
    path = Path(f"{file}.blend")
    if not found or not name:
        raise argparse.ArgumentTypeError(f"{text}: give FILE.blend:OBJECT, the file and the armature object in it")
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"{path}: no such file; give FILE.blend:OBJECT")
    return path, name


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
    settings = {name: getattr(options, name) for name in (*ANALYSE_OPTIONS, *CAPTURE_OPTIONS)}
    settings = {name: value for name, value in settings.items() if value is not None}
    record_path = options.output_dir / f"{video.stem}.batch.json"
    record = _read_record(record_path)
    if record.get("settings") == settings and record.get("video") == str(video.resolve()):
        motions = [{**motion, "path": options.output_dir / motion["file"]} for motion in record["motions"]]
        if motions and all(_newer(motion["path"], video) for motion in motions):
            return motions

    _require_folder(options.output_dir)
    with tempfile.TemporaryDirectory() as temporary:
        people = str(Path(temporary) / "people.npz")
        chosen = {name: settings[name] for name in ANALYSE_OPTIONS if name in settings}
        engine.ask("analyse", {"video": str(video.resolve()), "output": people, **chosen}, report)
        chosen = {name: settings[name] for name in CAPTURE_OPTIONS if name in settings}
        output = str(options.output_dir.resolve() / f"{video.stem}.npz")
        found = engine.ask("capture", {"people": people, "output": output, **chosen}, report)["motions"]
    motions = [
        {"person": item["person"], "file": Path(item["path"]).name, "warnings": item.get("warnings", [])}
        for item in found
    ]
    with export.replacing(record_path) as path:
        path.write_text(
            json.dumps({"settings": settings, "video": str(video.resolve()), "motions": motions}), encoding="utf-8"
        )
    return [{**motion, "path": options.output_dir / motion["file"]} for motion in motions]


def _require_folder(folder: Path) -> None:
    """Makes the folder. Raises ClipError if nothing could be written there: asked before the work, not after it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise ClipError(f"cannot write into {folder}: {error.strerror or error}; choose another folder") from error


def _read_record(path: Path) -> dict[str, Any]:
    """What an earlier run noted; nothing if there was none or it cannot be read."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return record if all(isinstance(motion["file"], str) for motion in record["motions"]) else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _newer(result: Path, source: Path) -> bool:
    return result.is_file() and result.stat().st_mtime >= source.stat().st_mtime


def write_scene(
    motions: list[MotionFile], video: Path | None, outputs: dict[str, Path], options: argparse.Namespace
) -> None:
    """A scene with the characters, the light and the video's camera, written in the wanted formats; fbx and bvh hold
    the first character alone.

    They are new ones, or the rig of ``--armature`` in its own file. Raises ClipError and RigError.
    """
    if options.armature:
        path, name = options.armature
        targets = {0: _rig(path, name, options.bone_map)}
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


def _rig(path: Path, name: str, chosen: bone_map.BoneMap | None) -> character.Target:
    """Opens the file and finds the rig in it, with its bone map. Raises ClipError."""
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
    found = recognise.fit(chosen, names) if chosen else character.recognised(item)
    if found is None:
        what = f"has no bones of {chosen.name}" if chosen else "is no rig that is recognised"
        raise ClipError(f"{path}: {name} {what}; save its bone map with the panel and give it as --preset MAP.json")
    return character.Target(item, found, character.Options())


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


def process(sources: list[Path], options: argparse.Namespace, engine: Engine) -> Iterator[Result]:
    """The results of a video, or of the motion files of one, a person each; failures are results too."""
    started = time.monotonic()

    def report(text: str) -> None:
        print(f"{sources[0].name}: {text}", file=sys.stderr, flush=True)

    result: Result = {"input": str(sources[0]), "person": None, "outputs": [], "frames": 0, "seconds": 0.0}
    result |= {"warnings": [], "error": None, "skipped": False}

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
    for record in records:
        path: Path = record["path"]
        facts: Result = {"person": record.get("person"), "warnings": record.get("warnings", [])}
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
            rig = (
                f"{options.armature[0].resolve()}:{options.armature[1]} {options.preset or ''}"
                if options.armature
                else None
            )
            same = _noted_rig(note) == (rig.strip() if rig else None)
            missing = {
                kind: output
                for kind, output in outputs.items()
                if not same or not all(_newer(output, source) for source in needed[kind])
            }
            if missing:
                report(f"writing {', '.join(output.name for output in missing.values())}")
                _require_folder(options.output_dir)
                beside = [load(other["path"]) for other in records if other is not record]
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
    """Works off the inputs one after the other. Returns the exit status."""
    options = arguments(argv)
    engine = Engine()
    failed = False
    try:
        for sources in together(options.inputs):
            for result in process(sources, options, engine):
                failed = failed or result["error"] is not None
                emit(result)
    finally:
        engine.stop()
    return 1 if failed else 0


def _run() -> int:
    # Blender and its exporters print to stdout as they like, some of it not through Python. Results get a
    # private copy of it, and everybody else's stdout becomes stderr.
    results = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr

    def emit(result: Result) -> None:
        print(json.dumps(result), file=results, flush=True)

    words = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:]
    try:
        return main(words, emit)
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
