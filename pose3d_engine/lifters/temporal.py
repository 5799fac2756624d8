"""The temporal convolution of VideoPose3D.

Pavllo, Feichtenhofer, Grangier, Auli: 3D human pose estimation in video with temporal convolutions and
semi-supervised training, CVPR 2019. Written from the paper; the names of the parameters are those of the
published files, so that these load.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional


class TemporalModel(nn.Module):
    """2D keypoints of a stretch of frames -> 3D joints of the frames whose receptive field lies inside it.

    joints_in, features: keypoints and numbers a keypoint (2: x, y; 3: with the score). joints_out: 3D joints.
    filter_widths: one odd width a block; the receptive field is their product. causal: looks at the past only.
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
            convolutions.append(nn.Conv1d(channels, channels, width, dilation=dilation, bias=False))
            convolutions.append(nn.Conv1d(channels, channels, 1, bias=False))
            norms += [nn.BatchNorm1d(channels, momentum=0.1), nn.BatchNorm1d(channels, momentum=0.1)]
            dilation *= width
        self.layers_conv = nn.ModuleList(convolutions)
        self.layers_bn = nn.ModuleList(norms)
        self.shrink = nn.Conv1d(channels, joints_out * 3, 1)
        self.drop = nn.Dropout(dropout)

    @property
    def receptive_field(self) -> int:
        """Frames that one output depends on."""
        field = 1
        for width in self.filter_widths:
            field *= width
        return field

    def forward(self, keypoints: Tensor) -> Tensor:
        """(B, T, joints_in, features) -> (B, T - receptive_field + 1, joints_out, 3), by dilated convolutions."""
        x = self._expand(self._flat(keypoints), stride=1)
        dilation = self.filter_widths[0]
        for block, width in enumerate(self.filter_widths[1:]):
            # The residual is the frame in the middle of the filter, or the newest one of a causal filter.
            reach = (width - 1) * dilation
            first = reach if self.causal else reach // 2
            residual = x[:, :, first : first + x.shape[2] - reach]
            x = residual + self._block(block, x, stride=1, dilation=dilation)
            dilation *= width
        return self._joints(x)

    def forward_window(self, keypoints: Tensor) -> Tensor:
        """(B, receptive_field, joints_in, features) -> (B, 1, joints_out, 3), by strided convolutions.

        The same function as :meth:`forward` on one window, without the outputs that nobody asked for: this is
        how windows are trained one at a time.
        """
        x = self._expand(self._flat(keypoints), stride=self.filter_widths[0])
        for block, width in enumerate(self.filter_widths[1:]):
            residual = x[:, :, (width - 1 if self.causal else width // 2) :: width]
            x = residual + self._block(block, x, stride=width, dilation=1)
        return self._joints(x)

    def _flat(self, keypoints: Tensor) -> Tensor:
        batch, frames = keypoints.shape[:2]
        # Contiguous, because convolutions are five times slower on a transposed view.
        return keypoints.reshape(batch, frames, -1).transpose(1, 2).contiguous()

    def _expand(self, x: Tensor, stride: int) -> Tensor:
        x = functional.conv1d(x, self.expand_conv.weight, stride=stride)
        return self.drop(functional.relu(self.expand_bn(x)))

    def _block(self, block: int, x: Tensor, stride: int, dilation: int) -> Tensor:
        wide, pointwise = self.layers_conv[2 * block], self.layers_conv[2 * block + 1]
        x = functional.conv1d(x, wide.weight, stride=stride, dilation=dilation)
        x = self.drop(functional.relu(self.layers_bn[2 * block](x)))
        x = functional.conv1d(x, pointwise.weight)
        return self.drop(functional.relu(self.layers_bn[2 * block + 1](x)))

    def _joints(self, x: Tensor) -> Tensor:
        x = self.shrink(x).transpose(1, 2)
        return x.reshape(x.shape[0], x.shape[1], self.joints_out, 3)


def parameters(model: nn.Module) -> int:
    """The number of trained numbers of a network."""
    return sum(parameter.numel() for parameter in model.parameters())
