"""Tracking libraries on the same crossings as ours: what docs/benchmarks.md compares. Not part of `make bench`.

    pip install norfair trackers          (in an environment of their own: trackers wants NumPy 2)
    python -m scripts.bench.trackers --data cmu_h36m17.npz [--cases 200]

Each gets the same people a frame and may lose somebody for as long as ours; the rest is as its authors set it. Those
that know boxes get the keypoints' box, and full confidence in everybody whose mean score is that of a person.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from pose3d_engine.detect.base import FrameDetections
from pose3d_engine.track.tracklets import MAX_GAP_S, MIN_SCORE
from scripts.bench.crossings import FPS, FRAMES, KINDS, Crossing, crossing, judge
from scripts.bench.tracking import motions

PATIENCE = round(MAX_GAP_S * FPS)

Step = Callable[[FrameDetections], list[tuple[object, int]]]
"""The people of one frame in; the track and the row of each person who has one out."""


def norfair() -> Step:
    """Keypoints, each with a Kalman filter; compared by their mean distance in diagonals of the box."""
    from norfair import Detection, Tracker

    def distance(detection: Detection, tracked: object) -> float:
        size = np.hypot(*np.ptp(detection.points, axis=0))
        return float(np.linalg.norm(detection.points - tracked.estimate, axis=-1).mean() / size)  # type: ignore[attr-defined]

    tracker = Tracker(distance, distance_threshold=0.5, hit_counter_max=PATIENCE, initialization_delay=3)

    def step(found: FrameDetections) -> list[tuple[object, int]]:
        middles = (found.boxes[:, None, :2] + found.boxes[:, None, 2:]) / 2
        points = np.where(np.isfinite(found.keypoints[..., :2]), found.keypoints[..., :2], middles)
        before = {one.id: one.last_detection for one in tracker.tracked_objects}
        tracker.update([Detection(points[row], data=row) for row in range(len(points))])
        # Whom it did not see in this frame still has the data of an earlier one.
        active = [one for one in tracker.get_active_objects() if before.get(one.id) is not one.last_detection]
        return [(one.id, one.last_detection.data) for one in active]

    return step


def of_trackers(name: str) -> Callable[[], Step]:
    """ByteTrack and SORT as the package ``trackers`` (by the makers of supervision) has them."""

    def made() -> Step:
        import supervision
        import trackers

        tracker = getattr(trackers, name)(lost_track_buffer=PATIENCE, frame_rate=FPS)

        def step(found: FrameDetections) -> list[tuple[object, int]]:
            count = len(found.boxes)
            scores = found.keypoints[..., 2].mean(axis=1)
            scores = np.where(scores >= MIN_SCORE, 1.0, scores)
            rows = {"row": np.arange(count)}
            seen = supervision.Detections(found.boxes, confidence=scores, class_id=np.zeros(count, int), data=rows)
            known = tracker.update(seen)
            ids = [] if known.tracker_id is None else known.tracker_id
            known_rows = known.data.get("row", [])
            return [(int(track), int(row)) for track, row in zip(ids, known_rows, strict=True) if track >= 0]

        return step

    return made


TRACKERS: dict[str, tuple[str, Callable[[], Step]]] = {
    "norfair": ("norfair", norfair),
    "SORT": ("trackers", of_trackers("SORTTracker")),
    "ByteTrack": ("trackers", of_trackers("ByteTrackTracker")),
}


def owners(clip: Crossing, step: Step) -> np.ndarray:
    """(P,FRAMES) whose detection each track holds in each frame, NaN for none."""
    tracks: dict[object, np.ndarray] = {}
    for frame, found in enumerate(clip.frames):
        for track, row in step(found):
            tracks.setdefault(track, np.full(FRAMES, np.nan))[frame] = found.extras["owner"][row]
    return np.array(list(tracks.values())).reshape(-1, FRAMES)


def main() -> None:
    """Prints a row a library, as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, metavar="MOCAP.npz")
    parser.add_argument("--cases", type=int, default=200)
    options = parser.parse_args()
    pool = motions(options.data)
    clips = [crossing(np.random.default_rng(case), pool, KINDS[case % len(KINDS)]) for case in range(options.cases)]
    print(f"{'crossings':18} {'identity kept':>14} {'switched':>9} {'tracks':>7} {'s a clip':>9}")
    for name, (package, make) in {"ours": ("pose3d-engine", None), **TRACKERS}.items():
        began, verdicts, count = time.perf_counter(), [], 0
        for clip in clips:
            held = clip.tracked().extras["owner"] if make is None else owners(clip, make())
            verdicts.append(judge(held, clip))
            count += len(held)
        spent = (time.perf_counter() - began) / len(clips)
        version = "" if make is None else importlib.metadata.version(package)
        kept, switched = np.mean([v.kept for v in verdicts]), np.mean([v.switched for v in verdicts])
        print(
            f"{name + ' ' + version:18} {kept:13.1%} {switched:9.1%} {count / len(clips):7.1f} {spent:9.2f}", flush=True
        )


if __name__ == "__main__":
    main()
