"""What the solver is without one of its terms: captures in which a part is switched off, for `scripts.bench.real`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any
from unittest import mock

import numpy as np

from pose3d_engine import stages
from pose3d_engine.contract.settings import CaptureSettings
from pose3d_engine.solve import gravity, terms
from pose3d_engine.stages import camera_space, world_space
from pose3d_engine.take import LEVEL_CAMERA


@dataclass(frozen=True)
class Change:
    """How a capture differs from the default: choices of the setting ``motion`` and a stage that are left out, and
    what takes the place of a name in a module."""

    off: frozenset[str] = frozenset()
    stage: str = ""
    patches: tuple[tuple[Any, str, Any], ...] = ()

    @contextmanager
    def made(self, settings: CaptureSettings) -> Iterator[CaptureSettings]:
        """Within it captures are changed, with the settings that it gives. Raises KeyError without such a stage."""
        if self.stage and self.stage not in {stage.name for stage in stages.STAGES}:
            raise KeyError(self.stage)
        kept = tuple(stage for stage in stages.STAGES if stage.name != self.stage)
        with ExitStack() as stack:
            for target, name, value in ((stages, "STAGES", kept), *self.patches):
                stack.enter_context(mock.patch.object(target, name, value))
            yield replace(settings, motion=settings.motion - self.off)


def _nothing(*_: Any) -> None:
    """In place of a term."""


_support, _balance = terms.support, gravity.balance


def _without_contacts(ground: terms.Ground, *rest: Any) -> None:
    _support(replace(ground, contacts=np.zeros_like(ground.contacts)), *rest)


def _level(bodies: Any) -> gravity.Balance:
    return replace(_balance(bodies), up=LEVEL_CAMERA[2], information=1e-3 * np.eye(3))


DEFAULT = Change()
WITHOUT_GROUND = Change(stage="plant")
WITHOUT = {
    "pictures (a hundredth of their weight)": Change(patches=((terms, "PIXEL_ERROR", 10 * terms.PIXEL_ERROR),)),
    "keypoints of heels and toes": Change(patches=((camera_space, "_SOLE_SCORE", 2.0),)),
    "larger error along the line of sight": Change(patches=((terms, "PRIOR_ALONG", terms.PRIOR_ACROSS),)),
    "smoothness": Change(off=frozenset({"filter"})),
    "joint limits": Change(patches=((terms, "limit", _nothing),)),
    "depth flips": Change(stage="depth_flips"),
    "contacts": Change(patches=((terms, "support", _without_contacts),)),
    "contacts and floor": Change(patches=((terms, "support", _nothing),)),
    "release of feet that the picture moves": Change(patches=((world_space, "_RELEASES", 0),)),
    "free fall": Change(patches=((terms, "fall", _nothing),)),
    "straight legs": Change(patches=((terms, "stand", _nothing),)),
    "balance": Change(patches=((gravity, "balance", _level),)),
    "footsteps": Change(patches=((terms, "footsteps", _nothing),)),
    "tilt: the camera is taken for level": Change(off=frozenset({"level"})),
}
"""What is missing in each row of the ablation table."""
