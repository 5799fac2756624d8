"""Looks of a person: skin, hair and clothes as one texture, and how far clothes and hair stand off the skin."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .body import Body, Model

SIZE = 768  #: Pixels of a texture's side; a person of 400 pixels shows about as many.


@dataclass(frozen=True)
class Regions:
    """Where on the body a point is: the same for all bodies, as arrays (..., 3) and (...).

    Attributes:
        place: (..., 3) of the mean body at rest, metres from the floor.
        arm: 0 at the shoulder, 1 at the elbow, 2 at the wrist, 3 at the fingertips; negative on the trunk.
        leg: 0 at the hip, 1 at the knee, 2 at the ankle, 3 at the toes; negative above.
        head: 1 on the head, 0 below the neck.
        eye: 1 on the eyeballs.
    """

    place: np.ndarray
    arm: np.ndarray
    leg: np.ndarray
    head: np.ndarray
    eye: np.ndarray


def regions(body: Body) -> Regions:
    """Regions of the vertices of a body, which should be an average one."""
    model, weights = body.model, body.model.weights

    def share(*words: str) -> np.ndarray:
        rows = [row for row, bone in enumerate(model.bones) if bone.startswith(words)]
        return np.asarray(weights[:, rows].sum(axis=1)).ravel()

    def along(first: str, last: str) -> np.ndarray:
        """Share of the way between two bones' beginnings, on the side of the vertex."""
        result = np.zeros(len(body.vertices))
        for side in "LR":
            a, b = (body.heads[model.bone(f"{name}.{side}")] for name in (first, last))
            here = (body.vertices[:, 0] > 0) == (side == "L")
            result[here] = ((body.vertices[here] - a) @ (b - a)) / ((b - a) @ (b - a))
        return result

    upper, lower, hand = share("upperarm"), share("lowerarm"), share("wrist", "finger", "metacarpal")
    arm = upper * np.clip(along("upperarm01", "lowerarm01"), 0, 1)
    arm += lower * (1 + np.clip(along("lowerarm01", "wrist"), 0, 1))
    arm += hand * (2 + np.clip(along("wrist", "finger3-3"), 0, 1))
    arm = np.where(upper + lower + hand > 0.4, arm, -1)
    thigh, shank, foot = share("upperleg"), share("lowerleg"), share("foot", "toe")
    leg = thigh * np.clip(along("upperleg01", "lowerleg01"), 0, 1)
    leg += shank * (1 + np.clip(along("lowerleg01", "foot"), 0, 1))
    leg += foot * (2 + np.clip(along("foot", "toe1-1"), 0, 1))
    leg = np.where(thigh + shank + foot > 0.4, leg, -1)
    return Regions(body.vertices, arm, leg, share("head", "eye", "neck03"), share("eye"))


def on_texture(model: Model, found: Regions) -> Regions:
    """Regions of the points of a texture (SIZE,SIZE), from those of the vertices."""
    values = np.concatenate([found.place, np.stack([found.arm, found.leg, found.head, found.eye], axis=1)], axis=1)
    image = np.zeros((SIZE, SIZE, values.shape[1]), np.float32)
    image[..., 3:5] = -1
    corners = (model.uv[model.uv_triangles] * [SIZE, SIZE]).astype(np.float32)
    for triangle, points in zip(model.triangles, corners, strict=True):
        low = np.maximum(np.floor(points.min(axis=0)).astype(int) - 1, 0)
        high = np.minimum(np.ceil(points.max(axis=0)).astype(int) + 2, SIZE)
        (ax, ay), (bx, by), (cx, cy) = points
        area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        if abs(area) < 1e-6:
            continue
        x, y = np.meshgrid(np.arange(low[0], high[0]) + 0.5, np.arange(low[1], high[1]) + 0.5)
        b = ((x - ax) * (cy - ay) - (cx - ax) * (y - ay)) / area
        c = ((bx - ax) * (y - ay) - (x - ax) * (by - ay)) / area
        inside = (b > -0.35) & (c > -0.35) & (b + c < 1.35)
        share = np.stack([1 - b - c, b, c], axis=-1)[inside]
        image[low[1] : high[1], low[0] : high[0]][inside] = share @ values[triangle]
    return Regions(image[..., :3], image[..., 3], image[..., 4], image[..., 5], image[..., 6])


@dataclass(frozen=True)
class Outfit:
    """What a person wears and looks like.

    Attributes:
        sleeve: Where the top ends on the arm, see Regions.arm; negative for none.
        hem: Where the trousers end on the leg.
        waist: Height at which the top ends, metres on the mean body.
        neckline: Height at which the top begins.
        loose: Metres that top and trousers stand off the skin.
        hair: Metres that the hair stands off; 0 for none. ``long``: down to this height.
        colours: RGB 0 to 1 by part.
        patterns: Pattern of top and trousers, see ``_pattern``.
        beard: Whether there is one.
        seed: Of the patterns.
    """

    sleeve: float
    hem: float
    waist: float
    neckline: float
    loose: tuple[float, float]
    hair: float
    long: float
    colours: dict[str, np.ndarray]
    patterns: tuple[str, str]
    beard: bool
    seed: int


SKINS = np.array([[240, 200, 175], [225, 180, 150], [205, 155, 120], [165, 115, 80], [115, 75, 50], [75, 48, 35]]) / 255
HAIRS = np.array([[30, 25, 22], [60, 42, 30], [105, 72, 45], [170, 130, 80], [140, 140, 138], [120, 50, 25]]) / 255


def draw_outfit(rng: np.random.Generator, male: bool) -> Outfit:
    """Draws an outfit."""

    def cloth() -> np.ndarray:
        hue, value = rng.random(), rng.uniform(0.12, 0.95)
        saturation = rng.uniform(0, 0.75) if rng.random() < 0.65 else rng.uniform(0, 0.1)
        pixel = np.array([[[hue * 360, saturation, value]]], np.float32)
        return np.asarray(cv2.cvtColor(pixel, cv2.COLOR_HSV2RGB)[0, 0])

    patterns = ("plain", "stripes", "checks", "spots", "print")
    skin = SKINS[rng.choice(len(SKINS))] * rng.uniform(0.92, 1.05)
    colours = {"skin": skin, "top": cloth(), "legs": cloth(), "second": cloth(), "shoes": cloth() * 0.7}
    colours["hair"] = HAIRS[rng.choice(len(HAIRS))]
    return Outfit(
        sleeve=float(rng.choice([-0.5, 0.45, 0.75, 1.4, 1.93], p=[0.1, 0.3, 0.2, 0.1, 0.3])),
        hem=float(rng.choice([0.45, 0.95, 1.55, 1.95], p=[0.15, 0.12, 0.08, 0.65])),
        waist=rng.uniform(0.92, 1.04),
        neckline=rng.uniform(1.46, 1.53),
        loose=(float(rng.choice([0.003, 0.010, 0.022])), float(rng.choice([0.003, 0.010, 0.022]))),
        hair=0.0 if male and rng.random() < 0.15 else rng.uniform(0.008, 0.03),
        long=1.58 if male or rng.random() < 0.3 else rng.uniform(1.40, 1.55),
        colours=colours,
        patterns=(
            str(rng.choice(patterns, p=[0.4, 0.2, 0.15, 0.1, 0.15])),
            str(rng.choice(patterns[:3], p=[0.8, 0.1, 0.1])),
        ),
        beard=male and rng.random() < 0.25,
        seed=int(rng.integers(1 << 31)),
    )


def covers(outfit: Outfit, at: Regions) -> dict[str, np.ndarray]:
    """(...) bool for each part of the outfit: where it is."""
    z = at.place[..., 2]
    trunk = (at.arm < 0) & (at.head < 0.5)
    neckline = outfit.neckline + np.clip(np.abs(at.place[..., 0]) - 0.055, 0, 0.2)
    top = np.where(at.arm >= 0, at.arm < outfit.sleeve, trunk & (z < neckline) & (z > outfit.waist))
    legs = np.where(at.leg >= 0, at.leg < outfit.hem, trunk & (z <= outfit.waist + 0.02))
    shoes = (at.leg > 2.02) | ((at.leg > 1.97) & (z < 0.085))
    head = at.head > 0.5
    x, y = at.place[..., 0], at.place[..., 1]
    # Above the forehead, behind the ears, and down to where the hair ends.
    scalp = head & ((z > 1.783 - 0.25 * np.abs(x)) | ((y > -0.045) & (z > 1.735)) | ((y > -0.02) & (z > 1.62)))
    back = (outfit.long < 1.56) & (y > -0.02) & (z > outfit.long) & (np.abs(x) < 0.13) & (at.arm < 0)
    hair = (scalp | back) & (outfit.hair > 0) & (at.eye < 0.5)
    return {"top": top & ~shoes, "legs": legs & ~top, "shoes": shoes, "hair": hair}


def standoff(outfit: Outfit, at: Regions) -> np.ndarray:
    """(V,) metres that the surface of clothes and hair stands off the skin."""
    parts = covers(outfit, at)
    rng = np.random.default_rng(outfit.seed)
    waves = sum(np.sin(at.place @ rng.normal(0, 14, 3) + rng.uniform(0, 6.28)) for _ in range(3)) / 3
    amount = parts["top"] * outfit.loose[0] + parts["legs"] * outfit.loose[1]
    amount = amount * (1 + 0.5 * waves) + parts["shoes"] * 0.006
    return np.asarray(np.maximum(amount, 0) + parts["hair"] * outfit.hair * (1 + 0.3 * waves))


def paint(outfit: Outfit, at: Regions) -> np.ndarray:
    """(SIZE,SIZE,3) uint8 texture of skin, face, hair and clothes."""
    rng = np.random.default_rng(outfit.seed)
    parts, colours = covers(outfit, at), outfit.colours
    image = np.empty((*at.arm.shape, 3), np.float32)
    image[:] = colours["skin"] * (1 + 0.03 * rng.normal(size=(*at.arm.shape, 1)))
    _face(image, outfit, at, rng)
    second = colours["second"]
    for name, pattern in zip(("top", "legs"), outfit.patterns, strict=True):
        share = _pattern(pattern, at.place, rng)[..., None]
        cloth = colours[name] * (1 - share) + second * share
        folds = 1 + 0.12 * np.sin(at.place @ rng.normal(0, 30, 3))[..., None]
        image = np.where(parts[name][..., None], cloth * folds, image)
    image = np.where(parts["shoes"][..., None], colours["shoes"], image)
    image = np.where((parts["shoes"] & (at.place[..., 2] < 0.025))[..., None], 0.9 * rng.random(), image)
    strands = 1 + 0.25 * np.sin(at.place[..., 0] * 900 + at.place[..., 1] * 400)[..., None]
    image = np.where(parts["hair"][..., None], colours["hair"] * strands, image)
    return np.asarray(np.clip(image * 255, 0, 255).astype(np.uint8))


def _face(image: np.ndarray, outfit: Outfit, at: Regions, rng: np.random.Generator) -> None:
    """Paints eyes, brows, lips and a beard; places on the mean body's face, metres."""
    x, y, z = np.abs(at.place[..., 0]), at.place[..., 1], at.place[..., 2]
    front = (at.head > 0.5) & (y < -0.06)
    skin, hair = outfit.colours["skin"], outfit.colours["hair"]
    from_eye = np.hypot(x - 0.031, z - 1.721)
    image[(at.eye > 0.5)] = 0.92
    image[(at.eye > 0.5) & (y < -0.13) & (from_eye < 0.0062)] = rng.choice([[0.3, 0.2, 0.1], [0.3, 0.4, 0.55]])
    image[(at.eye > 0.5) & (y < -0.13) & (from_eye < 0.003)] = 0.03
    image[front & (at.eye < 0.5) & (from_eye < 0.02)] *= 0.88
    brow = front & (x > 0.012) & (x < 0.055) & (np.abs(z - 1.746 + 2.0 * (x - 0.035) ** 2 / 0.05) < 0.005)
    image[brow] = 0.3 * skin + 0.7 * hair
    mouth = (np.hypot(x / 0.027, (z - MOUTH_HEIGHT) / 0.011) < 1) & front
    image[mouth] = skin * [0.82, 0.55, 0.55]
    image[mouth & (np.abs(z - MOUTH_HEIGHT) < 0.0015)] *= 0.5
    image[front & (x < 0.012) & (np.abs(z - 1.673) < 0.004)] *= 0.6
    image[front & (x < 0.07) & (z > 1.62) & (z < 1.70) & ~mouth] *= 1.02
    if outfit.beard:
        jaw = (at.head > 0.3) & (y < -0.055) & (z < 1.672) & (z > 1.575) & ~mouth
        image[jaw] = 0.45 * image[jaw] + 0.55 * hair


MOUTH_HEIGHT = 1.645  #: Metres on the mean body.


def _pattern(kind: str, place: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(...) share of the second colour: 0 or 1, at places of the body (..., 3)."""
    size = rng.uniform(0.03, 0.10)
    x, y, z = np.moveaxis(place, -1, 0)
    if kind == "stripes":
        return np.sin(6.283 * (z if rng.random() < 0.7 else x) / size) > 0
    if kind == "checks":
        return (np.sin(6.283 * z / size) > 0) ^ (np.sin(6.283 * x / size) > 0)
    if kind == "spots":
        return np.sin(6.283 * z / size) * np.sin(6.283 * x / size) > 0.6
    if kind == "print":
        return (
            (np.abs(x + 0.02) < 0.09) & (y < 0) & (np.abs(z - 1.25) < 0.08) & (np.sin(place @ rng.normal(0, 90, 3)) > 0)
        )
    return np.zeros(x.shape)
