"""P-STMO: many frames of 2D keypoints to one frame of 3D joints.

Shan, Liu, Zhang, Wang, Ma, Gao: P-STMO: Pre-trained Spatial Temporal Many-to-One Model for 3D Human Pose
Estimation, ECCV 2022. Written from the paper; the names of the parameters are those of the published files,
so that these load. P-STMO and P-STMO-S differ in the number of layers only (4 and 3). The masked pre-training of the
paper is in ``research.models``.

Tensors: B windows, F frames, J joints, C channels. 2D input is (B,2,F,J,1) as in the published code, on
screens normalised to x in -1..1.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from .pstmo_layers import (
    STRIDES,
    PoseEncoder,
    Sizes,
    StridedEncoder,
    TemporalEncoder,
    Wrapper,
    flatten_keypoints,
    output_head,
    strides_of,
    unflatten_joints,
)

__all__ = ["PSTMO", "STRIDES", "Sizes", "from_state", "sizes_in"]


class PSTMO(nn.Module):
    """Per-frame encoder, transformer over the window, strided transformer; a head after each of the latter two."""

    def __init__(self, sizes: Sizes, dropout: float = 0.1) -> None:
        super().__init__()
        self.sizes = sizes
        self.encoder = PoseEncoder(sizes, dropout)
        self.Transformer = TemporalEncoder(sizes, dropout)
        self.Transformer_reduce = Wrapper(StridedEncoder(sizes, dropout))
        self.fcn = output_head(sizes.channels, 3 * sizes.joints_out)
        self.fcn_1 = output_head(sizes.channels, 3 * sizes.joints_out)

    def forward(self, keypoints: Tensor) -> tuple[Tensor, Tensor]:
        """Lifts windows.

        Args:
            keypoints: (B,2,F,J,1).

        Returns:
            The middle frame (B,3,1,J,1) and the whole window (B,3,F,J,1).
        """
        x = self.Transformer(self.encoder(flatten_keypoints(keypoints)).transpose(1, 2))
        sequence = self.fcn_1(x.transpose(1, 2))
        single = self.fcn(self.Transformer_reduce(x).transpose(1, 2))
        return unflatten_joints(single, 3), unflatten_joints(sequence, 3)

    # The same function in three steps, for a clip: features do not depend on the window, so they are computed
    # once a frame although each frame lies in many windows.

    def features(self, keypoints: Tensor) -> Tensor:
        """Frames (N,J,2) -> features of each frame (N,C)."""
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
    """Returns the sizes of the :class:`PSTMO` that parameters (without ``module.``) belong to.

    Raises:
        KeyError: A parameter is missing.
        ValueError: A window length without known strides.
    """
    frames, channels = state["Transformer.pos_embedding"].shape[1:]
    return Sizes(
        frames=frames,
        layers=_count(state, "Transformer.model.layers."),
        channels=channels,
        d_hid=state["Transformer.model.layers.0.feed_forward.w_1.weight"].shape[0],
        hidden=state["encoder.fc_1.weight"].shape[0],
        encoder_blocks=_count(state, "encoder.layers."),
        joints_in=state["encoder.fc_1.weight"].shape[1] // 2,
        joints_out=state["fcn.1.weight"].shape[0] // 3,
        strides=strides_of(frames),
    )


def _count(state: Mapping[str, Tensor], prefix: str) -> int:
    return len({key[len(prefix) :].split(".")[0] for key in state if key.startswith(prefix)})


def from_state(state: Mapping[str, Tensor]) -> PSTMO:
    """Returns the network with these parameters, ready to run.

    Raises:
        KeyError, RuntimeError, ValueError: The parameters do not fit together.
    """
    model = PSTMO(sizes_in(state))
    model.load_state_dict(dict(state))
    return model.eval()
