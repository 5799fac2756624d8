"""The stages of a capture, in their order. Each one adapts a pure function of arrays to a take.

A stage runs once for each person, or once for all people of the shot (``shared``). Between two shared stages, people
are processed one after the other, so that memory holds the intermediate arrays of one person at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from .. import layers
from ..contract.layers import LAYERS
from ..contract.settings import CaptureSettings
from . import camera_space, people, world_space

_LAYERS = frozenset(layer.name for layer in LAYERS)


@dataclass(frozen=True)
class Stage:
    """One step of a capture."""

    name: str  #: In timings and settings.
    title: str  #: For the user.
    run: Callable[..., None]  #: Changes a take, ``run(shot, take)``; with ``shared`` the whole shot, ``run(shot)``.
    needs: frozenset[str] = frozenset()  #: Capabilities of the main view, without which it is skipped.
    switches: frozenset[str] = frozenset()  #: Choices of the setting ``motion`` that must all be on.
    raw: bool = False  #: Whether it also runs for a raw capture.
    shared: bool = False  #: Whether it runs once for all people.

    def enabled(self, settings: CaptureSettings) -> bool:
        """Whether the settings ask for it."""
        chosen = self.switches <= settings.motion and (self.name not in _LAYERS or self.name in settings.layers)
        return chosen and (self.raw or not settings.raw)


_LIMITS = frozenset({"limits"})

STAGES = (
    Stage("repair", "Repairing the 2D track", camera_space.repair, raw=True),
    Stage("estimate_3d", "Estimating 3D", camera_space.estimate_3d, raw=True),
    Stage("stabilise", "Removing camera motion", camera_space.stabilise, raw=True),
    Stage("depth_flips", "Resolving depth flips", camera_space.resolve_depth_flips, switches=_LIMITS),
    Stage("start", "Finding the path", camera_space.start, raw=True),
    Stage("fit", "Fitting to the video", camera_space.fit),
    Stage("gravity", "Finding the camera's tilt", people.find_gravity, raw=True, shared=True),
    Stage("floor", "Finding the floor", people.find_floor, raw=True, shared=True),
    Stage("plant", "Planting feet", world_space.plant_feet),
    Stage("reprojection", "Comparing with the video", world_space.measure, raw=True),
    Stage("world", "Moving to the floor", world_space.to_world, raw=True),
    Stage("height", "Scaling to the height", world_space.scale_to_height, raw=True),
    *(Stage(layer.name, layer.title, partial(layers.add, layer), layer.needs) for layer in LAYERS),
    Stage("motion", "Finishing", world_space.finish, raw=True),
)
