"""Actions of the face: names as in ARKit and MediaPipe's blend shapes, weights 0 to 1."""

from __future__ import annotations

import numpy as np

from .body import Body, Model
from .motions import wander

BLINK_SECONDS = 0.15  #: From open over closed to open.


def draw(rng: np.random.Generator, model: Model, frames: int, rate: float) -> np.ndarray:
    """Draws weights (T,F): blinks, some speech, and an expression that comes and goes."""
    names = model.actions
    weights = np.zeros((frames, len(names)))
    time = np.arange(frames) / rate
    for start in np.cumsum(rng.exponential(3.0, 12)):
        lid = np.clip(1 - np.abs(time - start) / (BLINK_SECONDS / 2), 0, 1)
        for side in ("Left", "Right"):
            weights[:, names.index(f"eyeBlink{side}")] = np.maximum(weights[:, names.index(f"eyeBlink{side}")], lid)
    if rng.random() < 0.3:
        speech = np.clip(0.2 + 0.35 * wander(rng, frames, rate, 1, seconds=0.08)[:, 0], 0, 0.8)
        weights[:, names.index("jawOpen")] = speech
        weights[:, names.index("mouthFunnel")] = 0.5 * np.clip(wander(rng, frames, rate, 1, 0.15)[:, 0], 0, 1)
    expression = [("mouthSmileLeft", "mouthSmileRight"), ("browInnerUp",), ("browDownLeft", "browDownRight")]
    for action in expression[rng.integers(len(expression))]:
        weights[:, names.index(action)] = rng.uniform(0, 0.9) * np.clip(
            0.5 + 0.5 * np.sin(time * rng.uniform(0.5, 2) + rng.uniform(0, 6.28)), 0, 1
        )
    return weights


def offsets(body: Body, weights: np.ndarray) -> np.ndarray:
    """(V,3) metres that the skin moves from rest for weights (F,) of one frame."""
    active = np.flatnonzero(weights > 1e-3)
    return np.asarray(np.tensordot(weights[active].astype(np.float32), body.model.action_shapes[active], 1))
