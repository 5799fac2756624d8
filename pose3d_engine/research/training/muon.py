"""Muon: momentum with orthogonalised matrices, so that every direction of a layer learns at the same rate.

Jordan et al., Muon: an optimizer for hidden layers in neural networks, 2024; the coefficients are theirs. On our
temporal convolution it reaches AdamW's error in less than half of the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn


class Muon(torch.optim.Optimizer):
    """For weights of at least two axes, which are taken as matrices of the first axis by the others."""

    def __init__(self, parameters: Iterable[nn.Parameter], lr: float, weight_decay: float, momentum: float = 0.95):
        super().__init__(parameters, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Makes one step along the gradients. ``closure`` is part of PyTorch's signature and ignored."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                if not state:
                    state["momentum"] = torch.zeros_like(weight)
                kept = state["momentum"].lerp_(weight.grad, 1 - group["momentum"])
                matrix = weight.grad.lerp(kept, group["momentum"]).flatten(1)
                # A tall matrix has small columns: as large a step for each output as for a square one.
                size = group["lr"] * max(1.0, matrix.shape[0] / matrix.shape[1]) ** 0.5
                weight.mul_(1 - group["lr"] * group["weight_decay"])
                weight.add_(orthogonal(matrix).view_as(weight), alpha=-size)


def orthogonal(matrix: Tensor) -> Tensor:
    """Returns the orthogonal matrix (A,B) nearest to one (A,B), roughly: singular values end between 0.7 and 1.2.

    Five steps of a Newton-Schulz iteration in bfloat16: products only.
    """
    x = matrix.bfloat16()
    tall = x.shape[0] > x.shape[1]
    if tall:
        x = x.T
    x = x / (x.norm() + 1e-7)
    for _ in range(5):
        square = x @ x.T
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * (square @ square)) @ x
    return (x.T if tall else x).to(matrix.dtype)
