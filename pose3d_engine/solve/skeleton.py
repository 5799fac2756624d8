"""One skeleton a person: bone lengths that are constant over the clip."""

from __future__ import annotations

import numpy as np

from ..contract.skeletons import H36M17
from .body import CANONICAL_HEIGHT, CHAIN, CHAIN_LENGTH
from .vectors import unit_or

_RIGHT_HIP, _LEFT_HIP = H36M17.index("RHip"), H36M17.index("LHip")


def bone_lengths(joints: np.ndarray, confidence: np.ndarray, height: float) -> np.ndarray:
    """Lengths (17,) of the bones that end in each of joints (T,17,3), any unit: medians over the clip, equal on both
    sides, scaled to a person of ``height``, metres. Frames with confidence (T,17) 0 at either end count only where no
    others exist."""
    lengths = np.zeros(17)
    for parent, child in H36M17.bones:
        size = np.linalg.norm(joints[:, child] - joints[:, parent], axis=-1)
        observed = np.minimum(confidence[:, child], confidence[:, parent]) > 0
        lengths[child] = np.median(size[observed] if observed.any() else size)
    lengths = (lengths + lengths[H36M17.mirror]) / 2
    chain = sum(lengths[H36M17.index(joint)] for joint in CHAIN)
    return lengths * (CHAIN_LENGTH / max(chain, 1e-6)) * (height / CANONICAL_HEIGHT)


def with_lengths(joints: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Sets bone lengths (17,) and keeps directions: (T,17,3) -> (T,17,3) root-relative. The pelvis is rigid: both hips
    lie on the line between them, and the Hip is its middle."""
    directions = np.zeros(joints.shape)
    for parent, child in H36M17.bones:
        directions[:, child] = unit_or(joints[:, child] - joints[:, parent], [0, 1, 0])
    across = unit_or(joints[:, _LEFT_HIP] - joints[:, _RIGHT_HIP], [1, 0, 0])
    directions[:, _LEFT_HIP], directions[:, _RIGHT_HIP] = across, -across
    result = np.zeros(joints.shape)
    for parent, child in H36M17.bones:
        result[:, child] = result[:, parent] + directions[:, child] * lengths[child]
    return result


def scaled(joints: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Joints (T,17,3) scaled as a whole to a skeleton's bone lengths (17,)."""
    sizes = [np.median(np.linalg.norm(joints[:, child] - joints[:, parent], axis=-1)) for parent, child in H36M17.bones]
    return joints * float(lengths.sum() / max(float(np.sum(sizes)), 1e-6))
