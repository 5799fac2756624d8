"""Networks over a whole clip: one pose a frame, without repeated computation.

Networks take clips (V,T,J,2 to 4), V views of the same T frames (plain and mirrored) on screens, and give joints
(V,T,J,3) on the CPU. ``stride`` (tds): frame step within a window. The frames at the ends are repeated beyond them.
``step(done, total)`` is called between two batches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from ...contract.skeletons import Skeleton
from ...progress import Progress
from .pstmo import PSTMO, Sizes
from .temporal import TemporalModel

Step = Callable[[int, int], None]

LiftClips = Callable[[Tensor, int, Step], Tensor]
"""A function of this module with its network: clips, stride, step -> joints."""

MAX_ROWS = 4096
"""Frames that a convolution takes at once: enough to keep every core busy, few enough for any memory."""

MAX_WINDOWS = 64
"""Windows of a transformer at once: they fit into a processor's cache."""

OVERLAP = 3
"""Windows that contain each frame in :func:`pstmo_sequence`."""

_MIRROR_X = np.array([-1, 1, 1, 1], np.float32)


class WindowedPstmo(nn.Module):
    """P-STMO over every window of a stretch of frames, as :class:`.TemporalModel` is over its receptive field."""

    causal = False

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.network = PSTMO(sizes, dropout=0.0)
        self.receptive_field = sizes.frames

    def forward(self, keypoints: Tensor) -> Tensor:
        """(B,T,17,2 to 4), of which only x and y are used -> (B, T - receptive_field + 1, 17, 3)."""
        features = self.network.features(keypoints[..., :2].flatten(0, 1)).unflatten(0, keypoints.shape[:2])
        windows = features.unfold(1, self.receptive_field, 1).transpose(2, 3).flatten(0, 1)
        joints = torch.cat([self.network.middle(some) for some in windows.split(MAX_WINDOWS)])
        return joints.unflatten(0, (len(keypoints), -1))


def lift(
    network: LiftClips,
    keypoints: np.ndarray,
    orders: tuple[Skeleton, Skeleton],
    tds: int,
    flip: bool,
    progress: Progress,
) -> np.ndarray:
    """Lifts keypoints (T,K,2 to 4) in the first order to joints (T,J,3) in the second: see :class:`.base.Lifter`."""
    clips = [keypoints]
    if flip:
        clips.append(keypoints[:, orders[0].mirror] * _MIRROR_X[: keypoints.shape[-1]])
    lifted = network(torch.from_numpy(np.stack(clips)), tds, partial(progress, "lift")).numpy()
    return (lifted[0] + lifted[1][:, orders[1].mirror] * _MIRROR_X[:3]) / 2 if flip else lifted[0]


def windows(frames: np.ndarray, length: int, size: int, stride: int, before: int | None = None) -> np.ndarray:
    """Returns the rows (N, size) of windows in a clip.

    Args:
        frames: (N,) the frame of each window.
        length, size: Frames of the clip and of a window.
        stride: Frame step within a window.
        before: Frames of a window before its own frame; half of the others if None.
    """
    before = size // 2 if before is None else before
    return np.clip(frames[:, None] + (np.arange(size) - before) * stride, 0, length - 1)


def pstmo_exact(model: PSTMO, clips: Tensor, stride: int, step: Step) -> Tensor:
    """One window a frame, as the paper runs P-STMO."""
    views, frames = clips.shape[:2]
    device = next(model.parameters()).device
    batch = max(1, (8 if device.type == "cpu" else 512) // views)  # fits into a CPU's cache, or fills a GPU
    parts = []
    with torch.inference_mode(), _single_precision():
        features = _features(model, clips.to(device))
        for first in range(0, frames, batch):
            centres = np.arange(first, min(first + batch, frames))
            rows = torch.from_numpy(windows(centres, frames, model.sizes.frames, stride)).to(device)
            joints = model.middle(features[:, rows].flatten(0, 1))
            parts.append(joints.unflatten(0, (views, -1)).cpu())
            step(int(centres[-1]) + 1, frames)
    return torch.cat(parts, dim=1)


def pstmo_sequence(model: PSTMO, clips: Tensor, stride: int, step: Step) -> Tensor:
    """All frames of overlapping windows, by P-STMO's head for training: much faster, less accurate.

    A frame is the mean over :data:`OVERLAP` windows, weighted by its nearness to the middle of each.
    """
    views, frames = clips.shape[:2]
    size, device = model.sizes.frames, next(model.parameters()).device
    hop = size // OVERLAP
    weights = torch.sin(torch.pi * (torch.arange(size) + 0.5) / size)[:, None, None] ** 2
    total = torch.zeros(views, frames, model.sizes.joints_out, 3)
    weight = torch.zeros(frames, 1, 1)
    starts = range(hop - size, -(-frames // stride), hop)
    windows_at = [(phase, start) for phase in range(min(stride, frames)) for start in starts]
    batch = 4 if device.type == "cpu" else 128
    # Twice as fast where the hardware has bfloat16.
    fast = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=fast):
        features = _features(model, clips.to(device))
        for first in range(0, len(windows_at), batch):
            block = windows_at[first : first + batch]
            at = np.array([phase + (start + np.arange(size)) * stride for phase, start in block])
            rows = torch.from_numpy(np.clip(at, 0, frames - 1)).to(device)
            joints = model.sequence(features[:, rows].flatten(0, 1)).float().cpu().unflatten(0, (views, -1))
            for number, wanted in enumerate(at):
                inside = torch.from_numpy((wanted >= 0) & (wanted < frames))
                place = torch.from_numpy(wanted)[inside]
                total.index_add_(1, place, joints[:, number, inside] * weights[inside])
                weight.index_add_(0, place, weights[inside])
            step(min(first + batch, len(windows_at)) * frames // len(windows_at), frames)
    return total / weight


def convolution(model: TemporalModel | WindowedPstmo, clips: Tensor, stride: int, step: Step) -> Tensor:
    """All frames at once; with a stride, the clip is as many interleaved clips, which are a batch."""
    views, frames = clips.shape[:2]
    size, device = model.receptive_field, next(model.parameters()).device
    before = size - 1 if model.causal else size // 2
    rows = -(-frames // stride)
    batch = max(1, MAX_ROWS // (stride * views))
    parts = []
    with torch.inference_mode(), _single_precision():
        for first in range(0, rows, batch):
            last = min(first + batch, rows)
            at = np.arange(first - before, last + size - 1 - before)[None] * stride + np.arange(stride)[:, None]
            block = clips[:, torch.from_numpy(np.clip(at, 0, frames - 1))].to(device)
            joints = model(block.flatten(0, 1)).cpu().unflatten(0, (views, stride))
            parts.append(joints.transpose(1, 2).flatten(1, 2))
            step(min(last * stride, frames), frames)
    return torch.cat(parts, dim=1)[:, :frames]


def _features(model: PSTMO, clips: Tensor) -> Tensor:
    """(V,T,J,2) -> (V,T,C): once a frame, although each frame lies in many windows."""
    return model.features(clips.flatten(0, 1)).unflatten(0, clips.shape[:2])


@contextmanager
def _single_precision() -> Iterator[None]:
    """Convolutions in full single precision; CUDA would round to TF32, which is 1e-3 off."""
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        yield
