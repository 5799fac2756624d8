"""A jointed mannequin around a rest pose, as plain arrays: limbs of elliptic rings, balls in the joints.

Every part is rigid on one bone, as on a wooden figure, so nothing collapses in any pose. Thickness follows
the stature, lengths follow the person's bones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .arrays import Array
from .skeleton import NAMES, Rest


@dataclass(frozen=True)
class Material:
    """A plain look: linear RGB and roughness."""

    name: str
    colour: tuple[float, float, float]
    roughness: float


MATERIALS = (
    Material("Mannequin body", (0.72, 0.70, 0.66), 0.45),
    Material("Mannequin joints", (0.10, 0.16, 0.24), 0.35),
)
_BODY, _JOINT = 0, 1

_RING = 20  # vertices of a ring
_CAP = 6  # rings of a rounded end


@dataclass(frozen=True)
class Body:
    """vertices (V,3) in armature space, metres; faces: tuples of vertices; bones (V,): the bone that carries
    each vertex; materials (F,): row of ``MATERIALS`` of each face."""

    vertices: Array
    faces: list[tuple[int, ...]]
    bones: Array
    materials: Array


def build(rest: Rest) -> Body:
    """The mannequin of a rest pose."""
    parts = _Parts(rest)
    _torso(parts)
    _head(parts)
    for side in (".L", ".R"):
        _arm(parts, side)
        _leg(parts, side)
    return parts.body()


class _Parts:
    """Collects parts. Sizes are metres on a person 1.7 m tall; places along a bone are shares of its length."""

    def __init__(self, rest: Rest) -> None:
        self.rest = rest
        self.scale = rest.stature / 1.7
        self._vertices: list[Array] = []
        self._faces: list[tuple[int, ...]] = []
        self._bones: list[Array] = []
        self._materials: list[int] = []
        self._count = 0

    def length(self, bone: str) -> float:
        """The bone's length as it would be on a person 1.7 m tall."""
        index = NAMES.index(bone)
        return float(np.linalg.norm(self.rest.tails[index] - self.rest.heads[index])) / self.scale

    def axes(self, bone: str) -> tuple[Array, Array]:
        index = NAMES.index(bone)
        return self.rest.heads[index], self.rest.frames[index]

    def tube(
        self,
        bone: str,
        stations: list[tuple[float, float, float]],
        material: int = _BODY,
        ends: tuple[float, float] = (1.0, 1.0),
        shift: tuple[float, float] = (0.0, 0.0),
    ) -> None:
        """A closed tube along a bone through (place, half width along x, half width along z).

        ends: how far the rounded ends reach out, as a share of their half width. shift: along x and z.
        """
        length = self.length(bone)
        path = np.array([(place * length, rx, rz) for place, rx, rz in stations])
        path = _closed(path, ends)
        centres = np.zeros((len(path), 3))
        centres[:, 0], centres[:, 1], centres[:, 2] = shift[0], path[:, 0], shift[1]
        self.rings(bone, self.axes(bone)[1], centres, path[:, 1:], material)

    def ball(self, bone: str, radius: float, place: float = 0.0) -> None:
        """The joint at the head of a bone, or at a share of its length."""
        self.tube(bone, [(place, radius, radius)], _JOINT)

    def rings(
        self,
        bone: str,
        axes: Array,
        centres: Array,
        radii: Array,
        material: int,
        lowest: float = -np.inf,
    ) -> None:
        """A closed surface of ellipses in the x-z plane of ``axes`` (3,3; columns), around the bone's head.

        centres: (N,3) in those axes; the first and the last are the tips. radii: (N,2) along x and z.
        lowest: what lies below this height of armature space is flattened.
        """
        turn = np.linspace(0, 2 * np.pi, _RING, endpoint=False)
        circle = np.stack([np.cos(turn), np.zeros(_RING), np.sin(turn)], axis=-1)
        spread = np.stack([radii[:, 0], np.zeros(len(radii)), radii[:, 1]], axis=-1)
        rings = centres[:, None] + circle * spread[:, None]
        points = np.concatenate([centres[:1], rings[1:-1].reshape(-1, 3), centres[-1:]])
        vertices = self.axes(bone)[0] + points * self.scale @ axes.T
        vertices[:, 2] = np.maximum(vertices[:, 2], lowest)
        self._add(bone, vertices, _ring_faces(len(centres) - 2), material)

    def _add(self, bone: str, vertices: Array, faces: list[tuple[int, ...]], material: int) -> None:
        self._faces.extend(tuple(self._count + corner for corner in face) for face in faces)
        self._materials.extend([material] * len(faces))
        self._vertices.append(vertices)
        self._bones.append(np.full(len(vertices), NAMES.index(bone)))
        self._count += len(vertices)

    def body(self) -> Body:
        return Body(
            np.concatenate(self._vertices),
            self._faces,
            np.concatenate(self._bones),
            np.array(self._materials, np.int32),
        )


def _cap(end: Array, reach: float) -> Array:
    """The rings (y, rx, rz) of a rounded end beyond ``end``; negative reach: towards the bone's head."""
    y, rx, rz = end
    turn = np.linspace(0, np.pi / 2, _CAP + 1)[1:]
    cap = np.stack([y + reach * min(rx, rz) * np.sin(turn), rx * np.cos(turn), rz * np.cos(turn)], axis=-1)
    return cap[::-1] if reach < 0 else cap


def _closed(path: Array, ends: tuple[float, float]) -> Array:
    """The rings (y, rx, rz) of a smooth outline through ``path`` with rounded ends."""
    return np.concatenate([_cap(path[0], -ends[0]), _smooth(path), _cap(path[-1], ends[1])])


def _smooth(path: Array) -> Array:
    """Rings between the stations so that the outline has no corners (Catmull-Rom)."""
    if len(path) < 3:
        return path
    p = np.concatenate([2 * path[:1] - path[1:2], path, 2 * path[-1:] - path[-2:-1]])
    t = np.linspace(0, 1, 5)[:-1, None]
    pieces = [
        0.5
        * (
            2 * p[i]
            + (p[i + 1] - p[i - 1]) * t
            + (2 * p[i - 1] - 5 * p[i] + 4 * p[i + 1] - p[i + 2]) * t**2
            + (3 * p[i] - p[i - 1] - 3 * p[i + 1] + p[i + 2]) * t**3
        )
        for i in range(1, len(p) - 2)
    ]
    return np.concatenate([*pieces, path[-1:]])


def _ring_faces(rings: int) -> list[tuple[int, ...]]:
    """Faces that join a first point, ``rings`` rings and a last point; they look outwards."""

    def at(ring: int, corner: int) -> int:
        return 1 + ring * _RING + corner % _RING

    last = 1 + rings * _RING
    faces: list[tuple[int, ...]] = []
    for k in range(_RING):
        faces.append((0, at(0, k), at(0, k + 1)))
        faces.extend((at(r, k), at(r + 1, k), at(r + 1, k + 1), at(r, k + 1)) for r in range(rings - 1))
        faces.append((last, at(rings - 1, k + 1), at(rings - 1, k)))
    return faces


def _torso(parts: _Parts) -> None:
    hip = parts.length("hips")
    left = NAMES.index("thigh.L")
    half = float(parts.rest.heads[left][0]) / parts.scale  # half the distance between the hip joints
    wide = float(np.clip(half + 0.045, 0.12, 0.18))
    parts.tube(
        "hips",
        [
            (-0.085 / hip, 0.35 * wide, 0.060),
            (-0.045 / hip, 0.78 * wide, 0.094),
            (0.010 / hip, wide, 0.106),
            (0.060 / hip, 0.92 * wide, 0.098),
            (0.100 / hip, 0.80 * wide, 0.086),
        ],
        ends=(0.5, 0.3),
    )
    parts.tube("spine", [(0.25, 0.108, 0.080), (0.65, 0.106, 0.079), (1.15, 0.112, 0.083)], _JOINT)
    reach = parts.length("shoulder.L")
    broad = float(np.clip(0.9 * reach, 0.11, 0.17))
    parts.tube(
        "chest",
        [
            (-0.02, 0.118, 0.088),
            (0.25, 0.5 * (0.124 + broad), 0.106),
            (0.6, broad, 0.115),
            (0.85, 0.92 * broad, 0.096),
            (1.02, 0.52 * broad, 0.062),
        ],
        ends=(0.5, 0.35),
    )


def _head(parts: _Parts) -> None:
    parts.tube("neck", [(-0.3, 0.058, 0.056), (0.4, 0.050, 0.050), (1.0, 0.048, 0.050)], _JOINT)
    # Upright, not along the bone: that leads from the face to the crown. The skull is as tall as a head is.
    index = NAMES.index("head")
    crown = (parts.rest.tails[index] - parts.rest.heads[index]) / parts.scale
    upright = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])  # columns: left, up, forward

    def along(stations: list[tuple[float, float, float]], ends: tuple[float, float], forward: float) -> None:
        """stations: metres below the crown, half width, half depth."""
        path = _closed(np.array([(crown[2] - below, rx, rz) for below, rx, rz in stations]), ends)
        depth = np.full(len(path), forward - crown[1])
        centres = np.stack([np.zeros(len(path)), path[:, 0], depth], axis=-1)
        parts.rings("head", upright, centres, path[:, 1:], _BODY)

    along(
        [
            (0.200, 0.036, 0.050),
            (0.165, 0.055, 0.074),
            (0.110, 0.073, 0.092),
            (0.075, 0.074, 0.093),
        ],
        ends=(0.65, 1.01),
        forward=0.0,
    )
    # A nose, so that one sees where the face is.
    along([(0.148, 0.014, 0.020), (0.110, 0.009, 0.014)], ends=(0.8, 1.5), forward=0.083)


def _arm(parts: _Parts, side: str) -> None:
    parts.tube("shoulder" + side, [(0.30, 0.052, 0.060), (0.75, 0.050, 0.054)], ends=(0.8, 0.6))
    parts.ball("upper_arm" + side, 0.052)
    parts.tube(
        "upper_arm" + side,
        [(0.16, 0.044, 0.046), (0.35, 0.047, 0.047), (0.65, 0.041, 0.041), (0.88, 0.035, 0.035)],
    )
    parts.ball("forearm" + side, 0.036)
    parts.tube(
        "forearm" + side, [(0.13, 0.034, 0.036), (0.30, 0.040, 0.040), (0.65, 0.031, 0.034), (0.92, 0.023, 0.029)]
    )
    parts.ball("hand" + side, 0.024)
    parts.tube(
        "hand" + side,
        [(0.18, 0.020, 0.030), (0.55, 0.019, 0.041), (0.95, 0.016, 0.040), (1.45, 0.012, 0.033)],
        ends=(0.7, 1.0),
    )
    parts.tube("hand" + side, [(0.35, 0.014, 0.016), (0.95, 0.011, 0.012)], shift=(0.0, 0.052))


def _leg(parts: _Parts, side: str) -> None:
    parts.ball("thigh" + side, 0.076)
    parts.tube("thigh" + side, [(0.12, 0.074, 0.080), (0.28, 0.075, 0.081), (0.60, 0.064, 0.067), (0.90, 0.050, 0.053)])
    parts.ball("shin" + side, 0.052)
    parts.tube(
        "shin" + side,
        [(0.10, 0.046, 0.048), (0.28, 0.052, 0.056), (0.60, 0.041, 0.044), (0.93, 0.031, 0.035)],
    )
    parts.ball("foot" + side, 0.036)
    _foot(parts, "foot" + side)


def _foot(parts: _Parts, bone: str) -> None:
    """A shoe with a flat sole at z = 0, from behind the ankle to the toes."""
    ankle = float(parts.axes(bone)[0][2]) / parts.scale
    # Heel to toe: how far in front of the ankle, half width, height of the upper side. It ends where the engine's soles
    # do (0.05 m behind, 0.17 m before the ankle), so that a foot that rolls does not sink.
    profile = _closed(
        np.array(
            [
                (-0.031, 0.028, 0.80 * ankle),
                (-0.015, 0.034, 1.00 * ankle),
                (0.020, 0.036, 1.05 * ankle),
                (0.070, 0.042, 0.75 * ankle),
                (0.112, 0.047, 0.050),
                (0.140, 0.040, 0.038),
            ]
        ),
        ends=(0.7, 0.8),
    )
    forward, width, top = profile.T
    # Each ellipse reaches below the floor and is cut off there: steep sides and a flat sole.
    middle = 0.3 * top
    axes = np.array([[1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, -1.0]])
    centres = np.stack([np.zeros(len(profile)), forward, ankle - middle], axis=-1)
    parts.rings(bone, axes, centres, np.stack([width, top - middle], axis=-1), _BODY, lowest=0.0)
