"""The frame rate, the range and the unit of a scene."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import bpy
import numpy as np

from ..maths import timeline
from ..maths.timeline import Timing

_FACTORY = (24, 1.0, 1, 250)
"""Rate, its base, first and last frame of a new scene."""


def timing(scene: bpy.types.Scene, start: int, whole: bool, video_rate: float | None = None) -> Timing:
    """The timing of a video in a scene. ``video_rate``: the scene is about to be matched to it by :func:`match`."""
    fps, base = scene.render.fps, scene.render.fps_base
    if video_rate is not None and not is_animated(scene):
        fps, base = timeline.scene_rate(video_rate)
    return Timing(fps / base, start, whole)


def rate(scene: bpy.types.Scene) -> float:
    """Frames a second."""
    return float(scene.render.fps / scene.render.fps_base)


def is_untouched(scene: bpy.types.Scene) -> bool:
    """Whether rate and range are those of a new scene, and nothing in it depends on them."""
    render = scene.render
    now = render.fps, round(render.fps_base, 6), scene.frame_start, scene.frame_end
    return now == _FACTORY and not is_animated(scene)


def is_animated(scene: bpy.types.Scene) -> bool:
    """Whether something in the scene is keyed or cut, so that another frame rate would play it at another speed."""
    editor = scene.sequence_editor
    strips = () if editor is None else editor.strips_all if hasattr(editor, "strips_all") else editor.sequences_all
    if len(scene.timeline_markers) or len(strips):
        return True
    return any(
        block.animation_data is not None and (block.animation_data.action or len(block.animation_data.nla_tracks))
        for block in _blocks(scene)
    )


def _blocks(scene: bpy.types.Scene) -> Iterable[bpy.types.ID]:
    yield scene
    if scene.world:
        yield scene.world
    for item in scene.objects:
        yield item
        if item.data is not None:
            yield item.data
            if getattr(item.data, "shape_keys", None):
                yield item.data.shape_keys


def match(scene: bpy.types.Scene, video_rate: float, times: Sequence[float], start: int) -> str:
    """Gives the scene the standard rate that is nearest to a video's, and the range of its ``times`` (first, last).

    Where something is animated already, that keeps its speed: the rate stays as it is and the range only grows. The
    playhead stays. Returns what was left as it is, in words; empty if nothing.
    """
    animated = is_animated(scene)
    wanted = timeline.scene_rate(video_rate)
    if not animated:
        scene.render.fps, scene.render.fps_base = wanted
    frames = Timing(rate(scene), start).whole_frames(np.asarray(times, np.float64))
    first, last = int(frames[0]), int(frames[-1])
    if animated:
        first, last = min(first, scene.frame_start), max(last, scene.frame_end)
    scene.frame_start, scene.frame_end = first, last
    if abs(rate(scene) - wanted[0] / wanted[1]) > 1e-3:
        return f"The scene keeps {rate(scene):.5g} fps, because it holds animation of that rate."
    return ""


def unit(scene: bpy.types.Scene) -> float:
    """Units of the scene in a metre."""
    settings = scene.unit_settings
    return 1.0 if settings.system == "NONE" else 1.0 / settings.scale_length
