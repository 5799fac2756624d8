"""The solver's linear algebra and its body, against dense matrices and finite differences."""

import numpy as np
import pytest

from pose3d_engine.solve import kinematics
from pose3d_engine.solve.kinematics import ANKLES, BONES, FREEDOM, SOLE_ROWS
from pose3d_engine.solve.normal_equations import NormalEquations
from pose3d_engine.solve.vectors import unit
from tests.support.filmed import before_camera, problem, strides, walk


class TestNormalEquations:
    """Points, differences and shared unknowns, against one dense least squares problem."""

    def dense(self, frames, unknowns, shared, seed):
        """The step that a dense solver finds, and what the terms' normal equations find."""
        rng = np.random.default_rng(seed)
        jacobian = rng.normal(size=(frames, 4, 3, unknowns))
        also = rng.normal(size=(frames, 4, 3, shared))
        root = rng.normal(size=(frames, 4, 3, 3))
        off = rng.normal(size=(frames, 4, 3))
        equations = NormalEquations(frames, unknowns, shared)
        weights = np.swapaxes(root, -1, -2) @ root
        pull = -(np.swapaxes(root, -1, -2) @ off[..., None])[..., 0]
        equations.add_points(jacobian, weights, pull, also if shared else None)
        total = frames * unknowns + shared
        rows, residuals = [], []
        for t, point in np.ndindex(frames, 4):
            row = np.zeros((3, total))
            row[:, t * unknowns : (t + 1) * unknowns] = root[t, point] @ jacobian[t, point]
            row[:, frames * unknowns :] = root[t, point] @ also[t, point]
            rows.append(row)
            residuals.append(off[t, point])
        for stencil in ((-1.0, 1.0), (1.0, -2.0, 1.0)):
            terms = max(frames - len(stencil) + 1, 0)
            w, r = rng.uniform(0, 4, (terms, 4, 3)), rng.normal(size=(terms, 4, 3))
            equations.add_differences(jacobian, stencil, w, r)
            for t, point in np.ndindex(terms, 4):
                row = np.zeros((3, total))
                for later, coefficient in enumerate(stencil):
                    columns = slice((t + later) * unknowns, (t + later + 1) * unknowns)
                    row[:, columns] = coefficient * np.sqrt(w[t, point])[:, None] * jacobian[t + later, point]
                rows.append(row)
                residuals.append(np.sqrt(w[t, point]) * r[t, point])
        a, b = np.concatenate(rows), np.concatenate(residuals)
        damping = np.concatenate([np.tile(np.linspace(0.1, 1, unknowns), frames), np.zeros(shared)])
        step = np.linalg.solve(a.T @ a + np.diag(damping), -a.T @ b)
        own, common = equations.solve(np.linspace(0.1, 1, unknowns))
        return step, np.concatenate([own.ravel(), common])

    @pytest.mark.parametrize("shared", [0, 3])
    @pytest.mark.parametrize("frames", [1, 2, 3, 7])
    def test_they_are_those_of_a_dense_problem(self, frames, shared):
        wanted, found = self.dense(frames, 5, shared, seed=frames)
        np.testing.assert_allclose(found, wanted, atol=2e-5)  # differences are in single precision

    def test_large_weights_are_in_double_precision(self):
        rng = np.random.default_rng(0)
        jacobian, w = rng.normal(size=(4, 2, 3, 4)), np.full((3, 2, 3), 1e7)
        equations = NormalEquations(4, 4)
        equations.add_differences(jacobian, (-1, 1), w, np.zeros((3, 2, 3)))
        exact = 1e7 * jacobian[1].reshape(6, 4).T @ jacobian[1].reshape(6, 4) * 2
        np.testing.assert_allclose(equations.blocks[0][1], exact, rtol=1e-12)


class TestKinematics:
    @pytest.fixture
    def body(self):
        known, pose = problem(walk(6))
        return known.skeleton, pose

    def test_the_jacobian_is_the_derivative_of_the_points(self, body):
        skeleton, pose = body
        across = kinematics.tangents(pose.directions)
        jacobian, h = skeleton.jacobian(pose, across), 1e-6
        numeric = np.empty_like(jacobian)
        for unknown in range(FREEDOM):
            step = np.zeros((len(pose.root), FREEDOM))
            step[:, unknown] = h
            ahead = skeleton.points(kinematics.moved(pose, across, step))
            numeric[..., unknown] = (ahead - skeleton.points(kinematics.moved(pose, across, -step))) / (2 * h)
        np.testing.assert_allclose(jacobian, numeric, atol=1e-7)
        heels = numeric[:, SOLE_ROWS[:, 0], :, -4:]
        assert np.abs(heels).max() > 0.02, "heels turn with the feet"

    def test_lengths_and_feet_stay_rigid_however_far_a_step_is(self, body):
        skeleton, pose = body
        step = np.random.default_rng(0).normal(0, 0.5, (6, FREEDOM))
        points = skeleton.points(kinematics.moved(pose, kinematics.tangents(pose.directions), step))
        for bone, (parent, child) in enumerate(BONES[:-2]):
            size = np.linalg.norm(points[:, child] - points[:, parent], axis=-1)
            np.testing.assert_allclose(size, skeleton.lengths[child], atol=1e-9, err_msg=str(BONES[bone]))
        np.testing.assert_allclose(points[:, 1] + points[:, 4], 2 * points[:, 0], atol=1e-12)
        for ankle, (heel, toe) in zip(ANKLES, SOLE_ROWS, strict=True):
            for a, b in ((ankle, heel), (ankle, toe), (heel, toe)):
                before, after = (np.linalg.norm(p[:, a] - p[:, b], axis=-1) for p in (skeleton.points(pose), points))
                np.testing.assert_allclose(after, before, atol=1e-9)

    def test_tangents_are_across_and_of_length_one(self):
        vectors = unit(np.random.default_rng(0).normal(size=(50, 3)))
        both = np.concatenate([vectors[..., None], kinematics.tangents(vectors)], axis=-1)
        np.testing.assert_allclose(np.swapaxes(both, 1, 2) @ both, np.tile(np.eye(3), (50, 1, 1)), atol=1e-12)

    def test_level_soles_stay_level_however_a_shank_leans(self):
        joints = strides(20)[0]
        joints[:, 6, 0] += 0.1  # the left ankle, aside
        known, pose = problem(before_camera(joints))
        up = np.array([0.0, -1.0, 0.0])
        flat = kinematics.levelled(pose, up, np.ones((20, 2, 2), bool), known.skeleton.foot_scale)

        def lean(pose):
            toes, heels = pose.directions[:, -2], pose.heels[:, 0]
            return np.degrees(np.arcsin(np.abs(unit(np.cross(toes, heels)) @ up)))

        assert lean(pose).max() > 4
        assert lean(flat).max() < 1e-6
        np.testing.assert_allclose(flat.directions, pose.directions)

    def test_pieces_are_blended_where_they_overlap(self, body):
        _, pose = body
        other = kinematics.Pose(pose.root + [0, 0, 1.0], pose.directions, pose.heels)
        whole = kinematics.joined([(0, pose), (4, other)], 2)
        assert len(whole.root) == 10
        share = np.array([[1.0], [2.0]]) / 3
        np.testing.assert_allclose(whole.root[4:6], (1 - share) * pose.root[4:] + share * other.root[:2])
        np.testing.assert_array_equal(whole.root[6:], other.root[2:])
