"""Retargeting: a person's motion on any rig, of any rest pose, bone roll and number of spine bones.

The solver for the person's own armature (``solve``) gives the orientation of every part of the body: its direction and
its roll. Each part of the character gets the same orientation. Limbs are matched by direction: "along the upper arm"
is the line between the character's own joints, and the roll is that of its elbow. Torso, head, shoulders and feet are
matched by their rotation away from rest, because characters differ in posture. The path is scaled to the character's
legs, and feet are planted again on its own proportions (``foot_lock``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from . import foot_lock, ik_controls, rotations, skeleton, solve
from .arrays import Array, SinglePrecision, smoothstep
from .bone_map import TWISTED, BoneMap
from .rig import Rig, Solution, TargetRig

_MIRROR = {"L": 1.0, "R": -1.0}
_HANGING, _AWAY = np.cos(np.radians([30.0, 80.0]))
"""Cosine of an upper arm's angle to the chest's downward axis from which it is fully held out, and not at all."""


@dataclass(frozen=True)
class Options:
    """What an animator chooses for a target rig.

    Attributes:
        foot_lock: hold feet in contact on the floor without sliding, and the others above it. Without it every limb
            points exactly as the person's.
        arm_space: radians by which hanging arms are held further out, for a body wider than the person's.
        ik: key the rig's IK controls of arms and legs as well, where the map has them.
    """

    foot_lock: bool = True
    arm_space: float = 0.0
    ik: bool = False


def transfer(
    world: Array,
    contacts: Array,
    rate: float,
    rig: Rig,
    bone_map: BoneMap,
    options: Options = Options(),
    parts: solve.Parts | None = None,
) -> Solution:
    """Pose-bone channels that make a rig move like the person.

    Assumes that the rig has all bones of the map, that the map has all needed slots, and that bones are moved by their
    parents alone, apart from the map's ``carried_by``.

    Args:
        world: (T,17,3) joints, metres, z up, floor at 0.
        contacts: (T,2) left and right foot on the floor.
        rate: frames a second.
        rig: the target armature.
        bone_map: its bones by slot.
        options: the animator's choices.
        parts: orientations of hands and feet, where they were observed.

    Raises:
        RigError: the rig cannot take a motion.
    """
    contacts = np.asarray(contacts, bool)
    target = TargetRig(rig, bone_map)
    person = skeleton.rest_pose(world, contacts)
    source = solve.orientations(world, contacts, rate, person, parts)
    if options.arm_space:
        _spread_arms(source, options.arm_space)

    turned = _orientations(source, person, target)
    del source  # large, in a long clip
    scale = target.leg / person.leg
    middle = skeleton.joint(world, "Hip") * scale
    middle[:, 2] += target.floor + target.ankle - person.ankle * scale
    if options.foot_lock:
        middle[:, 2] -= _plant_feet(turned, target, middle, contacts, rate)
    _twist_bones(turned, target)
    solution = _channels(target, turned, middle)
    if options.ik:
        ik_controls.add_channels(solution, turned, target, person)
    return solution


def _plant_feet(turned: dict[int, Array], target: TargetRig, middle: Array, contacts: Array, rate: float) -> Array:
    """Rotates the legs so that feet in contact stand; returns how far (T,) the hips are lowered for it, metres."""
    legs = {side: _leg(target, side, middle, turned) for side in "LR"}
    if not all(legs.values()):
        return np.zeros(len(middle))
    planted = foot_lock.plant([leg for leg in legs.values() if leg], contacts, rate, target.floor)
    for side, (upper, lower) in zip(legs, planted.turns, strict=True):
        for slot, turn in (("thigh", upper), ("shin", lower)):
            row = target.rows(f"{slot}.{side}")[0]
            turned[row] = turn @ turned[row]
    return planted.drop


def _leg(target: TargetRig, side: str, middle: Array, turned: Mapping[int, Array]) -> foot_lock.Leg | None:
    """A leg as the foot lock wants it, None if the rig has no foot to plant."""
    if not target.has(f"foot.{side}"):
        return None
    hips, thigh, shin, foot = (
        target.rows(slot)[0] for slot in ("hips", f"thigh.{side}", f"shin.{side}", f"foot.{side}")
    )

    def carried(row: int, vector: Array) -> Array:
        """A vector (3,) at rest, rotated with a bone, (T,3)."""
        return turned[row] @ (target.frames[row].T @ vector)

    # The sole: below the ankle and below the bones' ends, at the height of the floor.
    ends = [target.heads[foot], *target.tails[[foot, *target.rows(f"toe.{side}")]]]
    sole = (np.array(ends) - target.heads[foot]) @ target.facing
    sole[:, 2] = -target.over_floor(foot)
    return foot_lock.Leg(
        hip=middle + carried(hips, target.heads[thigh] - target.middle),
        upper=carried(thigh, target.heads[shin] - target.heads[thigh]),
        lower=carried(shin, target.heads[foot] - target.heads[shin]),
        front=carried(thigh, -target.facing[:, 1]),
        sole=np.stack([carried(foot, point) for point in sole @ target.facing.T], axis=1),
        ankle=target.over_floor(foot),
    )


def _orientations(source: Mapping[str, Array], person: skeleton.Rest, target: TargetRig) -> dict[int, Array]:
    """The orientation (T,3,3) of every bone in the map, upright axes; columns are the bone's own axes."""
    at = {name: index for index, name in enumerate(skeleton.NAMES)}
    turned = SinglePrecision()

    def turn(name: str) -> Array:
        """How a part of the person is turned away from rest, from the rig's rest."""
        return source[name] @ (target.facing @ person.frames[at[name]]).T

    def follow(rows: Sequence[int], turns: Sequence[Array]) -> None:
        for row, matrix in zip(rows, turns, strict=True):
            turned[row] = matrix @ target.frames[row]

    follow(target.rows("hips"), [turn("hips")])
    spine = target.rows("spine")
    follow(
        spine, _spread([turn("hips"), turn("spine"), turn("chest")], [(i + 1) / len(spine) for i in range(len(spine))])
    )
    neck = target.rows("neck")
    shares = [(i + 1) / (len(neck) + 1) for i in range(len(neck))]
    follow(neck, _spread([turn("chest"), turn("neck"), turn("head")], shares))
    follow(target.rows("head"), [turn("head")] * target.has("head"))

    for side in "LR":
        s = f".{side}"
        follow(target.rows("shoulder" + s), [turn("shoulder" + s)] * target.has("shoulder" + s))
        for upper, lower, end in (("upper_arm", "forearm", "hand"), ("thigh", "shin", "foot")):
            if not target.has(upper + s):
                continue
            rest = target.limb_rest(person, upper + s, lower + s)
            for name, frame in rest.items():
                follow(target.rows(name), [source[name] @ frame.T])
            if not target.has(end + s):
                continue
            row = target.rows(end + s)[0]
            if end == "foot":
                follow([row], [turn("foot" + s)])
                follow(target.rows("toe" + s), [turn("foot" + s)] * target.has("toe" + s))
            elif target.has(lower + s):
                last = target.rows(lower + s)[0]
                hand = source[end + s] @ (
                    source[lower + s] @ person.frames[at[lower + s]].T @ person.frames[at[end + s]]
                ).swapaxes(-1, -2)
                turned[row] = hand @ turned[last] @ (target.frames[last].T @ target.frames[row])
    return turned


def _spread(turns: Sequence[Array], shares: Sequence[float]) -> list[Array]:
    """Rotations (T,3,3) at shares 0..1 of the way along three."""
    found = []
    for share in shares:
        first = 0 if share < 0.5 else 1
        weight = np.full(len(turns[0]), 2 * share - first)
        found.append(rotations.blend(turns[first], turns[first + 1], weight))
    return found


def _spread_arms(source: dict[str, Array], angle: float) -> None:
    """Turns arms outward about the chest's forward axis, the more the nearer they hang to the body."""
    down, forward = -source["chest"][..., 1], source["chest"][..., 2]
    for side, sign in _MIRROR.items():
        cosine = (source[f"upper_arm.{side}"][..., 1] * down).sum(axis=-1)
        near = (cosine - _AWAY) / (_HANGING - _AWAY)
        out = rotations.to_matrices(rotations.about(forward, sign * angle * smoothstep(near)))
        for limb in ("upper_arm", "forearm", "hand"):
            source[f"{limb}.{side}"] = out @ source[f"{limb}.{side}"]


def _twist_bones(turned: dict[int, Array], target: TargetRig) -> None:
    """Gives each twist bone its share of the limb's roll: none at the end that is held, all of it at the other.

    An upper arm rolls against the shoulder, a forearm carries the hand's roll.
    """
    for side in "LR":
        for limb in TWISTED:
            slot = f"{limb}.{side}"
            rows = target.rows(f"{limb}_twist.{side}")
            if not rows or not target.has(slot):
                continue
            main = target.rows(slot)[0]
            length = float(np.linalg.norm(target.end(slot) - target.head(slot)))
            shares = [
                float(np.clip((target.heads[row] - target.heads[main]) @ target.along(slot) / length, 0, 1))
                for row in rows
            ]
            rest = target.frames[main]
            axis = turned[main] @ (rest.T @ target.along(slot))
            if limb in ("upper_arm", "thigh"):
                holder = target.carrier[main]
                held = rest[None] if holder < 0 else turned[holder] @ (target.frames[holder].T @ rest)
                shares = [share - 1.0 for share in shares]
                angle = _roll(held, turned[main], rest.T @ target.along(slot))
            else:
                end = target.rows(("hand." if limb == "forearm" else "foot.") + side)
                if not end:
                    continue
                carried = turned[main] @ (rest.T @ target.frames[end[0]])
                angle = _roll(carried, turned[end[0]], target.frames[end[0]].T @ target.along(slot))
            for row, share in zip(rows, shares, strict=True):
                turned[row] = (
                    rotations.to_matrices(rotations.about(axis, share * angle))
                    @ turned[main]
                    @ (rest.T @ target.frames[row])
                )


def _roll(held: Array, turned: Array, axis: Array) -> Array:
    """The angles (T,) in radians of the roll about ``axis`` (3,), given in the bone, between two orientations."""
    delta = rotations.to_quaternions(np.swapaxes(held, -1, -2) @ turned)
    return np.unwrap(2 * np.arctan2(delta[:, 1:] @ axis, delta[:, 0]))


def _channels(target: TargetRig, turned: dict[int, Array], middle: Array) -> Solution:
    """The channels of the bones that are oriented as ``turned``, with the hip joints around ``middle`` (T,3)."""
    hips = target.rows("hips")[0]
    local, place = SinglePrecision(), SinglePrecision()
    base = target.axes @ rotations.nearest_rotation(target.rig.base[:3, :3])
    for row, parent in target.carrier.items():
        if parent >= 0:
            place[row] = place[parent] + turned[parent] @ (
                target.frames[parent].T @ (target.heads[row] - target.heads[parent])
            )
        elif row == hips:
            place[row] = middle + turned[row] @ (target.frames[row].T @ (target.heads[row] - target.middle))
        else:
            place[row] = np.broadcast_to(target.heads[row], middle.shape)
        if not target.turns_with_parent(row):
            carried = target.frames[row][None]
        elif row == hips:
            carried = base[None]
        elif parent < 0:
            carried = target.frames[row][None]
        else:
            carried = turned[parent] @ (target.frames[parent].T @ target.frames[row])
        # What nobody orients, such as a hand without a forearm, stays as its carrier holds it.
        if row not in turned:
            turned[row] = np.broadcast_to(carried, (len(middle), 3, 3))
        quaternions = rotations.to_quaternions(np.swapaxes(carried, -1, -2) @ turned[row])
        local[target.rig.names[row]] = rotations.continuous(quaternions)
    armature = place[hips] @ target.axes / target.scale
    location = armature - target.rig.base[:3, 3]
    if target.rig.names[hips] not in target.rig.not_local:
        location = location @ rotations.nearest_rotation(target.rig.base[:3, :3])
    locations = SinglePrecision()
    locations[target.rig.names[hips]] = location
    joints = {slot: place[target.row[names[0]]] for slot, names in target.map.bones.items()}
    return Solution(local, locations, joints)
