"""Properties of the people in the video, and of how they are detected."""

from __future__ import annotations

import colorsys
import itertools
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

from ..character.props import is_armature, learn
from ..common import table, words


def _rig_chosen(self: Any, context: bpy.types.Context) -> None:
    if self.armature is not None:
        learn(self.id_data, self.armature)


def _redraw_views(self: object, context: bpy.types.Context) -> None:
    for area in context.screen.areas if context.screen else ():
        if area.type == "VIEW_3D":
            area.tag_redraw()


def _detection_changed(self: Any, context: bpy.types.Context) -> None:
    self.forget_people()


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
    first: FloatProperty(name="First Visible", description="When this person is first detected, in seconds")  # type: ignore[valid-type]
    last: FloatProperty(name="Last Visible", description="When this person is last detected, in seconds")  # type: ignore[valid-type]
    coverage: FloatProperty(  # type: ignore[valid-type]
        name="Coverage",
        description="In how much of the video this person is visible; the rest is interpolated",
        subtype="FACTOR",
        min=0.0,
        max=1.0,
    )
    complete: FloatProperty(  # type: ignore[valid-type]
        name="Full Body",
        description="In how much of that time the full body is visible",
        subtype="FACTOR",
        min=0.0,
        max=1.0,
    )
    armature: PointerProperty(  # type: ignore[valid-type]
        name="Target Rig",
        description="Your own character, to which this person's motion is retargeted. Leave it empty for a new "
        "armature of the person's own proportions",
        type=bpy.types.Object,
        poll=is_armature,
        update=_rig_chosen,
    )


class PeopleProperties:
    """Of the settings of a scene."""

    source: EnumProperty(  # type: ignore[valid-type]
        name="Detect People With",
        items=(
            ("DETECTOR", "Detector", "The engine detects people itself"),
            ("FILE", "Another Program's Result", "Files of AlphaPose, OpenPose, MMPose and others are read"),
        ),
        description="Where the 2D keypoints of people come from",
        update=_detection_changed,
    )
    keypoints: StringProperty(  # type: ignore[valid-type]
        name="Result",
        description="The file or folder that the other program wrote for this video",
        subtype="FILE_PATH",
        update=_detection_changed,
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
        description="The file in the cache that holds the result of the analysis",
        options={"HIDDEN"},
    )
    former: CollectionProperty(  # type: ignore[valid-type]
        type=VIDEO_TO_MOCAP_PG_person,
        name="Former People",
        description="The people of the last analysis, until the next one recognises them",
        options={"HIDDEN"},
    )
    former_people: StringProperty(  # type: ignore[valid-type]
        name="Former People File", description="The file of the last analysis of this video", options={"HIDDEN"}
    )
    show_people_over_video: BoolProperty(  # type: ignore[valid-type]
        name="Show over Video",
        description="Draw box and skeleton of each person over the video, in the view through its camera",
        default=True,
        update=_redraw_views,
    )

    def forget_people(self, same_video: bool = True) -> None:
        """Empties the list: it belongs to the video, its range and the detector's settings.

        The people of the same video are remembered, so that the next analysis gives them their rigs and names back.
        """
        settings: Any = self
        if settings.people:
            _remember(settings)
        if not same_video:
            settings.former.clear()
            settings.former_people = ""
        settings.persons.clear()
        settings.people = ""
        settings.say("")

    def show_people(self, people: str, records: Iterable[Mapping[str, Any]]) -> None:
        """Fills the list with the engine's records, each person with the rig, tick, name and colour they had before.

        A record's ``from`` holds the numbers, in the former list, of the same person; people who are new come last. In
        a list without known people the first person, the largest, is ticked.
        """
        settings: Any = self
        if settings.people:
            _remember(settings)
        same = people == settings.former_people
        former = {person.number: place for place, person in enumerate(settings.former)}
        matched: list[tuple[int, Mapping[str, Any], list[Any]]] = []
        taken: set[int] = set()
        for record in records:
            numbers = record.get("from", [record["person"]] if same else [])
            places = [former[number] for number in numbers if number in former and number not in taken]
            taken.update(numbers)
            matched.append((min(places, default=len(former)), record, [settings.former[place] for place in places]))
        settings.persons.clear()
        for _, record, before in sorted(matched, key=lambda item: item[0]):
            _fill(settings.persons.add(), record, before)
        if settings.persons and not any(before for _, _, before in matched):
            settings.persons[0].use = True
        _colour(settings.persons)
        settings.people, settings.former_people = people, ""
        settings.former.clear()
        settings.active_person = 0
        settings.say(words.found(len(settings.persons)), failed=not settings.persons)

    def chosen(self) -> list[int]:
        """The numbers of the people to capture."""
        settings: Any = self
        return sorted(person.number for person in settings.persons if person.use)

    def given_names(self) -> dict[int, str]:
        """The names that somebody has given to people, by number."""
        settings: Any = self
        return {
            person.number: person.name.strip()
            for person in settings.persons
            if person.name.strip() not in ("", f"Person {person.number}")
        }


PeopleProperties.__annotations__ |= table.properties(table.shown("detection"), _detection_changed)


def _remember(settings: Any) -> None:
    settings.former.clear()
    for person in settings.persons:
        item = settings.former.add()
        for name in ("name", "number", "use", "colour", "armature"):
            setattr(item, name, getattr(person, name))
    settings.former_people = settings.people


def _fill(item: Any, record: Mapping[str, Any], before: list[Any]) -> None:
    """Shows a record in a line of the list; ``before``: the lines of the same person in the former list."""
    item.number = int(record["person"])
    item.thumbnail = record.get("thumbnail") or ""
    item.first, item.last = float(record["first_s"]), float(record["last_s"])
    item.coverage, item.complete = float(record["coverage"]), float(record["complete"])
    named = [old.name for old in before if old.name != f"Person {old.number}"]
    item.name = named[0] if named else f"Person {item.number}"
    item.use = any(old.use for old in before)
    item.colour = before[0].colour if before else (0.0, 0.0, 0.0)
    item.armature = next((old.armature for old in before if old.armature), None)


def _colour(persons: Any) -> None:
    """Gives those a colour who have none, each another one."""

    def key(colour: Iterable[float]) -> tuple[float, ...]:
        return tuple(round(part, 3) for part in colour)

    used = {key(person.colour) for person in persons}
    colours = (person_colour(number) for number in itertools.count(1))
    free = (colour for colour in colours if key(colour) not in used)
    for person in persons:
        if not any(person.colour):
            person.colour = next(free)


def person_colour(number: int) -> tuple[float, float, float]:
    """A colour for a person; neighbours in number are far apart in hue."""
    return colorsys.hsv_to_rgb((0.08 + (number - 1) * 0.381966) % 1.0, 0.8, 1.0)
