"""What all tests of the add-on need, whichever Blender they run in."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def _other_blenders_get_their_own_colours() -> None:
    """bpy tells its process where its colour profiles are, and an older Blender started from it dies of them."""
    os.unsetenv("OCIO")  # not os.environ: bpy sets it behind Python's back
