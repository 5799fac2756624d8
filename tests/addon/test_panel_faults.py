"""The panel inside Blender: what is made from the settings table, and who keeps what when people are numbered anew."""

from __future__ import annotations

from pathlib import Path

from blenders import ROOT, fake_python, run

TABLE = f"""
sys.path.insert(0, {str(ROOT)!r})
import bpy, addon_utils, math
"""

ENABLE = """
assert addon_utils.enable("blender_addon", default_set=True), "not enabled"
settings = bpy.context.scene.video_to_mocap
operators = bpy.ops.video_to_mocap
from blender_addon import session
from blender_addon.features.common import requests, table
"""


def test_a_row_of_the_table_reaches_the_panel(blender: str, tmp_path: Path) -> None:
    run(
        blender,
        tmp_path,
        TABLE
        + """
import blender_addon
from blender_addon.contract import settings as contract
from blender_addon.contract.setting import Setting
blender_addon.__time__ = os.path.getmtime(blender_addon.__file__)  # else enabling imports it anew
row = Setting("waltz", "capture", "bool", False, "Waltz", "turn to the beat of a waltz", panel="estimation")
contract.SETTINGS = (*contract.SETTINGS, row)
contract.BY_NAME["waltz"] = row
"""
        + ENABLE
        + f"""
item = settings.bl_rna.properties["waltz"]
assert (item.name, item.description) == ("Waltz", "Turn to the beat of a waltz")
drawn = []
class Layout:
    active = True
    def prop(self, settings, name, **_):
        drawn.append(name)
    def label(self, **_):
        pass
    def column(self, **_):
        return self
    row = column
table.draw(Layout(), settings, "estimation")
assert {{"waltz", "flip", "checkpoint", "lifter", "repair"}} <= set(drawn), drawn
drawn.clear()
table.draw(Layout(), settings, "floor")
assert drawn == ["feet", "use_tilt", "tilt", "use_roll", "roll", "camera"], drawn
settings.waltz, folder = True, Path({str(tmp_path)!r})
assert requests.capture(settings, Path("a.mp4"), folder / "people.npz", [1])["waltz"] is True
assert operators.add_preset(name="round") == {{"FINISHED"}}
assert operators.export_settings(filepath=str(folder / "s.json")) == {{"FINISHED"}}
[preset] = Path(bpy.utils.user_resource("SCRIPTS"), "presets", "video_to_mocap", "capture").glob("*.py")
settings.waltz = False
bpy.ops.script.execute_preset(filepath=str(preset), menu_idname="VIDEO_TO_MOCAP_MT_presets")
assert settings.waltz
settings.waltz = False
assert operators.import_settings(filepath=str(folder / "s.json")) == {{"FINISHED"}} and settings.waltz
""",
    )


def test_properties_are_those_of_the_table(blender: str, tmp_path: Path) -> None:
    """B3, B4: a default is written once, and a value that nobody has set is not sent."""
    run(
        blender,
        tmp_path,
        TABLE
        + ENABLE
        + """
from blender_addon.contract import settings as contract
for row in table.shown():
    item = settings.bl_rna.properties[row.name]
    if item.type == "ENUM":
        assert [value.identifier for value in item.enum_items] == list(row.names), row.name
        assert [value.name for value in item.enum_items] == [choice.label for choice in row.choices], row.name
    elif item.type in ("FLOAT", "INT"):
        degrees = math.degrees if row.unit == "degrees" else float
        low = 1 if row.name == "tds" else round(degrees(item.hard_min), 3)
        assert (low, round(degrees(item.hard_max), 3)) == (row.low, row.high), row.name
        assert item.unit == {"degrees": "ROTATION", "m": "LENGTH"}.get(row.unit, "NONE"), (row.name, item.unit)
assert settings.max_people == contract.BY_NAME["max_people"].default
params = requests.analyse(settings, Path("a.mp4")) | table.values(settings, table.shown())
assert not {"fov", "tilt", "roll", "tds", "lifter", "detector", "checkpoint"} & set(params), params

assert operators.add_preset(name="as it is") == {"FINISHED"}
[preset] = Path(bpy.utils.user_resource("SCRIPTS"), "presets", "video_to_mocap", "capture").glob("*.py")
bpy.ops.script.execute_preset(filepath=str(preset), menu_idname="VIDEO_TO_MOCAP_MT_presets")
assert "fov" not in requests.kept(settings), "a preset has pinned the field of view"

settings.use_fov, settings.fov, settings.use_tilt, settings.tilt = True, math.radians(65), True, math.radians(-12.5)
settings.camera, settings.flip, settings.checkpoint, settings.lifter = "still", False, "/w.safetensors", "one's"
kept = requests.kept(settings)
assert (kept["fov"], kept["tilt"], kept["camera"], kept["flip"]) == (65.0, -12.5, "still", False), kept
assert (kept["checkpoint"], kept["lifter"]) == ("/w.safetensors", "one's"), kept
assert table.take(settings, {"motion": "none", "fov": 5, "person": "all"}) == ["person"]
assert settings.motion == set() and settings.use_fov and not settings.use_tilt and settings.flip
assert requests.kept(settings)["motion"] == "none" and requests.kept(settings)["fov"] == 5.0
""",
    )


def test_settings_of_the_first_version_are_converted(blender: str, tmp_path: Path) -> None:
    """There angles were numbers of degrees, and a field of view that was set at all was meant."""
    run(
        blender,
        tmp_path,
        TABLE
        + ENABLE
        + f"""
file = str(Path({str(tmp_path)!r}) / "old.blend")
def raw():
    new = hasattr(settings, "bl_system_properties_get")  # Blender 5.0
    return settings.bl_system_properties_get(do_create=True) if new else settings
raw()["fov"], raw()["tilt"], raw()["use_tilt"] = 65.0, 1.0, True
raw()["result"] = '[{{"person": 1}}]'
from blender_addon.features import settings as module
bpy.app.handlers.save_pre.remove(module._file_is_saved)
bpy.ops.wm.save_as_mainfile(filepath=file)
bpy.app.handlers.save_pre.append(module._file_is_saved)
for _ in range(2):
    bpy.ops.wm.open_mainfile(filepath=file)
    settings = bpy.context.scene.video_to_mocap
    kept = requests.kept(settings)
    assert (kept["fov"], kept["tilt"]) == (65.0, 1.0) and "roll" not in kept, kept
    assert settings.version == 2
    bpy.ops.wm.save_mainfile()
""",
    )


def test_people_keep_what_is_theirs(blender: str, tmp_path: Path, video: Path) -> None:
    """B2: a split makes the new person the largest; rig, tick, name and colour stay with the others."""
    run(
        blender,
        tmp_path,
        TABLE
        + ENABLE
        + f"""
settings.video = {str(video)!r}
operators.analyse()
hero = bpy.data.objects.new("hero", bpy.data.armatures.new("hero"))
bpy.context.scene.collection.objects.link(hero)
first, second = settings.persons
first.use, second.use, second.name, second.armature = False, True, "Anna", hero
colours = [tuple(person.colour) for person in settings.persons]
def state():
    return [(p.number, p.name, p.use, p.armature) for p in settings.persons]
settings.active_person, bpy.context.scene.frame_current = 1, 20
assert operators.split_person() == {{"FINISHED"}}
assert state() == [(2, "Person 2", False, None), (3, "Anna", True, hero), (1, "Person 1", False, None)], state()
assert [tuple(person.colour) for person in settings.persons][:2] == colours
assert len({{tuple(person.colour) for person in settings.persons}}) == 3
assert settings.chosen() == [3]

# Merged: one has what either had.
settings.persons[0].use = True
assert operators.merge_persons() == {{"FINISHED"}}
assert state() == [(1, "Anna", True, hero)], state()

# Another range: they are recognised; another video has other people.
settings.video = settings.video
operators.analyse()
settings.persons[1].name, settings.persons[1].armature = "Anna", hero
settings.end = 0.9
assert not settings.persons
settings.end = 0.8
operators.analyse()
assert state() == [(1, "Person 1", True, None), (2, "Anna", False, hero)], state()
settings.video = settings.video
operators.analyse()
assert state() == [(1, "Person 1", True, None), (2, "Person 2", False, None)], state()

# B11: an analysis that found nobody.
settings.persons.clear()
assert settings.people and not operators.split_person.poll() and not operators.merge_persons.poll()
""",
        VIDEO_TO_MOCAP_PYTHON=str(fake_python(tmp_path)),
    )


def test_clips_of_the_same_name_have_cameras_of_their_own(blender: str, tmp_path: Path) -> None:
    """B5: a video is known by its full path. B6: so is it where the motion went to the user's own rig."""
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
        (folder / "clip.mp4").write_bytes(b"any")
    run(
        blender,
        tmp_path,
        TABLE
        + ENABLE
        + f"""
sys.path.insert(0, {str(Path(__file__).parent)!r})
import made_rigs
from blender_addon.maths import bone_map
from blender_addon.features.video import camera
first, second = (Path(folder) / "clip.mp4" for folder in {[str(folder) for folder in folders]!r})
scene = bpy.context.scene
def analyse(video):
    settings.video = str(video)
    assert operators.analyse() == {{"FINISHED"}}
analyse(first)
assert operators.capture() == {{"FINISHED"}}
assert camera.last_motion(scene, first) is not None
assert camera.last_motion(scene, second) is None, "the camera of another clip"

made = made_rigs.make(bone_map.preset("mixamo"), 3)
hero = bpy.data.objects.new("hero", bpy.data.armatures.new("hero"))
scene.collection.objects.link(hero)
bpy.context.view_layer.objects.active = hero
bpy.ops.object.mode_set(mode="EDIT")
for bone in made.bones:
    edit = hero.data.edit_bones.new(bone.name)
    edit.head, edit.tail = bone.head, bone.tail
    edit.parent = hero.data.edit_bones[bone.parent] if bone.parent else None
bpy.ops.object.mode_set(mode="OBJECT")
analyse(second)
item = camera.camera.new(scene, "camera of the second")
item[camera.tags.CAMERA] = str(second)
settings.persons[0].armature = hero
assert operators.capture() == {{"FINISHED"}}, settings.status
assert tuple(round(value, 4) for value in item.matrix_world.translation) == (0, -4, 1), item.matrix_world
assert camera.last_motion(scene, second) is not None
hero.name = "renamed"
assert camera.last_motion(scene, second) is not None
""",
        VIDEO_TO_MOCAP_PYTHON=str(fake_python(tmp_path)),
    )


def test_what_there_is_to_choose_from_is_asked_for_again(blender: str, tmp_path: Path) -> None:
    """B7: after weights were fetched or added."""
    run(
        blender,
        tmp_path,
        TABLE
        + ENABLE
        + """
from blender_addon.engine import report
now, system = session.current(), bpy.context.preferences.system
if hasattr(system, "use_online_access"):
    system.use_online_access = True
fetch, add = (lambda: operators.fetch_weights(name="x")), (lambda: operators.add_weights(filepath="/x"))
for change in (fetch, add, operators.check):
    now.learn({"lifter": "old", "weights": [{"name": "old", "kind": "lifter", "present": True}]})
    assert change() == {"FINISHED"}
    assert report.names(now.report, "lifters") == ("ours", "a paper's"), now.report
assert now.condition.message == "The engine works."
""",
        VIDEO_TO_MOCAP_PYTHON=str(fake_python(tmp_path)),
    )
