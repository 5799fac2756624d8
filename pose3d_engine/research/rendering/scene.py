"""Rooms: a textured floor, two walls and blocks to sit on, with a light. Procedural: photos would hold people."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

TEXTURE = 512  #: Pixels of the side of a texture.
FLOOR_SIZE = 14.0  #: Metres of the floor's side.
WALL_HEIGHT = 4.0


@dataclass(frozen=True)
class Surface:
    """A textured rectangle in the world.

    Attributes:
        corners: (4,3) metres, around it, anticlockwise for who sees it; nobody sees its back.
        repeat: (2,) times that the texture is repeated along its first and second side.
        texture: (TEXTURE,TEXTURE,3) uint8.
    """

    corners: np.ndarray
    repeat: tuple[float, float]
    texture: np.ndarray

    def shows(self, eye: np.ndarray) -> bool:
        """Whether its front faces a point (3,)."""
        normal = np.cross(self.corners[1] - self.corners[0], self.corners[3] - self.corners[0])
        return bool((eye - self.corners[0]) @ normal > 0)


@dataclass(frozen=True)
class Scene:
    """Surfaces and a light.

    Attributes:
        surfaces: The floor first, which takes the shadow.
        light: (3,) unit vector towards the light.
        ambient: Share of the light that comes from everywhere.
        exposure: Factor of all colours.
    """

    surfaces: tuple[Surface, ...]
    light: np.ndarray
    ambient: float
    exposure: float


def draw(rng: np.random.Generator, reach: float, seat: tuple[np.ndarray, float] | None = None) -> Scene:
    """Draws a room.

    Args:
        rng: Random generator.
        reach: Metres from the middle of the floor that the person needs.
        seat: Middle (2,) and height of what a person sits on, metres; None if nobody sits.
    """
    half = FLOOR_SIZE / 2
    floor = np.array([[-half, -half, 0], [half, -half, 0], [half, half, 0], [-half, half, 0.0]])
    surfaces = [Surface(floor, (rng.uniform(2, 10),) * 2, _texture(rng))]
    if rng.random() < 0.8:
        away = reach + rng.uniform(1, 4)
        wall = _texture(rng)
        corners = np.array([[-away, -away], [away, -away], [away, away], [-away, away]])
        for first, second in zip(np.roll(corners, -1, axis=0), corners, strict=True):
            low = np.array([[*first, 0], [*second, 0], [*second, WALL_HEIGHT], [*first, WALL_HEIGHT]])
            surfaces.append(Surface(low, (rng.uniform(1, 3), rng.uniform(0.7, 1.5)), wall))
    if seat is not None:
        surfaces += block(rng, seat[0], rng.uniform(0.34, 0.5), seat[1])
    for _ in range(rng.integers(0, 4)):
        angle, distance = rng.uniform(0, 6.28), reach + rng.uniform(0.5, 2)
        middle = distance * np.array([np.cos(angle), np.sin(angle)])
        surfaces += block(rng, middle, rng.uniform(0.3, 0.9), rng.uniform(0.3, 1.0))
    angle = rng.uniform(0, 6.28)
    light = np.array([np.cos(angle), np.sin(angle), rng.uniform(0.7, 2.5)])
    return Scene(tuple(surfaces), light / np.linalg.norm(light), rng.uniform(0.35, 0.65), rng.uniform(0.75, 1.15))


def block(rng: np.random.Generator, middle: np.ndarray, side: float, height: float) -> list[Surface]:
    """A cuboid on the floor: its top and four sides."""
    turn = rng.uniform(0, 1.57)
    cos, sin = np.cos(turn) * side / 2, np.sin(turn) * side / 2
    base = np.array([[cos, sin], [-sin, cos], [-cos, -sin], [sin, -cos]]) + middle
    texture = _texture(rng)
    faces = [np.column_stack([base, np.full(4, height)])]
    for first, second in zip(base, np.roll(base, -1, axis=0), strict=True):
        faces.append(np.array([[*first, 0], [*second, 0], [*second, height], [*first, height]]))
    return [Surface(corners, (0.5, 0.5), texture) for corners in faces]


def _texture(rng: np.random.Generator) -> np.ndarray:
    """Tiles, planks, plaster, shapes or plain paint, with grain."""

    def colour() -> np.ndarray:
        grey = rng.uniform(0.15, 0.9)
        return np.clip(grey + rng.normal(0, 0.10, 3), 0.05, 1)

    y, x = np.mgrid[:TEXTURE, :TEXTURE] / TEXTURE
    base, other = colour(), colour()
    kind = rng.choice(["tiles", "planks", "plaster", "shapes", "plain"])
    image = np.empty((TEXTURE, TEXTURE, 3), np.float32)
    image[:] = base
    if kind == "tiles":
        count = rng.integers(2, 7)
        if rng.random() < 0.5:
            image[((x * count).astype(int) + (y * count).astype(int)) % 2 == 1] = other
        gap = 0.02 * count
        image[((x * count) % 1 < gap) | ((y * count) % 1 < gap)] *= 0.7
    elif kind == "planks":
        count = rng.integers(4, 10)
        row = (y * count).astype(int)
        shade = rng.uniform(0.8, 1.15, count)[row]
        grain = 1 + 0.08 * np.sin(x * 40 + 6 * np.sin(y * 90) + row * 2)
        image *= (shade * grain)[..., None]
        image[(y * count) % 1 < 0.03] *= 0.5
    elif kind == "shapes":
        canvas = np.ascontiguousarray(image)
        for _ in range(rng.integers(3, 14)):
            low, size = rng.integers(0, TEXTURE, 2), rng.integers(20, 180, 2)
            tint = tuple(float(v) for v in colour())
            if rng.random() < 0.6:
                cv2.rectangle(canvas, low.tolist(), (low + size).tolist(), tint, -1)
            else:
                cv2.circle(canvas, low.tolist(), int(size[0] // 2), tint, -1)
        image = canvas
    coarse = rng.normal(size=(16, 16)).astype(np.float32)
    blotches = cv2.resize(coarse, (TEXTURE, TEXTURE), interpolation=cv2.INTER_CUBIC)
    strength = 0.10 if kind == "plaster" else 0.04
    image = image * (1 + strength * blotches[..., None] + 0.03 * rng.normal(size=(TEXTURE, TEXTURE, 1)))
    return np.asarray(np.clip(image * 255, 0, 255).astype(np.uint8))
