"""The body of rendered people, read once; the first time in a home that takes 20 seconds."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from pose3d_engine.research.data_sets.mocap_data import Clip
from pose3d_engine.research.data_sets.stand_ins import walker
from pose3d_engine.research.rendering import body, clips, picture, posing


@pytest.fixture(scope="session")
def walking() -> list[Clip]:
    """Two takes of a person who walks: one for training, one that is held out."""
    found = []
    for seed, (source, name) in enumerate((("generated", "walk_1.txt"), ("bvh_salsa", "salsa/04.bvh"))):
        z_up = walker(90, 30.0, np.random.default_rng(seed))
        joints = np.stack([z_up[..., 0], z_up[..., 2], -z_up[..., 1]], axis=-1)
        face = joints[:, 9:10] + posing.FACE_AXES[:, [0, 2, 1]] * [1, 1, -1]
        found.append(Clip(source, name, joints.astype(np.float32), face.astype(np.float32)))
    return found


@pytest.fixture(scope="session")
def studio(walking: list[Clip]) -> clips.Studio:
    return clips.Studio.make(walking)


@pytest.fixture(scope="session")
def person(studio: clips.Studio) -> body.Body:
    return body.make(studio.model, body.draw_traits(np.random.default_rng(5)))


@pytest.fixture(scope="session")
def renderer(studio: clips.Studio) -> Iterator[picture.Renderer]:
    found = picture.Renderer(studio.model)
    yield found
    found.close()
