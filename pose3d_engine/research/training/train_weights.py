"""Trains the shipped weights anew, with today's code, from a mocap file: see docs/contributor/training.md.

    python -m pose3d_engine.research.training.train_weights MOCAP.npz [-o out/weights] [--device cpu] [--scale 1]

Each stage begins with the weights of an earlier one. Completed stages are skipped, an interrupted one continues.
Hours on a processor: ``--scale 0.01`` goes the whole way in minutes. The model cards in checkpoint/ say which code and
commands made the weights that are in use.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Stage:
    """A run of ``frames`` lifted frames at the highest learning rate ``lr``, from the weights of stage ``start``."""

    name: str
    frames: int
    lr: float
    start: str | None = None
    more: tuple[str, ...] = ()


STAGES = (
    Stage("1-first", 25_000_000, 0.003),
    Stage("2-longer", 28_000_000, 0.002, "1-first"),
    Stage("3-lower-rate", 8_000_000, 0.0012, "2-longer"),
    Stage("4-long", 49_500_000, 0.002, "3-lower-rate"),
    Stage("tcn-cmu", 8_500_000, 0.0012, "4-long", ("--widths", "3,3,5,1,1")),
    Stage("pstmo-s-cmu", 52_000, 0.002, None, ("--lifter", "pstmo-view")),
)


def command(stage: Stage, data: Path, output: Path, device: str, scale: float) -> list[str]:
    """Returns the ``pose3d train`` of a stage; ``scale``: share of its frames."""
    start = () if stage.start is None else ("--start", str(output / stage.start / "weights.safetensors"))
    # fmt: off
    return [
        sys.executable, "-m", "pose3d_engine", "train", "finetune", "--dataset", "mocap", "--data", str(data),
        "-o", str(output / stage.name), "--total-frames", str(max(1, round(scale * stage.frames))),
        "--lr", str(stage.lr), "--device", device, "--resume", *start, *stage.more,
    ]
    # fmt: on


def main() -> int:
    """Returns the exit status of the stage that failed, or 0."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path, metavar="MOCAP.npz")
    parser.add_argument("-o", "--output", type=Path, default=Path("out/weights"), help="a folder for each stage")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the frames, to try it out")
    options = parser.parse_args()
    for stage in STAGES:
        print(f"== {stage.name}", file=sys.stderr, flush=True)
        done = subprocess.run(command(stage, options.data, options.output, options.device, options.scale), check=False)
        if done.returncode:
            return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
