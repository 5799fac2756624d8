"""The optional layers of a motion: what a capture can tell beyond the joints, one row each.

The code of a layer is the folder ``pose3d_engine/layers/NAME``. Its row gives the setting ``layers`` a choice, the
motion file its arrays and the armature its channels: a rotation turns a bone, a value becomes an animated custom
property, which the exporters take along.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Channel:
    """One array of a layer in the motion file, a row for each frame.

    Attributes:
        kind: ``rotation`` (T,3,3) float32, world axes, from the T-pose of a figure that faces -Y (palms down, soles
            flat) to the frame; ``value`` (T,) float32.
        bone: The bone of the armature that a rotation turns; empty for none.
    """

    name: str
    kind: Literal["rotation", "value"]
    bone: str = ""

    @property
    def shape(self) -> tuple[int, ...]:
        """What follows the axis of frames."""
        return (3, 3) if self.kind == "rotation" else ()

    @property
    def valid(self) -> str:
        """The name of the array, (T,) bool, that says where a rotation was observed, not interpolated."""
        return f"{self.name.removesuffix('_R')}_valid"


@dataclass(frozen=True)
class Layer:
    """One row of the table; without the capabilities of the observations that it ``needs`` it is left out."""

    name: str
    title: str
    help: str
    needs: frozenset[str]
    channels: tuple[Channel, ...]


LAYERS = (
    Layer(
        "orientations",
        "Head and Hands",
        "Orient hands as in the video, from the detector's points on fingers",
        frozenset({"parts"}),
        (
            Channel("head_R", "rotation"),  # Not closer to the picture than what the joints tell, so it turns no bone.
            Channel("left_hand_R", "rotation", "hand.L"),
            Channel("right_hand_R", "rotation", "hand.R"),
        ),
    ),
    Layer(
        "feet",
        "Feet",
        "Roll feet from heel to toe, in agreement with the floor",
        frozenset(),
        (Channel("left_foot_R", "rotation", "foot.L"), Channel("right_foot_R", "rotation", "foot.R")),
    ),
)


def channels() -> tuple[Channel, ...]:
    """The channels of all layers."""
    return tuple(channel for layer in LAYERS for channel in layer.channels)
