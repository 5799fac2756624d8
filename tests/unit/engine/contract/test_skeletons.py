import numpy as np
import pytest

from pose3d_engine.contract import keypoint_orders
from pose3d_engine.contract.skeletons import (
    BLAZEPOSE33,
    COCO17,
    COCO_ROWS,
    H36M17,
    H36M_ROWS,
    HALPE26,
    LAYOUTS,
    SIDE_COLOURS,
    WHOLEBODY133,
    h36m_confidence,
    side,
)


@pytest.mark.parametrize("layout", [*LAYOUTS.values(), *keypoint_orders.COCO_STYLE, *keypoint_orders.OPENPOSE_STYLE])
def test_mirror_is_its_own_inverse_and_changes_sides_only(layout):
    assert (layout.mirror[layout.mirror] == np.arange(len(layout))).all()
    for joint, other in zip(layout.joints, np.array(layout.joints)[layout.mirror], strict=True):
        if not joint.startswith("face_"):
            assert {side(joint), side(other)} in ({"left", "right"}, {""})
            assert (joint != other) == bool(side(joint))


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=list(LAYOUTS))
def test_a_layout_is_one_tree_with_lines_that_stay_on_their_side(layout):
    assert layout.parents.count(-1) == 1
    assert all(parent < child for parent, child in layout.bones)
    for a, b in layout.links:
        sides = {side(layout.joints[a]), side(layout.joints[b])}
        trunk = {layout.joints[a].split("_")[-1], layout.joints[b].split("_")[-1]} in ({"shoulder"}, {"hip"})
        assert trunk or len(sides - {""}) == 1 or layout is H36M17
    assert layout.colours[layout.rows("left_knee")[0]] == SIDE_COLOURS["left"]


def test_a_role_is_the_same_point_in_every_layout():
    assert [H36M17.joints[row] for row in H36M17.rows("left_ankle", "right_hip", "hip")] == ["LAnkle", "RHip", "Hip"]
    for layout, toe in ((BLAZEPOSE33, "left_foot_index"), (HALPE26, "left_big_toe"), (WHOLEBODY133, "left_big_toe")):
        assert [layout.joints[row] for row in layout.rows("left_toe", "right_heel")] == [toe, "right_heel"]
    assert HALPE26.rows("left_heel", "left_toe", "right_heel", "right_toe") == [24, 20, 25, 21]
    assert "left_heel" not in COCO17.roles


def test_a_side_is_told_by_the_name_in_every_layout():
    sides = {"left_hip": "left", "RHip": "right", "LShoulder": "left", "right_ear": "right", "mouth_left": "left"}
    middle = ("nose", "Hip", "Root", "Left", "L", "leftover", "")
    assert {joint: side(joint) for joint in (*sides, *middle)} == {**sides, **dict.fromkeys(middle, "")}


def test_what_hangs_on_a_joint_comes_after_it():
    assert [H36M17.joints[row] for row in H36M17.below("LShoulder")] == ["LShoulder", "LElbow", "LWrist"]
    assert H36M17.below("Head") == (H36M17.index("Head"),)
    assert set(H36M17.below("Hip")) == set(range(17))


def test_official_order():
    assert H36M17.index("LShoulder") == 11
    assert H36M17.index("RWrist") == 16
    assert COCO17.index("left_shoulder") == 5
    assert COCO17.index("right_ankle") == 16
    assert H36M17.parents[H36M17.index("LElbow")] == H36M17.index("LShoulder")


def test_shared_joints_are_matched_by_name():
    for h36m, coco in zip(H36M_ROWS, COCO_ROWS, strict=True):
        side, part = COCO17.joints[coco].split("_")
        assert H36M17.joints[h36m] == side[0].upper() + part.capitalize()


def test_confidence_of_derived_joints_is_the_least_of_their_neighbours():
    scores = np.linspace(0.2, 1.0, 17)[None]
    confidence = h36m_confidence(scores)[0]
    assert confidence[H36M17.index("LKnee")] == np.float32(scores[0, COCO17.index("left_knee")])
    assert confidence[H36M17.index("Hip")] == np.float32(scores[0, COCO17.index("left_hip")])
    assert confidence[H36M17.index("Head")] == np.float32(scores[0, COCO17.index("nose")])
    assert (h36m_confidence(np.zeros((3, 17))) == 0).all()
