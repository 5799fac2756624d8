"""P-STMO: many frames of 2D keypoints to one frame of 3D joints.

Shan, Liu, Zhang, Wang, Ma, Gao: P-STMO: Pre-trained Spatial Temporal Many-to-One Model for 3D Human Pose
Estimation, ECCV 2022. Written from the paper; the names of the parameters are those of the published files. P-STMO and
P-STMO-S differ in the number of layers only (4 and 3). The masked pre-training of the paper is in ``research.models``.

Tensors: B windows, F frames, J joints, C channels. Input is on the screen of :mod:`.geometry`. A layer takes and gives
(B,F,C), unless its docstring says otherwise.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

HEADS = 8
"""Attention heads. The same in every published model; the file does not hold the number."""

STRIDES = {9: (1, 3, 3), 27: (3, 3, 3), 81: (3, 3, 3, 3), 243: (3, 3, 3, 3, 3), 351: (3, 9, 13)}
"""Window length in frames -> strides of the layers that shorten the window to one frame. Files do not hold them."""


@dataclass(frozen=True)
class Sizes:
    """The sizes that determine the shapes of a network.

    Attributes:
        frames: Length of a window.
        layers: Layers of the transformer over the window.
        channels: Width of the transformers.
        d_hid: Width inside the transformers' feed-forward parts.
        hidden: Width inside the per-frame encoder.
        encoder_blocks: Residual blocks of the per-frame encoder.
        joints_in, joints_out: 2D keypoints and 3D joints.
        strides: Strides of the strided transformer, a layer each.
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
        """Returns the papers' sizes for a window length, with some replaced; raises ValueError for another length."""
        if frames not in STRIDES:
            raise ValueError(f"windows of {frames} frames are not known; they have {', '.join(map(str, STRIDES))}")
        return cls(frames=frames, strides=STRIDES[frames], **sizes)


class LayerNorm(nn.Module):
    """Normalisation by the unbiased standard deviation, with epsilon added to it: not ``nn.LayerNorm``."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.a_2 = nn.Parameter(torch.ones(channels))
        self.b_2 = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        deviation, mean = torch.std_mean(x, dim=-1, keepdim=True)
        return torch.addcmul(self.b_2, x - mean, self.a_2 / (deviation + 1e-6))


class Attention(nn.Module):
    """Self-attention of :data:`HEADS` heads."""

    def __init__(self, channels: int, dropout: float) -> None:
        super().__init__()
        if channels % HEADS:
            raise ValueError(f"channels must be a multiple of {HEADS}, the number of heads")
        self.linears = nn.ModuleList(nn.Linear(channels, channels) for _ in range(4))  # query, key, value, output
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = (linear(x).unflatten(-1, (HEADS, -1)).transpose(1, 2) for linear in self.linears[:3])
        x = functional.scaled_dot_product_attention(query, key, value, dropout_p=self.dropout if self.training else 0.0)
        return self.linears[3](x.transpose(1, 2).flatten(2))


class Sublayer(nn.Module):
    """A norm before a part of a layer, dropout and a residual after it."""

    def __init__(self, channels: int, dropout: float) -> None:
        super().__init__()
        self.norm = LayerNorm(channels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, part: nn.Module, residual: Tensor) -> Tensor:
        """A part with a stride gives the (B,F',C) of ``residual``."""
        return residual + self.dropout(part(self.norm(x)))


class FeedForward(nn.Module):
    """Two linear maps a frame."""

    def __init__(self, channels: int, d_hid: int, dropout: float) -> None:
        super().__init__()
        self.w_1 = nn.Linear(channels, d_hid)
        self.w_2 = nn.Linear(d_hid, channels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        return self.w_2(self.dropout(functional.relu(self.w_1(x))))


class StridedFeedForward(nn.Module):
    """A linear map a frame and a convolution over three frames that shortens the window by its stride."""

    def __init__(self, channels: int, d_hid: int, dropout: float, stride: int) -> None:
        super().__init__()
        self.w_1 = nn.Conv1d(channels, d_hid, 1)
        self.w_2 = nn.Conv1d(d_hid, channels, 3, stride=stride, padding=1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(B,F,C) -> (B,F',C), every stride-th frame."""
        # A convolution of width 1 is a linear map, which needs no transposed copy.
        x = self.dropout(functional.relu(functional.linear(x, self.w_1.weight[:, :, 0], self.w_1.bias)))
        return self.w_2(x.transpose(1, 2)).transpose(1, 2)


class EncoderLayer(nn.Module):
    """Attention and a feed-forward part, each with a norm before it and a residual."""

    def __init__(self, channels: int, d_hid: int, dropout: float, stride: int | None = None) -> None:
        super().__init__()
        self.stride = stride or 1
        self.self_attn = Attention(channels, dropout)
        widths = channels, d_hid, dropout
        self.feed_forward = FeedForward(*widths) if stride is None else StridedFeedForward(*widths, stride)
        self.sublayer = nn.ModuleList(Sublayer(channels, dropout) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        """(B,F,C) -> (B,F,C), or (B,F',C) with a stride."""
        attend, feed = self.sublayer
        x = attend(x, self.self_attn, x)
        return feed(x, self.feed_forward, x[:, :: self.stride])


class Encoder(nn.Module):
    """A stack of layers over the window."""

    def __init__(self, layers: int, channels: int, d_hid: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(EncoderLayer(channels, d_hid, dropout) for _ in range(layers))
        self.norm = LayerNorm(channels)  # part of every file, but never trained and never applied

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return x


class StridedEncoder(nn.Module):
    """A stack of layers that shortens the window to one frame."""

    def __init__(self, sizes: Sizes, dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(EncoderLayer(sizes.channels, sizes.d_hid, dropout, by) for by in sizes.strides)
        self.norm = LayerNorm(sizes.channels)  # never applied, as in Encoder
        for number in (1, 2, 3):  # the first three layers only
            embedding = nn.Parameter(torch.randn(1, sizes.frames, sizes.channels))
            self.register_parameter(f"pos_embedding_{number}", embedding)

    def forward(self, x: Tensor) -> Tensor:
        """(B,F,C) -> (B,1,C)."""
        for number, layer in enumerate(self.layers, start=1):
            if number <= 3:
                x = x + self.get_parameter(f"pos_embedding_{number}")[:, : x.shape[1]]
            x = layer(x)
        return x


class TemporalEncoder(nn.Module):
    """A position embedding and an :class:`Encoder`."""

    def __init__(self, sizes: Sizes, dropout: float) -> None:
        super().__init__()
        self.model = Encoder(sizes.layers, sizes.channels, sizes.d_hid, dropout)
        self.pos_embedding = nn.Parameter(torch.randn(1, sizes.frames, sizes.channels))

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x + self.pos_embedding)


class PoseBlock(nn.Module):
    """Two linear maps with a residual, (N,hidden,L) -> (N,hidden,L)."""

    def __init__(self, hidden: int, dropout: float) -> None:
        super().__init__()
        self.w1 = nn.Conv1d(hidden, hidden, 1)
        self.batch_norm1 = nn.BatchNorm1d(hidden)
        self.w2 = nn.Conv1d(hidden, hidden, 1)
        self.batch_norm2 = nn.BatchNorm1d(hidden)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        y = self.dropout(functional.leaky_relu(self.batch_norm1(self.w1(x)), 0.2))
        return x + self.dropout(functional.leaky_relu(self.batch_norm2(self.w2(y)), 0.2))


class PoseEncoder(nn.Module):
    """Keypoints of a frame -> features that depend on no other frame, (N,2J,L) -> (N,C,L)."""

    def __init__(self, sizes: Sizes, dropout: float) -> None:
        super().__init__()
        self.fc_1 = nn.Conv1d(2 * sizes.joints_in, sizes.hidden, 1)
        self.bn_1 = nn.BatchNorm1d(sizes.hidden)
        self.layers = nn.ModuleList(PoseBlock(sizes.hidden, dropout) for _ in range(sizes.encoder_blocks))
        self.fc_2 = nn.Conv1d(sizes.hidden, sizes.channels, 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        x = self.dropout(functional.leaky_relu(self.bn_1(self.fc_1(x)), 0.2))
        for layer in self.layers:
            x = layer(x)
        return self.fc_2(x)


def output_head(channels: int, out: int) -> nn.Sequential:
    """Returns a head (B,channels,F) -> (B,out,F)."""
    return nn.Sequential(nn.BatchNorm1d(channels, momentum=0.1), nn.Conv1d(channels, out, 1))


def flatten_keypoints(keypoints: Tensor) -> Tensor:
    """(B,2,F,J,1) -> (B,2J,F), x and y of a joint side by side."""
    return keypoints[..., 0].permute(0, 3, 1, 2).flatten(1, 2)


def unflatten_joints(x: Tensor, coordinates: int) -> Tensor:
    """(B,J*coordinates,F) -> (B,coordinates,F,J,1)."""
    return x.unflatten(1, (-1, coordinates)).permute(0, 2, 3, 1).unsqueeze(-1)


class PSTMO(nn.Module):
    """Per-frame encoder, transformer over the window, strided transformer; a head after each of the latter two."""

    def __init__(self, sizes: Sizes, dropout: float = 0.1) -> None:
        super().__init__()
        self.sizes = sizes
        self.encoder = PoseEncoder(sizes, dropout)
        self.Transformer = TemporalEncoder(sizes, dropout)
        self.Transformer_reduce = nn.Sequential(OrderedDict(model=StridedEncoder(sizes, dropout)))
        self.fcn = output_head(sizes.channels, 3 * sizes.joints_out)
        self.fcn_1 = output_head(sizes.channels, 3 * sizes.joints_out)

    def forward(self, keypoints: Tensor) -> tuple[Tensor, Tensor]:
        """Keypoints (B,2,F,J,1) -> joints of the middle frame (B,3,1,J,1) and of the whole window (B,3,F,J,1)."""
        x = self.Transformer(self.encoder(flatten_keypoints(keypoints)).transpose(1, 2))
        sequence = self.fcn_1(x.transpose(1, 2))
        single = self.fcn(self.Transformer_reduce(x).transpose(1, 2))
        return unflatten_joints(single, 3), unflatten_joints(sequence, 3)

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
