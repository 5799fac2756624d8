"""Hands: local rotations of forearm, wrist and finger bones, drawn as motion that varies slowly."""

from __future__ import annotations

import numpy as np

from ..data_sets.kinematics import rotation_vectors
from .body import Body
from .motions import wander

FINGER_COUNT, PHALANGES = 5, 3

PARAMETERS = ("pronation", "wrist_bend", "wrist_side", "thumb", "index", "middle", "ring", "pinky", "spread")
"""Columns of a hand's parameters. Pronation, bends and spread in radians from the body's rest pose; a finger's is its
curl, 0 as at rest (slightly bent) to 1, a fist."""

FIST = (0.9, 1.3, 0.8)
"""Radians that the three joints of a finger bend from rest to a fist."""


def draw(rng: np.random.Generator, frames: int, rate: float) -> np.ndarray:
    """Draws parameters (2,T,9), left hand first: hands at ease, and now and then a fist, a point, a spread hand."""
    result = np.zeros((2, frames, len(PARAMETERS)))
    for hand in range(2):
        slow = wander(rng, frames, rate, 8, seconds=0.7)
        result[hand, :, 0] = rng.uniform(-0.6, 0.9) + 0.35 * slow[:, 0]
        result[hand, :, 1] = rng.normal(0, 0.2) + 0.15 * slow[:, 1]
        result[hand, :, 2] = rng.normal(0, 0.08) + 0.06 * slow[:, 2]
        kind = rng.choice(["ease", "fist", "point", "flat"], p=[0.55, 0.15, 0.1, 0.2])
        curl = {
            "ease": rng.uniform(0, 0.4, 1).repeat(5),
            "fist": np.full(5, rng.uniform(0.75, 1)),
            "point": np.array([0.6, -0.15, 0.9, 0.95, 0.95]),
            "flat": np.full(5, rng.uniform(-0.25, -0.1)),
        }[kind]
        result[hand, :, 3:8] = np.clip(curl + rng.normal(0, 0.06, 5) + 0.08 * slow[:, 3:8], -0.3, 1)
        result[hand, :, 8] = rng.normal(0.02, 0.06) + (0.12 if kind == "flat" else 0)
    return result


def rotations(body: Body, parameters: np.ndarray) -> dict[str, np.ndarray]:
    """Local rotations (T,3,3), in the axes of the rest pose, of the bones of both hands; ``forearm.L`` and
    ``forearm.R`` are the angles (T,) of pronation.

    Args:
        body: The body, whose finger bones give the axes.
        parameters: (2,T,9), see PARAMETERS.
    """
    found: dict[str, np.ndarray] = {}
    for hand, side in enumerate("LR"):
        values, sign = parameters[hand], 1 if side == "L" else -1
        wrist, across, palm = axes(body, side)
        found[f"forearm.{side}"] = sign * values[:, 0]
        found[f"wrist.{side}"] = rotation_vectors(values[:, 1:2] * across + sign * values[:, 2:3] * palm)
        for finger in range(FINGER_COUNT):
            curl = values[:, 3 + finger, None]
            hinge = across if finger else _thumb_hinge(body, side, wrist, palm)
            apart = sign * values[:, 8, None] * (2.2 - finger) * palm if finger else 0
            for joint in range(PHALANGES):
                bend = FIST[joint] * (0.5 if not finger else 1)
                name = f"finger{finger + 1}-{joint + 1}.{side}"
                found[name] = rotation_vectors(curl * bend * hinge + (apart if joint == 0 else 0))
    return found


def axes(body: Body, side: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unit axes of a hand at rest: along it to the fingers, the hinge of its fingers' flexion, out of the palm."""

    def head(name: str) -> np.ndarray:
        return np.asarray(body.heads[body.model.bone(f"{name}.{side}")], np.float64)

    along = head("finger3-1") - head("wrist")
    along /= np.linalg.norm(along)
    across = head("finger5-1") - head("finger2-1")
    across = (across - across @ along * along) * (1 if side == "L" else -1)
    across /= np.linalg.norm(across)
    palm = np.cross(across, along)
    # Flexion turns the fingers towards the palm, the side to which they bend at rest.
    bent = head("finger3-3") - head("finger3-2")
    if np.cross(across, along) @ bent < 0:
        across, palm = -across, -palm
    return along, across, palm


def _thumb_hinge(body: Body, side: str, along: np.ndarray, palm: np.ndarray) -> np.ndarray:
    """The thumb flexes across the palm: half about the hand's length, half out of its plane."""
    first, last = (np.asarray(body.heads[body.model.bone(f"finger1-{n}.{side}")], np.float64) for n in (1, 3))
    thumb = (last - first) / np.linalg.norm(last - first)
    little = np.asarray(body.heads[body.model.bone(f"finger5-1.{side}")], np.float64) - first
    hinge = np.cross(thumb, little / np.linalg.norm(little) + 0.5 * palm)
    return np.asarray(hinge / np.linalg.norm(hinge))
