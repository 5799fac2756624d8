"""Clips: a person in motion, in clothes, in a room, before one or several cameras; and what is true of them.

Everything is drawn from the seed of a recipe, so the same recipe gives the same pictures and truth.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import sparse
from scipy.ndimage import binary_opening

from ..data_sets.mocap_data import RATE, Clip
from . import appearance, body, cameras, face, hands, motions, posing, scene
from .picture import Renderer, develop

HELD_OUT_SEED = 1 << 40
"""Added to the seeds of held-out clips, whose bodies, clothes, rooms and cameras therefore differ from the others'."""

CONTACT_HEIGHT, CONTACT_SPEED = 0.025, 0.25
"""Metres above the floor and metres a second below which a heel or toe is in contact."""

SIZES = ((512, 512), (640, 480), (384, 640))  #: Width and height of the pictures.


@dataclass(frozen=True)
class Recipe:
    """What a clip is made of; what is None is drawn.

    Attributes:
        seed: Of everything that is drawn.
        frames: At RATE.
        held_out: Whether the motion is of the takes that are held out.
        views: Cameras, see :class:`.cameras.View`; as many views of one performance.
        size: Width and height in pixels.
        motion: Instead of a drawn one.
        traits: Of the body, see :data:`.body.TRAITS`.
        hands: (2,T,9), see :data:`.hands.PARAMETERS`.
        actions: (T,F) weights of the face's actions.
        blur: Sigma in pixels, drawn if None; 0 for sharp pictures.
        noise: Sigma of 255, likewise.
    """

    seed: int
    frames: int = 72
    held_out: bool = False
    views: tuple[cameras.View, ...] | None = None
    size: tuple[int, int] | None = None
    motion: motions.Motion | None = None
    traits: np.ndarray | None = None
    hands: np.ndarray | None = None
    actions: np.ndarray | None = None
    blur: float | None = None
    noise: float | None = None


@dataclass(frozen=True)
class Performance:
    """A clip before it is drawn: what moves, what it looks like, who films it."""

    recipe: Recipe
    motion: motions.Motion
    posed: posing.Posed
    hands: np.ndarray
    actions: np.ndarray
    texture: np.ndarray
    standoff: np.ndarray
    scene: scene.Scene
    cameras: tuple[cameras.Camera, ...]
    blur: float
    noise: float
    _matrices: dict[str, Any] = field(default_factory=dict)

    def skin(self, frame: int, clothed: bool = True) -> tuple[np.ndarray, np.ndarray]:
        """Vertices (V,3) and normals (V,3) of one frame, world; of the clothes where there are some, or of the skin."""
        person, model = self.posed.body, self.posed.body.model
        if not self._matrices:
            self._matrices["normal"] = _spread(model.weights, person.normals)
            ones = np.ones((len(person.vertices), 1))
            dressed = person.vertices + person.normals * self.standoff[:, None]
            self._matrices["clothed"] = _spread(model.weights, np.hstack([dressed, ones]))
            self._matrices["skin"] = _spread(model.weights, np.hstack([person.vertices, ones]))
        matrix = self.posed.transforms(frame)
        places = self._matrices["clothed" if clothed else "skin"] @ matrix.transpose(0, 2, 1).reshape(-1, 3)
        normals = self._matrices["normal"] @ matrix[:, :, :3].transpose(0, 2, 1).reshape(-1, 3)
        if self.actions[frame].any():
            moved = face.offsets(person, self.actions[frame])
            places = places + moved @ self.posed.rotations[frame, model.bone("head")].T
        return places, normals


def _spread(weights: sparse.csr_matrix, points: np.ndarray) -> sparse.csr_matrix:
    """(V,C*B) matrix that multiplies stacked bone matrices (C*B,3): the weighted points (V,C), bone by bone."""
    columns = points.shape[1]
    rows = np.repeat(np.arange(weights.shape[0]), np.diff(weights.indptr))
    index = (weights.indices[:, None] * columns + np.arange(columns)).ravel()
    values = (weights.data[:, None] * points[rows]).ravel()
    pointers = weights.indptr * columns
    return sparse.csr_matrix((values.astype(np.float32), index, pointers), (len(points), weights.shape[1] * columns))


@dataclass(frozen=True)
class Studio:
    """What all clips share.

    Attributes:
        model: Of the bodies.
        clips: Of the mocap file.
        regions: Of the vertices, and of a texture's points.
    """

    model: body.Model
    clips: list[Clip]
    regions: appearance.Regions
    texture_regions: appearance.Regions

    @classmethod
    def make(cls, clips: list[Clip]) -> Studio:
        """Prepares the shared parts; raises UserError without the packages of the extra ``rendering``."""
        model = body.load()
        found = appearance.regions(body.make(model, np.full(len(body.TRAITS), 0.5) + [0, 0.17, 0, 0, 0, 0]))
        return cls(model, clips, found, appearance.on_texture(model, found))

    def perform(self, recipe: Recipe) -> Performance:
        """Draws what a recipe leaves open and poses the body."""
        rng = np.random.default_rng(recipe.seed + HELD_OUT_SEED * recipe.held_out)
        traits = body.draw_traits(rng) if recipe.traits is None else recipe.traits
        person = body.make(self.model, traits)
        motion = recipe.motion or motions.draw(rng, self.clips, recipe.frames, recipe.held_out)
        frames = len(motion.joints)
        fingers = hands.draw(rng, frames, RATE) if recipe.hands is None else recipe.hands
        actions = face.draw(rng, self.model, frames, RATE) if recipe.actions is None else recipe.actions
        posed = posing.pose(person, motion.joints, motion.face, RATE, hands.rotations(person, fingers))
        outfit = appearance.draw_outfit(rng, traits[0] < 0.5)
        seat = None
        if motion.seated:
            hips = posed.joints[:, 0].mean(axis=0)
            seat = (hips[:2], float(max(hips[2] - 0.065 * person.height, 0.1)))
        reach = float(np.abs(posed.joints[..., :2]).max()) + 0.4
        room = scene.draw(rng, reach, seat)
        size = recipe.size or SIZES[rng.integers(len(SIZES))]
        views = recipe.views or (cameras.draw_view(rng, _azimuth(rng, motion, posed)),)
        placed = tuple(cameras.place(rng, view, posed.joints, person.height, RATE, size) for view in views)
        return Performance(
            recipe,
            motion,
            posed,
            fingers,
            actions,
            appearance.paint(outfit, self.texture_regions),
            appearance.standoff(outfit, self.regions),
            room,
            placed,
            rng.uniform(0.4, 0.9) if recipe.blur is None else recipe.blur,
            rng.uniform(0, 6) if recipe.noise is None else recipe.noise,
        )


def _azimuth(rng: np.random.Generator, motion: motions.Motion, posed: posing.Posed) -> float | None:
    """Of the camera, degrees: people who reach mostly reach towards it; None for any."""
    if motion.kind != "reach" or rng.random() > 0.7:
        return None
    forward = -posed.rotations[len(posed.rotations) // 2, 0][:, 1]
    return float(np.degrees(np.arctan2(forward[0], -forward[1])) + rng.normal(0, 20))


def pictures(renderer: Renderer, performance: Performance) -> Iterator[list[np.ndarray]]:
    """Yields for each frame the pictures (H,W,3) uint8 RGB of all cameras."""
    rng = np.random.default_rng(performance.recipe.seed)
    renderer.enter(performance.scene)
    renderer.dress(performance.texture)
    for frame in range(len(performance.posed.joints)):
        renderer.move(*performance.skin(frame))
        yield [
            develop(renderer.draw(camera, frame), rng, performance.blur, performance.noise)
            for camera in performance.cameras
        ]


def truth(performance: Performance) -> dict[str, np.ndarray]:
    """What is true of a clip, as arrays in world axes, metres; docs/contributor/rendering.md lists them."""
    posed, model = performance.posed, performance.posed.body.model
    skins = np.stack([performance.skin(frame, clothed=False)[0] for frame in range(len(posed.joints))])
    on_skin = model.regressor[: len(body.SURFACE)]
    surface = np.stack([on_skin @ skin for skin in skins])
    tips = skins[:, posed.body.fingertips]
    touching = _touching(skins, surface)
    return {
        "joints": posed.joints.astype(np.float32),
        "surface": surface.astype(np.float32),
        "hands": _hand_points(posed, tips).astype(np.float32),
        "contacts": touching,
        "body_axes": body_axes(posed.joints).astype(np.float32),
        "hand_parameters": performance.hands.astype(np.float32),
        "face_actions": performance.actions.astype(np.float32),
        "traits": posed.body.traits.astype(np.float32),
        "height": np.array(posed.body.height, np.float32),
        "fps": np.array(RATE, np.float32),
        "seed": np.array(performance.recipe.seed, np.int64),
        "held_out": np.array(performance.recipe.held_out),
        "kind": np.array(performance.motion.kind),
        "take": np.array(performance.motion.take),
        "camera_R": np.stack([camera.rotation for camera in performance.cameras]).astype(np.float32),
        "camera_t": np.stack([camera.translation for camera in performance.cameras]).astype(np.float32),
        "focal": np.stack([camera.focal for camera in performance.cameras]).astype(np.float32),
        "centre": np.stack([camera.centre for camera in performance.cameras]).astype(np.float32),
        "size": np.array([(camera.width, camera.height) for camera in performance.cameras], np.int32),
    }


def body_axes(joints: np.ndarray) -> np.ndarray:
    """(T,3,3) whose columns are left, back and up of the trunk, world, from joints (T,17,3)."""
    return posing.frame(joints, "LHip", "RHip", "Hip", "Thorax")


def _hand_points(posed: posing.Posed, tips: np.ndarray) -> np.ndarray:
    """(2,T,21,3): wrist, then four points a finger from the thumb on, as in :data:`contract.skeletons.HANDS`."""
    points = np.zeros((2, len(tips), 21, 3))
    for hand, side in enumerate("LR"):
        names = ["wrist"] + [f"finger{finger}-{joint}" for finger in range(1, 6) for joint in (1, 2, 3)]
        rows = [posed.body.model.bone(f"{name}.{side}") for name in names]
        bones = posed.anchors[:, rows]
        points[hand, :, 0] = bones[:, 0]
        for finger in range(5):
            points[hand, :, 1 + 4 * finger : 4 + 4 * finger] = bones[:, 1 + 3 * finger : 4 + 3 * finger]
            points[hand, :, 4 + 4 * finger] = tips[:, hand, finger]
    return points


def _touching(skins: np.ndarray, surface: np.ndarray) -> np.ndarray:
    """(T,2,2) bool: heel and toes of the left and right foot are on the floor and slow."""
    names = [[body.SURFACE.index(f"{side}_{part}") for part in ("heel", "big_toe")] for side in ("left", "right")]
    points = surface[:, names]
    sole = skins[..., 2].min(axis=1)[:, None, None]
    speed = np.linalg.norm(np.gradient(points, 1 / RATE, axis=0), axis=-1) if len(points) > 1 else np.zeros((1, 2, 2))
    # The points of heel and toe lie inside the foot, some centimetres above the sole.
    low = points[..., 2] - np.maximum(sole, 0) < CONTACT_HEIGHT + np.array([0.045, 0.025])
    return np.asarray(binary_opening(low & (speed < CONTACT_SPEED), np.ones((3, 1, 1), bool)))
