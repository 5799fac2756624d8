"""One person has one skeleton: bone lengths that do not change over the clip."""

from __future__ import annotations

import numpy as np

from ..contract.skeletons import H36M17
from .body import CANONICAL_HEIGHT, CHAIN, CHAIN_LENGTH

_HIP, _RIGHT_HIP, _LEFT_HIP = (H36M17.index(joint) for joint in ("Hip", "RHip", "LHip"))


def bone_lengths(joints: np.ndarray, confidence: np.ndarray, height: float) -> np.ndarray:
    """(17,) metres, the length of the bone that ends in each joint; 0 for the Hip.

    joints: (T,17,3), any unit; confidence: (T,17). Medians over the frames in which both ends were seen (over all,
    where none were), left as long as right, the whole scaled to a person of ``height`` metres.
    """
    lengths = np.zeros(17)
    for parent, child in H36M17.bones:
        size = np.linalg.norm(joints[:, child] - joints[:, parent], axis=-1)
        seen = np.minimum(confidence[:, child], confidence[:, parent]) > 0
        lengths[child] = np.median(size[seen] if seen.any() else size)
    lengths = (lengths + lengths[H36M17.mirror]) / 2
    chain = sum(lengths[H36M17.index(joint)] for joint in CHAIN)
    return lengths * (CHAIN_LENGTH / max(chain, 1e-6)) * (height / CANONICAL_HEIGHT)


def with_lengths(joints: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """The same bone directions with other lengths: (T,17,3), (17,) -> (T,17,3) root-relative.

    The hips are taken as one rigid piece: both lie on the line between them, so that Hip is their middle.
    """
    directions = np.zeros(joints.shape)
    for parent, child in H36M17.bones:
        bone = joints[:, child] - joints[:, parent]
        norm = np.linalg.norm(bone, axis=-1, keepdims=True)
        directions[:, child] = np.where(norm > 1e-6, bone / np.maximum(norm, 1e-6), [0, 1, 0])
    across = joints[:, _LEFT_HIP] - joints[:, _RIGHT_HIP]
    norm = np.linalg.norm(across, axis=-1, keepdims=True)
    across = np.where(norm > 1e-6, across / np.maximum(norm, 1e-6), [1, 0, 0])
    directions[:, _LEFT_HIP], directions[:, _RIGHT_HIP] = across, -across
    result = np.zeros(joints.shape)
    for parent, child in H36M17.bones:
        result[:, child] = result[:, parent] + directions[:, child] * lengths[child]
    return result


def scaled(joints: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Joints (T,17,3) at the size of a skeleton (17,), their shape and movement untouched."""
    sizes = [np.median(np.linalg.norm(joints[:, child] - joints[:, parent], axis=-1)) for parent, child in H36M17.bones]
    return joints * float(lengths.sum() / max(float(np.sum(sizes)), 1e-6))
