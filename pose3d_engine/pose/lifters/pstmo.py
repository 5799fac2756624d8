"""P-STMO: many frames of 2D keypoints to one frame of 3D joints.

Shan, Liu, Zhang, Wang, Ma, Gao: P-STMO: Pre-trained Spatial Temporal Many-to-One Model for 3D Human Pose
Estimation, ECCV 2022. Written from the paper; the names of the parameters are those of the published files. P-STMO and
P-STMO-S differ in the number of layers only (4 and 3). The masked pre-training of the paper is in ``research.models``.

Tensors: B windows, F frames, J joints, C channels. Input is on the screen of :mod:`.geometry`.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from . import pstmo_layers as layers
from .pstmo_layers import Sizes


class PSTMO(nn.Module):
    """Per-frame encoder, transformer over the window, strided transformer; a head after each of the latter two."""

    def __init__(self, sizes: Sizes, dropout: float = 0.1) -> None:
        super().__init__()
        self.sizes = sizes
        self.encoder = layers.PoseEncoder(sizes, dropout)
        self.Transformer = layers.TemporalEncoder(sizes, dropout)
        self.Transformer_reduce = layers.as_model(layers.StridedEncoder(sizes, dropout))
        self.fcn = layers.output_head(sizes.channels, 3 * sizes.joints_out)
        self.fcn_1 = layers.output_head(sizes.channels, 3 * sizes.joints_out)

    def forward(self, keypoints: Tensor) -> tuple[Tensor, Tensor]:
        """Keypoints (B,2,F,J,1) -> joints of the middle frame (B,3,1,J,1) and of the whole window (B,3,F,J,1)."""
        x = self.Transformer(self.encoder(layers.flatten_keypoints(keypoints)).transpose(1, 2))
        sequence = self.fcn_1(x.transpose(1, 2))
        single = self.fcn(self.Transformer_reduce(x).transpose(1, 2))
        return layers.unflatten_joints(single, 3), layers.unflatten_joints(sequence, 3)

    def features(self, keypoints: Tensor) -> Tensor:
        """Frames (N,J,2) -> features of each frame (N,C): once a frame, although it lies in many windows of a clip."""
        return self.encoder(keypoints.reshape(1, len(keypoints), -1).transpose(1, 2))[0].T

    def middle(self, features: Tensor) -> Tensor:
        """Windows of features (B,F,C) -> 3D joints of the middle frame (B,J,3)."""
        x = self.Transformer_reduce(self.Transformer(features))
        return self.fcn(x.transpose(1, 2)).reshape(len(x), -1, 3)

    def sequence(self, features: Tensor) -> Tensor:
        """Windows of features (B,F,C) -> 3D joints of all frames (B,F,J,3)."""
        x = self.fcn_1(self.Transformer(features).transpose(1, 2))
        return x.transpose(1, 2).reshape(*features.shape[:2], -1, 3)


def sizes_in(state: Mapping[str, Tensor]) -> Sizes:
    """Returns the sizes of the network of these parameters; raises KeyError or ValueError where they do not fit."""
    frames, channels = state["Transformer.pos_embedding"].shape[1:]
    return Sizes.of(
        frames,
        layers=_count(state, "Transformer.model.layers."),
        channels=channels,
        d_hid=state["Transformer.model.layers.0.feed_forward.w_1.weight"].shape[0],
        hidden=state["encoder.fc_1.weight"].shape[0],
        encoder_blocks=_count(state, "encoder.layers."),
        joints_in=state["encoder.fc_1.weight"].shape[1] // 2,
        joints_out=state["fcn.1.weight"].shape[0] // 3,
    )


def _count(state: Mapping[str, Tensor], prefix: str) -> int:
    return len({key[len(prefix) :].split(".")[0] for key in state if key.startswith(prefix)})


def from_state(state: Mapping[str, Tensor]) -> PSTMO:
    """Returns the network of these parameters; raises KeyError, RuntimeError or ValueError where they do not fit."""
    model = PSTMO(sizes_in(state))
    model.load_state_dict(dict(state))
    return model.eval()
