"""A person's motion on somebody else's skeleton: any rest pose, any bone roll, any number of spine bones; no Blender.

The solver for the person's own armature (``solve``) says how every part of the body is oriented: where it points and
how it is rolled. Here each part of the character is given the same orientation. Limbs are matched by direction: what
counts as "along the upper arm" is the line between the character's own joints, and the roll is that of its elbow.
Torso, head, shoulders and feet are matched by their turn away from rest, because characters differ in posture. The
path is scaled to the character's legs, and feet are planted again on its own proportions (``foot_lock``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from . import foot_lock, ik_controls, rotations, skeleton, solve
from .bone_map import TWISTED, BoneMap

_UP = np.array([0.0, 0.0, 1.0])
_SURE, _FLAT = np.sin(np.radians([15.0, 4.0]))
"""Sine of the bend at rest from which a limb's own plane is its hinge, and below which it has none."""
_LIMBS = {"hand": ("upper_arm", "forearm"), "foot": ("thigh", "shin")}
_MIRROR = {"L": 1.0, "R": -1.0}


class RigError(Exception):
    """The rig cannot be used. The message is one line for the user: what, where, what to do."""


@dataclass(frozen=True)
class Rig:
    """What the solver has to know of an armature; B bones, parents before children.

    names, parents: row of the parent, -1 for none. rest: (B,4,4) rest matrices in armature space. tails: (B,3).
    inherits: (B,) bool, whether the bone turns with its parent. world: (4,4), of the object. base: (4,4), where the
    hips' parent holds the hips at the moment, armature space. not_local: bones whose Local Location is off. posed: by
    bone (4,4), armature space: where those are at the moment that carry IK controls.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    rest: np.ndarray
    tails: np.ndarray
    inherits: np.ndarray
    world: np.ndarray
    base: np.ndarray
    not_local: frozenset[str] = frozenset()
    posed: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Options:
    """foot_lock: hold feet in contact on the floor without sliding, and the others above it; without it every limb
    points exactly as the person's. arm_space: radians by which arms that hang are held further out, for a body wider
    than the person's. ik: arms and legs on the rig's IK controls, too, where its map has them."""

    foot_lock: bool = True
    arm_space: float = 0.0
    ik: bool = False


@dataclass(frozen=True)
class Solution:
    """Pose-bone channels by bone, single precision, as keys are: quaternions (T,4), sign-continuous, and locations
    (T,3) of those that are moved: the hips, and IK controls.

    joints: (T,3) positions by slot in the world's axes and metres, from the object's origin, as they should come out.
    """

    rotations: dict[str, np.ndarray]
    locations: dict[str, np.ndarray]
    joints: dict[str, np.ndarray]


def transfer(
    world: np.ndarray,
    contacts: np.ndarray,
    rate: float,
    rig: Rig,
    bone_map: BoneMap,
    options: Options = Options(),
    parts: solve.Parts | None = None,
) -> Solution:
    """Pose-bone rotations that make the rig move like the person.

    world: (T,17,3) metres, z up, floor at 0. contacts: (T,2), left and right foot. rate: frames a second. parts: how
    hands and feet are turned, where that was seen.
    Assumes that the rig has all bones of the map and the map all that are needed; and that nothing but parents moves
    them, apart from what the map's ``carried_by`` says.
    Raises RigError.
    """
    contacts = np.asarray(contacts, bool)
    target = _Target(rig, bone_map)
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
    solution = target.keys(turned, middle)
    if options.ik:
        _put_on_ik(solution, turned, target, person)
    return solution


def _plant_feet(
    turned: dict[int, np.ndarray], target: _Target, middle: np.ndarray, contacts: np.ndarray, rate: float
) -> np.ndarray:
    """Turns the legs so that feet in contact stand; returns by how much (T,) the hips have to sink for it, metres."""
    legs = {side: target.leg_of(side, middle, turned) for side in "LR"}
    if not all(legs.values()):
        return np.zeros(len(middle))
    planted = foot_lock.plant([leg for leg in legs.values() if leg], contacts, rate, target.floor)
    for side, (upper, lower) in zip(legs, planted.turns, strict=True):
        for slot, turn in (("thigh", upper), ("shin", lower)):
            row = target.rows(f"{slot}.{side}")[0]
            turned[row] = turn @ turned[row]
    return planted.drop


class _Target:
    """The rig in upright axes: the world's directions and metres, origin at the object's."""

    def __init__(self, rig: Rig, bone_map: BoneMap) -> None:
        self.rig, self.map = rig, bone_map
        matrix = rig.world[:3, :3]
        self.scale = float(np.cbrt(np.linalg.det(matrix)))
        if not self.scale > 1e-9:
            raise RigError("The rig's object is mirrored or has no size; apply its scale (Ctrl A) and capture again")
        self.axes = _orthonormal(matrix)
        self.row = {name: row for row, name in enumerate(rig.names)}
        self.frames = self.axes @ np.array([_orthonormal(matrix) for matrix in rig.rest[:, :3, :3]])
        self.heads = rig.rest[:, :3, 3] @ self.axes.T * self.scale
        self.tails = rig.tails @ self.axes.T * self.scale
        self.carrier = self._carriers()

        self.middle = (self.head("thigh.L") + self.head("thigh.R")) / 2
        self.facing = self._facing()
        spans = []
        for side in "LR":
            ankle = self.head(f"foot.{side}") if self.has(f"foot.{side}") else self.tail(f"shin.{side}")
            knee = self.head(f"shin.{side}")
            spans.append(np.linalg.norm(self.head(f"thigh.{side}") - knee) + np.linalg.norm(knee - ankle))
        self.leg = float(np.mean(spans))
        if self.leg < 1e-6:
            raise RigError("The rig's legs have no length; correct thigh and shin in its bone map")
        self.soles, self.floor = self._standing_on()
        ankles = np.array([self.end(f"shin.{side}") for side in "LR"])
        self.ankle = float((ankles @ self.facing[:, 2]).mean()) - self.soles

    def has(self, slot: str) -> bool:
        return bool(self.map.bones.get(slot))

    def rows(self, slot: str) -> list[int]:
        return [self.row[name] for name in self.map.bones.get(slot, ())]

    def head(self, slot: str) -> np.ndarray:
        return self.heads[self.rows(slot)[0]]

    def tail(self, slot: str) -> np.ndarray:
        return self.tails[self.rows(slot)[-1]]

    def end(self, slot: str) -> np.ndarray:
        """Where a limb's bone ends: at the next joint, which its tail need not be; else at its tail."""
        limb, _, side = slot.partition(".")
        after = {"upper_arm": "forearm", "forearm": "hand", "thigh": "shin", "shin": "foot", "foot": "toe"}
        following = f"{after.get(limb)}.{side}"
        return self.head(following) if self.has(following) else self.tail(slot)

    def along(self, slot: str) -> np.ndarray:
        return rotations.unit(self.end(slot) - self.head(slot))

    def _carriers(self) -> dict[int, int]:
        """The bone of the map that carries each bone of the map, -1 for none; children after their carriers."""
        mapped = {self.row[name] for names in self.map.bones.values() for name in names}
        found = {}
        for row in mapped:
            name = self.rig.names[row]
            if name in self.map.carried_by:
                found[row] = self.row[self.map.carried_by[name]]
                continue
            parent = row
            while parent >= 0 and (parent == row or parent not in mapped):
                parent = self.rig.parents[parent]
            found[row] = parent
        order: dict[int, int] = {}
        while len(order) < len(found):
            ready = [row for row, parent in found.items() if row not in order and (parent < 0 or parent in order)]
            if not ready:
                raise RigError("The bone map's carried_by goes in a circle; correct the file")
            order.update({row: found[row] for row in ready})
        return order

    def _facing(self) -> np.ndarray:
        """(3,3): turns the axes of a person who stands upright and faces -Y into those of the rig at rest."""
        tops = [slot for slot in ("head", "neck", "upper_arm.L", "spine") if self.has(slot)]
        rise = (self.head(tops[0]) if tops else self.tail("hips")) - self.middle
        up = _UP
        if not rise @ _UP > np.cos(np.radians(30.0)) * np.linalg.norm(rise):
            # A rig that lies: upright along whichever axis is nearest.
            up = np.eye(3)[np.abs(rise).argmax()] * np.sign(rise[np.abs(rise).argmax()])
        left = self.head("thigh.L") - self.head("thigh.R")
        left = left - up * (left @ up)
        if np.linalg.norm(left) < 1e-6 * max(1.0, float(np.linalg.norm(rise))):
            raise RigError("The rig's thighs begin at one place; correct them in its bone map under Character")
        left = rotations.unit(left)
        return np.stack([left, np.cross(up, left), up], axis=-1)

    def _standing_on(self) -> tuple[float, float]:
        """The height of the soles at rest over the object's origin, and of the floor that the character moves on.

        That is the origin's where the soles are near it. A rig that lies at rest gets up onto it.
        """
        height = self.facing[:, 2]
        rows = [row for side in "LR" for limb in ("foot", "toe") for row in self.rows(f"{limb}.{side}")]
        points = [self.end(f"shin.{side}") for side in "LR"] if not rows else [*self.heads[rows], *self.tails[rows]]
        lowest = float(min(point @ height for point in points))
        if height[2] < 1.0:
            return lowest, 0.0
        level = 0.0 if -0.03 * self.leg < lowest < 0.15 * self.leg else lowest
        return level, level

    def _over_floor(self, row: int) -> float:
        return float(self.heads[row] @ self.facing[:, 2]) - self.soles

    def leg_of(self, side: str, middle: np.ndarray, turned: dict[int, np.ndarray]) -> foot_lock.Leg | None:
        """A leg as the foot lock wants it, None if the rig has no foot to plant."""
        if not self.has(f"foot.{side}"):
            return None
        hips, thigh, shin, foot = (
            self.rows(slot)[0] for slot in ("hips", f"thigh.{side}", f"shin.{side}", f"foot.{side}")
        )

        def carried(row: int, vector: np.ndarray) -> np.ndarray:
            """Where a bone takes what is ``vector`` at rest, (T,3)."""
            return turned[row] @ (self.frames[row].T @ vector)

        # The sole: below the ankle and below the bones' ends, at the height of the floor.
        ends = [self.heads[foot], *self.tails[[foot, *self.rows(f"toe.{side}")]]]
        sole = (np.array(ends) - self.heads[foot]) @ self.facing
        sole[:, 2] = -self._over_floor(foot)
        return foot_lock.Leg(
            hip=middle + carried(hips, self.heads[thigh] - self.middle),
            upper=carried(thigh, self.heads[shin] - self.heads[thigh]),
            lower=carried(shin, self.heads[foot] - self.heads[shin]),
            front=carried(thigh, -self.facing[:, 1]),
            sole=np.stack([carried(foot, point) for point in sole @ self.facing.T], axis=1),
            ankle=self._over_floor(foot),
        )

    def keys(self, turned: dict[int, np.ndarray], middle: np.ndarray) -> Solution:
        """The channels of the bones that are oriented as ``turned``, with the hip joints around ``middle`` (T,3)."""
        hips = self.rows("hips")[0]
        local, place = rotations.Kept(), rotations.Kept()
        base = self.axes @ _orthonormal(self.rig.base[:3, :3])
        for row, parent in self.carrier.items():
            if parent >= 0:
                place[row] = place[parent] + turned[parent] @ (
                    self.frames[parent].T @ (self.heads[row] - self.heads[parent])
                )
            elif row == hips:
                place[row] = middle + turned[row] @ (self.frames[row].T @ (self.heads[row] - self.middle))
            else:
                place[row] = np.broadcast_to(self.heads[row], middle.shape)
            if not self._turns_with_parent(row):
                carried = self.frames[row][None]
            elif row == hips:
                carried = base[None]
            elif parent < 0:
                carried = self.frames[row][None]
            else:
                carried = turned[parent] @ (self.frames[parent].T @ self.frames[row])
            # What nobody orients, such as a hand without a forearm, stays as its carrier holds it.
            if row not in turned:
                turned[row] = np.broadcast_to(carried, (len(middle), 3, 3))
            quaternions = rotations.to_quaternions(np.swapaxes(carried, -1, -2) @ turned[row])
            local[self.rig.names[row]] = rotations.continuous(quaternions)
        armature = place[hips] @ self.axes / self.scale
        location = armature - self.rig.base[:3, 3]
        if self.rig.names[hips] not in self.rig.not_local:
            location = location @ _orthonormal(self.rig.base[:3, :3])
        locations = rotations.Kept()
        locations[self.rig.names[hips]] = location
        joints = {slot: place[self.row[names[0]]] for slot, names in self.map.bones.items()}
        return Solution(local, locations, joints)

    def resting(self, bone: str) -> ik_controls.Moved:
        """Where a bone is that the motion does not move."""
        row = self.row[bone]
        posed = self.rig.posed.get(bone, self.rig.rest[row])
        turn = self.axes @ _orthonormal(posed[:3, :3]) @ self.frames[row].T
        return ik_controls.Moved(turn, self.heads[row], posed[:3, 3] @ self.axes.T * self.scale)

    def location_axes(self, bone: str) -> np.ndarray:
        """The axes (3,3) at rest in which a bone's location is: its own, or its parent's without Local Location."""
        row = self.row[bone]
        if bone in self.rig.not_local:
            row = self.rig.parents[row]
        return self.frames[row] if row >= 0 else self.axes

    def _turns_with_parent(self, row: int) -> bool:
        """Whether neither the bone nor one between it and what carries it drops the parent's rotation."""
        if self.rig.names[row] in self.map.carried_by:
            return True
        stop = self.carrier[row]
        while row >= 0 and row != stop:
            if not self.rig.inherits[row]:
                return False
            row = self.rig.parents[row]
        return True


def _orientations(source: Mapping[str, np.ndarray], person: skeleton.Rest, target: _Target) -> dict[int, np.ndarray]:
    """The orientation (T,3,3) of every bone in the map, upright axes; columns are the bone's own axes."""
    at = {name: index for index, name in enumerate(skeleton.NAMES)}
    turned = rotations.Kept()

    def turn(name: str) -> np.ndarray:
        """How a part of the person is turned away from rest, from the rig's rest."""
        return source[name] @ (target.facing @ person.frames[at[name]]).T

    def follow(rows: Sequence[int], turns: Sequence[np.ndarray]) -> None:
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
            rest = _limb_rest(target, person, upper + s, lower + s)
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


def _put_on_ik(solution: Solution, turned: Mapping[int, np.ndarray], target: _Target, person: skeleton.Rest) -> None:
    """Adds the channels of the rig's IK controls, so far as its map has them, to a solution."""
    moved: dict[str, ik_controls.Moved] = {}
    # A toe hangs on its foot.
    for slot, way in sorted(target.map.ik.items(), key=lambda item: item[0].startswith("toe")):
        limb, _, side = slot.partition(".")
        parts = [slot, *(f"{part}.{side}" for part in _LIMBS.get(limb, ()))]
        if not all(map(target.has, parts)):
            continue
        end, *above = (
            ik_controls.Moved(turned[row] @ target.frames[row].T, target.heads[row], solution.joints[part])
            for part in parts
            for row in target.rows(part)
        )
        carrier = moved.get(way.carrier) or target.resting(way.carrier)
        moved[way.control] = end
        row = target.row[way.control]
        solution.rotations[way.control] = ik_controls.rotation(end, carrier, target.frames[row])
        places = {way.control: end.point(target.heads[row])}
        if way.pole and above:
            _, upper, lower = parts
            first, middle = above
            # A hinge turns about x, so what it joins points to -z in its middle.
            front = -_limb_rest(target, person, upper, lower)[upper][:, 2]
            away = float(np.linalg.norm(target.heads[target.row[way.pole]] - target.head(lower)))
            places[way.pole] = ik_controls.pole(first.place, middle.place, end.place, first.turn @ front, away)
        for name, place in places.items():
            head, axes = target.heads[target.row[name]], target.location_axes(name)
            solution.locations[name] = ik_controls.location(place, carrier, head, axes) / target.scale


def _limb_rest(target: _Target, person: skeleton.Rest, upper: str, lower: str) -> dict[str, np.ndarray]:
    """The frames (3,3) of a limb at rest as ``solve`` would give them: y along the bone, x the axis of its hinge.

    A limb that is straight at rest has the hinge of a person's, turned to where the limb points. A bent one shows it.
    """
    at = {name: index for index, name in enumerate(skeleton.NAMES)}
    along = target.along(upper)
    first = rotations.swing((target.facing @ person.frames[at[upper]])[None], along[None])[0]
    if not target.has(lower):
        return {upper: first}
    onward = target.along(lower)
    hinge = np.cross(along, onward)
    bend = float(np.linalg.norm(hinge))
    if bend > 1e-9 and hinge @ first[:, 0] > 0.5 * bend:
        trust = float(np.clip((bend - _FLAT) / (_SURE - _FLAT), 0.0, 1.0))
        first = rotations.frame(along, first[:, 0] * (1 - trust) + hinge / bend * trust)
    return {upper: first, lower: rotations.frame(onward, first[:, 0])}


def _spread(turns: Sequence[np.ndarray], shares: Sequence[float]) -> list[np.ndarray]:
    """Rotations (T,3,3) at shares 0..1 of the way along three."""
    found = []
    for share in shares:
        first = 0 if share < 0.5 else 1
        weight = np.full(len(turns[0]), 2 * share - first)
        found.append(rotations.blend(turns[first], turns[first + 1], weight))
    return found


def _spread_arms(source: dict[str, np.ndarray], angle: float) -> None:
    """Turns arms outward about the chest's forward axis, the more the nearer they hang to the body."""
    down, forward = -source["chest"][..., 1], source["chest"][..., 2]
    for side, sign in _MIRROR.items():
        cosine = (source[f"upper_arm.{side}"][..., 1] * down).sum(axis=-1)
        near = np.clip(
            (cosine - np.cos(np.radians(80.0))) / (np.cos(np.radians(30.0)) - np.cos(np.radians(80.0))), 0, 1
        )
        out = rotations.about(forward, sign * angle * near * near * (3 - 2 * near))
        for limb in ("upper_arm", "forearm", "hand"):
            source[f"{limb}.{side}"] = out @ source[f"{limb}.{side}"]


def _twist_bones(turned: dict[int, np.ndarray], target: _Target) -> None:
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
                turned[row] = rotations.about(axis, share * angle) @ turned[main] @ (rest.T @ target.frames[row])


def _roll(held: np.ndarray, turned: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """The angles (T,) in radians of the roll about ``axis`` (3,), given in the bone, between two orientations."""
    delta = rotations.to_quaternions(np.swapaxes(held, -1, -2) @ turned)
    return np.unwrap(2 * np.arctan2(delta[:, 1:] @ axis, delta[:, 0]))


def _orthonormal(matrix: np.ndarray) -> np.ndarray:
    """The rotation nearest to a matrix: without scale and shear."""
    u, _, v = np.linalg.svd(matrix)
    return u @ v
