"""3D joints of every frame of a sequence, by either of the papers' networks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...contract.errors import UserError
from ...pose.lifters import whole_clip
from ...pose.lifters.pstmo import PSTMO
from ...pose.lifters.temporal import TemporalModel
from ..data_sets.sequences import Layout, Sequence
from ..models.refinement import Refine, refined


@dataclass(frozen=True)
class Predictor:
    """A network in evaluation mode with its settings.

    Attributes:
        network: The network.
        layout: Layout of the data set.
        tds: Frame step within a window.
        flip: Average with the prediction for the mirrored keypoints.
        refine: P-STMO's refinement, which needs the camera.
        fast: P-STMO's sequence head over overlapping windows in place of one window a frame.
    """

    network: PSTMO | TemporalModel
    layout: Layout
    tds: int = 1
    flip: bool = True
    refine: Refine | None = None
    fast: bool = False

    def __call__(self, sequence: Sequence) -> np.ndarray:
        """Predicts a sequence.

        Returns:
            (T,J,3) float32, relative to the root, in the unit of the network's training.

        Raises:
            UserError: The network takes another number of keypoints, or a needed camera is unknown.
        """
        keypoints = sequence.keypoints
        wanted = self.network.sizes.joints_in if isinstance(self.network, PSTMO) else self.network.joints_in
        if keypoints.shape[1] != wanted:
            raise UserError(
                f"the network takes {wanted} keypoints, the data has {keypoints.shape[1]}; choose other data"
            )
        clips = [keypoints, self.layout.mirrored_keypoints(keypoints)] if self.flip else [keypoints]
        lifted = self._lift(torch.from_numpy(np.stack(clips)))
        joints = lifted[0]
        if self.flip:
            joints = (joints + lifted[1][:, self.layout.joint_mirror] * torch.tensor([-1.0, 1.0, 1.0])) / 2
        if self.refine is not None:
            joints = self._refined(self.refine, joints, sequence)
        result = joints.numpy()
        result[:, self.layout.root] = 0
        return result

    def _lift(self, clips: Tensor) -> Tensor:
        def step(done: int, total: int) -> None:
            """No progress within a sequence."""

        if not isinstance(self.network, PSTMO):
            return whole_clip.convolution(self.network, clips, self.tds, step)
        lift = whole_clip.pstmo_sequence if self.fast else whole_clip.pstmo_exact
        return lift(self.network, clips, self.tds, step)

    def _refined(self, network: Refine, joints: Tensor, sequence: Sequence) -> Tensor:
        if sequence.camera is None:
            raise UserError("the refinement needs the cameras, which this data set does not have; leave it out")
        device = next(network.parameters()).device
        with torch.inference_mode():
            return refined(
                network,
                joints.to(device),
                torch.from_numpy(sequence.keypoints).to(device),
                torch.from_numpy(sequence.root[:, 2]).to(device),
                torch.from_numpy(sequence.camera).to(device).expand(len(joints), -1),
            ).cpu()
