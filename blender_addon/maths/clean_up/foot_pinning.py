"""Holds feet at a place over a range of frames: legs bend by two-bone IK, baked to keys, and IK controls are moved."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...contract.runs import runs
from .. import foot_lock
from .. import rotations as rot
from ..arrays import Array
from ..ik import bend_direction, two_bone_ik
from .errors import CleanUpError
from .motion import Motion, Posed, Rig, location_axes, ramp

_REACH = 0.999
"""Share of its length to which a leg is stretched at most; a knee that is quite straight would snap."""

_STRAIGHT = 1e-3
"""Distance of a knee from the line from hip to ankle, as a share of the thigh, below which the thigh's own x axis is
its hinge. Small, because the axes of an unknown rig may lie anyhow."""

_STILL = 0.03
"""Metres a second below which an ankle stands. Ankles that a capture has locked move by less than 0.004 at 30 frames a
second, walking ones by more than 0.1."""
_SPREAD = 0.01
"""Metres within which an ankle stays while it stands: what moves on slowly is left alone."""
_SHORTEST = 0.03
"""Seconds that a foot stands at least: a clip may begin or end with a stance."""
_BLEND_SECONDS = 0.15
"""Over which a held foot is blended in and out, as in the foot lock of a capture."""
_MOVED = 1e-5
"""Metres from which a correction is worth new keys."""


@dataclass(frozen=True)
class Foot:
    """A foot as one kind of keys moves it: a leg, or an IK control. A rig may have both.

    Attributes:
        bone: row of the foot, or of the control.
        leg: rows of thigh and shin; None for a control.
    """

    bone: int
    leg: tuple[int, int] | None = None

    @property
    def bones(self) -> list[int]:
        """All rows that move it."""
        return [*(self.leg or ()), self.bone]


def find_feet(
    rig: Rig,
    slots: Mapping[str, str] | None = None,
    controls: Mapping[str, str] | None = None,
    turned: Collection[int] | None = None,
    placed: Collection[int] = (),
) -> list[Foot]:
    """The feet of a rig that have keys.

    Args:
        rig: the rest pose.
        slots: bones by slot of the rig's bone map (``thigh.L``, ...).
        controls: IK controls by slot (``foot.L``).
        turned: rows of the bones whose rotation has keys; None for all.
        placed: rows of the bones whose location has keys.
    """
    row = {name: number for number, name in enumerate(rig.names)}
    found = []
    for side in "LR":
        thigh, shin, foot = (row.get((slots or {}).get(f"{limb}.{side}", ""), -1) for limb in ("thigh", "shin", "foot"))
        if min(thigh, shin, foot) >= 0 and _have_keys((thigh, shin, foot), turned):
            found.append(Foot(foot, (thigh, shin)))
        control = row.get((controls or {}).get(f"foot.{side}", ""), -1)
        if control in placed:
            found.append(Foot(control))
    if found:
        return found
    legs = [_leg(rig, foot) for foot in _named(rig)]
    return [*(foot for foot in legs if _have_keys(foot.bones, turned)), *map(Foot, _named_controls(rig, placed))]


def chosen_feet(rig: Rig, feet: Sequence[Foot], bones: Collection[int], placed: Collection[int]) -> list[Foot]:
    """The feet that some of the ``bones`` move; without any, the bones themselves, as feet of other names.

    Raises CleanUpError for a bone that has neither keys on its location nor two bones above it.
    """
    found = [foot for foot in feet if set(foot.bones) & set(bones)]
    return found or [Foot(bone) if bone in placed else _leg(rig, bone) for bone in bones]


def _have_keys(leg: Sequence[int], turned: Collection[int] | None) -> bool:
    return turned is None or any(bone in turned for bone in leg)


def _named(rig: Rig) -> list[int]:
    """The rows of the feet by their names: bones with two more above them; not Rigify's mechanism and deform bones."""
    found: list[int] = []
    for row, name in enumerate(rig.names):
        plain = name.split(":")[-1].lower()
        if (
            re.search(r"foot|ankle", plain)
            and not re.match(r"(mch|def|org)-", plain)
            and not re.search(r"ik|roll", plain)
        ):
            above = rig.chain(row)
            if len(above) >= 3 and not any(bone in found for bone in above[1:]):
                found.append(row)
    return found


def _named_controls(rig: Rig, placed: Collection[int]) -> list[int]:
    """The rows of IK controls of feet by their names, the topmost of each foot."""
    found: list[int] = []
    for row in sorted(placed):
        plain = rig.names[row].split(":")[-1].lower()
        named = re.search(r"foot|ankle|leg", plain) and re.search(r"ik|ctrl|control", plain)
        if named and not re.search(r"pole|target|knee", plain) and not set(rig.chain(row)[1:]) & set(found):
            found.append(row)
    return found


def _leg(rig: Rig, foot: int) -> Foot:
    """A foot with the two bones above it."""
    chain = rig.chain(foot)[:3]
    if len(chain) < 3:
        raise CleanUpError(f"{rig.names[foot]} has no two bones above it that could bend; select the feet")
    return Foot(foot, (chain[2], chain[1]))


def pin_feet(motion: Motion, posed: Posed, feet: Sequence[Foot], first: float, last: float, blend: int) -> Motion:
    """Holds feet at their average place and orientation over a range.

    Where the place is out of reach, the leg stretches towards it as far as it goes.

    Args:
        motion: the motion to change.
        posed: its bones.
        feet: the feet.
        first, last: scene frames of the range.
        blend: frames before and after the range over which the pin is blended in and out.

    Raises:
        CleanUpError: no frames in the range.
    """
    inside = motion.rows_in(first, last)
    if not len(inside):
        raise CleanUpError(f"There is no motion from frame {first:g} to {last:g}; choose another range")
    weight = np.zeros(len(motion.frames))
    weight[inside] = 1.0
    before, after = min(blend, inside[0]), min(blend, len(weight) - 1 - inside[-1])
    weight[inside[0] - before : inside[0]] = ramp(before)
    weight[inside[-1] + 1 : inside[-1] + 1 + after] = ramp(after)[::-1]
    for foot in feet:
        heads, turns = posed.heads[:, foot.bone], posed.rotations[:, foot.bone]
        hold = np.median(heads[inside], axis=0)
        held = rot.normalise(rot.nearest_sign(turns[inside], turns[inside[0]]).mean(axis=0))
        target = heads + weight[:, None] * (hold - heads)
        turn = rot.slerp(turns, np.broadcast_to(held, turns.shape), weight)
        motion = place(motion, posed, foot, target, turn, weight > 0)
    return motion


def unpin_feet(motion: Motion, raw: Motion, feet: Sequence[Foot], first: float, last: float, blend: int) -> Motion:
    """Restores the legs and IK controls of ``raw`` over a range.

    Args:
        motion: the motion to change.
        raw: the motion before any clean-up: the same rig at the same frames.
        feet: the feet.
        first, last: scene frames of the range.
        blend: frames at both ends of the range over which the legs go over into those of ``raw``.
    """
    inside = motion.rows_in(first, last)
    weight = np.zeros(len(motion.frames))
    weight[inside] = 1.0
    edge = min(blend, len(inside) // 2)
    weight[inside[:edge]] = ramp(edge)
    weight[inside[len(inside) - edge :]] = ramp(edge)[::-1]
    rotations, locations = motion.rotations.copy(), motion.locations.copy()
    for bone in {bone for foot in feet for bone in foot.bones}:
        rotations[:, bone] = rot.slerp(motion.rotations[:, bone], raw.rotations[:, bone], weight)
        locations[:, bone] += weight[:, None] * (raw.locations[:, bone] - motion.locations[:, bone])
    return motion.with_rotations(rot.continuous(rotations, rotations[0])).with_locations(locations)


Stance = tuple[int, int]
"""First row and the row after the last one in which a foot stands."""


def stances(heads: Array, step: float) -> list[Stance]:
    """When an ankle stands still.

    Args:
        heads: (T,3) its places, metres.
        step: seconds from one row to the next.
    """
    still = np.linalg.norm(np.diff(heads, axis=0), axis=-1) < _STILL * step
    flags = np.concatenate([still, [False]]) | np.concatenate([[False], still])
    return [
        (first, after)
        for first, after in runs(flags)
        if (after - first - 1) * step >= _SHORTEST - 1e-6 and drift(heads[first:after]) < _SPREAD
    ]


def drift(heads: Array) -> float:
    """How far apart the places (T,3) of an ankle are at most, along an axis: metres."""
    return float(np.ptp(heads, axis=0).max()) if len(heads) else 0.0


def hold_stances(
    motion: Motion, posed: Posed, feet: Sequence[Foot], held: Sequence[Sequence[tuple[Stance, Array]]], hips: int | None
) -> Motion:
    """Puts standing feet back to their places after their legs were changed; between stances it is blended.

    Args:
        motion: the motion to change.
        posed: its bones.
        feet: the feet.
        held: of each foot its stances, and the place (3,) of each.
        hips: row of the bone that carries the legs: it is lowered where a leg is too short. None to leave it.
    """
    blend = max(1, round(_BLEND_SECONDS / motion.step))
    wanted = []
    for foot, spans in zip(feet, held, strict=True):
        free = posed.heads[:, foot.bone]
        offset = np.zeros_like(free)
        for (first, after), spot in spans:
            offset[first:after] = spot - free[first:after]
        wanted.append(free + foot_lock.blended(offset, [span for span, _ in spans], blend))
    lowered = np.zeros(len(motion.frames))
    legs = [(foot, target) for foot, target in zip(feet, wanted, strict=True) if foot.leg]
    if hips is not None and legs:
        lowered = foot_lock.drop([_span(posed, foot, target) for foot, target in legs], 1 / motion.step)
        motion = _shift(motion, posed, hips, lowered[:, None] * [0.0, 0.0, -1.0])
    heads = posed.heads.copy()
    heads[:, [bone for foot, _ in legs for bone in foot.bones], 2] -= lowered[:, None]
    below = Posed(posed.rotations, heads, posed.tails)
    for foot, target in zip(feet, wanted, strict=True):
        where = np.linalg.norm(target - below.heads[:, foot.bone], axis=-1) > _MOVED
        motion = place(motion, below, foot, target, posed.rotations[:, foot.bone], where)
    return motion


def _span(posed: Posed, foot: Foot, target: Array) -> foot_lock.Span:
    hip, knee, ankle = (posed.heads[:, bone] for bone in foot.bones)
    length = np.linalg.norm(knee - hip, axis=-1) + np.linalg.norm(ankle - knee, axis=-1)
    return foot_lock.Span(ankle - hip, target - hip, float(np.median(length)))


def _shift(motion: Motion, posed: Posed, bone: int, by: Array) -> Motion:
    """Moves a bone ``by`` (T,3)."""
    locations = motion.locations.copy()
    locations[:, bone] += rot.rotate(rot.inverse(location_axes(motion.rig, bone, posed.rotations)), by)
    return motion.with_locations(locations)


def place(motion: Motion, posed: Posed, foot: Foot, target: Array, turn: Array, where: Array) -> Motion:
    """The ankle of a foot at ``target`` (T,3) with the orientation ``turn`` (T,4) in the rows ``where`` (T,)."""
    if foot.leg:
        return _reach(motion, posed, foot, target, turn, where)
    motion = _shift(motion, posed, foot.bone, np.where(where[:, None], target - posed.heads[:, foot.bone], 0.0))
    base = rot.multiply(posed.rotations[:, foot.bone], rot.inverse(motion.rotations[:, foot.bone]))
    return _with_turn(motion, foot.bone, base, turn, where)


def _with_turn(motion: Motion, bone: int, base: Array, turn: Array, where: Array) -> Motion:
    """Gives a bone, which is at ``base`` (T,4) without keys, the orientation ``turn`` (T,4) in the rows ``where``."""
    channels = motion.rotations.copy()
    local = rot.nearest_sign(rot.multiply(rot.inverse(base), turn), motion.rotations[:, bone])
    channels[:, bone] = np.where(where[:, None], local, motion.rotations[:, bone])
    return motion.with_rotations(channels)


def _reach(motion: Motion, posed: Posed, foot: Foot, target: Array, turn: Array, where: Array) -> Motion:
    """Bends a leg until its ankle is at ``target`` (T,3); the foot gets the orientation ``turn`` (T,4)."""
    thigh, shin, _ = foot.bones
    hip, knee, ankle = (posed.heads[:, bone] for bone in foot.bones)
    pole = np.cross(ankle - hip, rot.rotate(posed.rotations[:, thigh], rot.AXES[0]))
    new_knee, new_ankle = two_bone_ik(hip, knee, ankle, target, pole, _REACH, _STRAIGHT)
    # The leg as a whole, then each bone within the leg's plane: so the knee keeps its hinge.
    aim = rot.shortest_arc(ankle - hip, new_ankle - hip)
    hinge = rot.unit(np.cross(ankle - hip, bend_direction(hip, knee, ankle, pole, _STRAIGHT)))

    def turned(bone: int, before: Array, after: Array) -> Array:
        within = rot.shortest_arc(rot.rotate(aim, before), after, rot.rotate(aim, hinge))
        return rot.multiply(within, rot.multiply(aim, posed.rotations[:, bone]))

    wanted = {thigh: turned(thigh, knee - hip, new_knee - hip), shin: turned(shin, ankle - knee, new_ankle - new_knee)}
    wanted[foot.bone] = turn
    changed = motion
    for bone, carrier in ((thigh, None), (shin, thigh), (foot.bone, shin)):
        # Whatever else carries the bone, such as constraints, does so as before.
        base = rot.multiply(posed.rotations[:, bone], rot.inverse(motion.rotations[:, bone]))
        if carrier is not None and _inherits(motion.rig, bone, carrier):
            base = rot.multiply(rot.multiply(wanted[carrier], rot.inverse(posed.rotations[:, carrier])), base)
        changed = _with_turn(changed, bone, base, wanted[bone], where)
    return changed


def _inherits(rig: Rig, bone: int, carrier: int) -> bool:
    """Whether a bone turns with one above it."""
    while bone >= 0 and bone != carrier:
        if not rig.inherits[bone]:
            return False
        bone = rig.parents[bone]
    return bone == carrier
