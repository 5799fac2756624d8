"""Optional layers: each a row in :mod:`..contract.layers` and a package here, whose ``capture(shot, take)`` returns the
arrays of its channels, or an empty dict where nothing was observed."""

from __future__ import annotations

import importlib

import numpy as np

from ..contract.layers import Layer
from ..take import Shot, Take


def add(layer: Layer, shot: Shot, take: Take) -> None:
    """Runs a layer and adds its arrays to a take. ValueError: one is not a channel of the layer, or does not fit."""
    arrays = importlib.import_module(f".{layer.name}", __name__).capture(shot, take)
    rows = len(take.detected)
    shapes = {channel.name: (rows, *channel.shape) for channel in layer.channels}
    shapes |= {channel.valid: (rows,) for channel in layer.channels if channel.kind == "rotation"}
    for name, array in arrays.items():
        if shapes.get(name) != array.shape or not np.isfinite(array).all():
            raise ValueError(f"layer {layer.name}: {name} is {array.shape}, not {shapes.get(name)}, or not finite")
    take.layers |= arrays
