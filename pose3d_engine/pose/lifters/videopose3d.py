"""VideoPose3D's network from its published file."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from .temporal import TemporalModel


def from_state(state: Mapping[str, Tensor], causal: bool = False) -> TemporalModel:
    """Returns the network with these parameters, ready to run.

    Args:
        state: Parameters by their published names.
        causal: Whether the weights see past frames only, which the parameters do not tell.

    Raises:
        KeyError, RuntimeError, ValueError: The parameters do not fit together.
    """
    expand, shrink = state["expand_conv.weight"], state["shrink.weight"]
    blocks = sum(key.startswith("layers_conv.") for key in state) // 2
    widths = [expand.shape[2], *(state[f"layers_conv.{2 * block}.weight"].shape[2] for block in range(blocks))]
    joints_out = shrink.shape[0] // 3
    # A published network takes x and y of as many keypoints as it gives joints; a keypoint's score would be a third.
    features = 3 if expand.shape[1] == 3 * joints_out else 2
    model = TemporalModel(
        expand.shape[1] // features, features, joints_out, widths, causal=causal, channels=expand.shape[0]
    )
    model.load_state_dict(dict(state))
    return model.eval()
