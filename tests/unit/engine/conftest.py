"""Fixtures of the engine's tests alone."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pose3d_engine import interrupts
from pose3d_engine.research.data_sets import stand_ins
from pose3d_engine.research.data_sets.stand_ins import walker


@pytest.fixture(scope="session")
def small_datasets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stand-ins for Human3.6M, MPI-INF-3DHP and 3DPW, 12 frames a take, in their own file formats; to be read only."""
    folder = tmp_path_factory.mktemp("datasets")
    stand_ins.write_h36m(folder, 12, seed=3)
    stand_ins.write_3dhp(folder / "3dhp", 12, seed=4)
    stand_ins.write_3dpw(folder / "3dpw", 12, seed=5)
    return folder


@pytest.fixture(scope="session")
def converted(small_datasets: Path) -> Path:
    """The same folder, with the two .npz files that are made of MPI-INF-3DHP's annotations."""
    from pose3d_engine.progress import silent
    from pose3d_engine.research.data_sets import mpi_inf_3dhp

    mpi_inf_3dhp.convert(small_datasets / "3dhp", small_datasets, silent)
    return small_datasets


@pytest.fixture
def mocap_file(tmp_path: Path) -> Path:
    """A file in the format of the training data: two training takes and two of the validation's names."""
    names = [
        ("generated", "walk_1.txt"),
        ("generated", "walk_2.txt#0"),
        ("bvh_salsa", "salsa/04.bvh"),
        ("amc_01", "01/01_07.amc"),
    ]
    joints, face, start = [], [], [0]
    for seed in range(len(names)):
        z_up = walker(90, 30.0, np.random.default_rng(seed))
        y_up = np.stack([z_up[..., 0], z_up[..., 2], -z_up[..., 1]], axis=-1)
        joints.append(y_up)
        face.append(y_up[:, 9:10] + np.random.default_rng(seed).normal(0, 0.05, (1, 5, 3)))
        start.append(start[-1] + 90)
    root = np.concatenate(joints)[:, 0]
    path = tmp_path / "mocap.npz"
    np.savez(
        path,
        joints_q=np.round((np.concatenate(joints) - root[:, None]) / 1e-4).astype(np.int16),
        face_q=np.round((np.concatenate(face) - root[:, None]) / 1e-4).astype(np.int16),
        root=root.astype(np.float32),
        start=np.array(start, np.int32),
        source=np.array([source for source, _ in names]),
        name=np.array([name for _, name in names]),
        fps=np.float32(30),
        unit_m=np.float32(1e-4),
    )
    return path


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Signals end what is tested as they end a command."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    interrupts.raise_on_signals()
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
