"""Trains the shipped weights anew, with today's code, from mocap files: see docs/contributor/training.md.

    python -m pose3d_engine.research.training.train_weights MOCAP.npz ... [--pairs DIR] [-o out/weights] [--scale 1]

Completed stages are skipped, an interrupted one continues. Hours on a processor: ``--scale 0.01`` goes the whole way in
minutes. The model cards in checkpoint/ say which code and commands made the weights that are in use.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Stage:
    """A run of ``frames`` lifted frames at the highest learning rate ``lr``, from the weights of stage ``start``;
    ``rendered``: with rendered pairs."""

    name: str
    frames: int
    lr: float
    start: str | None = None
    rendered: bool = False
    more: tuple[str, ...] = ()


STAGES = (
    Stage("base", 60_000_000, 0.003, more=("--widths", "3,3,5,1,1")),
    Stage("tcn-mocap", 3_500_000, 0.0005, "base", True, ("--widths", "3,3,5,1,1", "-b", "32")),
    Stage("pstmo-s-cmu", 52_000, 0.002, more=("--lifter", "pstmo-view")),
)


@dataclass(frozen=True)
class Setup:
    """What all stages share; ``scale``: share of their frames."""

    data: tuple[Path, ...]
    output: Path
    pairs: Path | None = None
    device: str = "cpu"
    scale: float = 1.0


def command(stage: Stage, setup: Setup) -> list[str]:
    """Returns the ``pose3d train`` of a stage."""
    start = () if stage.start is None else ("--start", str(setup.output / stage.start / "weights.safetensors"))
    pairs = ("--pairs", str(setup.pairs)) if stage.rendered and setup.pairs is not None else ()
    # fmt: off
    return [
        sys.executable, "-m", "pose3d_engine", "train", "finetune", "--dataset", "mocap", "--data",
        *map(str, setup.data), "-o", str(setup.output / stage.name),
        "--total-frames", str(max(1, round(setup.scale * stage.frames))),
        "--lr", str(stage.lr), "--device", setup.device, "--resume", *start, *pairs, *stage.more,
    ]
    # fmt: on


def main() -> int:
    """Returns the exit status of the stage that failed, or 0."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path, nargs="+", metavar="MOCAP.npz")
    parser.add_argument("--pairs", type=Path, metavar="DIR", help="rendered pairs, of `pose3d render --detector`")
    parser.add_argument("-o", "--output", type=Path, default=Path("out/weights"), help="a folder for each stage")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the frames, to try it out")
    given = parser.parse_args()
    setup = Setup(tuple(given.data), given.output, given.pairs, given.device, given.scale)
    for stage in STAGES:
        print(f"== {stage.name}", file=sys.stderr, flush=True)
        done = subprocess.run(command(stage, setup), check=False)
        if done.returncode:
            return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
