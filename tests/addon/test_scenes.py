"""Captures in scenes as animators have them: rigs of other files, hidden collections, modes, files opened again."""

from __future__ import annotations

from pathlib import Path

from blenders import fake_python, run
from test_register import ENABLE

SCENE = f"""
import json
sys.path.insert(0, {str(Path(__file__).parent)!r})
import made_rigs
from blender_addon.maths import bone_map
operators, scene = bpy.ops.video_to_mocap, bpy.context.scene
def now():
    return bpy.context.scene.video_to_mocap
def rig(name, collection):
    made = made_rigs.make(bone_map.preset("mixamo"), 3)
    hero = bpy.data.objects.new(name, bpy.data.armatures.new(name))
    scene.collection.objects.link(hero)
    bpy.context.view_layer.objects.active = hero
    bpy.ops.object.mode_set(mode="EDIT")
    for bone in made.bones:
        edit = hero.data.edit_bones.new(bone.name)
        edit.head, edit.tail = bone.head, bone.tail
        edit.parent = hero.data.edit_bones[bone.parent] if bone.parent else None
    bpy.ops.object.mode_set(mode="OBJECT")
    if collection != scene.collection:
        collection.objects.link(hero)
        scene.collection.objects.unlink(hero)
    return hero
def collection(name):
    made = bpy.data.collections.new(name)
    bpy.context.scene.collection.children.link(made)
    return made
def layer(name):
    return bpy.context.view_layer.layer_collection.children[name]
def keys(item):
    return item.animation_data.action.frame_range[:]
def turned(item, bone):
    # How far a bone is turned at the last frame, in radians: the motion bends forwards.
    bpy.context.scene.frame_set(30)
    graph = bpy.context.evaluated_depsgraph_get()
    posed, rest = item.evaluated_get(graph).pose.bones[bone], item.data.bones[bone]
    return (rest.matrix_local.inverted() @ posed.matrix).to_quaternion().angle
"""


def play(blender: str, tmp_path: Path, video: Path, script: str) -> None:
    start = f"settings.video = {str(video)!r}\nfolder = Path({str(tmp_path)!r})\n"
    printed = run(blender, tmp_path, ENABLE + SCENE + start + script, VIDEO_TO_MOCAP_PYTHON=str(fake_python(tmp_path)))
    assert "ERROR (" not in printed, "Blender complains of what was done to its data"


def test_a_rig_of_another_file(blender: str, tmp_path: Path, video: Path) -> None:
    """Linked it is refused in words; its override takes the motion, also after the file was opened again."""
    play(
        blender,
        tmp_path,
        video,
        """
rig("hero", scene.collection)
library, file = str(folder / "library.blend"), str(folder / "mine.blend")
bpy.ops.wm.save_as_mainfile(filepath=library)
bpy.ops.wm.read_homefile(use_factory_startup=True)
with bpy.data.libraries.load(library, link=True) as (_, there):
    there.objects = ["hero"]
(linked,) = there.objects
bpy.context.scene.collection.objects.link(linked)
now().video = settings_video
operators.analyse()
now().persons[0].armature = linked
said = complaint(operators.capture)
assert "hero is linked from another file" in said and "Make" in said, said
assert linked.animation_data is None
override = linked.override_hierarchy_create(bpy.context.scene, bpy.context.view_layer)
override = next(item for item in bpy.data.objects if item.override_library and item.type == "ARMATURE")
now().persons[0].armature = override
assert operators.capture() == {"FINISHED"}, now().status
assert keys(override) == (1.0, 30.0) and turned(override, "Hips") is not None
bent = turned(override, "Spine")
assert bent > 0.1, bent
bpy.ops.wm.save_as_mainfile(filepath=file)
bpy.ops.wm.open_mainfile(filepath=file)
override = next(item for item in bpy.data.objects if item.override_library and item.type == "ARMATURE")
assert now().persons[0].armature == override and abs(turned(override, "Spine") - bent) < 1e-5
first = override.animation_data.action
assert operators.capture() == {"FINISHED"}, now().status
assert override.animation_data.action == first and len(bpy.data.actions) == 1
""".replace("settings_video", repr(str(video))),
    )


def test_hidden_collections(blender: str, tmp_path: Path, video: Path) -> None:
    """What is captured into a hidden collection, and for a rig in one, is all there when it is shown."""
    play(
        blender,
        tmp_path,
        video,
        """
mine, rigs = collection("Mine"), collection("Rigs")
hero = rig("hero", rigs)
operators.analyse()
bpy.context.view_layer.active_layer_collection = layer("Mine")
assert operators.capture() == {"FINISHED"}, settings.status
person = bpy.context.active_object
def collections(item):
    return [collection.name for part in (item, *item.children) for collection in part.users_collection]
assert collections(person) == ["Mine"] * 2
# Captured again while the last result is hidden, in each way that there is.
hidden = layer("Mine")
def hide(how, value):
    if how == "disabled":
        mine.hide_viewport = value
    elif how == "hidden object":
        person.hide_viewport = value
    else:
        setattr(layer("Mine"), how, value)
for how in ("hide_viewport", "disabled", "exclude", "hidden object"):
    hide(how, True)
    assert operators.capture() == {"FINISHED"}, (how, settings.status)
    assert not settings.failed, (how, settings.status)
    people = [item for item in bpy.data.objects if item.type == "ARMATURE" and item != hero]
    (person,) = people
    assert keys(person) == (1.0, 30.0) and person.name == "A clip Ü", (how, person.name)
    assert collections(person) == ["Mine"] * 2, how
    hide(how, False)
# The rig's collection is hidden, or not in this view layer at all.
settings.persons[0].armature = hero
for how in ("hide_viewport", "exclude"):
    setattr(layer("Rigs"), how, True)
    assert operators.capture() == {"FINISHED"}, (how, settings.status)
    setattr(layer("Rigs"), how, False)
    assert keys(hero) == (1.0, 30.0) and turned(hero, "Spine") > 0.1, how
hero.hide_set(True)
assert operators.capture() == {"FINISHED"} and keys(hero) == (1.0, 30.0)
""",
    )


def test_whatever_mode_blender_is_in(blender: str, tmp_path: Path, video: Path) -> None:
    play(
        blender,
        tmp_path,
        video,
        """
hero = rig("hero", scene.collection)
operators.analyse()
settings.persons[0].armature = hero
cube = bpy.data.objects["Cube"]
for item, mode in ((hero, "OBJECT"), (hero, "POSE"), (hero, "EDIT"), (cube, "EDIT"), (cube, "SCULPT"),
                   (cube, "WEIGHT_PAINT"), (cube, "VERTEX_PAINT")):
    bpy.context.view_layer.objects.active = item
    bpy.ops.object.mode_set(mode=mode)
    assert operators.capture() == {"FINISHED"}, (mode, settings.status)
    assert bpy.context.mode == "OBJECT" and bpy.context.active_object == hero, mode
    assert keys(hero) == (1.0, 30.0) and turned(hero, "Spine") > 0.1, mode
bpy.context.view_layer.objects.active = None
assert operators.capture() == {"FINISHED"} and bpy.context.active_object == hero
""",
    )


def test_a_file_that_is_opened_again(blender: str, tmp_path: Path, video: Path) -> None:
    """Settings and results are in the .blend: what was captured before it was closed is replaced after."""
    play(
        blender,
        tmp_path,
        video,
        """
settings.height, settings.tds, settings.start, settings.feet = 1.9, 3, 0.25, "ground"
operators.analyse()
settings.persons[1].use, settings.persons[1].name = True, "Bea"
assert operators.capture() == {"FINISHED"}
result, status = settings.result, settings.status
bpy.ops.wm.save_as_mainfile(filepath=str(folder / "mine.blend"))
bpy.ops.wm.read_homefile(use_factory_startup=True)
assert not now().persons and not now().result and not now().video
bpy.ops.wm.open_mainfile(filepath=str(folder / "mine.blend"))
assert (round(now().height, 3), now().tds, now().start, now().feet) == (1.9, 3, 0.25, "ground")
assert [(person.name, person.use) for person in now().persons] == [("Person 1", True), ("Bea", True)]
assert now().facts_known() and (now().result, now().status) == (result, status)
counts = lambda: [len(getattr(bpy.data, kind)) for kind in ("objects", "armatures", "meshes", "actions")]
before = counts()
bpy.data.objects["A clip Ü.person1"].location = (1, 2, 3)
assert operators.capture() == {"FINISHED"}, now().status
assert counts() == before, (counts(), before)
assert tuple(bpy.data.objects["A clip Ü.person1"].location) == (1, 2, 3)
assert operators.match_scene() == {"FINISHED"} and operators.export(filepath=str(folder / "a.bvh"), format="BVH")
""",
    )
