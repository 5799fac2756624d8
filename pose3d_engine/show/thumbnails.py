"""A picture of each person at their best moment, by which an animator recognises them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from ..contract import atomic
from ..contract.errors import UserError
from ..contract.people_file import People
from ..media.video import Frame, read_frames
from ..progress import Progress, silent
from ..track import complete

HEIGHT = 256
"""Pixels of a thumbnail's height at most."""

_MARGIN = 0.1
"""Around a box, of its longer side: boxes end at the nose and the ankles."""


def write_thumbnails(video: Path, people: People, folder: Path, progress: Progress = silent) -> dict[int, Path]:
    """Writes ``person1.png``, ... in one pass over the frames; the path by person's number. Stage: ``thumbnails``.

    Raises UserError if the video cannot be read any more or the pictures cannot be written.
    """
    rows = {record["person"]: best_row(people, record["person"] - 1) for record in people.meta["people"]}
    paths = thumbnail_paths(people, folder)
    if not rows:
        return paths
    wanted: dict[int, list[int]] = {}
    for person, row in rows.items():
        wanted.setdefault(int(people.frames[row]), []).append(person)
    total = len(wanted)
    # Up to the last of them: frames after it may be damaged, and were not part of the analysis.
    first = float(people.times[min(rows.values())])
    last = float(np.nextafter(people.times[max(rows.values())], np.inf))
    for frame in read_frames(video, first, last):
        for person in wanted.pop(frame.index, []):
            _write(_crop(frame, people.boxes[person - 1, rows[person]]), paths[person])
        progress("thumbnails", total - len(wanted), total)
    if wanted:
        raise UserError(f"{video}: frame {min(wanted)} does not exist any more; analyse this video again")
    return paths


def thumbnail_paths(people: People, folder: Path) -> dict[int, Path]:
    """The paths that :func:`write_thumbnails` returns."""
    return {record["person"]: folder / f"person{record['person']}.png" for record in people.meta["people"]}


def best_row(people: People, person: int) -> int:
    """The row in which a person is complete, has high scores and is large, in this order of weight."""
    keypoints, boxes = people.keypoints2d[person], people.boxes[person]
    areas = np.nan_to_num(np.prod(boxes[:, 2:] - boxes[:, :2], axis=-1), nan=-1.0)
    largeness = np.sqrt(np.clip(areas, 0, None) / areas.max())
    quality = complete(keypoints) + keypoints[..., 2].mean(axis=-1) + 0.5 * largeness
    return int(np.where(areas > 0, quality, -1.0).argmax())


def _crop(frame: Frame, box: np.ndarray) -> np.ndarray:
    """(h,w,3) uint8 RGB: a box of the picture with a margin, HEIGHT tall at most."""
    height, width = frame.image.shape[:2]
    margin = _MARGIN * float((box[2:] - box[:2]).max())
    x0, y0 = (int(max(0, value - margin)) for value in box[:2])
    x1, y1 = (int(value + margin) + 1 for value in box[2:])
    # Keypoints of another program may lie beyond the picture; there is always a pixel to show.
    x0, y0 = min(x0, width - 1), min(y0, height - 1)
    image = frame.image[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)]
    if image.shape[0] <= HEIGHT:
        return image
    size = (max(1, round(image.shape[1] * HEIGHT / image.shape[0])), HEIGHT)
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def _write(image: np.ndarray, path: Path) -> None:
    # Not imwrite, which cannot write to every name on Windows.
    _, data = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    with atomic.replacing(path) as temporary:
        temporary.write_bytes(data.tobytes())
