"""The masked pre-training of P-STMO: hide most of a 2D sequence and reconstruct it.

Shan, Liu, Zhang, Wang, Ma, Gao: P-STMO: Pre-trained Spatial Temporal Many-to-One Model for 3D Human Pose
Estimation, ECCV 2022. Written from the paper; the names of the parameters are those of the published files.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ...pose.lifters.pstmo import (
    PSTMO,
    Encoder,
    LayerNorm,
    PoseEncoder,
    Sizes,
    TemporalEncoder,
    flatten_keypoints,
    output_head,
    unflatten_joints,
)


class MaskedPSTMO(nn.Module):
    """Reconstructs 2D poses of which most frames, and some joints of the other frames, are hidden."""

    def __init__(self, sizes: Sizes, dropout: float = 0.1) -> None:
        super().__init__()
        self.sizes = sizes
        narrow = sizes.channels // 2
        self.encoder = PoseEncoder(sizes, dropout)
        self.Transformer = TemporalEncoder(sizes, dropout)
        self.encoder_LN = LayerNorm(sizes.channels)
        self.encoder_to_decoder = nn.Linear(sizes.channels, narrow, bias=False)
        self.dec_pos_embedding = nn.Parameter(torch.randn(1, sizes.frames, narrow))
        self.mask_token = nn.Parameter(torch.randn(1, 1, narrow))
        self.spatial_mask_token = nn.Parameter(torch.randn(1, 1, 2))
        decoder = Encoder(sizes.layers - 1, narrow, sizes.d_hid // 2, dropout)
        self.Transformer_dec = nn.Sequential(OrderedDict(model=decoder))
        self.fcn_dec = output_head(narrow, 2 * sizes.joints_out)

    def forward(self, keypoints: Tensor, hidden_frames: Tensor, hidden_joints: Tensor) -> Tensor:
        """Reconstructs windows.

        Args:
            keypoints: (B,2,F,J,1).
            hidden_frames: (F,) bool.
            hidden_joints: (F,J) bool, joints that a learned token replaces.

        Returns:
            (B,2,F,J,1), the visible frames first and then the hidden ones: see :func:`mask_order`.
        """
        token = self.spatial_mask_token[0, 0]
        masked = hidden_joints[None, None, :, :, None]
        x = self.encoder(flatten_keypoints(torch.where(masked, token[None, :, None, None, None], keypoints)))
        visible = ~hidden_frames
        # Only the visible frames go through the encoder.
        x = self.Transformer.model((x.transpose(1, 2) + self.Transformer.pos_embedding)[:, visible])
        x = self.encoder_to_decoder(self.encoder_LN(x))
        tokens = self.mask_token + self.dec_pos_embedding[:, hidden_frames]
        x = torch.cat([x + self.dec_pos_embedding[:, visible], tokens.expand(len(x), -1, -1)], dim=1)
        return unflatten_joints(self.fcn_dec(self.Transformer_dec(x).transpose(1, 2)), 2)


def mask_order(hidden_frames: Tensor) -> Tensor:
    """(F,) bool -> (F,) indices of the frames in the order in which :class:`MaskedPSTMO` gives them."""
    return torch.cat([torch.nonzero(~hidden_frames)[:, 0], torch.nonzero(hidden_frames)[:, 0]])


def load_pretrained(model: PSTMO, state: Mapping[str, Tensor]) -> None:
    """Copies the per-frame encoder and the transformer of a pre-trained :class:`MaskedPSTMO` into ``model``.

    Raises:
        RuntimeError: The sizes differ.
        KeyError: ``state`` lacks a parameter.
    """
    for name in ("encoder", "Transformer"):
        part = model.get_submodule(name)
        part.load_state_dict({key: state[f"{name}.{key}"] for key in part.state_dict()})
