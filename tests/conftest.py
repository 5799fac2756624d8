"""What tests of several rooms share: the checkout, the real clip, the detector's model."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ROOT

# The tests' networks are tiny: more threads only wait for each other, child processes included. Before torch is loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")

MARKERS = {"blender": pytest.mark.blender, "ui": pytest.mark.blender, "slow": pytest.mark.slow}
"""Folder of tests -> the marker of its tests."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks tests by their folder, so that ``-m "not blender and not slow"`` leaves them out."""
    for item in items:
        folder = item.path.relative_to(ROOT / "tests").parts[0]
        if folder in MARKERS:
            item.add_marker(MARKERS[folder])


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Analyses of the tests, child processes included, are kept among the tests' own files."""
    os.environ["VIDEO_TO_MOCAP_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def demo_clip(root: Path) -> Path:
    """Real footage: 230 frames of 1768 x 994 at 30 fps; see scripts/demo_clip.py."""
    script = root / "scripts" / "demo_clip.py"
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


@pytest.fixture(scope="session")
def detector_model() -> Path:
    """The model of the detector `mediapipe-full`. Set-up has fetched it; this only finds it then."""
    from pose3d_engine import weights
    from pose3d_engine.progress import silent

    return weights.fetch("mediapipe-full", silent)
