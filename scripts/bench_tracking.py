"""How well people are told apart and tracks repaired, as tables with what is wanted.

    python scripts/bench_tracking.py --data cmu_h36m17.npz [--cases 200] [--misses]

Motion capture (docs/training.md says how to make the file) before virtual cameras; without it, a generated walker.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

from crossings import FRAMES, KINDS, Motion, crossing, judge  # noqa: E402
from make_small_datasets import walker  # noqa: E402

from pose3d_engine.training import mocap_data  # noqa: E402


def motions(data: Path | None) -> list[Motion]:
    """People who move for six seconds at least."""
    if data is not None:
        clips = mocap_data.load_clips(data)
        return [(clip.joints, clip.face) for clip in clips if len(clip.joints) >= FRAMES]
    return [walking(seed) for seed in range(20)]


def walking(seed: int) -> Motion:
    """A generated walker, Y up, with a face around the nose."""
    joints = walker(FRAMES, 30.0, np.random.default_rng(seed))[..., [0, 2, 1]] * [1, 1, -1]
    offsets = np.array([[0, 0, 0], [0.03, 0.03, 0], [-0.03, 0.03, 0], [0.07, 0.02, 0], [-0.07, 0.02, 0]])
    return joints, joints[:, 9:10] + offsets


def identities(pool: list[Motion], cases: int, misses: bool) -> None:
    """Prints the table of identities kept."""
    print(
        f"{'crossings':10} {'cases':>5} {'identity kept':>14} {'switched':>9} {'sightings lost':>15}  wanted: 98 % kept"
    )
    total, began = [], time.perf_counter()
    for index, kind in enumerate(KINDS):
        verdicts = []
        for case in range(index, cases, len(KINDS)):
            clip = crossing(np.random.default_rng(case), pool, kind)
            verdict = judge(clip.tracked().extras.get("owner", np.zeros((0, FRAMES))), clip)
            verdicts.append(verdict)
            if misses and not all(verdict.kept):
                print(f"  case {case} {verdict}")
        total += verdicts
        _row(kind, verdicts)
    _row("all", total)
    print(f"{(time.perf_counter() - began) / cases:.2f} s a clip of {FRAMES} frames, the making of it included")


def _row(name: str, verdicts: list) -> None:
    kept = np.mean([verdict.kept for verdict in verdicts])
    switched = np.mean([verdict.switched for verdict in verdicts])
    lost = np.mean([verdict.lost for verdict in verdicts])
    print(f"{name:10} {len(verdicts):5} {kept:13.1%} {switched:9.1%} {lost:14.1%}")


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, metavar="MOCAP.npz")
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--misses", action="store_true", help="name the cases that go wrong")
    options = parser.parse_args()
    pool = motions(options.data)
    identities(pool, options.cases, options.misses)


if __name__ == "__main__":
    main()
