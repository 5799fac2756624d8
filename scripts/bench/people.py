"""Whether two real people are found and told apart, and what the second one costs: part of `make bench`.

    python -m scripts.bench.people [--detector NAME] [--pictures DIR]

Four views of a man and a rendered woman, of whom one is small and partly hidden (Pose2Sim's Demo_MultiPerson, see
demo_clip.py). Who is where was labelled by eye, a head and hips every 20 frames (tests/golden/two_people.json); both
are in the picture in every frame. ``--pictures`` writes sheets of frames with everybody's track drawn on them.
"""

from __future__ import annotations

import argparse
import json
import time
from contextlib import closing
from pathlib import Path

import numpy as np

from pose3d_engine import detect, pipeline
from pose3d_engine.contract.people_file import People
from pose3d_engine.contract.settings import AnalyseSettings
from pose3d_engine.contract.skeletons import COCO17, FACE
from pose3d_engine.media import video
from scripts import ROOT, demo_clip

VIEWS = ("cam01", "cam02", "cam03", "cam04")
LABELS = ROOT / "tests" / "golden" / "two_people.json"

_FACE = COCO17.rows(*FACE)
_HIPS = COCO17.rows("left_hip", "right_hip")

_NEAR = 0.4
"""Somebody is found where head and hips are, on average, so near to the label, in lengths from head to hips. Between
two labels people bend and straighten faster than a straight line tells."""

_BONES = [("shoulder", "elbow"), ("elbow", "wrist"), ("shoulder", "hip"), ("hip", "knee"), ("knee", "ankle")]
_LIMBS = [
    *[(f"left_{name}", f"right_{name}") for name in ("shoulder", "hip")],
    *[(f"{side}_{a}", f"{side}_{b}") for side in ("left", "right") for a, b in _BONES],
    *[("nose", f"{side}_shoulder") for side in ("left", "right")],
]
_COLOURS = ((255, 60, 60), (60, 160, 255), (60, 220, 60), (255, 200, 0))
"""Red, blue, green, yellow: people 1 to 4."""

PICTURED = (0, 25, 50, 75, 99)


def labelled(view: str, frames: np.ndarray) -> np.ndarray:
    """(2,T,2,2) pixels: of the man and the woman, head and hips in these frames."""
    people = json.loads(LABELS.read_text(encoding="utf-8"))[view]
    tracks = []
    for rows in people.values():
        known = np.array(rows, float)
        at = [np.interp(frames, known[:, 0], known[:, column]) for column in range(1, 5)]
        tracks.append(np.stack(at, axis=-1).reshape(-1, 2, 2))
    return np.array(tracks)


def whose(keypoints: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(2,T) the row of the track that is on each labelled person, -1 where none is.

    keypoints: (P,T,17,3), NaN and 0 where not seen. labels: (2,T,2,2). A track is on the person whose label is nearest.
    """
    points = np.stack([keypoints[..., rows, :2].mean(axis=2) for rows in (_FACE, _HIPS)], axis=2)
    off = np.linalg.norm(points[:, None] - labels[None], axis=-1).mean(axis=-1)
    off /= np.linalg.norm(labels[..., 0, :] - labels[..., 1, :], axis=-1)[None]
    off = np.where(np.isfinite(off), off, np.inf)
    # A track is on one person, and a person has one track: the nearest of both.
    off[(off > off.min(axis=1, keepdims=True)) | (off > off.min(axis=0, keepdims=True)) | (off > _NEAR)] = np.inf
    return np.where(np.isfinite(off.min(axis=0)), off.argmin(axis=0), -1)


def switches(tracks: np.ndarray) -> int:
    """How often somebody goes on as another track: (2,T) from :func:`whose`."""
    return int(sum((np.diff(row[row >= 0]) != 0).sum() for row in tracks))


def drawn(clip: Path, people: People, target: Path) -> None:
    """Writes a sheet of some frames with a skeleton in its own colour for every track."""
    import cv2

    tiles = []
    for frame in video.read_frames(clip):
        if frame.index in PICTURED:
            row = int(np.flatnonzero(people.frames == frame.index)[0])
            image = frame.image.copy()
            for person, keypoints in enumerate(people.keypoints2d[:, row]):
                for limb in _LIMBS:
                    ends = keypoints[[COCO17.index(name) for name in limb], :2]
                    if np.isfinite(ends).all():
                        ends = np.round(ends).astype(int).tolist()
                        cv2.line(image, ends[0], ends[1], _COLOURS[person % len(_COLOURS)], 6, cv2.LINE_AA)
            tiles.append(cv2.resize(image, None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA))
    cv2.imwrite(str(target), cv2.cvtColor(np.hstack(tiles), cv2.COLOR_RGB2BGR))


def seconds(clips: list[Path], name: str) -> tuple[float, float]:
    """Of detecting one person and two, over all frames. In turns on the same frames: a machine is not always as
    fast."""
    spent = [0.0, 0.0]
    for clip in clips:
        with closing(detect.create(name, 1)) as one, closing(detect.create(name, 2)) as two:
            for frame in video.read_frames(clip):
                for index, detector in enumerate((one, two)):
                    began = time.perf_counter()
                    detector.detect(frame.image, frame.time)
                    spent[index] += time.perf_counter() - began
    return spent[0], spent[1]


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--detector", choices=detect.NAMES, default=detect.DEFAULT)
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="write sheets of frames with the tracks on them")
    options = parser.parse_args()
    clips = [demo_clip.fetch(f"multi-{view}") for view in VIEWS]
    head = f"{'two real people':16} {'man found':>10} {'woman found':>12} {'switches':>9} {'tracks':>7}"
    print(f"{head}  wanted: 95 %, none")
    for view, clip in zip(VIEWS, clips, strict=True):
        people = pipeline.analyse(clip, AnalyseSettings(options.detector))
        tracks = whose(people.keypoints2d, labelled(view, people.frames))
        man, woman = (tracks >= 0).mean(axis=1)
        print(f"{view:16} {man:10.1%} {woman:12.1%} {switches(tracks):9} {len(people.keypoints2d):7}", flush=True)
        if options.pictures is not None:
            options.pictures.mkdir(parents=True, exist_ok=True)
            drawn(clip, people, options.pictures / f"{view}.png")
    one, two = seconds(clips, options.detector)
    print(f"detector time with two people against one: {two / one:.2f} times   wanted: 2.2 at most")


if __name__ == "__main__":
    main()
