"""The add-on inside Blender, without a window: enabling it, its operators, and what they leave in the scene."""

from __future__ import annotations

from pathlib import Path

from blenders import ROOT, fake_python, run

ENABLE = f"""
sys.path.insert(0, {str(ROOT)!r})
import bpy, addon_utils
assert addon_utils.enable("blender_addon", default_set=True), "not enabled"
settings = bpy.context.scene.video_to_mocap
def complaint(operator, **options):
    try:
        operator(**options)
    except RuntimeError as error:
        return str(error)
    raise AssertionError("no complaint")
"""


def test_twenty_times_without_a_trace(blender: str, tmp_path: Path) -> None:
    """Types, handlers, threads and Python's objects are as many as before, and nobody complains."""
    printed = run(
        blender,
        tmp_path,
        ENABLE
        + """
import gc, threading
def objects():
    gc.collect()
    return len(gc.get_objects())
def state():
    names = [name for name in dir(bpy.types) if name.lower().startswith("video_to_mocap")]
    handlers = sum(len(value) for value in bpy.app.handlers if isinstance(value, list))
    return names, handlers, threading.active_count(), hasattr(bpy.types.Scene, "video_to_mocap")
on = state()
assert len(on[0]) >= 10 and on[3], on
addon_utils.disable("blender_addon")
off = state()
assert not off[0] and not off[3], off
for round in range(20):
    addon_utils.enable("blender_addon")
    assert state() == on
    addon_utils.disable("blender_addon")
    assert state() == off
    if round == 4:  # what is made once is there
        before = objects()
grown = (objects() - before) / 15
print("objects more a round:", grown)
assert grown < 5, grown
""",
    )
    assert "warning" not in printed.lower(), printed


def test_enabling_imports_nothing_heavy(blender: str, tmp_path: Path) -> None:
    """How long it takes is measured by `make bench`; this is what keeps it short."""
    run(
        blender,
        tmp_path,
        f"""
sys.path.insert(0, {str(ROOT)!r})
import bpy
before = set(sys.modules)
import blender_addon
blender_addon.register()
heavy = {{name.partition(".")[0] for name in set(sys.modules) - before}} & {{
    "numpy", "torch", "cv2", "scipy", "asyncio", "urllib", "http", "ssl", "ctypes", "multiprocessing", "zipfile",
    "subprocess"}}
assert not heavy, heavy
blender_addon.unregister()
""",
    )


def test_progress_redraws_the_sidebars_alone_and_sparingly(blender: str, tmp_path: Path) -> None:
    run(
        blender,
        tmp_path,
        ENABLE
        + """
from types import SimpleNamespace as Made
from blender_addon.features.common import redraw
drawn, now = [], [100.0]
def area(kind, *regions):
    return Made(type=kind, regions=[Made(type=r, tag_redraw=lambda r=r: drawn.append((kind, r))) for r in regions])
window = Made(screen=Made(areas=[area("VIEW_3D", "HEADER", "UI", "WINDOW"), area("PREFERENCES", "WINDOW")]))
redraw.bpy = Made(context=Made(window_manager=Made(windows=[window, window])))
redraw.time = Made(monotonic=lambda: now[0])
sidebars = redraw.Sparingly(("VIEW_3D", "UI"))
def shown(what, after, **how):
    now[0] += after
    drawn.clear()
    sidebars.show(what, **how)
    return list(drawn)
both = [("VIEW_3D", "UI")] * 2
assert shown("1 %", 0.0) == both
assert shown("1 %", 10.0) == [], "nothing has changed"
assert shown("2 %", 0.1) == both
assert shown("3 %", 0.1) == [] and shown("4 %", 0.1) == [], "too soon"
assert shown("4 %", 0.1) == both
assert shown("the end", 0.01, at_once=True) == both
""",
    )


def test_every_property_and_operator_explains_itself(blender: str, tmp_path: Path) -> None:
    run(
        blender,
        tmp_path,
        ENABLE
        + """
from blender_addon import features
groups = [c for c in features.classes() if issubclass(c, (bpy.types.PropertyGroup, bpy.types.AddonPreferences))]
for cls in groups:
    for name in cls.bl_rna.properties.keys():
        if name in ("rna_type", "name", "bl_idname"):
            continue
        item = cls.bl_rna.properties[name]
        assert item.name and len(item.description) > 10 or item.is_hidden, (cls, name)
        assert not item.description.endswith("."), (cls, name)
for name in dir(bpy.ops.video_to_mocap):
    kind = getattr(bpy.ops.video_to_mocap, name).get_rna_type()
    assert len(kind.description) > 20 and not kind.description.endswith("."), name
assert set(dir(bpy.ops.video_to_mocap)) >= {"analyse", "capture", "cancel", "export"}
""",
    )


def test_preferences_name_the_engine(blender: str, tmp_path: Path) -> None:
    run(
        blender,
        tmp_path,
        ENABLE
        + """
preferences = bpy.context.preferences.addons["blender_addon"].preferences
preferences.engine_python = "/nowhere/python"
settings.video = __file__
said = complaint(bpy.ops.video_to_mocap.analyse)
assert "engine's Python" in said and "/nowhere/python" in said, said
assert settings.failed and "/nowhere/python" in settings.status
""",
    )


def test_what_is_missing_is_said(blender: str, tmp_path: Path) -> None:
    run(
        blender,
        tmp_path,
        ENABLE
        + """
operators = bpy.ops.video_to_mocap
assert "Choose a video" in complaint(operators.analyse)
settings.video = "/nowhere/Ü.mp4"
assert "File not found: /nowhere/Ü.mp4" in complaint(operators.analyse)
settings.video, settings.start, settings.end = __file__, 3.0, 2.0
assert "ends before it starts" in complaint(operators.analyse)
assert not operators.capture.poll() and not operators.cancel.poll() and not operators.export.poll()
""",
        VIDEO_TO_MOCAP_PYTHON=str(fake_python(tmp_path)),
    )


def test_from_the_video_to_the_files(blender: str, tmp_path: Path, video: Path) -> None:
    """Analyse, choose, capture, capture again, export; with an engine that makes people up."""
    run(
        blender,
        tmp_path,
        ENABLE
        + f"""
settings.video = {str(video)!r}
operators = bpy.ops.video_to_mocap
assert operators.analyse() == {{"FINISHED"}}
assert [(p.name, p.use, round(p.coverage, 2)) for p in settings.persons] == [
    ("Person 1", True, 1.0), ("Person 2", False, 0.5)]
assert settings.status.startswith("2 people") and not settings.failed

settings.persons[1].use = True
settings.tds = 3
mine = bpy.data.objects.new("mine", None)
bpy.context.scene.collection.objects.link(mine)
assert operators.capture() == {{"FINISHED"}}
def armatures():
    return sorted(item.name for item in bpy.data.objects if item.type == "ARMATURE")
def keys(name):
    action = bpy.data.objects[name].animation_data.action
    return action.frame_range[:]
assert armatures() == ["A clip Ü.person1", "A clip Ü.person2"], armatures()
assert settings.status.count("30 frames") == 2, settings.status
assert keys(armatures()[0]) == (1.0, 30.0)
assert bpy.context.scene.frame_end == 30 and bpy.context.scene.render.fps == 30
assert bpy.context.active_object.name == armatures()[0]
def markers():
    return sorted((marker.name, marker.frame) for marker in bpy.context.scene.timeline_markers)
doubts = [("Look: A clip Ü.person1", 21), ("Look: A clip Ü.person2", 21)]
assert markers() == doubts, markers()
counts = lambda: [len(getattr(bpy.data, kind)) for kind in ("objects", "armatures", "meshes", "actions")]
before = counts()

# Again: in place of the last ones, where they were put, with all that refers to them; also out of Pose mode.
first = bpy.data.objects[armatures()[0]]
bpy.ops.object.mode_set(mode="POSE")
first.location = (1, 2, 3)
mine.parent = first
limit = mine.constraints.new("COPY_LOCATION"); limit.target = first; limit.subtarget = "Head"
assert operators.capture() == {{"FINISHED"}}
assert counts() == before and armatures() == ["A clip Ü.person1", "A clip Ü.person2"]
first = bpy.data.objects[armatures()[0]]
assert bpy.context.mode == "OBJECT" and bpy.context.active_object == first
assert tuple(first.location) == (1, 2, 3)
assert mine.parent == first and limit.target == first
assert sorted(a.name for a in bpy.data.actions) == armatures(), [a.name for a in bpy.data.actions]
assert markers() == doubts, markers()

# What the animator renamed, copied or made is left alone; what they edit is kept.
bpy.data.objects["A clip Ü.person2"].name = "Keep me"
own = bpy.data.actions.new("my own")
first.animation_data.action = own
copy = first.copy(); bpy.context.scene.collection.objects.link(copy)
copied = copy.name
cube = bpy.data.objects["Cube"]
bpy.context.view_layer.objects.active = cube
bpy.ops.object.mode_set(mode="EDIT")
bpy.ops.mesh.select_all(action="SELECT")
bpy.ops.mesh.subdivide()
assert operators.capture() == {{"FINISHED"}}
assert bpy.context.mode == cube.mode == "OBJECT" and len(cube.data.vertices) == 26
assert bpy.context.active_object.name == "A clip Ü.person1"
assert armatures() == sorted(["A clip Ü.person1", "A clip Ü.person2", "Keep me", copied]), armatures()
assert own.use_fake_user and copy.animation_data.action == own
assert keys("A clip Ü.person1") == (1.0, 30.0)

bpy.context.view_layer.objects.active = bpy.data.objects["A clip Ü.person1"]
for kind in ("FBX", "BVH"):
    path = Path({str(tmp_path)!r}) / f"out.{{kind.lower()}}"
    assert operators.export(filepath=str(path), format=kind) == {{"FINISHED"}}
    assert path.stat().st_size > 1000

# Undo takes the marks of low confidence back, too.
bpy.context.scene.timeline_markers.clear()
bpy.ops.ed.undo_push(message="no marks")
bpy.ops.video_to_mocap.capture()
bpy.ops.ed.undo_push(message="captured")
assert markers() == doubts, markers()
bpy.ops.ed.undo()
assert markers() == [], markers()
""",
        VIDEO_TO_MOCAP_PYTHON=str(fake_python(tmp_path)),
    )


def test_lifters_are_offered(blender: str, tmp_path: Path) -> None:
    run(
        blender,
        tmp_path,
        ENABLE
        + f"""
from blender_addon import session
from blender_addon.engine import report
sys.path.insert(0, {str(Path(__file__).parent)!r})
from fake_engine import REPORT
offered = lambda: [report.names(session.current().report, kind) for kind in ("lifters", "sources")]
assert offered() == [(), ()]
session.current().learn(REPORT)
assert offered() == [("ours", "a paper's"), ("detector", "another")]
settings.lifter = "one that nobody knows"
assert settings.lifter == "one that nobody knows", "the engine says what it knows"
""",
    )


def test_nothing_is_detected_twice(blender: str, tmp_path: Path, video: Path) -> None:
    run(
        blender,
        tmp_path,
        ENABLE
        + f"""
settings.video = {str(video)!r}
bpy.ops.video_to_mocap.analyse()
file = Path(settings.people)
made = file.stat().st_mtime_ns
settings.video = settings.video
assert not settings.persons and not settings.people, "people of another video must go"
bpy.ops.video_to_mocap.analyse()
assert len(settings.persons) == 2 and settings.people == str(file) and file.stat().st_mtime_ns == made
for name, value in (("end", 0.5), ("max_people", 5), ("detector", "another")):
    setattr(settings, name, value)
    assert not settings.persons, name
    bpy.ops.video_to_mocap.analyse()
    assert Path(settings.people) != file
Path(settings.people).unlink()
assert "Analyse again" in complaint(bpy.ops.video_to_mocap.capture)
Path(settings.people).parent.rmdir()
bpy.ops.video_to_mocap.analyse()
settings.persons[0].use = False
assert "Tick at least one" in complaint(bpy.ops.video_to_mocap.capture)
""",
        VIDEO_TO_MOCAP_PYTHON=str(fake_python(tmp_path)),
    )


def test_people_are_split_and_merged(blender: str, tmp_path: Path, video: Path) -> None:
    run(
        blender,
        tmp_path,
        ENABLE
        + f"""
settings.video = {str(video)!r}
operators = bpy.ops.video_to_mocap
assert not operators.split_person.poll() and not operators.merge_persons.poll()
operators.analyse()
first = settings.people
assert operators.match_scene() == {{"FINISHED"}}
scene = bpy.context.scene
assert (scene.render.fps, scene.frame_start, scene.frame_end) == (30, 1, 30)
settings.active_person, scene.frame_current = 1, 3
assert "Person 2 is visible from 0.5 s to 1.0 s" in complaint(operators.split_person)
scene.frame_current = 20
assert operators.split_person() == {{"FINISHED"}}
assert len(settings.persons) == 3 and settings.people != first
assert len({{tuple(person.colour) for person in settings.persons}}) == 3
assert "Tick the two" in complaint(operators.merge_persons)
settings.persons[2].use = True
assert operators.merge_persons() == {{"FINISHED"}} and len(settings.persons) == 1
""",
        VIDEO_TO_MOCAP_PYTHON=str(fake_python(tmp_path)),
    )


def test_the_range_comes_from_the_timeline(blender: str, tmp_path: Path) -> None:
    run(
        blender,
        tmp_path,
        ENABLE
        + """
scene, set_range = bpy.context.scene, bpy.ops.video_to_mocap.set_range
scene.render.fps, scene.frame_start, scene.frame_end, scene.frame_current = 25, 26, 100, 51
set_range()
assert (settings.start, settings.end) == (1.0, 4.0), (settings.start, settings.end)
set_range(part="START")
assert settings.start == 2.0
scene.frame_current = 75
set_range(part="END")
assert settings.end == 3.0
scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, 1, 50
set_range()
assert (settings.start, settings.end) == (0.0, 2.0)
assert not bpy.ops.video_to_mocap.video_camera.poll() and not bpy.ops.video_to_mocap.match_scene.poll()
bpy.ops.video_to_mocap.open_video(filepath="/a/b.mp4")
assert settings.video == "/a/b.mp4"
""",
    )


def test_a_report_tells_no_folders(blender: str, tmp_path: Path, video: Path) -> None:
    run(
        blender,
        tmp_path,
        ENABLE
        + f"""
settings.video, settings.use_fov, settings.fov = {str(video)!r}, True, 1.0471976
bpy.ops.video_to_mocap.analyse()
bpy.ops.video_to_mocap.capture()
settings.video = "/home/anna/secret/x.mp4"
complaint(bpy.ops.video_to_mocap.analyse)
from blender_addon.features.report import ops as report
written = report.written(bpy.context.scene)
print(written)
for part in ("engine 0.0.0", bpy.app.version_string, "Capture done", "File not found: x.mp4", '"fov": 60.0'):
    assert part in written, part
for part in ("secret", "anna", {str(tmp_path)!r}):
    assert part not in written, part
""",
        VIDEO_TO_MOCAP_PYTHON=str(fake_python(tmp_path)),
    )


def test_presets_keep_the_settings(blender: str, tmp_path: Path) -> None:
    run(
        blender,
        tmp_path,
        ENABLE
        + """
settings.height, settings.tds, settings.repair, settings.lifter = 1.9, 3, {"gaps"}, "one's"
settings.feet, settings.use_tilt, settings.tilt, settings.motion = "ground", True, 0.5, {"fit", "filter"}
assert bpy.ops.video_to_mocap.add_preset(name="tall one") == {"FINISHED"}
settings.height, settings.tds, settings.repair, settings.lifter = 1.5, 0, set(), ""
settings.feet, settings.use_tilt, settings.tilt, settings.motion = "auto", False, 0, set()
[path] = Path(bpy.utils.user_resource("SCRIPTS"), "presets", "video_to_mocap", "capture").glob("*.py")
bpy.ops.script.execute_preset(filepath=str(path), menu_idname="VIDEO_TO_MOCAP_MT_presets")
assert (round(settings.height, 3), settings.tds, settings.repair, settings.lifter) == (1.9, 3, {"gaps"}, "one's")
assert (settings.feet, settings.use_tilt, settings.tilt, settings.motion) == ("ground", True, 0.5, {"fit", "filter"})
""",
    )


def test_settings_go_to_a_file_and_come_back(blender: str, tmp_path: Path) -> None:
    run(
        blender,
        tmp_path,
        ENABLE
        + f"""
import json
folder = Path({str(tmp_path)!r})
operators = bpy.ops.video_to_mocap
settings.height, settings.tds, settings.repair, settings.detector = 1.9, 3, {{"gaps"}}, "heavy one"
settings.feet, settings.use_roll, settings.roll, settings.tilt = "never", True, -0.0698132, 0.3
assert operators.export_settings(filepath=str(folder / "mine")) == {{"FINISHED"}}
data = json.loads((folder / "mine.json").read_text())
assert (data["format"], data["version"]) == ("video-to-mocap settings", 1)
assert data["settings"].items() >= dict(
    height=1.9, tds=3, repair="gaps", motion="all", feet="never", roll=-4, camera="auto", flip=True,
    device="auto", detector="heavy one", max_people=4).items(), data
assert not {{"tilt", "fov", "lifter", "checkpoint"}} & set(data["settings"]), data
for name in ("height", "tds", "repair", "feet", "use_roll", "roll", "detector"):
    settings.property_unset(name)
settings.fov, settings.use_fov, settings.use_tilt = 1.5, True, True
assert operators.import_settings(filepath=str(folder / "mine.json")) == {{"FINISHED"}}
assert (round(settings.height, 3), settings.tds, settings.repair) == (1.9, 3, {{"gaps"}}), settings.repair
assert (settings.feet, settings.use_roll, round(settings.roll, 4)) == ("never", True, -0.0698)
assert not settings.use_tilt and settings.detector == "heavy one" and not settings.use_fov

# What a file does not name is as in a new scene; what the panel has no place for is told.
(folder / "short.json").write_text(json.dumps({{**data, "settings": {{"fov": 45, "start": 2, "repair": "all"}}}}))
assert operators.import_settings(filepath=str(folder / "short.json")) == {{"FINISHED"}}
assert (round(settings.height, 2), settings.tds, round(settings.fov, 4), len(settings.repair)) == (1.7, 0, 0.7854, 4)
assert settings.use_fov
(folder / "bad.json").write_text(json.dumps({{**data, "settings": {{"fov": 400}}}}))
said = complaint(operators.import_settings, filepath=str(folder / "bad.json"))
assert "fov is 400; give a number (degrees) from 5 to 170" in said, said
assert round(settings.fov, 4) == 0.7854
assert "mine.json" in complaint(operators.export_settings, filepath=str(folder / "mine.json" / "a.json"))
""",
        VIDEO_TO_MOCAP_PYTHON=str(fake_python(tmp_path)),
    )


def test_clips_in_line_and_one_of_them_broken(blender: str, tmp_path: Path) -> None:
    run(
        blender,
        tmp_path,
        ENABLE
        + f"""
folder = {str(tmp_path)!r}
names = ["a.mp4", "text.mp4", "crash.mp4", "b.mp4"]
for name in names:
    (Path(folder) / name).write_text("x")
for _ in range(2):
    bpy.ops.video_to_mocap.add_clips(directory=folder, files=[{{"name": name}} for name in names])
assert [clip.name for clip in settings.clips] == names
settings.start, settings.end = 3.0, 2.0  # the part of another video
try:
    bpy.ops.video_to_mocap.run_clips()
except RuntimeError as error:
    print(error)
assert [clip.state for clip in settings.clips] == ["DONE", "FAILED", "FAILED", "DONE"]
assert "not a video" in settings.clips[1].message and "exit status 3" in settings.clips[2].message
assert sorted(item.name for item in bpy.data.objects if item.type == "ARMATURE") == ["a", "b"]
assert bpy.context.scene.render.fps == 24
settings.active_clip = 3
bpy.ops.video_to_mocap.remove_clip()
assert len(settings.clips) == 3 and settings.active_clip == 2
""",
        VIDEO_TO_MOCAP_PYTHON=str(fake_python(tmp_path)),
    )


def test_a_failed_job_never_breaks_the_next(blender: str, tmp_path: Path, video: Path) -> None:
    run(
        blender,
        tmp_path,
        ENABLE
        + f"""
folder = Path({str(tmp_path)!r})
for name in ("text.mp4", "crash.mp4"):
    (folder / name).write_text("x")
settings.video = str(folder / "text.mp4")
assert "not a video" in complaint(bpy.ops.video_to_mocap.analyse)
from blender_addon.features.install import condition
assert condition.condition(bpy.context)[0] == "ready", "a bad video is no fault of the engine"
settings.video = str(folder / "crash.mp4")
assert "exit status 3" in complaint(bpy.ops.video_to_mocap.analyse)
settings.video = {str(video)!r}
assert bpy.ops.video_to_mocap.analyse() == {{"FINISHED"}}
""",
        VIDEO_TO_MOCAP_PYTHON=str(fake_python(tmp_path)),
    )


WINDOW = """
import time
from blender_addon import session
from blender_addon.features.common import host
class Window(host.BlenderHost):
    \"\"\"As where there is a window: nobody waits, and a timer, which these tests turn themselves.\"\"\"
    waits = False
    def keep_ticking(self):
        pass
jobs = session.current()
jobs.host = Window()
def work(until):
    deadline = time.monotonic() + 30
    while not until():
        jobs.tick()
        assert time.monotonic() < deadline, jobs.log
        time.sleep(0.01)
    jobs.tick()
def idle():
    return not jobs.busy
def now():
    return bpy.context.scene.video_to_mocap
def home():
    bpy.ops.wm.read_homefile(use_factory_startup=True)
def armatures():
    return sorted(item.name for item in bpy.data.objects if item.type == "ARMATURE")
"""


def test_the_queue_survives_another_file(blender: str, tmp_path: Path) -> None:
    """The clips are worked off whatever file is open; what came of them arrives in the file that they belong to."""
    run(
        blender,
        tmp_path,
        ENABLE
        + WINDOW
        + f"""
folder = Path({str(tmp_path)!r})
names = ["a.mp4", "text.mp4", "crash.mp4", "b.mp4"]
for name in names:
    (folder / name).write_text("x")
bpy.ops.video_to_mocap.add_clips(directory=str(folder), files=[{{"name": name}} for name in names])
bpy.ops.wm.save_as_mainfile(filepath=str(folder / "mine.blend"))
assert bpy.ops.video_to_mocap.run_clips() == {{"FINISHED"}} and jobs.busy and jobs.waiting == 3
home()
assert jobs.busy and jobs.waiting == 3
work(idle)
assert not armatures() and not now().status and not len(now().clips), (armatures(), now().status)
assert any("waits until mine.blend" in line for line in jobs.log), jobs.log
assert any("started again" in line for line in jobs.log), jobs.log
bpy.ops.wm.open_mainfile(filepath=str(folder / "mine.blend"))
work(lambda: all(clip.state in ("DONE", "FAILED") for clip in now().clips))
assert [clip.state for clip in now().clips] == ["DONE", "FAILED", "FAILED", "DONE"]
assert armatures() == ["a", "b"], armatures()
assert not jobs.kept and not jobs.waiting and idle()

# Saved in the middle of the work: what did not end waits.
now().clips[3].state = "RUNNING"
bpy.ops.wm.save_mainfile()
bpy.ops.wm.open_mainfile(filepath=str(folder / "mine.blend"))
assert now().clips[3].state == "WAITING"
""",
        VIDEO_TO_MOCAP_PYTHON=str(fake_python(tmp_path)),
    )


def test_a_job_belongs_to_its_file(blender: str, tmp_path: Path, video: Path) -> None:
    run(
        blender,
        tmp_path,
        ENABLE
        + WINDOW
        + f"""
video, file = {str(video)!r}, {str(tmp_path / "mine.blend")!r}
# Never saved: there is no file to come back to, but nothing is searched twice.
now().video = video
bpy.ops.video_to_mocap.analyse()
home()
work(idle)
assert not now().persons and not now().status and not jobs.kept
# Saved meanwhile: it is that file's.
now().video = video
bpy.ops.video_to_mocap.analyse()
bpy.ops.wm.save_as_mainfile(filepath=file)
home()
work(idle)
assert not now().persons and jobs.kept == 1
bpy.ops.wm.open_mainfile(filepath=file)
assert not now().persons
jobs.tick()
assert len(now().persons) == 2 and not jobs.kept
# Opened again as it was: with another video in it, the people of this one have no place.
bpy.ops.video_to_mocap.analyse()
now().video = file
bpy.ops.wm.save_mainfile()
bpy.ops.wm.open_mainfile(filepath=file)
work(idle)
assert not now().persons and "was analysed. Choose it again" in now().status, now().status
# A handler that fails, and one that fails at the end, break nothing.
def broken(*_):
    raise ZeroDivisionError("broken")
import contextlib, io
from blender_addon.features.common import starting
for handler, ended in ((broken, None), (lambda *_: None, broken)):
    with contextlib.redirect_stderr(io.StringIO()) as printed:
        starting.begin(bpy.context, "Break", "echo", {{}}, handler, ended)
        starting.begin(bpy.context, "Next", "echo", {{}}, lambda context, _: context.scene.video_to_mocap.say("next"))
        work(idle)
        work(idle)
    assert "ZeroDivisionError" in printed.getvalue() and now().status == "next", now().status
""",
        VIDEO_TO_MOCAP_PYTHON=str(fake_python(tmp_path)),
    )


def test_another_language_changes_nothing(blender: str, tmp_path: Path, video: Path) -> None:
    """With new data named in Japanese, where this Blender speaks it; the wheels speak English alone."""
    run(
        blender,
        tmp_path,
        ENABLE
        + f"""
view = bpy.context.preferences.view
if "ja_JP" in bpy.app.translations.locales:
    view.language = "ja_JP"
    view.use_translate_interface = view.use_translate_tooltips = view.use_translate_new_dataname = True
    lamp = bpy.data.materials.new("x")
    lamp.use_nodes = True
    assert "Principled BSDF" not in lamp.node_tree.nodes, "new data has names in English"
settings.video = {str(video)!r}
for operator in (bpy.ops.video_to_mocap.analyse, bpy.ops.video_to_mocap.capture):
    assert operator() == {{"FINISHED"}}
person = bpy.context.active_object
assert person.name == "A clip Ü" and settings.persons[0].name == "Person 1"
assert "hips" in person.pose.bones and person.animation_data.action.frame_range[:] == (1.0, 30.0)
from blender_addon.maths import mannequin
for look in mannequin.MATERIALS:
    nodes = bpy.data.materials[look.name].node_tree.nodes
    shader = next(node for node in nodes if node.type == "BSDF_PRINCIPLED")
    colour = shader.inputs["Base Color"].default_value[:3]
    assert all(abs(a - b) < 1e-6 for a, b in zip(colour, look.colour)), (look.name, tuple(colour))
path = Path({str(tmp_path)!r}) / "out.fbx"
assert bpy.ops.video_to_mocap.export(filepath=str(path), format="FBX") == {{"FINISHED"}}
""",
        VIDEO_TO_MOCAP_PYTHON=str(fake_python(tmp_path)),
    )


def test_a_job_belongs_to_its_scene(blender: str, tmp_path: Path, video: Path) -> None:
    """Where another scene is looked at by the time, the result waits for its own."""
    run(
        blender,
        tmp_path,
        ENABLE
        + WINDOW
        + f"""
first, other = bpy.context.scene, bpy.data.scenes.new("Other")
(window,) = bpy.context.window_manager.windows
now().video = {str(video)!r}
for operator in (bpy.ops.video_to_mocap.analyse, bpy.ops.video_to_mocap.capture):
    assert operator() == {{"FINISHED"}}
    window.scene = other
    work(idle)
    assert jobs.kept == 1 and jobs.tick() == session.INTERVAL
    assert not other.video_to_mocap.persons and not armatures()
    window.scene = first
    while jobs.tick() is not None:
        pass
    assert not jobs.kept
    assert len(first.video_to_mocap.persons) == 2
(person,) = armatures()
assert bpy.data.objects[person].users_scene == (first,)
assert len(first.timeline_markers) == 1 and not other.timeline_markers
# A scene that is gone has no place for a result, and hinders nobody.
bpy.ops.video_to_mocap.analyse()
window.scene = other
bpy.data.scenes.remove(first)
work(idle)
assert any("was removed" in line for line in jobs.log) and not jobs.kept and not other.video_to_mocap.persons
""",
        VIDEO_TO_MOCAP_PYTHON=str(fake_python(tmp_path)),
    )


def test_panels_draw_with_what_this_blender_has(blender: str, tmp_path: Path, video: Path) -> None:
    """Without a window nothing is drawn; so the panels draw onto a layout that checks every call's name and words."""
    run(
        blender,
        tmp_path,
        ENABLE
        + f"""
from types import SimpleNamespace
from blender_addon import features, session
from blender_addon.features.common import preferences
from blender_addon.features.install import panel as install
from blender_addon.features.people import panel as people
jobs = session.current()
drawn = []
class Layout:
    def __getattr__(self, name):
        function = bpy.types.UILayout.bl_rna.functions[name] if name in bpy.types.UILayout.bl_rna.functions else None
        if function is None:
            raise AttributeError(name)
        def call(*values, **words):
            unknown = set(words) - set(function.parameters.keys())
            assert not unknown, (name, unknown)
            drawn.append((name, values, words.get("text")))
            return Layout() if name in ("row", "column", "box") else SimpleNamespace()
        return call
def draw():
    drawn.clear()
    context = SimpleNamespace(
        scene=bpy.context.scene, region=SimpleNamespace(width=225), active_object=bpy.context.active_object,
        preferences=SimpleNamespace(addons=bpy.context.preferences.addons, system=SimpleNamespace(ui_scale=1.0)))
    for cls in (c for c in features.classes() if issubclass(c, bpy.types.Panel)):
        cls.draw(SimpleNamespace(layout=Layout()), context)
    chosen = preferences.of(bpy.context)
    for chosen.advanced in (False, True):
        install.draw_preferences(Layout(), context, chosen)
    for person in settings.persons:
        people.VIDEO_TO_MOCAP_UL_persons.line(None, Layout(), person)
    return " ".join(str(text) for _, _, text in drawn if text), [values[0] for name, values, _ in drawn if values]
words, names = draw()
assert "Choose a video" in words and "video_to_mocap.analyse" in names and "Select the armature to export" in words
settings.video = {str(video)!r}
bpy.ops.video_to_mocap.analyse()
words, names = draw()
assert "2 people" in words and "50 %" in words and "640 x 480 30 fps, 1.0 s" in words
assert "video_to_mocap.capture" in names
jobs.runner.start(preferences.engine_command(bpy.context), "steps", {{"steps": 4, "pause": 0.2}})
job = jobs.runner.job
while not job.done:
    jobs.runner.tick()
words, names = draw()
assert "Detecting people" in words and "video_to_mocap.cancel" in names, (words, names)
assert "video_to_mocap.analyse" not in names
assert settings.progress == 25.0
jobs.runner.stop()
os.environ["VIDEO_TO_MOCAP_PYTHON"] = "/nowhere"
settings.say("")
words, names = draw()
assert "does not exist" in words and "preferences.addon_show" in names
""",
        VIDEO_TO_MOCAP_PYTHON=str(fake_python(tmp_path)),
    )


def test_a_rig_takes_the_motion(blender: str, tmp_path: Path, video: Path) -> None:
    """Choose a rig, look at its map, save and load it, capture, capture again; beside a person with a new armature."""
    run(
        blender,
        tmp_path,
        ENABLE
        + f"""
folder, tests = Path({str(tmp_path)!r}), {str(Path(__file__).parent)!r}
sys.path.insert(0, tests)
import made_rigs
from mathutils import Vector
from blender_addon.maths import bone_map
from blender_addon.features.character import props as ui
made = made_rigs.make(bone_map.preset("mixamo"), 3)
hero = bpy.data.objects.new("hero", bpy.data.armatures.new("hero"))
bpy.context.scene.collection.objects.link(hero)
bpy.context.view_layer.objects.active = hero
bpy.ops.object.mode_set(mode="EDIT")
for bone in made.bones:
    edit = hero.data.edit_bones.new(bone.name)
    edit.head, edit.tail = bone.head, bone.tail
    edit.parent = hero.data.edit_bones[bone.parent] if bone.parent else None
bpy.ops.object.mode_set(mode="OBJECT")
blocked = hero.pose.bones["LeftHand"].constraints.new("LIMIT_ROTATION")

settings.video = {str(video)!r}
operators = bpy.ops.video_to_mocap
operators.analyse()
assert not operators.recognise_rig.poll() and not operators.save_bone_map.poll()
settings.persons[1].use = True
settings.persons[0].armature = hero
rig = ui.rig_of(bpy.context.scene, hero)
assert rig.map_name == "Mixamo" and rig.bone_map().one("shin.L") == "LeftLeg"
assert rig.complaint == "", rig.complaint

file = str(folder / "mine.json")
assert operators.save_bone_map(filepath=file) == {{"FINISHED"}}
item = next(item for item in rig.bones if item.slot == "shin.L")
item.bone = "nothing"
assert "no bone nothing" in rig.complaint and "no bone nothing" in complaint(operators.capture)
item.bone = ""
assert "Needed: Shin L" in rig.complaint and "shin.L" in complaint(operators.capture)
item.bone = "LeftUpLeg"
assert "in it twice" in rig.complaint and "in it twice" in complaint(operators.capture)
Path(folder / "bad.json").write_text("[]")
assert "not a bone map" in complaint(operators.load_bone_map, filepath=str(folder / "bad.json"))
assert operators.load_bone_map(filepath=file) == {{"FINISHED"}}
assert rig.bone_map() == bone_map.preset("mixamo")
assert "no bones of Rigify" in complaint(operators.apply_bone_map, preset="rigify")
assert operators.apply_bone_map(preset="motionbuilder") == {{"FINISHED"}}
assert rig.map_name.startswith("MotionBuilder") and "Not in" not in rig.complaint
assert operators.recognise_rig() == {{"FINISHED"}} and rig.map_name == "Mixamo"

own = bpy.data.actions.new("own")
hero.animation_data_create().action = own
settings.persons[1].armature = hero
assert "rig of two people" in complaint(operators.capture)
settings.persons[1].armature = None
assert operators.capture() == {{"FINISHED"}}, settings.status
first = hero.animation_data.action
assert first != own and own.use_fake_user and first.frame_range[:] == (1.0, 30.0)
assert bpy.context.active_object == hero and blocked.mute
armatures = sorted(item.name for item in bpy.data.objects if item.type == "ARMATURE")
assert armatures == ["A clip Ü.person2", "hero"], armatures
counts = lambda: [len(getattr(bpy.data, kind)) for kind in ("objects", "armatures", "meshes", "actions")]
before = counts()
assert operators.capture() == {{"FINISHED"}}
assert counts() == before and hero.animation_data.action == first
markers = sorted((marker.name, marker.frame) for marker in bpy.context.scene.timeline_markers)
assert markers == [("Look: A clip Ü.person2", 21), ("Look: hero", 21)], markers
assert json.loads(rig.muted) == [["LeftHand", blocked.name]]
assert operators.restore_constraints() == {{"FINISHED"}} and not blocked.mute and not rig.muted
first.name = "Mine now"
assert operators.capture() == {{"FINISHED"}}
assert hero.animation_data.action != first and first.use_fake_user

# Analysed anew, the rig stays; it is in the file.
operators.analyse()
assert settings.persons[0].armature == hero
bpy.ops.wm.save_as_mainfile(filepath=str(folder / "file.blend"))
bpy.ops.wm.open_mainfile(filepath=str(folder / "file.blend"))
settings = bpy.context.scene.video_to_mocap
hero = bpy.data.objects["hero"]
assert settings.persons[0].armature == hero and ui.rig_of(bpy.context.scene, hero).map_name == "Mixamo"
""".replace("import made_rigs\n", "import json, made_rigs\n"),
        VIDEO_TO_MOCAP_PYTHON=str(fake_python(tmp_path)),
    )
