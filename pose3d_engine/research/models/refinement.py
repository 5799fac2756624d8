"""The refinement of P-STMO, which needs the camera and the true depth of the root.

Cai, Ge, Liu, Cai, Cham, Yuan, Thalmann: Exploiting Spatial-Temporal Relationships for 3D Pose Estimation via Graph
Convolutional Networks, ICCV 2019.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class Refine(nn.Module):
    """Mixes a predicted pose with the pose that its 2D keypoints and depths give: see :func:`unproject`."""

    def __init__(self, joints: int = 17, hidden: int = 1024, dropout: float = 0.5) -> None:
        super().__init__()
        self.post_refine = nn.Sequential(
            nn.Linear(joints * 6, hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, joints * 2),
            nn.Sigmoid(),
        )

    def forward(self, predicted: Tensor, unprojected: Tensor) -> Tensor:
        """Two poses (B,1,J,3) -> one (B,1,J,3); its depth is that of ``predicted``."""
        batch, frames, joints, _ = predicted.shape
        weight = self.post_refine(torch.cat([predicted, unprojected], dim=-1).reshape(batch, -1))
        weight = weight.view(batch, frames, joints, 2)
        mixed = weight * predicted[..., :2] + (1 - weight) * unprojected[..., :2]
        return torch.cat([mixed, predicted[..., 2:]], dim=-1)


def from_state(state: Mapping[str, Tensor]) -> Refine:
    """Returns the network with these parameters, ready to run.

    Raises:
        KeyError, RuntimeError, ValueError: The parameters do not fit together.
    """
    hidden, features = state["post_refine.0.weight"].shape
    model = Refine(features // 6, hidden)
    model.load_state_dict(dict(state))
    return model.eval()


def unproject(keypoints: Tensor, depth: Tensor, root_depth: Tensor, camera: Tensor) -> Tensor:
    """Places keypoints in space by their depths.

    Args:
        keypoints: (B,T,J,2) on the screen.
        depth: (B,T,J) of each joint relative to joint 0; the value of joint 0 is ignored.
        root_depth: (B,T) distance of joint 0 from the camera.
        camera: (B,4 or more) focal lengths x, y and centre x, y in the scale of the screen.

    Returns:
        (B,T,J,3) camera axes, relative to joint 0.
    """
    focal, centre = camera[:, None, None, :2], camera[:, None, None, 2:4]
    relative = torch.cat([torch.zeros_like(depth[..., :1]), depth[..., 1:]], dim=-1)
    distance = (relative + root_depth[..., None])[..., None]
    points = torch.cat([(keypoints - centre) * distance / focal, distance], dim=-1)
    return points - points[:, :, :1]


def refined(network: Refine, joints: Tensor, keypoints: Tensor, depth: Tensor, camera: Tensor) -> Tensor:
    """Refines poses by their keypoints and depths.

    Args:
        network: The refinement.
        joints: (N,J,3) camera axes, relative to joint 0, metres.
        keypoints: (N,J,2) on the screen.
        depth: (N,) of the root, metres. The published program takes the true depth, so a video cannot be refined.
        camera: (N,4) focal lengths and centre in the scale of the keypoints.

    Returns:
        (N,J,3), as ``joints``.
    """
    points = unproject(keypoints[:, None], joints[:, None, :, 2], depth[:, None], camera)
    return network(joints[:, None], points)[:, 0]
