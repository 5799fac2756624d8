"""Vectors on the last axis of arrays (..., 3)."""

from __future__ import annotations

import numpy as np


def norm(vectors: np.ndarray) -> np.ndarray:
    """Lengths, (..., 1)."""
    return np.linalg.norm(vectors, axis=-1, keepdims=True)


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors at length 1; zero stays zero."""
    return vectors / np.maximum(norm(vectors), 1e-9)


def unit_or(vectors: np.ndarray, fallback: list[float]) -> np.ndarray:
    """Vectors at length 1; ``fallback`` (3,) where two joints coincide."""
    size = norm(vectors)
    return np.where(size > 1e-6, vectors / np.maximum(size, 1e-6), fallback)


def dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Scalar products, (..., 1)."""
    return (a * b).sum(axis=-1, keepdims=True)


def reject(vectors: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """The part of vectors at right angles to unit vectors ``axis``."""
    return vectors - dot(vectors, axis) * axis


def rotate_about(vectors: np.ndarray, axis: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Vectors rotated about unit vectors ``axis`` by ``angle`` (..., 1) radians (Rodrigues' formula)."""
    cosine, sine = np.cos(angle), np.sin(angle)
    return cosine * vectors + sine * np.cross(axis, vectors) + (1 - cosine) * dot(vectors, axis) * axis


def rotate_shortest(vectors: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Vectors rotated by the shortest arc from unit vectors ``before`` to ``after``, which are not opposite."""
    axis, cosine = np.cross(before, after), dot(before, after)
    return cosine * vectors + np.cross(axis, vectors) + axis * dot(axis, vectors) / np.maximum(1 + cosine, 1e-6)
