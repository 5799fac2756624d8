"""Foot contacts: which end of which sole is on its ground in each frame."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import minimum_filter1d

from ..contract.runs import runs
from .body import ANKLE_HEIGHT
from .kinematics import ANKLES, FOOT_ROWS, LEGS, SOLE_ROWS
from .terms import Ground
from .vectors import dot, reject, unit

SUPPORT_S = 0.6
"""Seconds around a frame, within which a foot has been on its ground: longer than a swing, shorter than a climb."""

_DEPTH_SHARE = 0.25  #: Share of the speed along the line of sight that counts: depth errs several times as much.
_ENTER_SPEED, _LEAVE_SPEED = 0.35, 0.50  #: m/s, below which a contact begins and above which it ends.
_ENTER_HEIGHT, _LEAVE_HEIGHT = 0.06, 0.10  #: Metres over the ground, alike.
_LIFTED = 0.25  #: Metres over the other foot, from which on a motionless foot is in the air.
_STILL = 0.03  #: m/s of an ankle over a foot that does not roll.
_STILL_HIPS, _NEARLY_STRAIGHT = 0.2, float(np.cos(np.radians(40)))
"""m/s of the hips, and cosine of the bend of the knees, of somebody who stands still."""
_SHORTEST_S = 0.07  #: Seconds; shorter contacts are noise.
_AIRBORNE_S = (0.12, 0.9)  #: Seconds of jumps and of the flight phase of running; longer ones hang, swim or float.


def contacts(points: np.ndarray, observed: np.ndarray, times: np.ndarray, camera: np.ndarray) -> np.ndarray:
    """Finds contacts (T,2,2) bool, left and right foot's heel and toe: low and slow, with hysteresis both ways in time.

    A foot's ground is the lowest place of its sole within SUPPORT_S, unless it is far above the other foot's; so walls
    and stairs have one. Under an ankle that is low and slow the whole sole is: an ankle's place is known better than
    the direction of a foot. Assumes that the person stands now and then: feet that hang motionless together count as
    standing.

    Args:
        points: (T,21,3) metres, z up.
        observed: (T,2) bool; feet that were not observed have no contact.
        times: (T,) seconds.
        camera: (3,) place of the camera; motion towards it counts less.
    """
    parts = points[:, FOOT_ROWS]
    rate = (len(times) - 1) / max(times[-1] - times[0], 1e-6)
    reach = 2 * int(SUPPORT_S * rate) + 1
    heights = np.where(observed[..., None], parts[..., 2] - [ANKLE_HEIGHT, 0.0, 0.0], np.inf)
    own = minimum_filter1d(heights, reach, axis=0, mode="nearest")
    own[..., 1:] = own[..., 1:].min(axis=2, keepdims=True)
    both = own.min(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):  # all are infinite where no foot is observed
        over = np.where(observed[..., None], heights - np.where(own - both < _LIFTED, own, both), np.inf)
    speed = _speed(parts, times, camera)
    enter = (speed < _ENTER_SPEED) & (over < _ENTER_HEIGHT)
    stay = (speed < _LEAVE_SPEED) & (over < _LEAVE_HEIGHT)
    found = _hysteresis(enter, stay) | _hysteresis(enter[::-1], stay[::-1])[::-1]
    found = found[..., 1:] | found[..., :1]
    for foot, end in np.ndindex(2, 2):
        for first, last in runs(found[:, foot, end]):
            if last - first < _SHORTEST_S * rate and first > 0 and last < len(found):
                found[first:last, foot, end] = False
    return found


def planted(contacts: np.ndarray, points: np.ndarray, times: np.ndarray) -> np.ndarray:
    """(T,2) bool: feet of points (T,21,3) that stand and do not roll, on the whole sole or on tiptoe."""
    if len(times) < 2:
        return contacts.any(axis=2)
    speed = np.linalg.norm(np.gradient(points[:, ANKLES], times, axis=0), axis=-1)
    return contacts.all(axis=2) | (contacts.any(axis=2) & (speed < _STILL))


def airborne(contacts: np.ndarray, observed: np.ndarray, times: np.ndarray) -> np.ndarray:
    """(T,) bool: both observed (T,2) feet have left their ground and come back to it within the time of a jump."""
    result = np.zeros(len(times), bool)
    for first, last in runs(~contacts.any(axis=(1, 2))):
        inside = first > 0 and last < len(times) and observed[first:last].all()
        if inside and _AIRBORNE_S[0] <= times[last] - times[first - 1] <= _AIRBORNE_S[1]:
            result[first:last] = True
    return result


def standing(contacts: np.ndarray, points: np.ndarray, times: np.ndarray) -> np.ndarray:
    """(T,) bool: both soles of points (T,21,3) are on the ground, the hips are still and the knees nearly straight."""
    if len(times) < 2:
        return np.zeros(len(times), bool)
    still = np.linalg.norm(np.gradient(points[:, 0], times, axis=0), axis=-1) < _STILL_HIPS
    straight = [
        (unit(points[:, knee] - points[:, hip]) * unit(points[:, ankle] - points[:, knee])).sum(axis=-1)
        > _NEARLY_STRAIGHT
        for hip, knee, ankle in LEGS
    ]
    return contacts.all(axis=(1, 2)) & still & np.all(straight, axis=0)


def at_least_one(held: np.ndarray, heights: np.ndarray) -> np.ndarray:
    """Contacts (T,2,2) in which the lowest end of a sole is on the ground at any time; heights: (T,21)."""
    result = held.copy()
    free = np.flatnonzero(~held.any(axis=(1, 2)))
    lowest = heights[free][:, SOLE_ROWS.ravel()].argmin(axis=1)
    result.reshape(len(held), -1)[free, lowest] = True
    return result


def off_picture(points: np.ndarray, free: np.ndarray, ground: Ground, most: float) -> np.ndarray:
    """(T,2) bool: feet in contact that their contact moves across the line of sight, (T,21,3) against (T,21,3) without
    it, by more than ``most`` metres from its median over the contact, or that far all the time."""
    result = np.zeros((len(points), 2), bool)
    for foot in range(2):
        rows = SOLE_ROWS[foot]
        off = reject(points[:, rows] - free[:, rows], unit(free[:, rows])).mean(axis=1)
        for first, end in runs(ground.contacts[:, foot].any(axis=1)):
            part, middle = off[first:end], np.median(off[first:end], axis=0)
            result[first:end, foot] = np.linalg.norm(part - middle, axis=-1) > most
            result[first:end, foot] |= np.linalg.norm(middle) > 2 * most
    return result


def _speed(points: np.ndarray, times: np.ndarray, camera: np.ndarray) -> np.ndarray:
    """m/s of points (T,...,3), along the line of sight in part."""
    velocity = np.gradient(points, times, axis=0) if len(points) > 1 else np.zeros_like(points)
    sight = unit(points - camera)
    return np.linalg.norm(velocity - (1 - _DEPTH_SHARE) * (dot(velocity, sight) * sight), axis=-1)


def _hysteresis(enter: np.ndarray, stay: np.ndarray) -> np.ndarray:
    """(T,2,2): True from a row of ``enter`` on, as long as ``stay``."""
    result = enter.copy()
    for row in range(1, len(enter)):
        result[row] |= result[row - 1] & stay[row]
    return result
