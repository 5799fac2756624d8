"""Tracks from people whose ways are known, and from real footage in which the detector jumps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pose3d_engine import detect
from pose3d_engine.contract.errors import UserError
from pose3d_engine.contract.people_file import People, VideoInfo
from pose3d_engine.contract.skeletons import COCO17
from pose3d_engine.detect.base import FrameDetections
from pose3d_engine.media import video
from pose3d_engine.repair import fill_gaps
from pose3d_engine.track import PersonAt, Tracker, complete, select
from scripts.bench import crossings, tracking
from scripts.bench import people as people_bench

FPS = 30.0
INFO = VideoInfo("clip.mp4", 1920, 1080, FPS, 10.0, 300, 0)

STANDING = {
    "nose": (0.0, -0.92),
    "left_eye": (0.02, -0.94),
    "right_eye": (-0.02, -0.94),
    "left_ear": (0.05, -0.93),
    "right_ear": (-0.05, -0.93),
    "left_shoulder": (0.11, -0.82),
    "right_shoulder": (-0.11, -0.82),
    "left_elbow": (0.14, -0.65),
    "right_elbow": (-0.14, -0.65),
    "left_wrist": (0.15, -0.5),
    "right_wrist": (-0.15, -0.5),
    "left_hip": (0.07, -0.52),
    "right_hip": (-0.07, -0.52),
    "left_knee": (0.08, -0.28),
    "right_knee": (-0.08, -0.28),
    "left_ankle": (0.08, -0.04),
    "right_ankle": (-0.08, -0.04),
}
"""A person of height 1 whose soles are at (0, 0), y down."""


def person(x: float, y: float, height: float, score: float = 0.9) -> np.ndarray:
    """(17,3): somebody who stands with the soles at (x, y)."""
    shape = np.array([STANDING[joint] for joint in COCO17.joints]) * height + [x, y]
    return np.column_stack([shape, np.full(17, score)]).astype(np.float32)


def seen(*people: np.ndarray) -> FrameDetections:
    """The people of a frame, with an extra that carries each one's first coordinate."""
    keypoints = np.array(people, np.float32).reshape(-1, 17, 3)
    boxes = np.concatenate([keypoints[..., :2].min(axis=1), keypoints[..., :2].max(axis=1)], axis=1)
    return FrameDetections(keypoints, boxes, {"nose_x": keypoints[:, 0, 0].copy()})


def track(frames: int, at: Callable[[int], FrameDetections], first: int = 0) -> People:
    tracker = Tracker()
    for frame in range(first, first + frames):
        tracker.add(frame, frame / FPS, at(frame))
    return tracker.finish(INFO, "test")


def noisy(random: np.random.Generator, keypoints: np.ndarray, pixels: float = 3.0) -> np.ndarray:
    result = keypoints.copy()
    result[:, :2] += random.normal(0, pixels, (17, 2))
    return result


def test_two_people_who_cross_keep_their_tracks() -> None:
    random = np.random.default_rng(1)

    def at(frame: int) -> FrameDetections:
        right = noisy(random, person(200 + 15 * frame, 900, 500))
        left = noisy(random, person(1700 - 15 * frame, 880, 420))
        # While they overlap only the one in front is found, and detectors give people in any order.
        visible = [right] if 46 <= frame <= 54 else [right, left]
        return seen(*(visible if frame % 2 else visible[::-1]))

    people = track(100, at)
    assert len(people.keypoints2d) == 2
    hips = COCO17.index("left_hip")
    speeds = np.diff(people.keypoints2d[:, :, hips, 0], axis=1)
    assert np.nanmedian(speeds[0]) == pytest.approx(15, abs=2), "the larger one is person 1 and walks right"
    assert np.nanmedian(speeds[1]) == pytest.approx(-15, abs=2)
    # Nobody changes direction: each track is one person throughout.
    assert np.nanmin(people.keypoints2d[0, 60:, hips, 0]) > 1000
    assert np.nanmax(people.keypoints2d[1, 60:, hips, 0]) < 1000
    assert np.isnan(people.keypoints2d[1, 47:54, :, :2]).all()
    assert (people.keypoints2d[1, 47:54, :, 2] == 0).all()


def test_the_records_and_extras_belong_to_the_rows() -> None:
    people = track(
        60, lambda frame: seen(person(300, 900, 300), *([person(1200, 900, 600)] if frame >= 120 else [])), first=100
    )
    assert people.keypoints2d.shape == (2, 60, 17, 3) and people.boxes.shape == (2, 60, 4)
    assert people.frames.tolist() == list(range(100, 160))
    assert people.times == pytest.approx(np.arange(100, 160) / FPS)
    large, small = people.meta["people"]
    assert (large["person"], large["first"], large["last"]) == (1, 120, 159)
    assert (small["person"], small["first"], small["last"]) == (2, 100, 159)
    assert large["coverage"] == pytest.approx(40 / 60, abs=1e-3) and small["coverage"] == 1
    assert large["score"] == pytest.approx(0.9)
    assert np.isnan(people.extras["nose_x"][0, :20]).all()
    assert people.extras["nose_x"][0, 20:] == pytest.approx(1200)
    assert people.extras["nose_x"][1] == pytest.approx(300)
    assert people.meta["video"]["width"] == 1920 and people.meta["detector"] == "test"


def test_a_gap_is_survived_but_not_a_long_absence() -> None:
    def walk(gap: int) -> People:
        return track(
            60 + gap, lambda frame: seen(*([] if 30 <= frame < 30 + gap else [person(400 + 4 * frame, 900, 500)]))
        )

    assert len(walk(45).keypoints2d) == 1
    assert len(walk(75).keypoints2d) == 2


def test_a_detector_that_jumps_to_somebody_else_does_not_join_them() -> None:
    people = track(80, lambda frame: seen(person(300, 500, 400) if frame < 40 else person(1500, 900, 400)))
    assert len(people.keypoints2d) == 2
    assert people.meta["people"][0]["last"] == 39 and people.meta["people"][1]["first"] == 40


def test_one_wild_pose_is_left_out() -> None:
    upside_down = person(600, 900, 500)
    upside_down[:, 1] = 1300 - upside_down[:, 1]
    people = track(60, lambda frame: seen(upside_down if frame == 30 else person(600, 900, 500)))
    assert len(people.keypoints2d) == 1
    assert np.flatnonzero(np.isnan(people.keypoints2d[0, :, 0, 0])).tolist() == [30]


def test_a_false_person_beside_a_true_one_does_not_take_the_track() -> None:
    def at(frame: int) -> FrameDetections:
        true = person(600, 900, 500)
        ghost = person(700, 1000, 450, score=0.95)
        return seen(ghost, true) if frame in (20, 21, 22) else seen(true)

    people = track(60, at)
    assert len(people.keypoints2d) == 1
    assert people.keypoints2d[0, :, 0, 0] == pytest.approx(600)


def test_short_and_doubtful_tracks_are_dropped() -> None:
    people = track(
        90,
        lambda frame: seen(
            person(300, 900, 400),
            person(1000, 900, 500, score=0.1),
            *([person(1600, 900, 600)] if 40 <= frame < 46 else []),
        ),
    )
    assert len(people.keypoints2d) == 1
    assert people.keypoints2d[0, 0, 0, 0] == 300


@pytest.mark.parametrize("frames", [1, 2, 6])
def test_a_clip_of_a_moment_still_has_its_person(frames: int) -> None:
    assert len(track(frames, lambda _: seen(person(300, 900, 400))).keypoints2d) == 1


def test_nobody() -> None:
    people = track(10, lambda _: seen())
    assert people.keypoints2d.shape == (0, 10, 17, 3)
    assert people.meta["people"] == []
    with pytest.raises(UserError, match="no person was found"):
        select(people, "largest")


def test_select() -> None:
    people = track(30, lambda _: seen(*(person(300 * i + 200, 900, 500 - 50 * i) for i in range(3))))
    assert select(people, "largest") == [0]
    assert select(people, "all") == [0, 1, 2]
    assert select(people, "2") == [1]
    assert select(people, "3, 1,3") == [2, 0]
    for wanted in ("4", "0", "1,-2"):
        with pytest.raises(UserError, match="people 1 to 3"):
            select(people, wanted)
    for wanted in ("", "first", "1;2"):
        with pytest.raises(UserError, match="give largest, all or numbers"):
            select(people, wanted)


def legless(keypoints: np.ndarray) -> np.ndarray:
    """Somebody whose legs are out of the picture, as detectors tell: guessed, with hardly any score."""
    result = keypoints.copy()
    result[11:, 2] = 0.05
    return result


def test_who_is_whole_is_told_apart() -> None:
    whole = person(300, 900, 400)
    assert complete(whole) and not complete(legless(whole))
    hidden = whole.copy()
    hidden[[COCO17.index("left_elbow"), COCO17.index("left_wrist")]] = np.nan, np.nan, 0
    assert complete(hidden)
    people = track(
        40, lambda frame: seen(whole, legless(person(1200, 900, 600)) if frame < 30 else person(1200, 900, 600))
    )
    assert [record["complete"] for record in people.meta["people"]] == [0.25, 1.0]
    assert [record["height_px"] for record in people.meta["people"]] == [540, 360]


def test_person_1_is_the_largest_who_is_ever_whole() -> None:
    half, whole = legless(person(1200, 900, 600, score=0.95)), person(300, 900, 400)
    people = track(30, lambda _: seen(half, whole))
    assert [record["complete"] for record in people.meta["people"]] == [1, 0]
    assert select(people, "largest") == [0]
    sometimes = track(30, lambda frame: seen(whole, half if frame else person(1200, 900, 600)))
    assert sometimes.meta["people"][0]["height_px"] > sometimes.meta["people"][1]["height_px"], "once whole is enough"
    nobody = track(30, lambda _: seen(half, legless(whole)))
    assert nobody.meta["people"][0]["height_px"] > nobody.meta["people"][1]["height_px"]


def test_a_person_is_picked_by_a_place_at_a_time() -> None:
    # A child in front of a tall man; a third walks in later; the man is not seen for a moment.
    def at(frame: int) -> FrameDetections:
        there = [person(620, 900, 300)]
        if not 20 <= frame < 26:
            there.append(person(600, 900, 800))
        if frame >= 60:
            there.append(person(1400 - 5 * (frame - 60), 900, 500))
        return seen(*there)

    people = track(120, at)
    man, walker, child = 0, 1, 2
    assert [record["height_px"] for record in people.meta["people"]] == [720, 450, 270]
    assert select(people, PersonAt(620, 750, 1.0)) == [child]
    assert select(people, PersonAt(600, 400, 1.0)) == [man]
    assert select(people, PersonAt(600, 400, 22 / FPS)) == [man]
    assert select(people, PersonAt(1400, 700, 60 / FPS)) == [walker]
    assert select(people, PersonAt(1100, 700, 119 / FPS)) == [walker]
    with pytest.raises(
        UserError, match=r"nobody is at 1400,700 at 0\.5 s; person 1 is between 480,148 and 720,868; person 3"
    ):
        select(people, PersonAt(1400, 700, 0.5))
    with pytest.raises(UserError, match=r"nobody is visible around that time, the clip is from 0\.00 to 3\.97 s"):
        select(people, PersonAt(600, 400, 60.0))


def test_a_place_is_three_numbers() -> None:
    assert PersonAt.parse("640, 360,2.5") == PersonAt(640, 360, 2.5)
    for text in ("", "640,360", "a,b,c", "1,2,3,4", "nan,1,1", "1,inf,0"):
        with pytest.raises(UserError, match="give X,Y,SECONDS"):
            PersonAt.parse(text)


def test_fill_interpolates_short_gaps_and_marks_long_ones() -> None:
    times = np.arange(60) / FPS
    whole = np.stack([person(300 + 2 * frame, 900, 400, score=0.8) for frame in range(60)])
    holes = whole.copy()
    for gap in (slice(0, 3), slice(10, 15), slice(20, 50)):
        holes[gap, :, :2], holes[gap, :, 2] = np.nan, 0.0
    filled, seen_rows = fill_gaps(holes, times)
    assert filled.dtype == np.float32 and np.isfinite(filled).all()
    assert np.flatnonzero(~seen_rows).tolist() == [0, 1, 2, *range(10, 15), *range(20, 50)]
    assert filled[seen_rows] == pytest.approx(whole[seen_rows])
    assert filled[10:15, :, :2] == pytest.approx(whole[10:15, :, :2], abs=1e-3)
    assert ((filled[10:15, :, 2] > 0) & (filled[10:15, :, 2] < 0.8)).all()
    assert filled[:3, :, :2] == pytest.approx(np.broadcast_to(whole[3, :, :2], (3, 17, 2)))
    assert (filled[20:50, :, 2] == 0).all() and (filled[:3, :, 2] == 0).all()


def test_fill_where_one_keypoint_is_never_seen() -> None:
    holes = np.stack([person(300, 900, 400)] * 5)
    holes[:, 9, :2], holes[:, 9, 2] = np.nan, 0.0
    filled, seen_rows = fill_gaps(holes, np.arange(5) / FPS)
    assert seen_rows.all() and np.isfinite(filled).all()
    assert (filled[:, 9, 2] == 0).all()
    with pytest.raises(ValueError, match="visible"):
        fill_gaps(np.full((3, 17, 3), np.nan), np.arange(3.0))


@pytest.mark.parametrize("max_people", [1, 2])
def test_real_footage_gives_the_man_and_the_woman(demo_clip: Path, detector_model: Path, max_people: int) -> None:
    """Asked for one pose, the detector runs from the man on the wall to the woman below while he jumps off."""
    detector = detect.create("mediapipe", max_people)
    tracker = Tracker()
    # From when she is still behind the tree; every third frame, to be quick.
    for frame in video.read_frames(demo_clip, 1.5):
        if frame.index % 3 == 0:
            tracker.add(frame.index, frame.time, detector.detect(frame.image, frame.time))
    detector.close()
    people = tracker.finish(video.probe(demo_clip), detector.name)
    assert len(people.keypoints2d) == 2
    centres = people.keypoints2d[..., :2].mean(axis=2)
    ways = [way[np.isfinite(way[:, 0])] for way in centres]
    woman, man = sorted(ways, key=lambda way: float(way[-1, 0]))
    # She walks out to the left, low in the picture; he stands high at first, lands and runs off to the right.
    assert woman[-1, 0] < 200 and woman[:, 1].min() > 550
    assert man[0, 1] < 450 and man[-1, 0] > 1400


@pytest.mark.parametrize("kind", crossings.KINDS)
def test_who_crosses_whom_stays_who_they_are(kind: str) -> None:
    """scripts/bench/tracking.py measures the same with motion capture, in 200 cases."""
    pool = [tracking.walking(seed) for seed in range(3)]
    for seed in range(3):
        clip = crossings.crossing(np.random.default_rng(seed), pool, kind)
        verdict = crossings.judge(clip.tracked().extras["owner"], clip)
        assert verdict.kept == (True, True), (seed, verdict)


def test_an_exchange_is_noticed_by_the_judge() -> None:
    clip = crossings.crossing(np.random.default_rng(0), [tracking.walking(0)], "cross")
    owners = clip.tracked().extras["owner"]
    owners[:, 100:] = owners[::-1, 100:]
    assert crossings.judge(owners, clip) == crossings.Verdict((False, False), True, pytest.approx(0.4, abs=0.2))
    assert crossings.judge(owners[:0], clip).kept == (False, False)


def test_one_who_is_found_twice_is_one() -> None:
    def at(frame: int) -> FrameDetections:
        true = person(300 + 4 * frame, 900, 500)
        return seen(true, noisy(np.random.default_rng(frame), true))

    assert len(track(60, at).keypoints2d) == 1


def test_the_bench_tells_switches_and_misses() -> None:
    frames = np.arange(100)
    labels = people_bench.labelled("cam02", frames)
    people = np.full((2, 100, 17, 3), 1.0)
    for person in range(2):
        people[person, :, :5, :2], people[person, :, 5:, :2] = labels[person, :, :1], labels[person, :, 1:]
    assert (people_bench.whose(people, labels) == [[0], [1]]).all()

    people[0, 20:30] = np.nan  # not found
    people[1, 40:50, :, :2] += 1000  # somewhere else
    exchanged = people.copy()
    exchanged[:, 70:] = people[::-1, 70:]
    for found, wanted in ((people, 0), (exchanged, 2)):
        tracks = people_bench.whose(found, labels)
        assert (tracks >= 0).mean(axis=1).tolist() == [0.9, 0.9]
        assert people_bench.switches(tracks) == wanted
