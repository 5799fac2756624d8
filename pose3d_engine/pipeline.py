"""The whole way of the data: video -> people -> motion, readable from top to bottom."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from . import __version__, detect, repair, track
from .contract import atomic, warnings
from .contract.errors import UserError
from .contract.motion_file import Motion
from .contract.people_file import People, VideoInfo
from .contract.settings import BY_NAME, AnalyseSettings, CaptureSettings
from .contract.skeletons import COCO17, COCO_ROWS, H36M_ROWS, h36m_confidence
from .contract.warnings import Notice
from .detect import camera_motion_2d, chunks
from .formats import detector_command, keypoint_files
from .layers import orientations
from .media import video
from .pose import fusion, lifters
from .pose.lifters import view
from .progress import Progress, silent
from .solve import camera_motion, contacts, fit, floor, foot_lock, gravity, limits, skeleton, smoothing, trajectory
from .solve.body import CANONICAL_HEIGHT

MOTION_STAGES = BY_NAME["motion"].names
"""The stages of the clean-up that can be left out, in their order; see docs/architecture.md. The last one, foot lock,
has modes instead."""

DEFAULT_FOV = 60.0
"""Degrees that the longer side of a picture spans where neither the user nor a camera that turns tells."""

_COCO_ANKLES = [COCO17.index("left_ankle"), COCO17.index("right_ankle")]

_FEET_SEEN = 0.3
"""Confidence of the ankles from which on floor and sizes can be told from them."""

_GROUND_ERROR = 0.05
"""Of the floor's distance below the camera, as a share: feet are found a few centimetres too high or too low."""

WITNESSES = 3
"""Persons, the first ones, whose standing and walking tell the camera's tilt, whoever is captured."""


def analyse(path: Path, settings: AnalyseSettings, progress: Progress = silent, kept: Path | None = None) -> People:
    """Finds and follows everybody in a video. Streams: memory does not grow with the video's size.

    kept: a folder for what is found as it goes; what an analysis that was stopped has left there is not found again.
    Raises UserError for a video or keypoints that cannot be read, or in which nobody is found.
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


def _detect(path: Path, info: VideoInfo, settings: AnalyseSettings, progress: Progress, kept: Path | None) -> People:
    """The people that our own detector finds."""
    tracker = track.Tracker()
    total = _expected_frames(info, settings)
    damage: list[str] = []
    behind: list[camera_motion_2d.Step] = []
    detector = functools.partial(detect.create, settings.detector, settings.max_people)
    span = (settings.start, settings.end)
    for frame in chunks.seen(path, span, detector, kept, total, damage.append, progress):
        tracker.add(frame.index, frame.time, frame.people)
        behind.append(frame.behind)
    done = len(behind)
    if done == 1:
        raise UserError(f"{path}: only one frame to read; motion needs two at least, give a longer video or range")
    people = tracker.finish(info, detect.source(settings.detector).name)
    people.background = camera_motion_2d.composed(behind)
    warnings.add(people.meta, *(Notice(warnings.VIDEO_DAMAGED, text) for text in damage))
    if not len(people.keypoints2d):
        raise UserError(
            f"{path}: nobody was found in {done} frames; try the detector mediapipe-heavy, or a closer view"
        )
    return people


def capture(people: People, settings: CaptureSettings, progress: Progress = silent) -> list[Motion]:
    """Lifts the chosen persons and makes motion of them, in the order in which they were chosen.

    Raises UserError for a person who is not there or weights that cannot be used.
    """
    lifter, device_reason = lifters.load(settings.lifter, settings.checkpoint, settings.device)
    settings = _with_fov(people, settings)
    place = settings.person_at
    chosen, first = _chosen(people, settings.person if place is None else track.PersonAt.parse(place))
    witnesses = [row for row in _present(people)[:WITNESSES] if not settings.raw and "level" in settings.motion]
    filming = _filming(people, settings)
    filmed = {
        row: _in_camera(people, row, filming, lifter, settings, progress)
        for row in sorted({first, *chosen, *witnesses})
    }
    tilt = _attitude([filmed[row] for row in witnesses], people.times, settings)
    wanted = sorted({first, *chosen})
    # The height that was given is that of the first who is captured; the floor tells how tall the others are beside.
    grounds = {row: _ground(filmed[row], tilt) for row in wanted}
    sizes = {row: _beside(filmed[row], filmed[chosen[0]], grounds, tilt, settings) for row in wanted}
    filmed = {row: filmed[row] for row in wanted}
    motions = {
        # Taken out one by one: of a long clip there is no room for all that is known of everybody.
        row: _in_world(people, filmed.pop(row), tilt, grounds[row], sizes[row], lifter, settings)
        for row in wanted
    }
    origin = motions[first].camera_t[0] + motions[first].camera_R[0] @ motions[first].root[0]
    for motion in motions.values():
        shift = np.array([origin[0], origin[1], 0.0], np.float32)
        motion.world -= shift
        motion.camera_t -= shift
        if device_reason:
            warnings.add(motion.meta, Notice(warnings.DEVICE, device_reason))
    return [motions[row] for row in chosen]


def _chosen(people: People, wanted: str | track.PersonAt) -> tuple[list[int], int]:
    """Rows of those who are captured, and of the one above whose first Hip the world's origin is, whoever is captured:
    person 1, unless the part of the clip that was cut out is without them. Raises UserError."""
    present = _present(people)
    chosen = track.select(people, wanted)
    if wanted == "all":
        chosen = [row for row in chosen if row in present]
    absent = [row for row in chosen if row not in present]
    if absent or not chosen:
        who = f"person {absent[0] + 1} is not" if absent else "nobody is"
        raise UserError(f"{who} seen in this part of the clip; choose another person or part")
    return chosen, present[0]


def _present(people: People) -> list[int]:
    """Rows of those who are seen at all; a part that was cut out of a clip can be without somebody."""
    seen = np.isfinite(people.keypoints2d).all(axis=-1).any(axis=(1, 2))
    return [int(row) for row in np.flatnonzero(seen)]


@dataclass(frozen=True)
class _Filmed:
    """One person in the axes of the steady camera, as tall as all are taken to be until the world is made.

    joints (T,17,3) root-relative, root (T,3), metres; of the 2D: keypoints (T,17,3), confidence (T,17), seen (T,),
    swapped (T,2) where left and right arms, and legs, had been exchanged.
    """

    row: int
    joints: np.ndarray
    root: np.ndarray
    keypoints: np.ndarray
    confidence: np.ndarray
    seen: np.ndarray
    swapped: np.ndarray
    filming: camera_motion.CameraMotion
    tds: int
    repairs: dict[str, int]


def _longer(people: People) -> int:
    """Pixels of the picture's longer side."""
    video_facts = people.meta["video"]
    return max(int(video_facts["width"]), int(video_facts["height"]))


def _focal(people: People, settings: CaptureSettings) -> float:
    """Pixels."""
    return _longer(people) / 2 / math.tan(math.radians(settings.fov or DEFAULT_FOV) / 2)


def _with_fov(people: People, settings: CaptureSettings) -> CaptureSettings:
    """The same with the field of view that the camera tells by its turns, where none is given and it does."""
    if settings.fov is not None or settings.camera == "still":
        return settings
    focal = camera_motion.focal_of_turns(people.background)
    return settings if focal is None else replace(settings, fov=math.degrees(2 * math.atan(0.5 / focal)))


def _filming(people: People, settings: CaptureSettings) -> camera_motion.CameraMotion:
    """What the camera does while it films."""
    return camera_motion.camera_motion(people.background, _focal(people, settings) / _longer(people), settings.camera)


def _in_camera(
    people: People,
    row: int,
    filming: camera_motion.CameraMotion,
    lifter: lifters.Lifter,
    settings: CaptureSettings,
    progress: Progress,
) -> _Filmed:
    """One person's motion before the camera: everything that a picture tells by itself."""
    fps = mean_rate(people.times, float(people.meta["video"]["fps"]))
    stages = frozenset() if settings.raw else settings.motion

    # 2D: a track without holes, and its rays through the plane z = 1. A stride of one's own means the clip's frames.
    rate = lifter.rate if settings.tds is None else None
    repaired = repair.repair(people.keypoints2d[row], people.times, fps, rate, settings.repair)
    keypoints, seen, swapped = repaired.keypoints, repaired.seen, repaired.swapped
    rays = _rays(people, keypoints, settings)
    scores = keypoints[..., 2]
    confidence = h36m_confidence(scores)

    # 3D: the pose of each frame, relative to the Hip.
    tds = settings.tds or lifters.automatic_tds(fps * repaired.factor, lifter.rate)
    joints = _lifted(people, repaired, fps, tds, lifter, settings, progress)
    own = people.extras.get("blazepose33_world")
    if own is not None and "fusion" in stages:
        joints = fusion.fuse(joints, _trusted(own[row], swapped), view.look_at_torso(rays)[1])

    # A camera that turns: from here on all is seen by one that keeps its direction.
    steady = rays
    if filming.turns is not None:
        joints = joints @ np.swapaxes(filming.turns, 1, 2)
        steady = camera_motion.steadied(rays, filming.turns)

    # Motion: one skeleton that moves through space. Before the first and after the last sight it stands still.
    sight = _sight(seen)
    if "limits" in stages:
        joints[sight] = limits.unflipped(joints[sight], _path(joints[sight], steady[sight], scores[sight], fps), fps)
    if "filter" in stages:
        joints = smoothing.smooth_joints(joints, confidence, fps)
    lengths = skeleton.bone_lengths(joints, confidence, CANONICAL_HEIGHT)
    joints = skeleton.scaled(joints, lengths) if settings.raw else skeleton.with_lengths(joints, lengths)
    joints = joints[sight]
    root = _path(joints, steady[sight], scores[sight], fps)
    if "fit" in stages:
        joints, root = fit.fit(joints, root, lengths, steady[sight], scores[sight], fps)
        if "filter" in stages:  # the fit has let the jitter of the picture in again
            joints = skeleton.with_lengths(smoothing.smooth_joints(joints, confidence[sight], fps), lengths)
    if "limits" in stages:
        joints = limits.within(joints)
    still = (sight.start, len(seen) - sight.stop)
    joints, root = np.pad(joints, (still, (0, 0), (0, 0)), mode="edge"), np.pad(root, (still, (0, 0)), mode="edge")
    return _Filmed(row, joints, root, keypoints, confidence, seen, swapped, filming, tds, repaired.counts)


def _rays(people: People, keypoints: np.ndarray, settings: CaptureSettings) -> np.ndarray:
    """(T,17,2) on the plane z = 1 before the camera, of keypoints (T,17,3)."""
    video_facts = people.meta["video"]
    middle = np.array([int(video_facts["width"]) / 2, int(video_facts["height"]) / 2])
    return (keypoints[..., :2] - middle) / _focal(people, settings)


def _lifted(
    people: People,
    repaired: repair.Repaired,
    fps: float,
    tds: int,
    lifter: lifters.Lifter,
    settings: CaptureSettings,
    progress: Progress,
) -> np.ndarray:
    """(T,17,3) what the lifter says of a track."""
    video_facts = people.meta["video"]
    size = int(video_facts["width"]), int(video_facts["height"])
    read = detect.lifter_scores(repaired.lifted, people.meta["detector"])
    dense = lifters.Track2D(read, *size, fps * repaired.factor, _focal(people, settings))
    return lifter.lift(dense, tds, settings.flip, progress)[:: repaired.factor]


def _trusted(points: np.ndarray, swapped: np.ndarray) -> np.ndarray:
    """The detector's own points (T,P,3) without the frames in which left was taken for right (T,2): there its 3D faces
    the wrong way, and heels and toes are the other foot's."""
    return np.where(swapped.any(axis=1)[:, None, None], np.float32(np.nan), points)


def _path(joints: np.ndarray, rays: np.ndarray, scores: np.ndarray, fps: float) -> np.ndarray:
    """The path (T,3) of the Hip of joints (T,17,3) whose keypoints were seen on ``rays`` (T,17,2)."""
    return trajectory.root_path(joints[:, H36M_ROWS], rays[:, COCO_ROWS], scores[:, COCO_ROWS], fps)


def _sight(seen: np.ndarray) -> slice:
    """The rows from the first to the last in which somebody is seen, (T,) bool."""
    rows = np.flatnonzero(seen)
    return slice(int(rows[0]), int(rows[-1]) + 1)


def _attitude(witnesses: list[_Filmed], times: np.ndarray, settings: CaptureSettings) -> gravity.Attitude:
    """How the one camera of all persons is tilted; what the user says always wins."""
    if settings.tilt is not None and settings.roll is not None:
        return gravity.Attitude(settings.tilt, settings.roll, True)
    found = gravity.attitude(
        [gravity.Body(one.joints + one.root[:, None], one.confidence * one.seen[:, None], times) for one in witnesses]
    )
    if settings.tilt is None and settings.roll is None:
        return found
    return gravity.Attitude(
        found.pitch if settings.tilt is None else settings.tilt,
        found.roll if settings.roll is None else settings.roll,
        True,
    )


def _ground(filmed: _Filmed, tilt: gravity.Attitude) -> float:
    """Height over the camera, metres, of what a person stands on (below it: negative), at everybody's one height."""
    heights = ((filmed.joints + filmed.root[:, None]) @ tilt.rotation.T)[:, floor.ANKLES, 2]
    return floor.floor_height(heights, filmed.confidence[:, floor.ANKLES] > 0, CANONICAL_HEIGHT)


def _beside(
    one: _Filmed, other: _Filmed, grounds: dict[int, float], tilt: gravity.Attitude, settings: CaptureSettings
) -> float:
    """Size of one person beside that of another, as far as the floor under their feet tells it; else 1."""
    feet_seen = min(_feet_seen(who.confidence[who.seen]) for who in (one, other))
    if one.row == other.row or settings.raw or feet_seen < _FEET_SEEN:
        return 1.0
    apart = abs(float(np.median(one.root[one.seen, 2]) - np.median(other.root[other.seen, 2])))
    given = settings.tilt is not None
    wrong = 0.0 if given else gravity.KNOWN_ERROR if tilt.known else gravity.UNKNOWN_ERROR
    error = math.hypot(_GROUND_ERROR, apart * math.tan(math.radians(wrong)) / max(abs(grounds[other.row]), 1e-3))
    return floor.relative_size(grounds[one.row], grounds[other.row], error)


def _in_world(
    people: People,
    filmed: _Filmed,
    tilt: gravity.Attitude,
    ground: float,
    beside: float,
    lifter: lifters.Lifter,
    settings: CaptureSettings,
) -> Motion:
    """One person's motion in the world; it still has the camera above its origin. ground: see :func:`_ground`.
    beside: their size beside that of the one whose height was given."""
    video_facts = people.meta["video"]
    width, height = int(video_facts["width"]), int(video_facts["height"])
    fps = mean_rate(people.times, float(video_facts["fps"]))
    confidence, seen = filmed.confidence, filmed.seen
    rotation = tilt.rotation
    world = (filmed.joints + filmed.root[:, None]) @ rotation.T
    turned = np.repeat(rotation[None], len(world), axis=0)
    if filmed.filming.turns is not None:
        turned = turned @ filmed.filming.turns
    soles = _soles(people, filmed, turned, _focal(people, settings), fps)
    planted = contacts.contacts(world, confidence, people.times, np.zeros(3), soles)
    camera = np.array([0.0, 0.0, -ground])
    world = world + camera
    if not settings.raw:
        sight = _sight(seen)
        world[sight], planted[sight] = foot_lock.lock(
            world[sight], planted[sight], people.times[sight], CANONICAL_HEIGHT, settings.feet, camera
        )
        world[: sight.start], world[sight.stop :] = world[sight.start], world[sight.stop - 1]
    # Until here everybody is as tall as the stages were tuned for; one picture cannot tell.
    size = beside * settings.height / CANONICAL_HEIGHT
    world, camera = world * size, camera * size
    body = (world - camera) @ turned
    joints, root, world = (array.astype(np.float32) for array in (body - body[:, :1], body[:, 0], world))
    turned, camera = turned.astype(np.float32), camera.astype(np.float32)
    return Motion(
        joints3d=joints,
        root=root,
        world=world,
        camera_R=turned,
        camera_t=np.repeat(camera[None], len(joints), axis=0),
        keypoints2d=filmed.keypoints,
        confidence=confidence,
        contacts=planted,
        frames=people.frames,
        times=people.times,
        meta={
            "fps": fps,
            "width": width,
            "height": height,
            "focal_px": _focal(people, settings),
            "principal_point": [width / 2, height / 2],
            "person": filmed.row + 1,
            "detector": people.meta["detector"],
            "lifter": lifter.name,
            "checkpoint": lifter.checkpoint.name,
            "checkpoint_sha256": atomic.sha256(lifter.checkpoint),
            "tds": filmed.tds,
            "height_m": beside * settings.height,
            "engine": __version__,
            "video": Path(str(video_facts["path"])).name,
            "repairs": filmed.repairs,
            "camera": {
                "pitch_deg": round(tilt.pitch, 2),
                "roll_deg": round(tilt.roll, 2),
                "known": tilt.known,
                "turns_deg": round(filmed.filming.degrees, 2),
            },
            "feet": settings.feet,
            "warnings": [
                notice.to_json()
                for notice in (
                    *warnings.notices(people.meta),
                    *filmed.filming.warnings,
                    *_warnings(seen, confidence, people.times),
                )
            ],
        },
        extras={} if settings.raw else _orientations(people, filmed, turned, settings, fps),
    )


def _soles(people: People, filmed: _Filmed, turned: np.ndarray, focal: float, fps: float) -> np.ndarray | None:
    """Heels and toes beside the ankles, where the detector has points on them; turned: (T,3,3), camera to world."""
    layout = next((name for name in contacts.SOLES if name in people.extras), None)
    if layout is None:
        return None
    points = _trusted(people.extras[layout][filmed.row], filmed.swapped)
    depths = (filmed.joints + filmed.root[:, None])[:, floor.ANKLES, 2]
    ankles = filmed.keypoints[:, _COCO_ANKLES, :2]
    return np.einsum("tij,tfej->tfei", turned, contacts.beside_ankles(points, layout, ankles, depths, focal, fps))


def _orientations(
    people: People, filmed: _Filmed, rotation: np.ndarray, settings: CaptureSettings, fps: float
) -> dict[str, np.ndarray]:
    """The extra arrays of head, hands and feet, where the detector has points on them.

    rotation: (T,3,3), camera axes to world axes.
    """
    world, picture = people.extras.get("blazepose33_world"), people.extras.get("blazepose33")
    if world is None or picture is None:
        return {}
    # The detector's 3D is in the axes of a camera that looks at the person.
    to_world = rotation @ np.swapaxes(view.look_at_torso(_rays(people, filmed.keypoints, settings))[1], -1, -2)
    scores = np.nan_to_num(picture[filmed.row][..., 2])
    found = orientations.orientations(world[filmed.row], scores, to_world, filmed.swapped, fps)
    return {} if found is None else {**found[0], "orientation_valid": found[1]}


def _expected_frames(info: VideoInfo, settings: AnalyseSettings) -> int:
    """Frames that will be read, as far as the file says; 0 where it does not."""
    if not info.frames or not info.fps:
        return 0
    end = info.frames / info.fps if settings.end is None else min(settings.end, info.frames / info.fps)
    return max(0, round((end - (settings.start or 0.0)) * info.fps))


def mean_rate(times: np.ndarray, fallback: float) -> float:
    """Frames a second over a clip's presentation times (T,); ``fallback`` for a single frame."""
    if len(times) < 2 or times[-1] <= times[0]:
        return fallback or 30.0
    return float((len(times) - 1) / (times[-1] - times[0]))


def _feet_seen(confidence: np.ndarray) -> float:
    """How well the feet are seen in half of the rows (T,17)."""
    return float(np.median(confidence[:, floor.ANKLES]))


def _warnings(seen: np.ndarray, confidence: np.ndarray, times: np.ndarray) -> list[Notice]:
    found = []
    gaps = repair.long_gaps(seen, times)
    if gaps:
        spans = ", ".join(f"{first:.2f} to {last:.2f} s" for first, last in gaps[:3])
        more = f" and {len(gaps) - 3} more" if len(gaps) > 3 else ""
        text = f"not visible from {spans}{more}; motion there is interpolated"
        found.append(Notice(warnings.NOT_VISIBLE, text, (float(gaps[0][0]), float(gaps[-1][1]))))
    if seen.mean() < 0.9:
        text = f"visible in {100 * seen.mean():.0f} % of the frames; the rest is interpolated"
        found.append(Notice(warnings.PARTLY_VISIBLE, text))
    if seen.any() and _feet_seen(confidence[seen]) < _FEET_SEEN:
        text = "the feet are hardly ever visible; legs and floor are estimated"
        found.append(Notice(warnings.FEET_NOT_VISIBLE, text))
    return found


def write(motions: list[Motion], output: Path) -> list[Path]:
    """Writes one motion to ``output``, several to ``OUT.personN.npz`` beside it. Returns the paths."""
    paths = [output] if len(motions) == 1 else [person_path(output, motion.meta["person"]) for motion in motions]
    for motion, path in zip(motions, paths, strict=True):
        motion.save(path)
    return paths


def person_path(output: Path, person: int) -> Path:
    """``clip.npz`` -> ``clip.person2.npz``: the name of one of several persons' files."""
    return output.with_name(f"{output.stem}.person{person}{output.suffix}")
