"""How near acceleration comes to the truth at most, so far as is known: a network is trained for nothing else.

    python -m scripts.bench.acceleration_limit [--data cmu_h36m17.npz] [--minutes 9]

It sees what the clean-up sees, the lifter's joints and the keypoints, over 47 frames, and says the second difference
of every joint, which no path need have. What it leaves on unseen takes is beside what the lifter and the filter leave;
with 1.5 % noise, as in motion.py. Not a part of the product, nor of `make bench`: it takes two cores for minutes.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from pose3d_engine.contract.skeletons import COCO17, H36M17
from pose3d_engine.pose import lifters
from pose3d_engine.pose.lifters.viewed import ViewedLifter
from pose3d_engine.research.data_sets import mocap_data
from pose3d_engine.solve import smoothing
from scripts.bench import motion

PLAIN = replace(mocap_data.PLAIN, steep=0.2, noise=motion.NOISE)
TRAINED = replace(PLAIN, perturbed=0.2, warped=True)
LENGTH, BATCH, VIEWS, POOL, WIDTH = 128, 32, 256, 400, 256
EDGE = 9
"""Frames at both ends of a stretch that are not counted: there the network sees padding."""

Sample = tuple[Tensor, Tensor, Tensor]
"""The lifter's joints (N,T,17,3), what it was fed (N,T,17,3) and the truth (N,T,17,3), metres, in the view's axes."""


class Refiner(nn.Module):
    """Residual temporal convolutions, 47 frames wide; what comes out is in metres a frame squared."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Conv1d(4 * 51, WIDTH, 1), nn.Conv1d(WIDTH, 51, 1)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.BatchNorm1d(WIDTH),
                nn.GELU(),
                nn.Conv1d(WIDTH, WIDTH, 3, padding=step, dilation=step),
                nn.BatchNorm1d(WIDTH),
                nn.GELU(),
                nn.Conv1d(WIDTH, WIDTH, 1),
            )
            for step in (1, 2, 4, 8, 4, 2, 1)
        )
        # It begins with no movement at all, which is no bad answer.
        for parameter in self.last.parameters():
            nn.init.zeros_(parameter)

    def forward(self, joints: Tensor, fed: Tensor) -> Tensor:
        """(N,T,17,3) twice -> (N,T-2,17,3)."""
        seen = [joints, 30 * _padded(_bend(joints)), fed, 10 * _padded(_bend(fed))]
        hidden = self.first(torch.cat([part.flatten(2) for part in seen], dim=-1).transpose(1, 2))
        for block in self.blocks:
            hidden = hidden + block(hidden)
        return self.last(hidden).transpose(1, 2).unflatten(2, (17, 3))[:, 1:-1] / 30


def _bend(path: Tensor) -> Tensor:
    """The second difference a frame, (N,T,...) -> (N,T-2,...)."""
    return path[:, 2:] - 2 * path[:, 1:-1] + path[:, :-2]


def _padded(path: Tensor) -> Tensor:
    return nn.functional.pad(path, (0, 0, 0, 0, 1, 1))


def sample(network: nn.Module, reach: int, sampler: mocap_data.MocapSampler, count: int) -> Sample:
    """Views as the lifter sees them, lifted as they are and mirrored."""
    scene = sampler.scene(count, LENGTH)
    fed = torch.from_numpy(scene.inputs)
    mirrored = fed[:, :, COCO17.mirror] * torch.tensor([-1.0, 1.0, 1.0])
    with torch.no_grad():
        back = network(mirrored)[:, :, H36M17.mirror] * torch.tensor([-1.0, 1.0, 1.0])
        joints = (network(fed) + back) / 2
    joints[:, :, 0] = 0
    return joints, fed[:, reach:-reach], torch.from_numpy(scene.targets[:, reach:-reach])


def error(guess: Tensor, truth: Tensor) -> Tensor:
    """Mean distance of second differences (N,T,17,3), mm, without the ends."""
    return 1000 * (guess - truth)[:, EDGE - 1 : 1 - EDGE].norm(dim=-1).mean()


def main() -> int:
    """Trains and prints."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, default=motion.DATA)
    parser.add_argument("--minutes", type=float, default=9.0)
    options = parser.parse_args()
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    training, unseen = mocap_data.split(mocap_data.load_clips(options.data))
    lifter, _ = lifters.load(lifters.DEFAULT, device="cpu")
    assert isinstance(lifter, ViewedLifter)
    network = lifter.model
    reach = network.receptive_field // 2
    joints, fed, truth = sample(network, reach, mocap_data.MocapSampler(unseen, 7, PLAIN), VIEWS)
    sure = np.ones(joints.shape[1:3])
    calm = np.stack([smoothing.smooth_joints(path, sure, mocap_data.RATE) for path in joints.numpy()])
    bend = _bend(truth)
    print("acceleration error on unseen takes, mm a frame squared")
    for name, guess in (
        ("no movement", torch.zeros_like(bend)),
        ("lifter", _bend(joints)),
        ("lifter, filtered", _bend(torch.from_numpy(calm).float())),
    ):
        print(f"  {name:32} {error(guess, bend):6.2f}", flush=True)
    model, source = Refiner(), mocap_data.MocapSampler(training, 1, TRAINED)
    optimiser = torch.optim.AdamW(model.parameters(), 1.5e-3, weight_decay=1e-2)
    pool: list[Sample] = []
    began, step = time.monotonic(), 0
    while (spent := (time.monotonic() - began) / 60 / options.minutes) < 1:
        for group in optimiser.param_groups:
            group["lr"] = 1.5e-3 * (1 - spent) + 1e-5
        if step % 3 == 0 or len(pool) < BATCH:  # making samples takes as long as learning from them
            pool = [*pool[1 - POOL :], sample(network, reach, source, BATCH)]
        some = pool[int(rng.integers(len(pool)))]
        model.train()
        loss = error(model(some[0], some[1]), _bend(some[2]))
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        step += 1
        if step % 200 == 0:
            print(f"  {f'the network after {step} steps':32} {_unseen(model, joints, fed, bend):6.2f}", flush=True)
    print(f"  {f'the network after {step} steps':32} {_unseen(model, joints, fed, bend):6.2f}")
    return 0


def _unseen(model: Refiner, joints: Tensor, fed: Tensor, bend: Tensor) -> float:
    """The network's error on the unseen takes."""
    model.eval()
    with torch.no_grad():
        guess = torch.cat([model(*part) for part in zip(joints.split(BATCH), fed.split(BATCH), strict=True)])
    return float(error(guess, bend))


if __name__ == "__main__":
    sys.exit(main())
