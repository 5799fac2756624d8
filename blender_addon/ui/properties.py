"""The settings of a scene, ``scene.video_to_mocap``: saved in the .blend with what was found in the video."""

from __future__ import annotations

import colorsys
from collections.abc import Iterable, Mapping
from typing import Any

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatProperty,
    FloatVectorProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from . import asking, character, jobs, text


def _forget_people(self: VIDEO_TO_MOCAP_PG_settings, context: bpy.types.Context) -> None:
    """What was found belongs to the video, its range and the detector's settings."""
    self.persons.clear()
    self.people = ""
    self.say("")


def _progress(self: VIDEO_TO_MOCAP_PG_settings) -> float:
    return 100.0 * jobs.fraction()


def _lifters(self: VIDEO_TO_MOCAP_PG_settings, context: bpy.types.Context, typed: str) -> Iterable[str]:
    """What can be chosen; Blender shows those that fit what is typed, and takes any other name too."""
    return asking.known_lifters()


def _detectors(self: VIDEO_TO_MOCAP_PG_settings, context: bpy.types.Context, typed: str) -> Iterable[str]:
    return asking.known_detectors()


def _is_armature(self: VIDEO_TO_MOCAP_PG_person, item: bpy.types.Object) -> bool:
    return item.type == "ARMATURE"


def _rig_chosen(self: VIDEO_TO_MOCAP_PG_person, context: bpy.types.Context) -> None:
    if self.armature is not None:
        character.learn(self.id_data, self.armature)


def _redraw_views(self: object, context: bpy.types.Context) -> None:
    for area in context.screen.areas if context.screen else ():
        if area.type == "VIEW_3D":
            area.tag_redraw()


class VIDEO_TO_MOCAP_PG_facts(bpy.types.PropertyGroup):
    """The facts of a video, as the engine tells them; ``video`` is empty before it has."""

    video: StringProperty(options={"HIDDEN"})  # type: ignore[valid-type]
    width: IntProperty(options={"HIDDEN"})  # type: ignore[valid-type]
    height: IntProperty(options={"HIDDEN"})  # type: ignore[valid-type]
    rate: FloatProperty(options={"HIDDEN"})  # type: ignore[valid-type]
    duration: FloatProperty(options={"HIDDEN"})  # type: ignore[valid-type]
    frames: IntProperty(options={"HIDDEN"})  # type: ignore[valid-type]
    rotation: IntProperty(options={"HIDDEN"})  # type: ignore[valid-type]


class VIDEO_TO_MOCAP_PG_person(bpy.types.PropertyGroup):
    """One of the people found; ``name`` is what the list shows and can search."""

    name: StringProperty(name="Name", description="What you call this person")  # type: ignore[valid-type]
    number: IntProperty(name="Number", description="Number of this person, the largest in the picture first")  # type: ignore[valid-type]
    use: BoolProperty(name="Capture", description="Capture this person")  # type: ignore[valid-type]
    colour: FloatVectorProperty(  # type: ignore[valid-type]
        name="Colour",
        description="The colour in which this person is drawn over the video",
        subtype="COLOR_GAMMA",
        min=0.0,
        max=1.0,
        update=_redraw_views,
    )
    thumbnail: StringProperty(options={"HIDDEN"})  # type: ignore[valid-type]
    first: FloatProperty(name="First Seen", description="Where in the video this person appears, in seconds")  # type: ignore[valid-type]
    last: FloatProperty(name="Last Seen", description="Where in the video this person is last seen, in seconds")  # type: ignore[valid-type]
    coverage: FloatProperty(  # type: ignore[valid-type]
        name="Coverage",
        description="In how much of the video this person is seen; the rest has to be guessed",
        subtype="FACTOR",
        min=0.0,
        max=1.0,
    )
    complete: FloatProperty(  # type: ignore[valid-type]
        name="Whole",
        description="How much of the time this person is seen from head to feet",
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


class VIDEO_TO_MOCAP_PG_clip(bpy.types.PropertyGroup):
    """One of the clips that are captured one after the other; ``name`` is the file's."""

    video: StringProperty(name="Video", description="The video's file", subtype="FILE_PATH")  # type: ignore[valid-type]
    state: EnumProperty(  # type: ignore[valid-type]
        name="State",
        description="How far the clip is",
        items=tuple((name, name.capitalize(), "") for name in ("WAITING", "RUNNING", "DONE", "FAILED")),
    )
    message: StringProperty(name="Message", description="What happened with the clip")  # type: ignore[valid-type]


class VIDEO_TO_MOCAP_PG_settings(bpy.types.PropertyGroup):
    video: StringProperty(  # type: ignore[valid-type]
        name="Video",
        description="The video of the person to capture. Best is a still camera that shows the whole body",
        subtype="FILE_PATH",
        update=_forget_people,
    )
    facts: PointerProperty(type=VIDEO_TO_MOCAP_PG_facts, options={"HIDDEN"})  # type: ignore[valid-type]
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
    source: EnumProperty(  # type: ignore[valid-type]
        name="Find People With",
        items=(
            ("DETECTOR", "Detector", "The engine looks for people itself"),
            ("FILE", "Another Program's Result", "AlphaPose, OpenPose, MMPose and others: their files are read"),
        ),
        description="Who finds the people in the picture",
        update=_forget_people,
    )
    detector: StringProperty(  # type: ignore[valid-type]
        name="Detector",
        description="What finds people in the picture. Leave it empty for the one that comes with the engine; heavier "
        "ones see more and take longer",
        search=_detectors,
        update=_forget_people,
    )
    max_people: IntProperty(  # type: ignore[valid-type]
        name="People at Most",
        description="How many people are looked for in each frame. More take longer",
        default=2,
        min=1,
        soft_max=8,
        max=32,
        update=_forget_people,
    )
    keypoints: StringProperty(  # type: ignore[valid-type]
        name="Result",
        description="The file or folder that the other program wrote for this video",
        subtype="FILE_PATH",
        update=_forget_people,
    )
    persons: CollectionProperty(  # type: ignore[valid-type]
        type=VIDEO_TO_MOCAP_PG_person, name="People", description="The people who were found in the video"
    )
    active_person: IntProperty(  # type: ignore[valid-type]
        name="Active Person",
        description="The person whose picture and settings are shown",
        options={"HIDDEN"},
        update=_redraw_views,
    )
    people: StringProperty(  # type: ignore[valid-type]
        name="People File",
        description="The file in the cache that holds what the analysis found",
        options={"HIDDEN"},
    )
    show_people_over_video: BoolProperty(  # type: ignore[valid-type]
        name="Show over Video",
        description="Draw box and skeleton of each person over the video, in the view through its camera",
        default=True,
        update=_redraw_views,
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
        "action camera 90 and more. It decides how far away the person is, and so how far they walk. Until you set it, "
        "the turns of a camera that pans tell it",
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
    repair: EnumProperty(  # type: ignore[valid-type]
        name="Repair",
        description="What is mended in the people who were found before they become three-dimensional",
        options={"ENUM_FLAG"},
        items=(
            ("swaps", "Left and Right", "Put right where left and right limbs were mixed up for a moment"),
            ("outliers", "Outliers", "Leave out joints that jump away for a frame or two"),
            ("gaps", "Gaps", "Fill short stretches in which a joint was not seen; long ones are marked"),
            ("rate", "Slow Rate", "Give a video of few frames a second the rate that the lifter knows"),
        ),
        default={"swaps", "outliers", "gaps", "rate"},
    )
    motion: EnumProperty(  # type: ignore[valid-type]
        name="Clean-Up",
        description="What makes calm, believable motion of the poses of each frame",
        options={"ENUM_FLAG"},
        items=(
            ("fusion", "Second Opinion", "Take the detector's own guess of the third dimension into account too"),
            ("limits", "Joint Limits", "Put right what bends the wrong way, or was taken for near where it is far"),
            ("filter", "Smoothing", "Take the jitter out; fast movements stay sharp"),
            ("fit", "Match the Video", "Bring the body back over the person in the picture after that"),
            ("level", "Level the Camera", "Find out how far the camera is tilted, from people who stand and walk"),
        ),
        default={"fusion", "limits", "filter", "fit", "level"},
    )
    feet: EnumProperty(  # type: ignore[valid-type]
        name="Feet",
        description="Which feet are held in their place on the floor",
        items=(
            ("auto", "Planted Where They Stand", "A foot that stands neither slides nor floats. For most clips"),
            (
                "always",
                "One Foot Always Down",
                "At least one foot is on the floor at any time. For walking and dancing without jumps",
            ),
            (
                "ground",
                "Kept on the Ground",
                "Feet never sink into the floor, but may slide. For skating, turning and slippery floors",
            ),
            ("never", "Left Alone", "Feet go where the video shows them. For swimming, climbing and sitting"),
        ),
    )
    use_tilt: BoolProperty(  # type: ignore[valid-type]
        name="Set Camera Tilt",
        description="Say yourself how far the camera looks down, instead of letting the engine find it. For a figure "
        "that leans forwards or backwards all the time",
    )
    tilt: FloatProperty(  # type: ignore[valid-type]
        name="Tilt",
        description="How far the camera looks down, in degrees: 0 is level, negative looks up",
        min=-90.0,
        soft_min=-30.0,
        soft_max=45.0,
        max=90.0,
        precision=1,
        step=100,
    )
    use_roll: BoolProperty(  # type: ignore[valid-type]
        name="Set Camera Roll",
        description="Say yourself how far the camera is turned to the side, instead of letting the engine find it. For "
        "a figure that leans to one side all the time",
    )
    roll: FloatProperty(  # type: ignore[valid-type]
        name="Roll",
        description="How far the camera is turned clockwise, in degrees, as if its right side hung down",
        min=-90.0,
        soft_min=-30.0,
        soft_max=30.0,
        max=90.0,
        precision=1,
        step=100,
    )
    device: EnumProperty(  # type: ignore[valid-type]
        name="Device",
        description="What the engine computes on",
        items=(
            ("auto", "Automatic", "The graphics card where the engine can use it, else the processor"),
            ("cpu", "Processor", "The processor: works everywhere"),
            ("cuda", "NVIDIA", "An NVIDIA graphics card"),
            ("mps", "Apple", "The graphics unit of an Apple processor"),
        ),
    )
    set_scene: BoolProperty(  # type: ignore[valid-type]
        name="Match Scene to Video",
        description="Give the scene the video's frame rate and range, so that video and motion run in step",
        default=True,
    )
    clips: CollectionProperty(  # type: ignore[valid-type]
        type=VIDEO_TO_MOCAP_PG_clip, name="Clips", description="The clips that are captured one after the other"
    )
    active_clip: IntProperty(name="Active Clip", options={"HIDDEN"})  # type: ignore[valid-type]
    result: StringProperty(  # type: ignore[valid-type]
        name="Result",
        description="What the engine told about the last capture, as JSON",
        options={"HIDDEN"},
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
        if words:
            jobs.note(words)

    def show_facts(self, video: Mapping[str, Any]) -> None:
        """Keeps the facts of the video, as the engine tells them."""
        facts = self.facts
        facts.video = self.video
        facts.width, facts.height, facts.frames = int(video["width"]), int(video["height"]), int(video["frames"])
        facts.rate, facts.duration = float(video["fps"]), float(video["duration"])
        facts.rotation = int(video.get("rotation") or 0)

    def facts_known(self) -> bool:
        """Whether the facts are those of the chosen video."""
        return bool(self.video) and self.facts.video == self.video

    def show_people(self, people: str, persons: Iterable[Mapping[str, Any]]) -> None:
        """Fills the list with the engine's records; the first person, the largest, is chosen."""
        self.people = people
        rigs = {person.number: person.armature for person in self.persons}
        self.persons.clear()
        for record in persons:
            item = self.persons.add()
            item.number = int(record["person"])
            item.name, item.use = f"Person {item.number}", item.number == 1
            item.colour = person_colour(item.number)
            item.thumbnail = record.get("thumbnail") or ""
            item.first, item.last = float(record["first_s"]), float(record["last_s"])
            item.coverage, item.complete = float(record["coverage"]), float(record["complete"])
            item.armature = rigs.get(item.number)
        self.active_person = 0
        self.say(text.found(len(self.persons)), failed=not self.persons)

    def chosen(self) -> list[int]:
        """The numbers of the people to capture."""
        return [person.number for person in self.persons if person.use]


def person_colour(number: int) -> tuple[float, float, float]:
    """A colour for a person; neighbours in number are far apart in hue."""
    return colorsys.hsv_to_rgb((0.08 + (number - 1) * 0.381966) % 1.0, 0.8, 1.0)


_CLASSES = (VIDEO_TO_MOCAP_PG_facts, VIDEO_TO_MOCAP_PG_person, VIDEO_TO_MOCAP_PG_clip, VIDEO_TO_MOCAP_PG_settings)


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)
    bpy.types.Scene.video_to_mocap = PointerProperty(type=VIDEO_TO_MOCAP_PG_settings, name="Video to Mocap")


def unregister() -> None:
    del bpy.types.Scene.video_to_mocap
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
