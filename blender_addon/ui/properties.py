"""The settings of a scene, ``scene.video_to_mocap``: saved in the .blend with what was found in the video."""

from __future__ import annotations

from collections.abc import Iterable

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    FloatProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from ..engine.cache import Person
from . import character, jobs, text


def _forget_people(self: VIDEO_TO_MOCAP_PG_settings, context: bpy.types.Context) -> None:
    """What was found belongs to the video and range that were analysed."""
    self.persons.clear()
    self.people = ""
    self.say("")


def _progress(self: VIDEO_TO_MOCAP_PG_settings) -> float:
    return 100.0 * jobs.fraction()


def _lifters(self: VIDEO_TO_MOCAP_PG_settings, context: bpy.types.Context, typed: str) -> Iterable[str]:
    """What can be chosen; Blender shows those that fit what is typed, and takes any other name too."""
    return jobs.known_lifters()


def _is_armature(self: VIDEO_TO_MOCAP_PG_person, item: bpy.types.Object) -> bool:
    return item.type == "ARMATURE"


def _rig_chosen(self: VIDEO_TO_MOCAP_PG_person, context: bpy.types.Context) -> None:
    if self.armature is not None:
        character.learn(self.id_data, self.armature)


class VIDEO_TO_MOCAP_PG_person(bpy.types.PropertyGroup):
    """One of the people found; ``name`` is what the list shows and can search."""

    number: IntProperty(name="Number", description="Number of this person, the largest in the picture first")  # type: ignore[valid-type]
    use: BoolProperty(name="Capture", description="Capture this person")  # type: ignore[valid-type]
    first: FloatProperty(name="First Seen", description="Where in the video this person appears, in seconds")  # type: ignore[valid-type]
    last: FloatProperty(name="Last Seen", description="Where in the video this person is last seen, in seconds")  # type: ignore[valid-type]
    seen: FloatProperty(name="Seen", description="How many seconds this person is seen")  # type: ignore[valid-type]
    coverage: FloatProperty(  # type: ignore[valid-type]
        name="Coverage",
        description="In how much of the video this person is seen; the rest has to be guessed",
        subtype="FACTOR",
        min=0.0,
        max=1.0,
    )
    armature: PointerProperty(  # type: ignore[valid-type]
        name="Rig",
        description="Your own character, to which this person's motion is brought. Leave it empty for a new armature "
        "of the person's own proportions",
        type=bpy.types.Object,
        poll=_is_armature,
        update=_rig_chosen,
    )


class VIDEO_TO_MOCAP_PG_settings(bpy.types.PropertyGroup):
    video: StringProperty(  # type: ignore[valid-type]
        name="Video",
        description="The video of the person to capture. Best is a still camera that shows the whole body",
        subtype="FILE_PATH",
        update=_forget_people,
    )
    start: FloatProperty(  # type: ignore[valid-type]
        name="From (s)",
        description="Where in the video to start, in seconds",
        min=0.0,
        precision=2,
        step=10,
        update=_forget_people,
    )
    end: FloatProperty(  # type: ignore[valid-type]
        name="To (s)",
        description="Where in the video to stop, in seconds. 0 is the end of the video",
        min=0.0,
        precision=2,
        step=10,
        update=_forget_people,
    )
    persons: CollectionProperty(  # type: ignore[valid-type]
        type=VIDEO_TO_MOCAP_PG_person, name="People", description="The people who were found in the video"
    )
    active_person: IntProperty(name="Active Person", options={"HIDDEN"})  # type: ignore[valid-type]
    people: StringProperty(  # type: ignore[valid-type]
        name="People File",
        description="The file in the cache that holds what the analysis found",
        options={"HIDDEN"},
    )
    tds: IntProperty(  # type: ignore[valid-type]
        name="tds (0 = auto)",
        description="Temporal downsampling: the engine looks at every n-th frame around each frame. Higher values "
        "see a longer stretch of time, for slow motion and high frame rates. 0 chooses what fits the video",
        min=0,
        soft_max=10,
        max=100,
    )
    height: FloatProperty(  # type: ignore[valid-type]
        name="Height (m)",
        description="How tall the person is in metres, from sole to crown. It sets the scale of the whole motion",
        default=1.70,
        min=0.3,
        soft_min=1.0,
        soft_max=2.2,
        max=3.0,
        precision=2,
    )
    fov: FloatProperty(  # type: ignore[valid-type]
        name="Field of View",
        description="How wide the camera sees, in degrees along the picture's longer side: a phone about 65, an "
        "action camera 90 and more. It decides how far away the person is, and so how far they walk",
        default=60.0,
        min=5.0,
        soft_min=20.0,
        soft_max=120.0,
        max=170.0,
        precision=1,
        step=100,
    )
    lifter: StringProperty(  # type: ignore[valid-type]
        name="Lifter",
        description="What works out the third dimension from the flat picture. Leave it empty for the one that comes "
        "with the engine; click to choose another one that you have added",
        search=_lifters,
    )
    set_scene: BoolProperty(  # type: ignore[valid-type]
        name="Match Scene to Video",
        description="Give the scene the video's frame rate and range, so that video and motion run in step",
        default=True,
    )
    status: StringProperty(name="Status", description="What happened last")  # type: ignore[valid-type]
    failed: BoolProperty(name="Failed", description="Whether what happened last went wrong")  # type: ignore[valid-type]
    progress: FloatProperty(  # type: ignore[valid-type]
        name="Progress",
        description="How much of this step is done",
        subtype="PERCENTAGE",
        min=0.0,
        max=100.0,
        precision=0,
        get=_progress,
    )

    def say(self, words: str, failed: bool = False) -> None:
        """Puts ``words`` where the panel shows what happened last."""
        self.status, self.failed = words, failed

    def show_people(self, people: str, persons: Iterable[Person]) -> None:
        """Fills the list; the first person, the largest, is chosen."""
        self.people = people
        rigs = {person.number: person.armature for person in self.persons}
        self.persons.clear()
        for person in persons:
            item = self.persons.add()
            item.name = f"Person {person.number}"
            item.number, item.use = person.number, person.number == 1
            item.first, item.last = person.first, person.last
            item.seen, item.coverage = person.seen, person.coverage
            item.armature = rigs.get(person.number)
        self.active_person = 0
        self.say(text.found(len(self.persons)), failed=not self.persons)

    def chosen(self) -> list[int]:
        """The numbers of the people to capture."""
        return [person.number for person in self.persons if person.use]


_CLASSES = (VIDEO_TO_MOCAP_PG_person, VIDEO_TO_MOCAP_PG_settings)


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)
    bpy.types.Scene.video_to_mocap = PointerProperty(type=VIDEO_TO_MOCAP_PG_settings, name="Video to Mocap")


def unregister() -> None:
    del bpy.types.Scene.video_to_mocap
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
