import numpy as np

from pose3d_engine.contract.skeletons import COCO17, COCO_ROWS, H36M17, H36M_ROWS, h36m_confidence, side


def test_mirror_is_its_own_inverse_and_changes_sides_only():
    for skeleton in (COCO17, H36M17):
        assert (skeleton.mirror[skeleton.mirror] == np.arange(17)).all()
        for joint, other in zip(skeleton.joints, np.array(skeleton.joints)[skeleton.mirror], strict=True):
            sided = joint.startswith(("left_", "right_")) or (joint[0] in "LR" and joint[1].isupper())
            assert (joint != other) == sided


def test_a_side_is_told_by_the_name_in_every_layout():
    sides = {"left_hip": "left", "RHip": "right", "LShoulder": "left", "right_ear": "right"}
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
