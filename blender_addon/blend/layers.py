"""The values of a motion's layers as animated custom properties of the armature object.

Rotations of layers turn bones, which is the solver's part. A value has no bone: drivers and other add-ons read it from
the property that has the name of its channel.
"""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

from ..contract.layers import channels
from ..maths.motion_file import MotionFile
from . import fcurves


def write(armature: bpy.types.Object, bag: Any, motion: MotionFile, frames: np.ndarray) -> None:
    """Keys every value of a motion's layers at ``frames`` (T,) in ``bag``, the channels of a new Action."""
    for name, values in motion.values.items():
        armature[name] = float(values[0])
        path = f'["{bpy.utils.escape_identifier(name)}"]'
        fcurves.write(bag, path, frames, np.asarray(values, np.float64)[:, None], "Layers")


def names(armature: bpy.types.Object) -> list[str]:
    """The layers' values that an armature has."""
    return [channel.name for channel in channels() if channel.kind == "value" and channel.name in armature]
