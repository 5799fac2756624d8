"""The temporal convolution of VideoPose3D.

Pavllo, Feichtenhofer, Grangier, Auli: 3D human pose estimation in video with temporal convolutions and semi-supervised
training, CVPR 2019. Written from the paper; the names of the parameters are those of the published files.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


class TemporalModel(nn.Module):
    """2D keypoints of consecutive frames -> 3D joints of the frames whose receptive field lies inside them.

    Args:
        features: Numbers a keypoint: 2 (x, y), 3 (with the score) or 4 (with the person's apparent size).
        filter_widths: One odd width a block; the receptive field is their product.
        causal: Past frames only.
    """

    def __init__(
        self,
        joints_in: int,
        features: int,
        joints_out: int,
        filter_widths: Sequence[int],
        causal: bool = False,
        dropout: float = 0.25,
        channels: int = 1024,
    ) -> None:
        super().__init__()
        if any(width % 2 == 0 for width in filter_widths):
            raise ValueError("filter widths are odd")
        self.joints_in, self.features, self.joints_out = joints_in, features, joints_out
        self.filter_widths = tuple(filter_widths)
        self.causal = causal
        self.expand_conv = nn.Conv1d(joints_in * features, channels, filter_widths[0], bias=False)
        self.expand_bn = nn.BatchNorm1d(channels, momentum=0.1)
        convolutions, norms = [], []
        dilation = filter_widths[0]
        for width in filter_widths[1:]:
            wide = nn.Conv1d(channels, channels, width, dilation=dilation, bias=False)
            convolutions += [wide, nn.Conv1d(channels, channels, 1, bias=False)]
            norms += [nn.BatchNorm1d(channels, momentum=0.1), nn.BatchNorm1d(channels, momentum=0.1)]
            dilation *= width
        self.layers_conv = nn.ModuleList(convolutions)
        self.layers_bn = nn.ModuleList(norms)
        self.shrink = nn.Conv1d(channels, joints_out * 3, 1)
        self.drop = nn.Dropout(dropout)

    @property
    def receptive_field(self) -> int:
        """Frames that one output depends on."""
        return math.prod(self.filter_widths)

    def forward(self, keypoints: Tensor) -> Tensor:
        """(B, T, joints_in, features) -> (B, T - receptive_field + 1, joints_out, 3), by dilated convolutions."""
        x = self._expand(_dilated(keypoints.flatten(2), self.filter_widths[0], 1))
        dilation = self.filter_widths[0]
        for block, width in enumerate(self.filter_widths[1:]):
            # The residual is the frame in the middle of the filter, or the newest one of a causal filter.
            reach = (width - 1) * dilation
            first = reach if self.causal else reach // 2
            residual = x[:, first : first + x.shape[1] - reach]
            x = residual + self._block(block, _dilated(x, width, dilation))
            dilation *= width
        return self._joints(x)

    def forward_window(self, keypoints: Tensor) -> Tensor:
        """As :meth:`forward` on single windows, without the intermediate outputs that these do not need."""
        x = self._expand(_strided(keypoints.flatten(2), self.filter_widths[0]))
        for block, width in enumerate(self.filter_widths[1:]):
            residual = x[:, (width - 1 if self.causal else width // 2) :: width]
            x = residual + self._block(block, _strided(x, width))
        return self._joints(x)

    def _expand(self, windows: Tensor) -> Tensor:
        return self.drop(functional.relu(_normalised(_product(windows, self.expand_conv), self.expand_bn)))

    def _block(self, block: int, windows: Tensor) -> Tensor:
        for layer in (2 * block, 2 * block + 1):
            windows = _product(windows, self.layers_conv[layer])
            windows = self.drop(functional.relu(_normalised(windows, self.layers_bn[layer])))
        return windows

    def _joints(self, x: Tensor) -> Tensor:
        x = functional.linear(x, self.shrink.weight[..., 0], self.shrink.bias)
        return x.unflatten(-1, (self.joints_out, 3))


# Convolutions as products of matrices, channels last: on a CPU this trains and runs up to twice as fast as the
# convolution of the library in bfloat16, and needs no transposed copies.


def _dilated(x: Tensor, width: int, dilation: int) -> Tensor:
    """(B, T, C) -> (B, T - (width - 1) dilation, width C): the input of a dilated filter at each frame."""
    frames = x.shape[1] - (width - 1) * dilation
    return torch.cat([x[:, i * dilation : i * dilation + frames] for i in range(width)], dim=-1)


def _strided(x: Tensor, width: int) -> Tensor:
    """(B, T, C) -> (B, T // width, width C): the input of a filter with a stride of its own width."""
    return x.reshape(x.shape[0], x.shape[1] // width, -1)


def _product(windows: Tensor, convolution: nn.Module) -> Tensor:
    weight: Tensor = convolution.get_parameter("weight")  # (out, in, width)
    return functional.linear(windows, weight.permute(0, 2, 1).flatten(1))


def _normalised(x: Tensor, norm: nn.Module) -> Tensor:
    return norm(x.flatten(0, 1)).view(x.shape)


def from_state(state: Mapping[str, Tensor], causal: bool = False) -> TemporalModel:
    """Returns the network of these parameters; raises KeyError, RuntimeError or ValueError where they do not fit.

    Args:
        causal: Whether the weights see past frames only, which the parameters do not tell.
    """
    channels, inputs, first_width = state["expand_conv.weight"].shape
    joints_out = state["shrink.weight"].shape[0] // 3
    blocks = sum(key.startswith("layers_conv.") for key in state) // 2
    widths = [first_width, *(state[f"layers_conv.{2 * block}.weight"].shape[2] for block in range(blocks))]
    # A published network takes x and y of as many keypoints as it gives joints; a keypoint's score would be a third.
    features = 3 if inputs == 3 * joints_out else 2
    model = TemporalModel(inputs // features, features, joints_out, widths, causal=causal, channels=channels)
    model.load_state_dict(dict(state))
    return model.eval()
