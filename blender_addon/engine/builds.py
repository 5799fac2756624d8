"""The builds of PyTorch that the engine can be installed with, and their sizes."""

from __future__ import annotations

import sys
from dataclasses import dataclass

TORCH = "2.13.0"
"""The version of ``constraints.txt``; a test holds the two together."""

INDEX = "https://download.pytorch.org/whl"
"""PyTorch's own index, the only one with the builds that Python's package index lacks; a setting."""


@dataclass(frozen=True)
class Build:
    """One way to install PyTorch.

    requirement: for pip. index: the part of PyTorch's own index that has it; empty where pip finds it by itself.
    download: MB to download, all packages of the engine. room: MB of free disk space that the installation needs at
    its peak. disk: MB that it takes afterwards.
    """

    name: str
    title: str
    description: str
    requirement: str
    index: str
    download: int
    room: int
    disk: int


def builds(platform: str = sys.platform) -> tuple[Build, ...]:
    """The builds for a ``sys.platform``, the most general one first. Sizes were measured under Linux where possible."""
    if platform == "darwin":
        metal = "Runs on the processor and, through Metal, on Apple's graphics"
        return (Build("metal", "Metal", metal, f"torch=={TORCH}", "", 300, 2000, 1500),)
    any_computer = "Runs on every computer. A short clip takes about as long as it lasts"
    nvidia = "For a graphics card by NVIDIA with a current driver. Only the lifter runs on it: worth it for long clips"
    if platform == "win32":
        return (
            Build("cpu", "Processor", any_computer, f"torch=={TORCH}", "", 360, 2400, 1600),
            Build("cuda", "NVIDIA CUDA", nvidia, f"torch=={TORCH}+cu130", "cu130", 2100, 7000, 5000),
        )
    return (
        Build("cpu", "Processor", any_computer, f"torch=={TORCH}+cpu", "cpu", 440, 2400, 1600),
        Build("cuda", "NVIDIA CUDA", nvidia, f"torch=={TORCH}", "", 2900, 9000, 7000),
    )


def find(name: str) -> Build:
    """The build of that name; the first one if this system has no such build."""
    available = builds()
    return next((build for build in available if build.name == name), available[0])


def size(megabytes: int) -> str:
    """A size as text: ``440 MB``, ``2.9 GB``."""
    return f"{megabytes} MB" if megabytes < 1000 else f"{megabytes / 1000:.1f} GB"
