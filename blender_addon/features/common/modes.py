"""Object mode for as long as a result is brought into the scene: afterwards everything is as somebody left it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import bpy

_OWN_UNDO = ("EDIT", "PARTICLE_EDIT")
"""Modes whose steps to undo hold what they edit, and nothing else of the file."""


def has_own_undo(context: bpy.types.Context) -> bool:
    """Whether a step to undo that is made now would not hold the scene."""
    active = context.view_layer.objects.active
    return active is not None and active.mode.startswith(_OWN_UNDO)


@contextmanager
def object_mode(context: bpy.types.Context) -> Iterator[None]:
    """Has every object in Object mode; afterwards modes, selection and the active object are what they were."""
    layer = context.view_layer
    active = layer.objects.active
    modes: dict[str, list[bpy.types.Object]] = {}
    for item in layer.objects:
        if item is not None and item.mode != "OBJECT":
            modes.setdefault(item.mode, []).append(item)
    selected = [item for item in layer.objects if item is not None and item.select_get()]
    for items in modes.values():
        _set_mode(layer, items, items[0], "OBJECT")
    try:
        yield
    finally:
        for mode, items in sorted(modes.items(), key=lambda pair: active in pair[1]):
            _set_mode(layer, items, active if active in items else items[0], mode)
        if modes:
            _select(layer, selected)
            layer.objects.active = active


def _set_mode(layer: bpy.types.ViewLayer, items: list[bpy.types.Object], active: bpy.types.Object, mode: str) -> None:
    _select(layer, items)
    layer.objects.active = active
    bpy.ops.object.mode_set(mode=mode)


def _select(layer: bpy.types.ViewLayer, items: list[bpy.types.Object]) -> None:
    for item in layer.objects:
        if item is not None and item.select_get() != (item in items):
            item.select_set(item in items)
