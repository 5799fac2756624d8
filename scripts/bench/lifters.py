"""Speed on this machine: of the lifters that ship, and of the papers' beside the papers' own way of running them.

    python -m scripts.bench.lifters [--frames 300] [--ours 3000] [--steps 600] [--checkpoint FILE] [--device cpu]

The lifters that ship are measured as `pose3d run` uses them, from pixels to joints (``--ours``: frames of clip). The
papers' networks have the published sizes and random weights, for neither changes their speed. Every pose is the mean of
two views, as it is and mirrored. What the fast mode of P-STMO costs in accuracy depends on the weights. It is measured
with a small P-STMO that is trained here, in about half a minute, on a generated walker, and the longer that is trained
(``--steps``), the more it tells; ``pose3d evaluate h36m --fast`` tells it for real weights on real data. With
``--checkpoint``, the two modes of those weights are compared on the walker as well.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pose3d_engine.contract.errors import UserError
from pose3d_engine.pose import lifters
from pose3d_engine.pose.lifters import checkpoint_files, geometry, pstmo, whole_clip
from pose3d_engine.pose.lifters.device import choose_device
from pose3d_engine.pose.lifters.temporal import TemporalModel
from pose3d_engine.progress import silent
from pose3d_engine.research.data_sets.stand_ins import walker

ALONE = 20
"""Frames for which the papers' own way is measured; it takes the same time for each."""


def quiet(done: int, total: int) -> None:
    """No progress: the table is all that is printed."""


def rate(call: Callable[[], object], frames: int, repeats: int = 2) -> float:
    """Frames a second, the best of a few runs, because others may use the machine."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return frames / min(seconds)


def one_window_at_a_time(network: Callable[[Tensor], object], clips: Tensor, size: int) -> Callable[[], None]:
    """Every window of every view by itself, as the published programs for videos do."""
    rows = whole_clip.windows(np.arange(ALONE), clips.shape[1], size, 1)

    def run() -> None:
        with torch.inference_mode():
            for row in rows:
                for view in clips:
                    network(view[row][None])

    return run


def speeds(frames: int, device: torch.device) -> list[tuple[str, float, str]]:
    """What, frames a second, remark."""
    torch.manual_seed(0)
    clips = torch.randn(2, frames, 17, 2).clamp(-1, 1).to(device)
    p_stmo = pstmo.PSTMO(pstmo.Sizes()).eval().to(device)
    temporal = TemporalModel(17, 2, 17, (3, 3, 3, 3, 3)).eval().to(device)
    alone = rate(one_window_at_a_time(lambda w: p_stmo(w.permute(0, 3, 1, 2)[..., None])[0].cpu(), clips, 243), ALONE)
    exact = rate(lambda: whole_clip.pstmo_exact(p_stmo, clips, 1, quiet), frames, repeats=1)
    fast = rate(lambda: whole_clip.pstmo_sequence(p_stmo, clips, 1, quiet), frames)
    window = rate(one_window_at_a_time(lambda w: temporal.forward_window(w).cpu(), clips, 243), ALONE)
    whole = rate(lambda: whole_clip.convolution(temporal, clips, 1, quiet), frames)
    return [
        ("P-STMO-S, one window at a time", alone, "the paper's way"),
        ("P-STMO-S, exact", exact, f"{exact / alone:.2f} times that"),
        ("P-STMO-S, fast", fast, f"{fast / exact:.0f} times exact; wanted: 20"),
        ("VideoPose3D, one window at a time", window, "the paper's way to train"),
        ("VideoPose3D, whole clip", whole, f"{whole / window:.0f} times that"),
    ]


def shipped(frames: int, device: torch.device) -> list[tuple[str, float, str]]:
    """As :func:`speeds`, of the lifters that ship: keypoints of a clip in pixels to joints in camera axes."""
    keypoints, _ = walk(frames, 0)
    pixels = torch.cat([500 + 500 * keypoints, torch.ones(frames, 17, 1)], dim=-1).numpy()
    rows = []
    for name in lifters.SHIPPED:
        lifter, _ = lifters.load(name, device=str(device))
        track = lifters.Track2D(pixels, 1000, 1002, lifter.rate, 1145.0)
        remark = "the default; wanted: 3000 on 2 cores" if name == lifters.DEFAULT else ""
        rows.append((name, rate(partial(lifter.lift, track, 1, True, silent), frames), remark))
    return rows


def walk(frames: int, seed: int) -> tuple[Tensor, Tensor]:
    """A walker before a camera: keypoints (T,17,2) on the screen, with a detector's noise; joints (T,17,3) metres."""
    rng = np.random.default_rng(seed)
    world = walker(frames, 25, rng)
    joints = world[..., [0, 2, 1]] * [1, -1, 1] + [0, 1, 4.5]  # the camera stands 4.5 m away, 1 m high
    pixels = 1145 * joints[..., :2] / joints[..., 2:] + [500, 501] + rng.normal(0, 3, (frames, 17, 2))
    screen = geometry.normalise(pixels, 1000, 1002)
    return torch.from_numpy(screen).float(), torch.from_numpy(joints - joints[:, :1]).float()


def trained(size: int, steps: int) -> pstmo.PSTMO:
    """A small P-STMO after a short training on walkers, with the paper's loss."""
    torch.manual_seed(0)
    model = pstmo.PSTMO(pstmo.Sizes.of(size, layers=2, channels=48, d_hid=96, hidden=96), dropout=0.0)
    optimiser = torch.optim.AdamW(model.parameters(), 4e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, steps)
    clips = [walk(300, seed) for seed in range(200)]
    keypoints, joints = (torch.stack(part) for part in zip(*clips, strict=True))
    for _ in range(steps):
        clip = torch.randint(len(clips), (32, 1))
        rows = torch.randint(300 - size, (32, 1)) + torch.arange(size)
        middle, sequence = model(keypoints[clip, rows].permute(0, 3, 1, 2)[..., None])
        target = joints[clip, rows]
        loss = (sequence[..., 0].permute(0, 2, 3, 1) - target).norm(dim=-1).mean()
        loss = loss + (middle[:, :, 0, :, 0].transpose(1, 2) - target[:, size // 2]).norm(dim=-1).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return model.eval()


def accuracy(steps: int, size: int = 27) -> list[tuple[str, str]]:
    """Errors of both modes on walkers that the training did not see."""
    model = trained(size, steps)
    modes = {"exact": whole_clip.pstmo_exact, "fast": whole_clip.pstmo_sequence}
    errors: dict[str, list[float]] = {mode: [] for mode in modes}
    between = []
    for seed in range(1000, 1004):
        keypoints, joints = walk(300, seed)
        poses = {mode: run(model, keypoints[None], 1, quiet)[0] for mode, run in modes.items()}
        for mode, pose in poses.items():
            errors[mode].append(float((pose - joints).norm(dim=-1).mean()))
        between.append(float((poses["exact"] - poses["fast"]).norm(dim=-1).mean()))
    exact, fast, apart = (1000 * float(np.mean(values)) for values in (errors["exact"], errors["fast"], between))
    return [
        ("exact, error on unseen walks", f"{exact:.1f} mm"),
        ("fast, error on unseen walks", f"{fast:.1f} mm ({fast - exact:+.1f} mm)"),
        ("fast, mean distance from exact", f"{apart:.1f} mm"),
    ]


def compared(path: Path, frames: int, device: torch.device) -> tuple[str, str]:
    """How far the fast mode of someone's weights is from their exact mode."""
    file = checkpoint_files.read(path)
    if file.architecture != "pstmo":
        raise UserError(f"{path}: holds {file.architecture}; give a checkpoint of P-STMO")
    model = pstmo.from_state(file.state).to(device)
    clips = walk(frames, 0)[0][None].to(device)
    exact, fast = (run(model, clips, 1, quiet) for run in (whole_clip.pstmo_exact, whole_clip.pstmo_sequence))
    apart = (exact - fast).norm(dim=-1).mean() / exact.std()
    return f"{path.name}, fast: mean distance from exact", f"{100 * apart:.1f} % of a pose's standard deviation"


def main() -> int:
    """Prints the tables. Exit status 0 whatever the numbers are: a busy machine is no fault of the product."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=300, help="length of the clip (default 300)")
    parser.add_argument("--ours", type=int, default=3000, help="length of the clip for our own lifters (default 3000)")
    parser.add_argument("--checkpoint", type=Path, help="a checkpoint of P-STMO whose two modes are compared")
    parser.add_argument("--steps", type=int, default=600, help="length of the training on walkers (default 600)")
    parser.add_argument("--device", default="cpu", help="auto, cpu, cuda or mps (default cpu)")
    arguments = parser.parse_args()
    try:
        device, why = choose_device(arguments.device)
        lines = [] if arguments.checkpoint is None else [compared(arguments.checkpoint, arguments.frames, device)]
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    if why:
        print(why, file=sys.stderr)
    print(f"our own lifters, {arguments.ours} frames on {device}, {torch.get_num_threads()} threads")
    for what, measured, remark in shipped(arguments.ours, device):
        print(f"  {what:<48}{measured:>9.1f} frames/s  {remark}")
    print(f"the papers' lifters, two views of {arguments.frames} frames")
    for what, measured, remark in speeds(arguments.frames, device):
        print(f"  {what:<48}{measured:>9.1f} frames/s  {remark}")
    print("P-STMO's fast mode against exact, small weights trained on a generated walker")
    for what, remark in [*accuracy(arguments.steps), *lines]:
        print(f"  {what:<48}{remark}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
