"""P-STMO: many frames of 2D keypoints to one frame of 3D joints, with masked pre-training.

Shan, Liu, Zhang, Wang, Ma, Gao: P-STMO: Pre-trained Spatial Temporal Many-to-One Model for 3D Human Pose
Estimation, ECCV 2022. Written from the paper; the names of the parameters are those of the published files,
so that these load. P-STMO and P-STMO-S differ in the number of layers only (4 and 3).

Tensors: B windows, F frames, J joints, C channels. 2D input is (B,2,F,J,1) as in the published code, on
screens normalised to x in -1..1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional

HEADS = 8
"""Attention heads. The same in every published model, and not to be seen in its file."""

STRIDES: dict[int, tuple[int, ...]] = {
    9: (1, 3, 3),
    27: (3, 3, 3),
    81: (3, 3, 3, 3),
    243: (3, 3, 3, 3, 3),
    351: (3, 9, 13),
}
"""Strides of the layers that shorten a window to one frame, by its length. A file does not hold them."""


@dataclass(frozen=True)
class Sizes:
    """What the shapes of a network follow from.

    ``hidden`` is the width inside the per-frame encoder, ``d_hid`` inside the transformers' feed-forward parts.
    """

    frames: int = 243
    layers: int = 3
    channels: int = 256
    d_hid: int = 512
    hidden: int = 512
    encoder_blocks: int = 1
    joints_in: int = 17
    joints_out: int = 17
    strides: tuple[int, ...] = STRIDES[243]

    @classmethod
    def of(cls, frames: int, **sizes: int) -> Sizes:
        """The papers' sizes for a window length. Raises ValueError for one that has no strides."""
        return replace(cls(), frames=frames, strides=strides_of(frames), **sizes)


def strides_of(frames: int) -> tuple[int, ...]:
    """The strides for a window length. Raises ValueError for one that the papers do not have."""
    if frames not in STRIDES:
        raise ValueError(f"windows of {frames} frames are not known; they have {', '.join(map(str, STRIDES))}")
    return STRIDES[frames]


# ---------------------------------------------------------------------------------------------- parts


class LayerNorm(nn.Module):
    """Normalisation by the unbiased standard deviation, with epsilon added to it: not ``nn.LayerNorm``."""

    def __init__(self, channels: int, epsilon: float = 1e-6) -> None:
        super().__init__()
        self.a_2 = nn.Parameter(torch.ones(channels))
        self.b_2 = nn.Parameter(torch.zeros(channels))
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        """(..., C) -> (..., C)."""
        deviation, mean = torch.std_mean(x, dim=-1, keepdim=True)
        return torch.addcmul(self.b_2, x - mean, self.a_2 / (deviation + self.epsilon))


class Attention(nn.Module):
    """Self-attention of :data:`HEADS` heads. Raises ValueError for channels that do not divide among them."""

    def __init__(self, channels: int, dropout: float) -> None:
        super().__init__()
        if channels % HEADS:
            raise ValueError(f"channels must be a multiple of {HEADS}, the number of heads")
        # Query, key, value, output: one list, because that is how the files name them.
        self.linears = nn.ModuleList(nn.Linear(channels, channels) for _ in range(4))
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        """(B,F,C) -> (B,F,C)."""
        batch, frames, channels = x.shape

        def heads(linear: nn.Module) -> Tensor:
            return linear(x).view(batch, frames, HEADS, channels // HEADS).transpose(1, 2)

        query, key, value = (heads(linear) for linear in self.linears[:3])
        x = functional.scaled_dot_product_attention(query, key, value, dropout_p=self.dropout if self.training else 0.0)
        return self.linears[3](x.transpose(1, 2).reshape(batch, frames, channels))


class Sublayer(nn.Module):
    """Puts a norm before a part of a layer and dropout and a residual after it."""

    def __init__(self, channels: int, dropout: float) -> None:
        super().__init__()
        self.norm = LayerNorm(channels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, part: nn.Module, residual: Tensor) -> Tensor:
        """``x`` (B,F,C) goes through ``part``, which may shorten it to the (B,F',C) of ``residual``."""
        return residual + self.dropout(part(self.norm(x)))


class FeedForward(nn.Module):
    """Two linear maps a frame."""

    def __init__(self, channels: int, d_hid: int, dropout: float) -> None:
        super().__init__()
        self.w_1 = nn.Linear(channels, d_hid)
        self.w_2 = nn.Linear(d_hid, channels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(B,F,C) -> (B,F,C)."""
        return self.w_2(self.dropout(functional.relu(self.w_1(x))))


class StridedFeedForward(nn.Module):
    """A linear map a frame and a convolution over three frames that shortens the window by its stride."""

    def __init__(self, channels: int, d_hid: int, stride: int, dropout: float) -> None:
        super().__init__()
        self.w_1 = nn.Conv1d(channels, d_hid, 1)
        self.w_2 = nn.Conv1d(d_hid, channels, 3, stride=stride, padding=1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(B,F,C) -> (B,F',C), every stride-th frame."""
        # A convolution of width 1 is a linear map, which needs no transposing.
        x = functional.linear(x, self.w_1.weight[:, :, 0], self.w_1.bias)
        x = self.dropout(functional.relu(x))
        return self.w_2(x.transpose(1, 2)).transpose(1, 2)


class EncoderLayer(nn.Module):
    """Attention and feed-forward part, each normalised before and added to what came in."""

    def __init__(self, channels: int, d_hid: int, dropout: float, stride: int | None = None) -> None:
        super().__init__()
        self.stride = stride or 1
        self.self_attn = Attention(channels, dropout)
        self.feed_forward = (
            FeedForward(channels, d_hid, dropout)
            if stride is None
            else StridedFeedForward(channels, d_hid, stride, dropout)
        )
        self.sublayer = nn.ModuleList(Sublayer(channels, dropout) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        """(B,F,C) -> (B,F,C), or (B,F',C) with a stride."""
        attend, feed = self.sublayer
        x = attend(x, self.self_attn, x)
        # The residual of a shortened window: every stride-th frame.
        return feed(x, self.feed_forward, x[:, :: self.stride])


class Encoder(nn.Module):
    """A stack of layers."""

    def __init__(self, layers: int, channels: int, d_hid: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(EncoderLayer(channels, d_hid, dropout) for _ in range(layers))
        # In every file, trained by nobody and never applied.
        self.norm = LayerNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B,F,C) -> (B,F,C)."""
        for layer in self.layers:
            x = layer(x)
        return x


class StridedEncoder(nn.Module):
    """A stack of layers that shortens the window to one frame."""

    EMBEDDINGS = 3
    """Position embeddings are added before the first three layers only."""

    def __init__(self, sizes: Sizes, dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            EncoderLayer(sizes.channels, sizes.d_hid, dropout, stride) for stride in sizes.strides
        )
        self.norm = LayerNorm(sizes.channels)  # never applied, as in Encoder
        for number in range(1, self.EMBEDDINGS + 1):
            embedding = nn.Parameter(torch.randn(1, sizes.frames, sizes.channels))
            self.register_parameter(f"pos_embedding_{number}", embedding)

    def forward(self, x: Tensor) -> Tensor:
        """(B,F,C) -> (B,1,C)."""
        for number, layer in enumerate(self.layers, start=1):
            if number <= self.EMBEDDINGS:
                x = x + self.get_parameter(f"pos_embedding_{number}")[:, : x.shape[1]]
            x = layer(x)
        return x


class _Model(nn.Module):
    """Holds an encoder under the name ``model``, which is a part of every parameter's name in the files."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


class TemporalEncoder(_Model):
    """Position embedding and :class:`Encoder`."""

    def __init__(self, sizes: Sizes, dropout: float) -> None:
        super().__init__(Encoder(sizes.layers, sizes.channels, sizes.d_hid, dropout))
        self.pos_embedding = nn.Parameter(torch.randn(1, sizes.frames, sizes.channels))

    def forward(self, x: Tensor, visible: Tensor | None = None) -> Tensor:
        """(B,F,C) -> (B,F,C). ``visible``: (F,) bool, the frames that go in (masked pre-training); all where None."""
        x = x + self.pos_embedding
        return self.model(x if visible is None else x[:, visible])


class PoseBlock(nn.Module):
    """Two linear maps with a residual."""

    def __init__(self, hidden: int, dropout: float) -> None:
        super().__init__()
        self.w1 = nn.Conv1d(hidden, hidden, 1)
        self.batch_norm1 = nn.BatchNorm1d(hidden)
        self.w2 = nn.Conv1d(hidden, hidden, 1)
        self.batch_norm2 = nn.BatchNorm1d(hidden)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(N,hidden,L) -> (N,hidden,L)."""
        y = self.dropout(functional.leaky_relu(self.batch_norm1(self.w1(x)), 0.2))
        return x + self.dropout(functional.leaky_relu(self.batch_norm2(self.w2(y)), 0.2))


class PoseEncoder(nn.Module):
    """The keypoints of one frame -> its features; it sees no other frame."""

    def __init__(self, sizes: Sizes, dropout: float) -> None:
        super().__init__()
        self.fc_1 = nn.Conv1d(2 * sizes.joints_in, sizes.hidden, 1)
        self.bn_1 = nn.BatchNorm1d(sizes.hidden)
        self.layers = nn.ModuleList(PoseBlock(sizes.hidden, dropout) for _ in range(sizes.encoder_blocks))
        self.fc_2 = nn.Conv1d(sizes.hidden, sizes.channels, 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(N,2J,L) -> (N,C,L)."""
        x = self.dropout(functional.leaky_relu(self.bn_1(self.fc_1(x)), 0.2))
        for layer in self.layers:
            x = layer(x)
        return self.fc_2(x)


def _head(channels: int, out: int) -> nn.Sequential:
    return nn.Sequential(nn.BatchNorm1d(channels, momentum=0.1), nn.Conv1d(channels, out, 1))


def _flat(keypoints: Tensor) -> Tensor:
    """(B,2,F,J,1) -> (B,2J,F), x and y of a joint side by side."""
    batch, coordinates, frames, joints = keypoints.shape[:4]
    return keypoints[..., 0].permute(0, 3, 1, 2).reshape(batch, joints * coordinates, frames)


def _joints(x: Tensor, coordinates: int) -> Tensor:
    """(B,J*coordinates,F) -> (B,coordinates,F,J,1)."""
    batch, _, frames = x.shape
    return x.reshape(batch, -1, coordinates, frames).permute(0, 2, 3, 1).unsqueeze(-1)


# ---------------------------------------------------------------------------------------------- networks


class PSTMO(nn.Module):
    """Per-frame encoder, transformer over the window, strided transformer; a head after each of the latter two."""

    def __init__(self, sizes: Sizes, dropout: float = 0.1) -> None:
        super().__init__()
        self.sizes = sizes
        self.encoder = PoseEncoder(sizes, dropout)
        self.Transformer = TemporalEncoder(sizes, dropout)
        self.Transformer_reduce = _Model(StridedEncoder(sizes, dropout))
        self.fcn = _head(sizes.channels, 3 * sizes.joints_out)
        self.fcn_1 = _head(sizes.channels, 3 * sizes.joints_out)

    def forward(self, keypoints: Tensor) -> tuple[Tensor, Tensor]:
        """(B,2,F,J,1) -> the middle frame (B,3,1,J,1) and the whole window (B,3,F,J,1)."""
        x = self.Transformer(self.encoder(_flat(keypoints)).transpose(1, 2))
        sequence = self.fcn_1(x.transpose(1, 2))
        single = self.fcn(self.Transformer_reduce(x).transpose(1, 2))
        return _joints(single, 3), _joints(sequence, 3)

    # The same function in three steps, for a clip: features do not depend on the window, so they are computed
    # once a frame although each frame lies in many windows.

    def features(self, keypoints: Tensor) -> Tensor:
        """Frames (N,J,2) -> their features (N,C)."""
        return self.encoder(keypoints.reshape(1, len(keypoints), -1).transpose(1, 2))[0].T

    def middle(self, features: Tensor) -> Tensor:
        """Windows of features (B,F,C) -> 3D joints of the frame in their middle (B,J,3)."""
        x = self.Transformer_reduce(self.Transformer(features))
        return self.fcn(x.transpose(1, 2)).reshape(len(x), -1, 3)

    def sequence(self, features: Tensor) -> Tensor:
        """Windows of features (B,F,C) -> 3D joints of all their frames (B,F,J,3)."""
        x = self.fcn_1(self.Transformer(features).transpose(1, 2))
        return x.transpose(1, 2).reshape(*features.shape[:2], -1, 3)

    def load_pretrained(self, state: Mapping[str, Tensor]) -> None:
        """Takes the per-frame encoder and the transformer from a pre-trained :class:`MaskedPSTMO`.

        Raises RuntimeError if the sizes differ, KeyError if ``state`` lacks a parameter.
        """
        for name in ("encoder", "Transformer"):
            part = getattr(self, name)
            part.load_state_dict({key: state[f"{name}.{key}"] for key in part.state_dict()})


class MaskedPSTMO(nn.Module):
    """Pre-training: most frames, and some joints of the rest, are hidden; the network draws the 2D poses back."""

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
        self.Transformer_dec = _Model(Encoder(sizes.layers - 1, narrow, sizes.d_hid // 2, dropout))
        self.fcn_dec = _head(narrow, 2 * sizes.joints_out)

    def forward(self, keypoints: Tensor, hidden_frames: Tensor, hidden_joints: Tensor) -> Tensor:
        """(B,2,F,J,1) -> (B,2,F,J,1), the visible frames first and then the hidden ones: :func:`mask_order`.

        hidden_frames: (F,) bool. hidden_joints: (F,J) bool, the joints whose place a learned token takes.
        """
        token = self.spatial_mask_token[0, 0]
        hole = hidden_joints[None, None, :, :, None]
        x = self.encoder(_flat(torch.where(hole, token[None, :, None, None, None], keypoints)))
        visible = ~hidden_frames
        x = self.Transformer(x.transpose(1, 2), visible)
        x = self.encoder_to_decoder(self.encoder_LN(x))
        holes = self.mask_token + self.dec_pos_embedding[:, hidden_frames]
        x = torch.cat([x + self.dec_pos_embedding[:, visible], holes.expand(len(x), -1, -1)], dim=1)
        return _joints(self.fcn_dec(self.Transformer_dec(x).transpose(1, 2)), 2)


def mask_order(hidden_frames: Tensor) -> Tensor:
    """(F,) bool -> (F,) indices of the frames in the order in which :class:`MaskedPSTMO` gives them."""
    return torch.cat([torch.nonzero(~hidden_frames)[:, 0], torch.nonzero(hidden_frames)[:, 0]])


class Refine(nn.Module):
    """Mixes a predicted pose with the one that its 2D keypoints and depths give.

    The refinement of Cai et al., Exploiting Spatial-Temporal Relationships for 3D Pose Estimation via Graph
    Convolutional Networks, ICCV 2019. It needs the camera: see :func:`.geometry.unproject`.
    """

    def __init__(self, joints: int = 17, hidden: int = 1024, dropout: float = 0.5) -> None:
        super().__init__()
        self.post_refine = nn.Sequential(
            nn.Linear(joints * 6, hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, joints * 2),
            nn.Sigmoid(),
        )

    def forward(self, predicted: Tensor, unprojected: Tensor) -> Tensor:
        """Two poses (B,1,J,3) -> one (B,1,J,3); its depth is that of ``predicted``."""
        batch, frames, joints, _ = predicted.shape
        weight = self.post_refine(torch.cat([predicted, unprojected], dim=-1).reshape(batch, -1))
        weight = weight.view(batch, frames, joints, 2)
        mixed = weight * predicted[..., :2] + (1 - weight) * unprojected[..., :2]
        return torch.cat([mixed, predicted[..., 2:]], dim=-1)


# ---------------------------------------------------------------------------------------------- from a file


def sizes_in(state: Mapping[str, Tensor]) -> Sizes:
    """The sizes of the :class:`PSTMO` that parameters (without ``module.``) belong to.

    Raises KeyError if a parameter is missing, ValueError for a window length that has no strides.
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
    """The network with these parameters, ready to run.

    Raises KeyError, RuntimeError or ValueError if they do not fit.
    """
    model = PSTMO(sizes_in(state))
    model.load_state_dict(dict(state))
    return model.eval()


def refine_from_state(state: Mapping[str, Tensor]) -> Refine:
    """As :func:`from_state`, for the refinement."""
    hidden, features = state["post_refine.0.weight"].shape
    model = Refine(features // 6, hidden)
    model.load_state_dict(dict(state))
    return model.eval()
