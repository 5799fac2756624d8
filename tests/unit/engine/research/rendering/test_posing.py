"""Bodies: their joints, and that posing follows the recording exactly."""

from __future__ import annotations

import numpy as np
import pytest

from pose3d_engine.contract.skeletons import H36M17
from pose3d_engine.research.rendering import body, clips, hands, motions, posing

LIMBS = [(H36M17.parents[row], row) for row in H36M17.rows(*(f"{s}_{j}" for s in ("left", "right") for j in
         ("knee", "ankle", "elbow", "wrist")))]  # fmt: skip


def recipe(studio: clips.Studio, **changes: object) -> clips.Recipe:
    clip = studio.clips[0]
    motion = motions.Motion("mocap", "walk", posing.z_up(clip.joints[:40]), posing.z_up(clip.face[:40]))
    return clips.Recipe(**{"seed": 3, "motion": motion, "size": (256, 256), "blur": 0.0, "noise": 0.0} | changes)


@pytest.fixture(scope="module")
def performance(studio: clips.Studio) -> clips.Performance:
    return studio.perform(recipe(studio))


def directions(joints: np.ndarray) -> np.ndarray:
    found = np.stack([joints[:, child] - joints[:, parent] for parent, child in LIMBS], axis=1).astype(float)
    return found / np.linalg.norm(found, axis=-1, keepdims=True)


def test_limbs_point_exactly_where_the_recording_says(performance: clips.Performance) -> None:
    recorded, posed = directions(performance.motion.joints), directions(performance.posed.joints)
    assert np.linalg.norm(recorded - posed, axis=-1).max() < 1e-5


def test_bones_keep_the_length_of_the_body(performance: clips.Performance) -> None:
    rest = performance.posed.body.joints
    for parent, child in LIMBS:
        lengths = np.linalg.norm(performance.posed.joints[:, child] - performance.posed.joints[:, parent], axis=-1)
        assert lengths == pytest.approx(np.linalg.norm(rest[child] - rest[parent]), abs=1e-5)


def test_the_body_faces_where_the_person_does(performance: clips.Performance) -> None:
    recorded, posed = (clips.body_axes(found.joints) for found in (performance.motion, performance.posed))
    assert np.einsum("tij,tij->tj", recorded, posed).min() > 0.9


def test_soles_are_on_the_floor(performance: clips.Performance) -> None:
    lowest = [performance.skin(frame, clothed=False)[0][:, 2].min() for frame in range(40)]
    assert min(lowest) > -0.03 and max(lowest) < 0.06


def test_feet_of_a_standing_person_are_in_contact(studio: clips.Studio) -> None:
    standing = motions.made_up(np.random.default_rng(2), "stand", 40)
    assert clips.truth(studio.perform(recipe(studio, motion=standing)))["contacts"].mean() > 0.9


def test_hips_are_where_anatomy_has_them_and_legs_straight_at_rest(studio: clips.Studio) -> None:
    for seed in range(10):
        person = body.make(studio.model, body.draw_traits(np.random.default_rng(seed)))
        hip, knee, ankle = (person.joints[H36M17.index(f"L{name}")] for name in ("Hip", "Knee", "Ankle"))
        assert 0.042 < hip[0] / person.height < 0.055  # OpenSim's models: 0.0455 and 0.0464
        assert 0.49 < hip[2] / person.height < 0.56  # Winter 1990: 0.53
        bend = np.degrees(np.arctan2(*(hip - knee)[1:]) - np.arctan2(*(knee - ankle)[1:]))
        assert abs(bend) < 6
        assert 1.45 < person.height < 2.05


def test_fingers_curl_to_a_fist_and_thumbs_stay_outside(studio: clips.Studio) -> None:
    still = np.zeros((2, 40, len(hands.PARAMETERS)))
    fist = still.copy()
    fist[..., 3:8] = 1
    flat = still.copy()
    flat[..., 3:8] = -0.2
    reach = []
    for parameters in (flat, fist):
        found = clips.truth(studio.perform(recipe(studio, hands=parameters)))["hands"]
        assert found.shape == (2, 40, 21, 3)
        reach.append(np.linalg.norm(found[:, :, 8::4] - found[:, :, :1], axis=-1).mean())
    assert 0.14 < reach[0] < 0.22 and reach[1] < 0.62 * reach[0]


def test_the_jaw_opens_downwards(studio: clips.Studio, person: body.Body) -> None:
    from pose3d_engine.research.rendering import face

    weights = np.zeros(len(studio.model.actions))
    weights[studio.model.actions.index("jawOpen")] = 1
    moved = face.offsets(person, weights)
    largest = np.argmax(np.linalg.norm(moved, axis=1))
    assert moved[largest, 2] < -0.01 and studio.regions.head[largest] > 0.5


def test_held_out_clips_have_takes_and_bodies_of_their_own(studio: clips.Studio) -> None:
    takes: dict[bool, set[str]] = {True: set(), False: set()}
    for held_out in takes:
        for seed in range(30):
            motion = motions.draw(np.random.default_rng(seed), studio.clips, 30, held_out)
            if motion.kind in ("mocap", "walk"):
                takes[held_out].add(motion.take)
    assert takes == {True: {"bvh_salsa 04"}, False: {"generated walk_1"}}
    traits = [studio.perform(recipe(studio, held_out=held_out)).posed.body.traits for held_out in (True, False)]
    assert not np.allclose(*traits)
