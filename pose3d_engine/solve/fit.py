"""The skeleton fit: the motion of one rigid skeleton that agrees with the picture, the lifter and itself.

A lifter gives each frame's pose on its own scale of trust; the picture says exactly where keypoints are, but not how
deep. Here both are weighed against each other over the whole clip, as in optimisation-based capture (SMPLify: Bogo et
al., ECCV 2016; over time, Arnab, Doersch, Zisserman, CVPR 2019), for bone directions instead of a body model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from ..contract.skeletons import COCO_ROWS, H36M17, H36M_ROWS
from . import skeleton

PRIOR = 0.025
"""Square metres that a bone costs which is turned by one radian away from the lifter's direction. Checked, with CALM,
on training takes of motion capture (``mocap_data.split``) with 1.5 % noise; half and double are nearly as good."""

CALM = 0.5
"""Square metres that a joint costs which accelerates by one metre a (1/30 s)^2, times that acceleration squared. A
punch of 0.3 s, there and back, keeps 96 % of its reach."""

ROBUST = 0.1
"""Metres beside its ray from which on a joint is taken for an outlier of the detector."""

STEPS, RATE = 100, 0.02
"""Of Adam; twice the steps change the result by less than 0.3 mm."""

CHUNK, OVERLAP = 3000, 60
"""Frames that are fitted at once, and that two such pieces share: memory does not grow with the clip."""

_LEFT_HIP, _RIGHT_HIP = H36M17.index("LHip"), H36M17.index("RHip")


def fit(
    joints: np.ndarray,
    root: np.ndarray,
    lengths: np.ndarray,
    points: np.ndarray,
    weights: np.ndarray,
    fps: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Joints (T,17,3) root-relative and root (T,3), camera axes, metres, moved to the best compromise.

    Assumes: joints are a rigid skeleton of the bone ``lengths`` (17,) (:func:`.skeleton.with_lengths`), roughly right;
    points (T,17,2) are COCO-17 keypoints on the plane z = 1 and weights (T,17) their scores, 0 where nothing was seen
    (there only the lifter and calm movement speak); the lengths are those of the person.

    Minimises, by Adam over all frames at once, the sum over joints of the robust squared distance from the ray through
    the keypoint (Geman-McClure), of the squared change of each bone's direction, and of the squared acceleration.
    Long clips are fitted in pieces that fade into each other.
    """
    frames = len(joints)
    fitted, path = joints.astype(np.float64).copy(), root.astype(np.float64).copy()
    for first in range(0, max(frames - OVERLAP, 1), CHUNK - OVERLAP):
        rows = slice(first, min(first + CHUNK, frames))
        with _one_thread():
            piece, piece_path = _fit(joints[rows], root[rows], lengths, points[rows], weights[rows], fps)
        fade = np.ones(len(piece))
        if first:
            fade[:OVERLAP] = np.linspace(0, 1, OVERLAP + 2)[1:-1]
        path[rows] += fade[:, None] * (piece_path - path[rows])
        fitted[rows] += fade[:, None, None] * (piece - fitted[rows])
    return (skeleton.with_lengths(fitted, lengths) if frames > CHUNK else fitted), path


def _fit(
    joints: np.ndarray, root: np.ndarray, lengths: np.ndarray, points: np.ndarray, weights: np.ndarray, fps: float
) -> tuple[np.ndarray, np.ndarray]:
    skeleton = _Skeleton(lengths)
    start = skeleton.directions(torch.from_numpy(joints.astype(np.float32)))
    directions = start.clone().requires_grad_(True)
    path = torch.from_numpy(root.astype(np.float32)).requires_grad_(True)
    rays = torch.from_numpy(points[:, COCO_ROWS].astype(np.float32))
    trust = torch.from_numpy(weights[:, COCO_ROWS].astype(np.float32))
    calm = CALM * (fps / 30.0) ** 4
    adam = _Adam((directions, path), (RATE, RATE / 2))
    for step in range(STEPS):
        body = skeleton.joints(directions) + path[:, None]
        seen = body[:, H36M_ROWS]
        beside = seen[..., :2] - rays * seen[..., 2:]
        squared = beside.square().sum(dim=-1)
        cost = (trust * squared / (1 + squared / ROBUST**2)).sum()
        cost = cost + PRIOR * (torch.nn.functional.normalize(directions, dim=-1) - start).square().sum()
        if len(body) > 2:
            cost = cost + calm * torch.diff(body, n=2, dim=0).square().sum()
        adam.step(cost, 1 - step / STEPS)
    with torch.no_grad():
        return skeleton.joints(directions).numpy().astype(np.float64), path.detach().numpy().astype(np.float64)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Many small sums: threads would wait for each other, and on a busy computer for most of the time."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


class _Adam:
    """Kingma and Ba, ICLR 2015, with the usual constants. PyTorch's own does the same, and loads its compiler first,
    which takes longer than the fit."""

    def __init__(self, parameters: Sequence[Tensor], rates: Sequence[float]) -> None:
        self._parameters, self._rates = parameters, rates
        self._means = [torch.zeros_like(item) for item in parameters]
        self._squares = [torch.zeros_like(item) for item in parameters]
        self._steps = 0

    def step(self, cost: Tensor, share: float) -> None:
        """Moves the parameters to a lower cost, at this share of their rates."""
        self._steps += 1
        gradients = torch.autograd.grad(cost, list(self._parameters))
        with torch.no_grad():
            for i, gradient in enumerate(gradients):
                self._means[i].mul_(0.9).add_(gradient, alpha=0.1)
                self._squares[i].mul_(0.999).addcmul_(gradient, gradient, value=0.001)
                spread = (self._squares[i] / (1 - 0.999**self._steps)).sqrt_().add_(1e-8)
                rate = self._rates[i] * share / (1 - 0.9**self._steps)
                self._parameters[i].addcdiv_(self._means[i], spread, value=-rate)


class _Skeleton:
    """Bone directions to joints and back; the two hips are one bone, because the pelvis is rigid."""

    def __init__(self, lengths: np.ndarray) -> None:
        self._bones = [(parent, child) for parent, child in H36M17.bones if child != _RIGHT_HIP]
        self._lengths = torch.from_numpy(lengths.astype(np.float32))
        # Each joint is the sum of the bones that lead to it: one product of matrices instead of a walk.
        sums = np.zeros((17, len(self._bones)), np.float32)
        column = {child: i for i, (_, child) in enumerate(self._bones)}
        for parent, child in H36M17.bones:
            if child == _RIGHT_HIP:
                sums[child, column[_LEFT_HIP]] = -lengths[_RIGHT_HIP]
            else:
                sums[child] = sums[parent]
                sums[child, column[child]] += lengths[child]
        self._sums = torch.from_numpy(sums)

    def directions(self, joints: Tensor) -> Tensor:
        """(T,17,3) -> (T,15,3) unit vectors."""
        bones = [joints[:, child] - joints[:, parent] for parent, child in self._bones]
        return torch.nn.functional.normalize(torch.stack(bones, dim=1), dim=-1)

    def joints(self, directions: Tensor) -> Tensor:
        """(T,15,3) of any length -> (T,17,3), root-relative."""
        return torch.einsum("jb,tbc->tjc", self._sums, torch.nn.functional.normalize(directions, dim=-1))
