"""A hundred clips on two machines of a Ray cluster, one of which is lost half way. Both are nodes on this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pose3d_engine.contract import arrays

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
from ray.cluster_utils import Cluster

CLIPS, FRAMES = 100, 6

FIGURE = [
    *([320, 80], [330, 75], [310, 75], [340, 80], [300, 80], [360, 140], [280, 140], [380, 200], [260, 200]),
    *([385, 260], [255, 260], [345, 260], [295, 260], [345, 350], [295, 350], [345, 440], [295, 440]),
]
"""COCO-17 pixels of somebody who stands."""


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """A hundred short clips, as the 2D that was found in them."""
    rng = np.random.default_rng(0)
    for number in range(CLIPS):
        points = np.array(FIGURE, float) + rng.normal(0, 2, (FRAMES, 17, 2))
        keypoints = np.concatenate([points, np.ones((FRAMES, 17, 1))], axis=-1).astype(np.float32)
        facts = {"width": 640, "height": 480, "fps": 30.0}
        arrays.save_npz(tmp_path / "clips" / f"clip{number:03}.npz", {"keypoints2d": keypoints, **facts})
    return tmp_path / "clips"


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    node = {"num_cpus": 1, "num_gpus": 0, "object_store_memory": 80_000_000}
    cluster = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
    try:
        cluster.add_node(**node)
        cluster.wait_for_nodes()
        yield cluster
    finally:
        cluster.shutdown()


def command(cluster: Cluster, clips: Path, folder: Path) -> list[str]:
    words = ["batch", f"{clips}/*.npz", "--output-dir", str(folder), "--ray", cluster.address]
    words += ["--motion", "filter"]  # short, as it is the crew that is tried here
    return [sys.executable, "-m", "pose3d_engine", *words]


def test_a_hundred_clips_survive_the_loss_of_a_machine(cluster: Cluster, clips: Path, tmp_path: Path) -> None:
    folder, said = tmp_path / "out", tmp_path / "said"
    results = []
    with said.open("w") as stderr, subprocess.Popen(
        command(cluster, clips, folder), stdout=subprocess.PIPE, stderr=stderr, text=True
    ) as batch:  # fmt: skip
        assert batch.stdout
        for line in batch.stdout:
            results.append(json.loads(line))
            if len(results) == CLIPS // 2:
                second = next(node for node in cluster.list_all_nodes() if not node.head)
                cluster.remove_node(second, allow_graceful=False)
    assert batch.returncode == 0, said.read_text()
    assert [result["error"] for result in results] == [None] * CLIPS
    assert len({result["input"] for result in results}) == CLIPS
    assert sorted(path.name for path in folder.glob("*.npz")) == [f"clip{number:03}.npz" for number in range(CLIPS)]
    assert not list(folder.glob(".*"))
    for path in folder.glob("*.npz"):
        assert len(arrays.load_npz(path, ("joints3d",), "a motion file")["joints3d"]) == FRAMES
    again = subprocess.run(command(cluster, clips, folder), capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert [json.loads(line)["skipped"] for line in again.stdout.splitlines()] == [True] * CLIPS


def test_a_cluster_that_is_not_there_is_told_in_one_line(clips: Path, tmp_path: Path) -> None:
    words = ["batch", str(clips / "clip000.npz"), "--output-dir", str(tmp_path / "out"), "--ray", "127.0.0.1:1"]
    done = subprocess.run(
        [sys.executable, "-m", "pose3d_engine", *words], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 2
    assert "no Ray cluster at 127.0.0.1:1" in done.stderr.splitlines()[-1]
