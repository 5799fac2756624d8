"""Which bone of a rig is which: by the names of known rigs, else by the shape of the skeleton."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from .arrays import Array
from .bone_map import EXPECTED, NEEDED, BoneMap, presets

_CORE = (*NEEDED, *(f"{limb}.{side}" for side in "LR" for limb in ("upper_arm", "forearm")))
"""Slots without which a preset does not fit a rig."""


def recognise(names: Sequence[str], parents: Sequence[int], heads: Array, tails: Array) -> BoneMap | None:
    """The map of a rig: the best preset, completed by its shape; else by its shape; None if it has no two legs.

    Args:
        names: of the bones.
        parents: row of the parent, -1 for none.
        heads, tails: (B,3) in a space whose z is up.
    """
    named = by_names(names)
    return filled(named, names, parents, heads, tails) if named else by_shape(names, parents, heads, tails)


_BESIDE = {"foot": "shin", "toe": "foot", "hand": "forearm", "shoulder": "upper_arm"}
"""Limb -> the one beside it: where name and shape agree about that, the shape may tell the limb."""


def filled(bone_map: BoneMap, names: Sequence[str], parents: Sequence[int], heads: Array, tails: Array) -> BoneMap:
    """The map of a rig that has some of its bones under other names, with those too.

    Spine and neck are all bones from the hips to the head, shared where the arms branch off or the neck's name begins;
    feet, toes, hands, shoulders, neck and head that are missing are told by the shape. A control rig stays as it is:
    between its controls are other bones.

    Args:
        bone_map: with names that the rig has.
        names: of the bones.
        parents: row of the parent, -1 for none.
        heads, tails: (B,3) in a space whose z is up.
    """
    if bone_map.control_rig:
        return bone_map
    bones, tree = dict(bone_map.bones), _Tree(parents, np.asarray(heads, np.float64))
    row = {name: number for number, name in enumerate(names)}
    _add_limbs(bones, by_shape(names, parents, heads, tails))
    used = {bone for slot in bones.values() for bone in slot}
    top = next((bones[slot] for slot in ("head", "neck") if bones.get(slot)), None)
    hips = row[bones["hips"][0]]
    if top is None or not tree.carries(hips, row[top[-1]]):
        return replace(bone_map, bones=bones)
    chain = tree.between(hips, row[top[-1]])
    own = [row[bone] for slot in ("spine", "neck") for bone in bones.get(slot, ())]
    others = used - {names[bone] for bone in own} - set(top)
    if not set(own) <= set(chain) or others & {names[bone] for bone in chain}:
        return replace(bone_map, bones=bones)
    if bones.get("neck"):
        split = chain.index(row[bones["neck"][0]])
    else:
        arms = [row[bones[slot][0]] for slot in ("upper_arm.L", "upper_arm.R") if slot in bones]
        split = max((chain.index(arm) + 1 for arm in tree.path(arms[0]) if arm in chain), default=0) if arms else 0
    end = len(chain) - 1 if bones.get("head") else len(chain)
    bones["spine"] = tuple(names[bone] for bone in chain[:split])
    bones["neck"] = tuple(names[bone] for bone in chain[split:end])
    return replace(bone_map, bones={slot: found for slot, found in bones.items() if found})


def _add_limbs(bones: dict[str, tuple[str, ...]], shape: BoneMap | None) -> None:
    """Adds what is missing of limbs, neck and head, as far as a map by shape agrees about what is beside it."""
    for slot in (*EXPECTED, "toe.L", "toe.R") if shape else ():
        limb, _, side = slot.partition(".")
        beside = f"{_BESIDE.get(limb)}.{side}" if side else "hips"
        found = shape.bones.get(slot, ()) if shape else ()
        free = (
            slot not in bones
            and slot != "spine"
            and not set(found) & {bone for names in bones.values() for bone in names}
        )
        if found and free and shape and shape.bones.get(beside) == bones.get(beside):
            bones[slot] = found


def gaps(bone_map: BoneMap, names: Sequence[str], parents: Sequence[int]) -> list[str]:
    """The bones of the trunk that no slot has although they lie between two that have one: they stay stiff."""
    row = {name: number for number, name in enumerate(names)}
    used = {bone for slot in bone_map.bones.values() for bone in slot}
    found: list[str] = []
    if bone_map.control_rig:
        return found
    for slot in ("spine", "neck", "head"):
        for bone in bone_map.bones.get(slot, ()):
            between: list[str] = []
            above = parents[row[bone]] if bone in row else -1
            while above >= 0 and names[above] not in used:
                between.append(names[above])
                above = parents[above]
            if above >= 0:
                found += reversed(between)
    return found


def by_names(names: Iterable[str], known: Sequence[BoneMap] | None = None) -> BoneMap | None:
    """The preset that fits the names best, with the names as the rig has them; None if none fits.

    What stands before the names (``mixamorig:``, ``mixamorig7:``, ``Character1_``) may be anything, but the same.
    """
    names = list(names)
    best, best_score = None, -np.inf
    for preset in presets().values() if known is None else known:
        for fitted, score in _fits(preset, names):
            if score > best_score:
                best, best_score = fitted, score
    return best


def fit(preset: BoneMap, names: Iterable[str]) -> BoneMap | None:
    """A chosen preset with the names as the rig has them; None if the rig has not even its hips."""
    fitted = sorted(_fits(preset, list(names), core=("hips",)), key=lambda pair: pair[1])
    return fitted[-1][0] if fitted else None


def _fits(preset: BoneMap, names: list[str], core: tuple[str, ...] = _CORE) -> list[tuple[BoneMap, float]]:
    """The preset under each prefix that the rig's hips may have, and how well it fits."""
    keys: dict[str, str] = {}
    for name in names:
        keys.setdefault(_key(name), name)
    hips = _key(preset.bones["hips"][0])
    found = []
    for key in keys:
        prefix = key[: len(key) - len(hips)]
        # "hips" also ends "J_Bip_C_Hips", "spine" also "DEF-spine": only a prefix that ends somewhere counts.
        if not key.endswith(hips) or (prefix and prefix[-1].isalnum() and hips[0].isalnum()):
            continue

        def actual(bone: str, prefix: str = prefix) -> str | None:
            return keys.get(prefix + _key(bone))

        slots = {slot: [actual(bone) for bone in bones] for slot, bones in preset.bones.items()}
        bones = {slot: tuple(filter(None, there)) for slot, there in slots.items() if any(there)}
        if not all(slot in bones for slot in core):
            continue
        marks = [mark for mark in preset.marks if actual(mark)]
        if preset.marks and not marks and core == _CORE:
            continue
        there = sum(map(len, bones.values())) + len(marks)
        lost = sum(map(len, preset.bones.values())) + len(preset.marks) - there
        used = {bone for chain in bones.values() for bone in chain}
        carried = [(actual(bone), actual(by)) for bone, by in preset.carried_by.items()]
        properties = {actual(bone): wanted for bone, wanted in preset.properties.items()}
        # A control rig's names are its generator's; no prefix stands before them.
        ik = {slot: way for slot, way in preset.ik.items() if slot in bones and all(map(actual, way.bones))}
        found.append(
            (
                replace(
                    preset,
                    bones=bones,
                    carried_by={bone: by for bone, by in carried if bone in used and by in used},
                    properties={bone: wanted for bone, wanted in properties.items() if bone},
                    marks=(),
                    ik=ik,
                ),
                # A control rig has the bones of the body too, but its constraints move those.
                there - 0.5 * lost + (len(names) if preset.control_rig else 0),
            )
        )
    return found


def _key(name: str) -> str:
    """A name without its namespace, in small letters, with one kind of separator."""
    short = name.rsplit(":", 1)[-1]
    return re.sub(r"[\s._-]+", "_", re.sub(r"^mixamorig\d*_?(?=\w)", "", short).lower())


def by_shape(names: Sequence[str], parents: Sequence[int], heads: Array, tails: Array) -> BoneMap | None:
    """A map from the places of the joints, for a rig with unknown names; None if it has no left and right leg.

    The rig stands upright (z up) with its arms away from its body. The two lowest ends are feet, and the bone that
    carries both is the hips; the ends farthest out are hands, and the bone that carries both is the chest.

    Args:
        names: of the bones.
        parents: row of the parent, -1 for none.
        heads, tails: (B,3).
    """
    heads = np.asarray(heads, np.float64)
    tree = _Tree(parents, heads)
    ends = tree.ends()
    if len(ends) < 2:
        return None
    height = np.ptp(heads[:, 2])
    low = [end for end in ends if heads[end, 2] < heads[:, 2].min() + 0.2 * height]
    pairs = [(a, b) for a, b in combinations(low, 2) if tree.meet(a, b) >= 0]
    pairs = [(a, b) for a, b in pairs if heads[tree.meet(a, b), 2] > heads[[a, b], 2].max() + 0.25 * height]
    if not pairs:
        return None
    feet = min(pairs, key=lambda pair: float(heads[list(pair), 2].sum()))
    hips = tree.meet(*feet)
    legs = [tree.joints(hips, foot) for foot in feet]
    if any(leg is None for leg in legs):
        return None
    middle = heads[[leg[0] for leg in legs if leg]].mean(axis=0)
    left = _left(heads, tails, [leg for leg in legs if leg], feet)

    bones: dict[str, tuple[str, ...]] = {"hips": (names[hips],)}

    def limb(side: str, parts: Sequence[str], rows: Sequence[int]) -> None:
        bones.update({f"{part}.{side}": (names[row],) for part, row in zip(parts, rows, strict=False)})

    for leg, foot in zip(legs, feet, strict=True):
        assert leg is not None
        side = "L" if (heads[leg[0]] - middle) @ left > 0 else "R"
        limb(side, ("thigh", "shin", "foot", "toe"), (*leg, *tree.between(leg[2], foot)[:1]))

    if any(slot not in bones for slot in NEEDED):  # thighs at one place have no left and right
        return None
    _add_upper_body(tree, names, bones, hips, middle, left)
    return BoneMap("Recognised by its shape", {slot: found for slot, found in bones.items() if found})


def _left(heads: Array, tails: Array, legs: list[list[int]], feet: tuple[int, int]) -> Array:
    """The horizontal direction to the character's left: feet point forward, and so do knees."""
    across = heads[legs[0][0]] - heads[legs[1][0]]
    across[2] = 0.0
    across /= max(float(np.linalg.norm(across)), 1e-9)
    forward = np.zeros(3)
    for foot, (hip, knee, ankle) in zip(feet, legs, strict=True):
        # A foot without a toe shows it by its tail, if that is where the foot ends.
        forward += (heads[foot] if foot != ankle else tails[ankle]) - heads[ankle]
        forward += 2 * heads[knee] - heads[hip] - heads[ankle]
    ahead = np.cross(across, [0.0, 0.0, 1.0])
    if abs(forward @ ahead) < 1e-3 * np.ptp(heads[:, 2]):
        forward = np.array([0.0, -1.0, 0.0])  # Blender's characters face -Y
    left = np.cross([0.0, 0.0, 1.0], forward)
    return across if across @ left > 0 else -across


def _add_upper_body(
    tree: _Tree,
    names: Sequence[str],
    bones: dict[str, tuple[str, ...]],
    hips: int,
    middle: Array,
    left: Array,
) -> None:
    """Adds spine, neck, head and arms to ``bones``, so far as they are found."""
    heads = tree.heads
    upper = [end for end in tree.ends() if tree.carries(hips, end) and heads[end, 2] > middle[2]]
    out = [(end, float((heads[end] - middle) @ left)) for end in upper]
    hands = [max(out, key=lambda pair: sign * pair[1]) for sign in (1, -1)] if out else []
    chest = tree.meet(hands[0][0], hands[1][0]) if hands and hands[0][1] > 0 > hands[1][1] else -1
    if chest < 0:
        return
    for side, (end, _) in zip("LR", hands, strict=True):
        arm = tree.joints(chest, end)
        if arm is None:
            continue
        for part, row in zip(("upper_arm", "forearm", "hand"), arm, strict=True):
            bones[f"{part}.{side}"] = (names[row],)
        inner = tree.between(chest, arm[0])[:-1]
        if inner:
            bones[f"shoulder.{side}"] = (names[inner[-1]],)
    if chest != hips:
        bones["spine"] = tuple(names[row] for row in tree.between(hips, chest))
    tops = [end for end in upper if tree.carries(chest, end) and end not in (hands[0][0], hands[1][0])]
    # The head's own top, not a finger: near the middle, and higher than the chest.
    reach = 0.25 * max(abs(hands[0][1]), abs(hands[1][1]))
    tops = [end for end in tops if abs((heads[end] - middle) @ left) < reach and heads[end, 2] > heads[chest, 2]]
    if tops:
        row = max(tops, key=lambda end: float(heads[end, 2]))
        chain = tree.between(chest, row)
        # An end bone on top of the skull, and eyes and ears, are children of the head; it is the last that has some,
        # or the end itself where the neck has but one child.
        forks = [bone for bone in chain[:-1] if len(tree.children[bone]) > 1]
        head = forks[0] if forks else chain[-2] if len(chain) > 2 else chain[-1]
        bones["head"] = (names[head],)
        bones["neck"] = tuple(names[bone] for bone in chain[: chain.index(head)])


class _Tree:
    """The hierarchy of bones. heads: (B,3)."""

    def __init__(self, parents: Sequence[int], heads: Array) -> None:
        self.parents, self.heads = list(parents), heads
        self.children: list[list[int]] = [[] for _ in self.parents]
        for row, parent in enumerate(self.parents):
            if parent >= 0:
                self.children[parent].append(row)

    def ends(self) -> list[int]:
        return [row for row, children in enumerate(self.children) if not children and self.parents[row] >= 0]

    def path(self, row: int) -> list[int]:
        """From the root to the bone."""
        path = [row]
        while (parent := self.parents[path[-1]]) >= 0:
            path.append(parent)
        return path[::-1]

    def carries(self, parent: int, row: int) -> bool:
        return parent in self.path(row)

    def meet(self, a: int, b: int) -> int:
        """The last bone that carries both, -1 if none does."""
        common = [one for one, other in zip(self.path(a), self.path(b), strict=False) if one == other]
        return common[-1] if common else -1

    def between(self, parent: int, row: int) -> list[int]:
        """The bones after ``parent`` up to and with ``row``."""
        path = self.path(row)
        return path[path.index(parent) + 1 :]

    def joints(self, parent: int, end: int) -> list[int] | None:
        """The three bones below ``parent`` that begin at shoulder, elbow, wrist (hip, knee, ankle): far apart, and the
        middle one half way. None if the limb has too few."""
        chain = self.between(parent, end)
        # Twist bones are ends; fingers are not.
        fork = next(
            (number for number, row in enumerate(chain) if sum(bool(self.children[x]) for x in self.children[row]) > 2),
            None,
        )
        best, best_score = None, 0.0
        for triple in combinations(range(len(chain)), 3):
            if fork is not None and triple[2] > fork:  # fingers begin after the wrist
                continue
            a, b, c = self.heads[[chain[place] for place in triple]]
            upper, lower = float(np.linalg.norm(b - a)), float(np.linalg.norm(c - b))
            # On the way from knee to toe there is an ankle: a chain that is not straight is not a shin.
            way = self.heads[chain[triple[1] : triple[2] + 1]]
            detour = float(np.linalg.norm(np.diff(way, axis=0), axis=-1).sum()) - lower
            # Earlier bones win a tie: a twist bone lies where its limb begins.
            score = upper + lower - 3.0 * abs(upper - lower) - 10.0 * detour - 1e-6 * sum(triple)
            if score > best_score:
                best, best_score = triple, score
        return None if best is None else [chain[place] for place in best]
