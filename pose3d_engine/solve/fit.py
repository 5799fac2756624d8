"""The skeleton fit: the motion of one rigid skeleton that agrees best with the picture, the 3D model and smoothness.

A 3D model estimates depth with an error in every bone; keypoints are precise in the picture, but have no depth. As in
optimisation-based capture (SMPLify: Bogo et al., ECCV 2016; over time, Arnab, Doersch, Zisserman, CVPR 2019), both are
weighed over the whole clip, for bone directions instead of a body model.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from ..contract.skeletons import COCO_ROWS, H36M17, H36M_ROWS
from .skeleton import with_lengths

PRIOR_WEIGHT = 0.025
"""Cost in m^2 of a bone one radian from the 3D model's direction. Chosen, with SMOOTHNESS_WEIGHT, on training takes
of motion capture (``mocap_data.split``) with 1.5 % noise; half and double are nearly as good."""

SMOOTHNESS_WEIGHT = 0.5
"""Cost in m^2 of an acceleration of one metre a (1/30 s)^2, squared. A punch of 0.3 s keeps 96 % of its reach."""

ROBUST_SCALE = 0.1  #: Metres beside its ray, from which on a joint is an outlier of the detector.
STEPS, LEARNING_RATE = 100, 0.02  #: Of Adam; twice the steps change the result by less than 0.3 mm.
CHUNK, OVERLAP = 3000, 60  #: Frames of a piece and frames that two pieces share: memory does not grow with the clip.

_LEFT_HIP, _RIGHT_HIP = H36M17.index("LHip"), H36M17.index("RHip")


def fit(
    joints: np.ndarray, root: np.ndarray, lengths: np.ndarray, points: np.ndarray, weights: np.ndarray, fps: float
) -> tuple[np.ndarray, np.ndarray]:
    """Moves joints (T,17,3) and root (T,3) to the best compromise.

    Minimises, by Adam over all frames at once, the sum over joints of the robust squared distance from the ray through
    the keypoint (Geman-McClure), of the squared change of each bone's direction, and of the squared acceleration.
    Long clips are fitted in pieces that are blended where they overlap.

    Args:
        joints: (T,17,3) root-relative, camera axes, metres: a rigid skeleton of these lengths, roughly right.
        root: (T,3) Hip, the same axes.
        lengths: (17,) bone lengths, metres.
        points: (T,17,2) COCO-17 keypoints on the plane z = 1.
        weights: (T,17) their scores, 0 where not observed.
    """
    frames, threads = len(joints), torch.get_num_threads()
    fitted, path = joints.astype(np.float64).copy(), root.astype(np.float64).copy()
    torch.set_num_threads(1)  # Many small sums are slower on several threads, much slower on a busy computer.
    try:
        for first in range(0, max(frames - OVERLAP, 1), CHUNK - OVERLAP):
            rows = slice(first, min(first + CHUNK, frames))
            piece, piece_path = _fit(joints[rows], root[rows], lengths, points[rows], weights[rows], fps)
            fade = np.ones(len(piece))
            if first:
                fade[:OVERLAP] = np.linspace(0, 1, OVERLAP + 2)[1:-1]
            path[rows] += fade[:, None] * (piece_path - path[rows])
            fitted[rows] += fade[:, None, None] * (piece - fitted[rows])
    finally:
        torch.set_num_threads(threads)
    return (with_lengths(fitted, lengths) if frames > CHUNK else fitted), path


def _fit(
    joints: np.ndarray, root: np.ndarray, lengths: np.ndarray, points: np.ndarray, weights: np.ndarray, fps: float
) -> tuple[np.ndarray, np.ndarray]:
    """One piece of :func:`fit`."""
    skeleton = _Skeleton(lengths)
    start = skeleton.directions(torch.from_numpy(joints.astype(np.float32)))
    directions = start.clone().requires_grad_(True)
    path = torch.from_numpy(root.astype(np.float32)).requires_grad_(True)
    rays = torch.from_numpy(points[:, COCO_ROWS].astype(np.float32))
    confidence = torch.from_numpy(weights[:, COCO_ROWS].astype(np.float32))
    smoothness = SMOOTHNESS_WEIGHT * (fps / 30.0) ** 4
    means, squares = ([torch.zeros_like(item) for item in (directions, path)] for _ in range(2))
    for step in range(STEPS):
        body = skeleton.joints(directions) + path[:, None]
        observed = body[:, H36M_ROWS]
        squared = (observed[..., :2] - rays * observed[..., 2:]).square().sum(dim=-1)
        cost = (confidence * squared / (1 + squared / ROBUST_SCALE**2)).sum()
        cost = cost + PRIOR_WEIGHT * (normalize(directions, dim=-1) - start).square().sum()
        if len(body) > 2:
            cost = cost + smoothness * torch.diff(body, n=2, dim=0).square().sum()
        # Adam (Kingma and Ba, ICLR 2015). PyTorch's own loads its compiler first, which takes longer than the fit.
        gradients = torch.autograd.grad(cost, [directions, path])
        with torch.no_grad():
            for i, (parameter, rate) in enumerate(((directions, LEARNING_RATE), (path, LEARNING_RATE / 2))):
                means[i].mul_(0.9).add_(gradients[i], alpha=0.1)
                squares[i].mul_(0.999).addcmul_(gradients[i], gradients[i], value=0.001)
                spread = (squares[i] / (1 - 0.999 ** (step + 1))).sqrt_().add_(1e-8)
                rate = rate * (1 - step / STEPS) / (1 - 0.9 ** (step + 1))
                parameter.addcdiv_(means[i], spread, value=-rate)
    with torch.no_grad():
        return skeleton.joints(directions).numpy().astype(np.float64), path.detach().numpy().astype(np.float64)


class _Skeleton:
    """Bone directions to joints and back; both hips are one bone, because the pelvis is rigid."""

    def __init__(self, lengths: np.ndarray) -> None:
        self._bones = [(parent, child) for parent, child in H36M17.bones if child != _RIGHT_HIP]
        # Each joint is the sum of the bones that lead to it: one matrix product instead of a walk.
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
        return normalize(torch.stack(bones, dim=1), dim=-1)

    def joints(self, directions: Tensor) -> Tensor:
        """(T,15,3) of any length -> (T,17,3), root-relative."""
        return torch.einsum("jb,tbc->tjc", self._sums, normalize(directions, dim=-1))
