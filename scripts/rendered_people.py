"""The picture of docs/contributor/rendering.md: rendered people with their true joints and a detector's points.

.venv/bin/python -m scripts.rendered_people MOCAP.npz -o docs/images/rendered-people.webp
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np

from pose3d_engine import detect
from pose3d_engine.contract.skeletons import COCO17, H36M17
from pose3d_engine.research.data_sets.mocap_data import RATE, load_clips
from pose3d_engine.research.rendering import clips
from pose3d_engine.research.rendering.picture import Renderer

SEEDS = (1012, 1002, 1021, 1004, 1015, 1006, 1013, 1008)
TILE = (300, 360)  #: Pixels of a person's picture.
COLUMNS = 4
FRAME = 24  #: The frame that is shown; the detector sees all before it.
DETECTED, TRUE = (255, 60, 60), (255, 225, 40)


def main() -> int:
    """Writes the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mocap", type=Path, metavar="MOCAP.npz")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE.webp")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS, metavar="S")
    args = parser.parse_args()
    studio = clips.Studio.make(load_clips(args.mocap))
    renderer = Renderer(studio.model)
    tiles = [_tile(studio, renderer, seed) for seed in args.seeds]
    rows = [np.hstack(tiles[at : at + COLUMNS]) for at in range(0, len(tiles), COLUMNS)]
    cv2.imwrite(str(args.output), np.vstack(rows)[..., ::-1], [cv2.IMWRITE_WEBP_QUALITY, 80])
    return 0


def _tile(studio: clips.Studio, renderer: Renderer, seed: int) -> np.ndarray:
    performance = studio.perform(clips.Recipe(seed, size=(512, 512)))
    detector = detect.create(max_people=1)
    for frame, (image,) in enumerate(clips.pictures(renderer, performance)):
        found = detector.detect(np.ascontiguousarray(image), frame / RATE)
        if frame == FRAME:
            break
    detector.close()
    camera = performance.cameras[0]
    joints = performance.posed.joints
    true = camera.project(joints)[FRAME]
    shape = (len(joints), *studio.model.vertices.shape)
    skin = camera.project(np.broadcast_to(performance.skin(FRAME)[0], shape))[FRAME]
    low, high = skin.min(axis=0), skin.max(axis=0)
    size = 1.12 * max((high - low) / TILE)
    corner = (low + high) / 2 - size * np.array(TILE) / 2
    move = np.array([[1 / size, 0, -corner[0] / size], [0, 1 / size, -corner[1] / size]])
    picture = cv2.warpAffine(image, move, TILE, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    limbs = [row for name, row in H36M17.roles.items() if name in COCO17.joints]
    for point in true[limbs]:
        _dot(picture, (point - corner) / size, 4, TRUE)
    for keypoints in found.keypoints:
        for a, b in COCO17.links:
            ends = [tuple(int(v) for v in (keypoints[row, :2] - corner) / size) for row in (a, b)]
            cv2.line(picture, ends[0], ends[1], DETECTED, 1, cv2.LINE_AA)
        for point in keypoints[:, :2]:
            _dot(picture, (point - corner) / size, 3, DETECTED)
    return np.asarray(picture)


def _dot(picture: np.ndarray, place: np.ndarray, radius: int, colour: tuple[int, int, int]) -> None:
    cv2.circle(picture, (int(place[0]), int(place[1])), radius, colour, -1, cv2.LINE_AA)


if __name__ == "__main__":
    sys.exit(main())
