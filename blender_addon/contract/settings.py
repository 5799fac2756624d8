"""The settings of an analysis, of a capture and of a scene: one row each, from which everything else is made.

A row is a field of :class:`AnalyseSettings`, :class:`CaptureSettings` or :class:`SceneSettings`. The options of the
command line, the checks of the protocol, the settings file, the properties of the panel and the table in the
documentation are all made from :data:`SETTINGS`. To add a setting, add a field.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from .errors import UserError
from .layers import LAYERS
from .setting import Choice, Kind, Plain, Setting, Step


def _row(kind: Kind, default: Plain | None, label: str, help: str, **more: Any) -> Any:  # noqa: A002 - as argparse
    """A field of a settings class; ``default`` is plain. :func:`rows` adds its name and step."""
    setting = Setting("", "capture", kind, default, label, help, **more)
    return field(default=setting.to_field(default), metadata={"setting": setting})


class _Settings:
    """What the classes of settings share. Raises UserError for a bad value, and for two that exclude each other."""

    step: ClassVar[Step]

    def __post_init__(self) -> None:
        given = {}
        for setting in rows(type(self)):
            value = setting.to_plain(getattr(self, setting.name))
            if value is not None and setting.check(value) != setting.default:
                given[setting.name] = value
        require_compatible(given)

    @classmethod
    def of(cls: type[_T], values: Mapping[str, Any]) -> _T:
        """The settings of plain values by name; None stands for the default, names of another step are passed over."""
        given = [setting for setting in rows(cls) if values.get(setting.name) is not None]
        return cls(**{setting.name: setting.to_field(setting.check(values[setting.name])) for setting in given})

    def values(self) -> dict[str, Plain]:
        """The plain values that differ from the defaults."""
        plain = [(setting, setting.to_plain(getattr(self, setting.name))) for setting in rows(type(self))]
        return {setting.name: value for setting, value in plain if value not in (None, setting.default)}


_T = TypeVar("_T", bound=_Settings)

DEFAULT_FOV = 60.0
"""Degrees across the longer side, if neither the user nor the camera motion gives a field of view."""

FEET = (
    Choice("auto", "Lock Planted Feet", "A planted foot neither slides nor floats. For most clips"),
    Choice("always", "One Foot Always Down", "At least one foot is on the floor. For walking, dancing without jumps"),
    Choice("ground", "Keep above the Ground", "Feet may slide, but never sink in. For skating and slippery floors"),
    Choice("never", "Leave Alone", "Feet go where the video shows them. For swimming, climbing and sitting"),
)
CAMERA = (
    Choice("auto", "Automatic", "Remove the camera's rotation where it is larger than noise"),
    Choice("still", "On a Tripod", "The camera does not move; never remove anything"),
    Choice("moving", "Handheld or Panning", "Always remove the camera's rotation"),
)
DEVICES = (
    Choice("auto", "Automatic", "The graphics card where the engine can use it, else the processor"),
    Choice("cpu", "Processor", "The processor: works everywhere"),
    Choice("cuda", "NVIDIA", "An NVIDIA graphics card"),
    Choice("mps", "Apple", "The graphics unit of an Apple processor"),
)
REPAIR = (
    Choice("swaps", "Fix Left/Right Flips", "Correct frames in which left and right limbs are exchanged"),
    Choice("outliers", "Remove Outliers", "Leave out joints that jump away for a frame or two"),
    Choice("gaps", "Interpolate Gaps", "Interpolate short gaps of joints that were not detected; long ones are marked"),
    Choice("rate", "Upsample Low Frame Rates", "Bring a video with few frames a second to the rate of the 3D model"),
)
MOTION = (
    Choice("limits", "Joint Limits", "Resolve depth flips and keep joints within their anatomical limits"),
    Choice("filter", "Smoothing", "Remove jitter; fast movements stay sharp"),
    Choice("fit", "Fit to Video", "Keep the body over the person in the picture"),
    Choice("level", "Find Camera Tilt", "Estimate the camera's tilt and roll from people who stand and walk"),
)
KEYS = (
    Choice("whole", "Whole Frames", "Keys on whole frames of the scene: the motion is resampled where rates differ"),
    Choice("video", "Video Frames", "A key at the time of every video frame, between the scene's frames if need be"),
)


# fmt: off
@dataclass(frozen=True)
class AnalyseSettings(_Settings):
    """What changes the people that are found in a video; another program may replace the detector."""

    step = "analyse"

    detector: str = _row(
        "text", "mediapipe", "Detector",
        "what detects people; larger detectors lose people less often and take longer",
        metavar="NAME", lists="sources", panel="detection")
    max_people: int = _row(
        "int", 4, "People at Most", "the largest people in each frame that are followed",
        metavar="N", low=1, high=32, usual=(1, 8), panel="detection")
    start: float | None = _row("float", None, "From", "first second of the video", metavar="S", low=0, unit="s")
    end: float | None = _row("float", None, "To", "second of the video to stop before", metavar="S", low=0, unit="s")
    keypoints: Path | None = _row(
        "path", None, "Keypoints",
        "2D keypoints of another program instead of a detector; {name} in the path is the clip's name",
        metavar="PATH", excludes="detector")
    detector_command: str | None = _row(
        "text", None, "Detector Command",
        "command line of another program instead of a detector, with {video} and the folder {output}",
        metavar="COMMAND", excludes="keypoints", in_file=False)  # A file that somebody sends must not start a program.

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.end is not None and self.end <= (self.start or 0.0):
            raise UserError(f"end is {self.end:g} and start {self.start or 0.0:g}; give an end after the start")


@dataclass(frozen=True)
class CaptureSettings(_Settings):
    """What changes the motion of people who were found. Nothing here needs the video again."""

    step = "capture"

    person: str = _row(
        "text", "largest", "Person", "the people to capture: largest, all, or numbers",
        metavar="largest|all|ID[,ID]", pattern=r"largest|all|[1-9]\d*(,[1-9]\d*)*")
    person_at: str | None = _row(
        "text", None, "Person at", "the person to capture, by a pixel of the video and a time",
        metavar="X,Y,SECONDS", pattern=r"[-+.\deE]+(,[-+.\deE]+){2}", excludes="person")
    lifter: str = _row(
        "text", "tcn-mocap", "3D Model", "what estimates 3D from 2D",
        metavar="NAME", lists="lifters", panel="estimation")
    checkpoint: Path | None = _row(
        "path", None, "Checkpoint",
        "a file of weights in place of the 3D model's own, for instance your P-STMO or VideoPose3D checkpoint",
        metavar="FILE", panel="estimation")
    tds: int | None = _row(
        "int", None, "Frame Step",
        "temporal downsampling: the stride in frames at which the 3D model samples its window; higher values see a "
        "longer time, for slow motion and high frame rates",
        metavar="auto|N", low=1, high=100, usual=(0, 10), panel="estimation")
    height: float = _row(
        "float", 1.70, "Height", "height of the (first) person from sole to crown; sets the scale of the motion",
        metavar="M", low=0.3, high=3.0, usual=(1.0, 2.2), unit="m", panel="capture")
    fov: float | None = _row(
        "float", None, "Field of View",
        "of the camera, across the picture's longer side: a phone about 65 degrees, an action camera 90 and more; "
        "where it is not given, it is estimated from a camera that pans, else 60",
        metavar="DEG", low=5, high=170, usual=(20, 120), assumed=DEFAULT_FOV, unit="degrees", panel="capture")
    motion_source: Path | None = _row(
        "path", None, "Motion Source",
        "3D motion of another system (GVHMR, WHAM, GEM-X) instead of a 3D model; {name} in the path is the clip's name",
        metavar="FILE")
    motion_command: str | None = _row(
        "text", None, "Motion Command",
        "command line of another system instead of a 3D model, with {video} and the folder {output}",
        metavar="COMMAND", excludes="motion_source", in_file=False)  # As the detector command.
    flip: bool = _row(
        "bool", True, "Average with Mirror Image", "average with the mirrored input; slower",
        panel="estimation")
    device: str = _row("choice", "auto", "Device", "what the engine computes on", choices=DEVICES, panel="estimation")
    raw: bool = _row(
        "bool", False, "Raw", "stop after the 3D model: no motion stage",
        in_file=False, option=False)
    repair: frozenset[str] = _row(
        "steps", "all", "Repair", "steps that repair the 2D track before 3D is estimated",
        metavar="all|none|STEP[,STEP]", choices=REPAIR, panel="estimation")
    motion: frozenset[str] = _row(
        "steps", "all", "Motion Stages", "stages of the motion clean-up; filter is the smoothing",
        metavar="all|none|STAGE[,STAGE]", choices=MOTION, removed=("fusion",), panel="estimation")
    layers: frozenset[str] = _row(
        "steps", "all", "Layers", "what is captured beyond the joints, where the detector shows it",
        metavar="all|none|LAYER[,LAYER]",
        choices=tuple(Choice(layer.name, layer.title, layer.help) for layer in LAYERS), panel="estimation")
    feet: str = _row("choice", "auto", "Feet", "how feet are kept on the floor", choices=FEET, panel="floor")
    tilt: float | None = _row(
        "float", None, "Tilt", "how far the camera looks down (negative: up); estimated where it is not given",
        metavar="DEG", low=-90, high=90, usual=(-30, 45), unit="degrees", panel="floor")
    roll: float | None = _row(
        "float", None, "Roll", "how far the camera is rotated clockwise; estimated where it is not given",
        metavar="DEG", low=-90, high=90, usual=(-30, 30), unit="degrees", panel="floor")
    camera: str = _row(
        "choice", "auto", "Camera Motion",
        "whether the rotation of a camera that pans or is handheld is removed from the path",
        choices=CAMERA, panel="floor")


@dataclass(frozen=True)
class SceneSettings(_Settings):
    """How captured motion comes into a scene. The add-on's alone: the engine knows no scene."""

    step = "scene"

    keys: str = _row(
        "choice", "whole", "Keys", "where keys lie in a scene that has another frame rate than the video",
        choices=KEYS, panel="scene")
    start_frame: int = _row(
        "int", 1, "Start Frame", "frame of the scene at which the video begins",
        metavar="N", low=0, high=1_000_000, usual=(0, 2000), panel="scene")


# fmt: on


def rows(cls: type[_Settings]) -> tuple[Setting, ...]:
    """The rows of a class of settings, in order."""
    return tuple(replace(item.metadata["setting"], name=item.name, step=cls.step) for item in fields(cls))  # type: ignore[arg-type]


SETTINGS = (*rows(AnalyseSettings), *rows(CaptureSettings), *rows(SceneSettings))
"""Every setting, those of the analysis first."""

BY_NAME = {setting.name: setting for setting in SETTINGS}


def for_step(values: Mapping[str, Plain], step: str) -> dict[str, Plain]:
    """The values that belong to a step; those of ``analyse`` and ``capture`` are a request's."""
    return {name: value for name, value in values.items() if BY_NAME[name].step == step}


def require_compatible(given: Mapping[str, Any]) -> None:
    """Raises UserError if two of the settings that a person gave exclude each other."""
    for setting in SETTINGS:
        if setting.name in given and setting.excludes in given:
            raise UserError(f"both {setting.excludes} and {setting.name} are given; give one of them")
