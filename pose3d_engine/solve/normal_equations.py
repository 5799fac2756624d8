"""Least squares over a chain of frames, with a few unknowns that all frames share.

Terms join at most three frames, so the normal equations of the frames' own unknowns are banded; the shared ones are a
border, which the Schur complement takes out.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import cho_solve_banded, cholesky_banded

REACH = 2  #: Frames that a term may lie apart.
_PIECE = 32  #: Frames whose products are made at a time: their arrays fit into the processor's cache.
_LARGE = 2e4  #: Weights, 1/m^2, whose rounding in single precision would matter beside those of keypoints.


class NormalEquations:
    """Sum of J^T W J and -J^T W r over terms, for T frames of N unknowns each and S shared unknowns."""

    def __init__(self, frames: int, unknowns: int, shared: int = 0) -> None:
        self.blocks = [np.zeros((max(frames - apart, 0), unknowns, unknowns)) for apart in range(REACH + 1)]
        self.right = np.zeros((frames, unknowns))
        self.border = np.zeros((frames, unknowns, shared))
        self.corner, self.corner_right = np.zeros((shared, shared)), np.zeros(shared)

    def add_points(
        self, jacobian: np.ndarray, weights: np.ndarray, pull: np.ndarray, shared: np.ndarray | None = None
    ) -> None:
        """Adds terms of single points.

        Args:
            jacobian: (T,P,3,N).
            weights: (T,P,3,3) J^T W J of the terms by the place of the point.
            pull: (T,P,3) their -J^T W r.
            shared: (T,P,3,S), how the points move with the shared unknowns.
        """
        for rows in _pieces(len(jacobian)):
            moves = jacobian[rows]
            flat = moves.reshape(len(moves), -1, moves.shape[-1])
            weighted = np.matmul(weights[rows], moves).reshape(flat.shape)
            transposed = np.swapaxes(flat, 1, 2)
            self.blocks[0][rows] += transposed @ weighted
            self.right[rows] += (transposed @ pull[rows].reshape(len(moves), -1, 1))[..., 0]
            if shared is not None:
                also = shared[rows].reshape(*flat.shape[:2], -1)
                self.border[rows] += np.swapaxes(weighted, 1, 2) @ also
                self.corner += np.einsum(
                    "tki,tkj->ij", also, np.matmul(weights[rows], shared[rows]).reshape(also.shape)
                )
                self.corner_right += np.einsum("tki,tk->i", also, pull[rows].reshape(len(moves), -1))

    def add_differences(
        self, jacobian: np.ndarray, stencil: tuple[float, ...], weights: np.ndarray, residual: np.ndarray
    ) -> None:
        """Adds terms of differences over time of some points.

        Args:
            jacobian: (T,P,3,N).
            stencil: Coefficients of the first frame and of those after it, for instance (1, -2, 1).
            weights: (T - len(stencil) + 1, P, 3).
            residual: The same shape.
        """
        frames, terms, reach = len(jacobian), len(weights), len(stencil)
        if not terms:  # fewer frames than the stencil has
            return
        # Single precision suffices unless the weights are large, and takes half of the time.
        kind: type[np.floating] = np.float64 if weights.max(initial=0.0) > _LARGE else np.float32
        w, force = weights.reshape(terms, -1), (weights * residual).reshape(terms, -1)
        spread = np.zeros((reach, frames, w.shape[1]), kind)
        total = np.zeros((frames, w.shape[1]))
        for first, coefficient in enumerate(stencil):
            total[first : first + terms] += coefficient * force
            for apart in range(reach - first):
                spread[apart, first : first + terms] += coefficient * stencil[first + apart] * w
        for rows in _pieces(frames):
            exact = jacobian[rows.start : rows.stop + reach - 1]
            exact = exact.reshape(*total[rows.start : rows.stop + reach - 1].shape, -1)
            flat = exact.astype(kind, copy=False)
            for apart in range(min(reach, len(flat))):
                earlier = slice(rows.start, min(rows.stop, frames - apart))
                count = earlier.stop - earlier.start
                weighted = spread[apart, earlier][..., None] * flat[:count]
                # The lower block: the later frame's unknowns by the earlier frame's.
                self.blocks[apart][earlier] += np.swapaxes(flat[apart : apart + count], 1, 2) @ weighted
            pieces = exact[: rows.stop - rows.start]
            self.right[rows] -= (np.swapaxes(pieces, 1, 2) @ total[rows][..., None])[..., 0]

    def solve(self, damping: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
        """The steps (T,N) and (S,) of all unknowns; ``damping``, for each of a frame's (N,) or for all, is added to the
        diagonal (Levenberg-Marquardt)."""
        frames, unknowns = self.right.shape
        bands = np.zeros((frames, unknowns, (REACH + 1) * unknowns))  # [t, j, k]: row j + k, column j of frame t
        for apart, blocks in enumerate(self.blocks):
            columns = np.swapaxes(blocks, 1, 2)
            for column in range(unknowns):
                first = apart * unknowns - column
                bands[: len(blocks), column, max(first, 0) : first + unknowns] = columns[:, column, max(-first, 0) :]
        bands[..., 0] += damping
        bands = bands.reshape(frames * unknowns, -1).T  # LAPACK's own order
        factor = cholesky_banded(bands, lower=True, overwrite_ab=True, check_finite=False)
        border = self.border.reshape(frames * unknowns, -1)
        sides = np.concatenate([self.right.reshape(-1, 1), border], axis=1)
        solved = cho_solve_banded((factor, True), sides, overwrite_b=True, check_finite=False)
        own, response = solved[:, 0], solved[:, 1:]
        step = np.linalg.solve(self.corner - border.T @ response, self.corner_right - border.T @ own)
        return (own - response @ step).reshape(frames, unknowns), step


def _pieces(frames: int) -> list[slice]:
    """Rows of pieces of at most _PIECE frames."""
    return [slice(first, min(first + _PIECE, frames)) for first in range(0, frames, _PIECE)]
