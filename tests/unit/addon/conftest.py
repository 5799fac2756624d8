"""What all tests of the add-on need, whichever Blender they run in."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.blenders import BLENDERS


@pytest.fixture(autouse=True)
def _other_blenders_get_their_own_colours() -> None:
    """bpy tells its process where its colour profiles are, and an older Blender started from it dies of them."""
    os.unsetenv("OCIO")  # not os.environ: bpy sets it behind Python's back


@pytest.fixture(params=BLENDERS)
def blender(request: pytest.FixtureRequest) -> str:
    """How each of the Blenders here is started."""
    return request.param


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """A file that is nobody's video, for an engine that makes its answers up."""
    path = tmp_path / "A clip Ü.mp4"
    path.write_bytes(b"any")
    return path
