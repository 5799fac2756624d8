"""Reads Biovision hierarchy files (.bvh): a skeleton, and a row of channels for every frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...contract.errors import UserError
from .kinematics import Recording, about

UNITS = (0.0254 / 0.45, 0.01, 1.0, 0.001)
"""Metres. The format has no unit: conversions of CMU's takes have CMU's own (an inch over 0.45) or centimetres."""


def read(path: Path) -> Recording:
    """Returns the take in a .bvh file.

    Raises:
        UserError: The file is damaged or another one.
    """
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        return _Reader(lines).recording()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error}); check the file") from error
    except (ValueError, IndexError) as error:
        raise UserError(f"{path}: not a whole BVH file ({error}); fetch it again or take it out") from error


class _Reader:
    """Parses the lines of a file; raises ValueError or IndexError if they are not a BVH file."""

    def __init__(self, lines: list[str]) -> None:
        self.names: list[str] = []
        self.parents: list[int] = []
        self.offsets: list[list[float]] = []
        self.channels: list[tuple[int, str, str]] = []
        """(joint, kind, axis), such as (0, "rotation", "x"), in the order of a row's numbers."""
        self.lines = iter([words for line in lines if (words := line.split())])

    def recording(self) -> Recording:
        self._hierarchy()
        rows, rate = self._motion()
        radians = np.radians(rows)
        translations = np.repeat(np.array(self.offsets)[None], len(rows), axis=0)
        rotations = np.broadcast_to(np.eye(3), (len(rows), len(self.names), 3, 3)).copy()
        for column, (joint, kind, axis) in enumerate(self.channels):
            if kind == "position":
                translations[:, joint, "xyz".index(axis)] = rows[:, column]
            else:
                # The first rotation of a joint is the outermost.
                rotations[:, joint] = rotations[:, joint] @ about(axis, radians[:, column])
        parents = np.array(self.parents)
        return Recording(tuple(self.names), parents, np.array(self.offsets), translations, rotations, rate, UNITS)

    def _next(self) -> list[str]:
        words = next(self.lines, None)
        if words is None:
            raise ValueError("it ends too early")
        return words

    def _hierarchy(self) -> None:
        if self._next()[0].upper() != "HIERARCHY":
            raise ValueError("it does not begin with HIERARCHY")
        open_joints: list[int] = []
        end_site = -1
        while (words := self._next())[0].upper() != "MOTION":
            keyword = words[0].upper()
            if keyword in ("ROOT", "JOINT"):
                if (keyword == "ROOT") != (not self.names) or (keyword == "JOINT" and not open_joints):
                    raise ValueError("more than one skeleton in it")
                self.parents.append(open_joints[-1] if open_joints else -1)
                open_joints.append(len(self.names))
                self.names.append(" ".join(words[1:]).rstrip("{ "))
                self.offsets.append([0.0, 0.0, 0.0])
            elif keyword == "END":
                open_joints.append(end_site)
            elif keyword == "OFFSET" and open_joints[-1] != end_site:
                x, y, z = words[1:4]
                self.offsets[open_joints[-1]] = [float(x), float(y), float(z)]
            elif keyword == "CHANNELS" and open_joints[-1] != end_site:
                self._channels(open_joints[-1], words)
            elif keyword == "}":
                open_joints.pop()
            elif keyword not in ("{", "OFFSET"):
                raise ValueError(f'"{words[0]}" in the skeleton')
        if open_joints or not self.names or not np.isfinite(self.offsets).all():
            raise ValueError("the skeleton is not complete")

    def _channels(self, joint: int, words: list[str]) -> None:
        if len(words) != int(words[1]) + 2:
            raise ValueError(f"{words[1]} channels announced, {len(words) - 2} named")
        for word in words[2:]:
            axis, kind = word[0].lower(), word[1:].lower()
            if axis not in "xyz" or kind not in ("position", "rotation"):
                raise ValueError(f'a channel "{word}"')
            self.channels.append((joint, kind, axis))

    def _motion(self) -> tuple[np.ndarray, float]:
        """Rows (T, channels), and the frames a second."""
        frames = int(self._next()[-1])
        seconds = float(self._next()[-1])
        if not 1e-4 < seconds < 1:
            raise ValueError(f"a frame time of {seconds:g} seconds")
        numbers = np.array([word for words in self.lines for word in words]).astype(float)
        if frames < 1 or numbers.size != frames * len(self.channels):
            raise ValueError(f"{frames} frames of {len(self.channels)} numbers announced, {numbers.size} numbers there")
        if not np.isfinite(numbers).all():
            raise ValueError("a number that is not finite")
        return numbers.reshape(frames, len(self.channels)), 1 / seconds
