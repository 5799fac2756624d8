"""The data path, from top to bottom: video -> people -> motions."""

from __future__ import annotations

import functools
import itertools
import math
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from . import detect, stages, track
from .contract import warnings
from .contract.errors import UserError
from .contract.motion_file import Motion
from .contract.people_file import People, VideoInfo
from .contract.settings import DEFAULT_FOV, AnalyseSettings, CaptureSettings
from .contract.warnings import Notice
from .detect import camera_motion_2d, chunks
from .formats import detector_command, keypoint_files
from .formats import motion as motion_files
from .formats.motion import Motion3D
from .media import video
from .pose import lifters, sources
from .progress import Progress, silent
from .solve import camera_motion
from .take import Camera, Observations, Observe, PoseSource, Shot, Take

REFERENCES = 3  #: Largest number of reference people: evidence for gravity, whether they are captured or not.


def analyse(path: Path, settings: AnalyseSettings, progress: Progress = silent, kept: Path | None = None) -> People:
    """Detects and tracks all people in a video. Streams: memory does not grow with the video's size.

    Args:
        progress: Receives the progress; may raise :class:`.Cancelled`.
        kept: A folder for detections as they are made, from which an interrupted analysis continues.

    Raises:
        UserError: The video or the keypoints cannot be read, or nobody was detected.
    """
    info = video.probe(path)
    if settings.detector_command is not None:
        people = detector_command.people_of(settings.detector_command, info, progress)
    elif settings.keypoints is not None:
        people = keypoint_files.read(settings.keypoints, info.width, info.height, info.fps)
        people = keypoint_files.on_video(people, info, settings.keypoints)
    else:
        return _detect(path, info, settings, progress, kept)
    return keypoint_files.between(people, settings.start, settings.end)


def capture(
    people: People,
    settings: CaptureSettings,
    progress: Progress = silent,
    observe: Observe | None = None,
    imported: Motion3D | None = None,
) -> list[Motion]:
    """Estimates the motion of each chosen person, in the order of the choice: every stage of :data:`.STAGES` in turn.

    Args:
        people: Result of :func:`analyse`, or keypoints of another program.
        progress: Receives the progress; may raise :class:`.Cancelled`.
        observe: For benchmarks.
        imported: 3D of another system in place of a 3D model, and of the settings' motion source.

    Raises:
        UserError: A chosen person does not exist, or weights cannot be used.
    """
    shot = _shot(people, settings, progress, imported)
    for shared, group in itertools.groupby(stages.STAGES, lambda stage: stage.shared):
        enabled = [stage for stage in group if stage.enabled(settings)]
        for take in [None] if shared else list(shot.takes.values()):
            for stage in enabled:
                if take is None or stage.needs <= take.main.capabilities:
                    progress(stage.title, 0, None)
                    began = time.perf_counter()
                    stage.run(shot) if take is None else stage.run(shot, take)
                    if observe is not None:
                        observe(stage.name, time.perf_counter() - began)
    origin = shot.motions[shot.first].world[0, 0] * np.array([1, 1, 0], np.float32)
    for motion in shot.motions.values():
        motion.world -= origin
        motion.camera_t -= origin
    return [shot.motions[row] for row in shot.captured]


def write(motions: list[Motion], output: Path) -> list[Path]:
    """Writes one motion to ``output``, several to ``OUT.personN.npz`` beside it; returns the paths."""
    paths = [output] if len(motions) == 1 else [person_path(output, motion.meta["person"]) for motion in motions]
    for motion, path in zip(motions, paths, strict=True):
        motion.save(path)
    return paths


def person_path(output: Path, person: int) -> Path:
    """``clip.npz`` -> ``clip.person2.npz``: the name of one of several people's files."""
    return output.with_name(f"{output.stem}.person{person}{output.suffix}")


def _detect(path: Path, info: VideoInfo, settings: AnalyseSettings, progress: Progress, kept: Path | None) -> People:
    """The people that one of our detectors finds."""
    tracker = track.Tracker()
    damage: list[str] = []
    steps: list[camera_motion_2d.InterFrameHomography] = []
    detector = functools.partial(detect.create, settings.detector, settings.max_people)
    span = settings.start, settings.end
    duration = info.frames / info.fps if info.fps else 0.0
    total = round((min(duration if span[1] is None else span[1], duration) - (span[0] or 0.0)) * info.fps)
    for frame in chunks.detections(path, span, detector, kept, max(0, total), damage.append, progress):
        tracker.add(frame.index, frame.time, frame.people)
        steps.append(frame.camera)
    if len(steps) == 1:
        raise UserError(f"{path}: only one frame to read; motion needs two at least, give a longer video or range")
    people = tracker.finish(info, detect.source(settings.detector).name)
    people.background = camera_motion_2d.homographies_to_first(steps)
    people.meta["warnings"] = [Notice(warnings.VIDEO_DAMAGED, text).to_json() for text in damage]
    if not len(people.keypoints2d):
        raise UserError(
            f"{path}: no person was detected in {len(steps)} frames; try the detector mediapipe-heavy, or a closer view"
        )
    return people


def _shot(people: People, settings: CaptureSettings, progress: Progress, given: Motion3D | None) -> Shot:
    """The shot at the start of a capture. Raises UserError as :func:`capture` does."""
    present = track.present(people)
    wanted = settings.person if settings.person_at is None else track.PersonAt.parse(settings.person_at)
    captured = track.select_present(people, wanted)
    given = given or _imported(people, settings, progress)
    camera = _camera(people, settings, given)
    if given is not None:
        source: PoseSource = sources.FromFile(given, people, captured, camera)
        present = captured  # of nobody else is there 3D
        notices: list[Notice] = []
    else:
        source, notices = _lifted(people, settings)
    references = [] if settings.raw or "level" not in settings.motion else present[:REFERENCES]
    focal = camera.focal / max(camera.width, camera.height)
    motion = camera_motion.camera_motion(people.background, focal, settings.camera)
    seconds = float(people.times[-1] - people.times[0])
    fps = (len(people.times) - 1) / seconds if seconds else float(people.meta["video"]["fps"]) or 30.0
    takes = {}
    for row in sorted({present[0], *captured, *references}):
        layouts = {name: points[row] for name, points in people.extras.items()}
        takes[row] = Take(row, (Observations("main", camera, fps, people.keypoints2d[row], layouts),))
    shot = Shot(people, settings, source, camera, fps, takes, captured, present[0], references, progress)
    shot.rotations, shot.rotation_deg = motion.rotations, motion.degrees
    if isinstance(source, sources.FromFile) and source.rotations is not None:
        # The file's cameras are those of a world with z up, so that the stabilised camera is level.
        shot.rotations = source.rotations
        shot.settings = replace(settings, tilt=settings.tilt or 0.0, roll=settings.roll or 0.0)
    shot.notices = [*warnings.notices(people.meta), *motion.notices, *notices]
    return shot


def require_source(settings: CaptureSettings) -> None:
    """Raises UserError, before the minutes of detection, for a 3D model or a file of motion that cannot be used."""
    if settings.motion_source is not None:
        motion_files.read(settings.motion_source)
    elif settings.motion_command is None:
        lifters.load(settings.lifter, settings.checkpoint, settings.device)


def _imported(people: People, settings: CaptureSettings, progress: Progress) -> Motion3D | None:
    """The motion of the settings' file or command; None where a 3D model is to be used. Raises UserError."""
    if settings.motion_source is not None:
        return motion_files.read(settings.motion_source)
    if settings.motion_command is not None:
        video = Path(str(people.meta["video"]["path"]))
        return motion_files.of_command(settings.motion_command, video, progress)
    return None


def _lifted(people: People, settings: CaptureSettings) -> tuple[PoseSource, list[Notice]]:
    """The 3D model, and notices about the device. Raises UserError."""
    lifter, reason = lifters.load(settings.lifter, settings.checkpoint, settings.device)
    notices = [Notice(warnings.DEVICE, reason)] if reason else []
    return sources.Lifted(lifter, people.meta["detector"], settings.tds, settings.flip), notices


def _camera(people: People, settings: CaptureSettings, given: Motion3D | None) -> Camera:
    """The clip's camera: with the field of view of the settings, of the camera motion, of a file of 3D, or the default
    one."""
    width, height = int(people.meta["video"]["width"]), int(people.meta["video"]["height"])
    fov = settings.fov
    if fov is None and settings.camera != "still":
        focal = camera_motion.focal_from_rotation(people.background)
        fov = None if focal is None else math.degrees(2 * math.atan(0.5 / focal))
    if fov is None and given is not None and given.focal is not None:
        return Camera(width, height, given.focal * (width / given.size[0] if given.size else 1.0))
    return Camera.from_fov(width, height, fov or DEFAULT_FOV)
