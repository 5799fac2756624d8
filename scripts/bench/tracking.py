"""How well people are told apart and tracks repaired, as tables with what is wanted.

    python -m scripts.bench.tracking --data cmu_h36m17.npz [--cases 200] [--misses]

Motion capture (docs/contributor/training.md says how to make the file) before virtual cameras; without it, a
generated walker.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from pose3d_engine import repair
from pose3d_engine.contract.skeletons import COCO17, COCO_ROWS, H36M_ROWS
from pose3d_engine.pose import lifters
from pose3d_engine.research.data_sets import detector_noise, mocap_data
from pose3d_engine.research.data_sets.detector_noise import noisy
from pose3d_engine.research.data_sets.stand_ins import walker
from pose3d_engine.research.evaluation.mocap import n_mpjpe
from scripts.bench.crossings import FOCAL, FPS, FRAMES, HEIGHT, KINDS, WIDTH, Motion, crossing, filmed, judge


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
    print(f"{'crossings':10} {'cases':>5} {'identity kept':>14} {'switched':>9} {'lost':>15}  wanted: 98 % kept")
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


LIMBS = {
    limb: [COCO17.index(f"{side}_{part}") for side in ("left", "right") for part in parts]
    for limb, parts in {"arms": ("shoulder", "elbow", "wrist"), "legs": ("hip", "knee", "ankle")}.items()
}


def flipped_track(rng: np.random.Generator, pool: list[Motion]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A person before a camera: the true pixels (FRAMES,17,2), what a detector gives (FRAMES,17,3), and the same with
    left and right exchanged in stretches of 1 to 10 frames, of arms, legs or both."""
    truth = filmed(rng, pool, "overtake")[0]
    points, scores = noisy(rng, truth[None].astype(np.float32), 0.015)
    track = np.concatenate([points[0], scores[0][..., None]], axis=-1)
    broken = track.copy()
    for slot in range(10, FRAMES - 20, 28):
        first = slot + int(rng.integers(10))
        limbs = [LIMBS["arms"], LIMBS["legs"], LIMBS["arms"] + LIMBS["legs"]][rng.integers(3)]
        rows = np.arange(first, first + int(rng.integers(1, 11)))[:, None]
        broken[rows, limbs] = track[rows, COCO17.mirror[limbs]]
    return truth, track, broken


def wrong_sides(track: np.ndarray, truth: np.ndarray) -> int:
    """Frames in which arms or legs lie nearer to the other side's truth; where both lie on each other, none does."""
    size = np.median(np.ptp(truth, axis=1).max(axis=-1))
    wrong = np.zeros(len(track), bool)
    for rows in LIMBS.values():
        mirrored = truth[:, COCO17.mirror[rows]]
        own = np.linalg.norm(track[:, rows, :2] - truth[:, rows], axis=-1).mean(axis=-1)
        other = np.linalg.norm(track[:, rows, :2] - mirrored, axis=-1).mean(axis=-1)
        apart = np.linalg.norm(truth[:, rows] - mirrored, axis=-1).mean(axis=-1) > 0.04 * size
        wrong |= apart & (other < own)
    return int(wrong.sum())


def sides(pool: list[Motion], cases: int) -> None:
    """Prints how many frames have left and right exchanged, before and after repair."""
    counts = np.zeros(3, int)
    for case in range(cases):
        truth, clean, broken = flipped_track(np.random.default_rng(case), pool)
        times = np.arange(FRAMES) / FPS
        repaired = repair.repair(broken, times, FPS, None, repair.REPAIR_STEPS).keypoints
        counts += [wrong_sides(track, truth) for track in (clean, broken, repaired)]
    clean, before, after = counts
    print(f"\nleft and right exchanged, {cases} clips, frames of {cases * FRAMES}   wanted: a tenth at most")
    print(f"as detected {clean}, with flips put in {before}, after repair {after}: {after / max(before, 1):.1%}")


def rates(pool: list[Motion]) -> None:
    """Prints how far the shipped lifter is off on slow clips, with and without frames between their frames."""
    lifter, _ = lifters.load(lifters.DEFAULT, None, "cpu")
    print("\nN-MPJPE in mm (error of acceleration in mm) of clips cut to a lower rate")
    print(f"{'frames a second':>15} {'as they are':>16} {'interpolated':>16}")
    for rate in (10, 12, 15, 20, 30):
        errors: dict[bool, list[tuple[float, float]]] = {False: [], True: []}
        for case in range(24):
            rng = np.random.default_rng(case)
            joints, track = lifted_case(rng, pool)
            rows = np.round(np.arange(0, FRAMES, FPS / rate)).astype(int)
            rows = rows[rows < FRAMES]
            for between in errors:
                steps = repair.REPAIR_STEPS if between else repair.REPAIR_STEPS - {"rate"}
                repaired = repair.repair(track[rows], rows / FPS, float(rate), lifter.rate, steps)
                fps = rate * repaired.factor
                tds = lifters.automatic_tds(fps, lifter.rate)
                seen = lifters.Track2D(repaired.dense, WIDTH, HEIGHT, fps, FOCAL)
                found = lifter.lift(seen, tds, True, lambda *_: None)[:: repaired.factor]
                errors[between].append(error(found, joints[rows]))
        means = {between: np.mean(values, axis=0) for between, values in errors.items()}
        cells = [f"{means[between][0]:.1f} ({means[between][1]:.1f})" for between in (False, True)]
        print(f"{rate:15} {cells[0]:>16} {cells[1]:>16}")


def lifted_case(rng: np.random.Generator, pool: list[Motion]) -> tuple[np.ndarray, np.ndarray]:
    """Root-relative joints in camera axes (FRAMES,17,3), metres, and what a detector gives of them (FRAMES,17,3)."""
    joints, face = pool[rng.integers(len(pool))]
    first = rng.integers(len(joints) - FRAMES + 1)
    body = np.concatenate([joints, face], axis=1)[first : first + FRAMES] * [1, -1, -1]
    body = body - body[:, :1] * [1, 0, 1] + [rng.uniform(-0.8, 0.8), rng.uniform(1.0, 1.6), rng.uniform(3.5, 6.0)]
    pixels = body[..., :2] / body[..., 2:] * FOCAL + [WIDTH / 2, HEIGHT / 2]
    coco = np.empty((FRAMES, 17, 2), np.float32)
    coco[:, COCO_ROWS], coco[:, detector_noise.FACE] = pixels[:, H36M_ROWS], pixels[:, 17:]
    points, scores = noisy(rng, coco[None], 0.01)
    return body[:, :17] - body[:, :1], np.concatenate([points[0], scores[0][..., None]], axis=-1)


def error(found: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """N-MPJPE, and the mean error of the second difference, both in mm, of (T,17,3) metres."""
    shake = np.linalg.norm(np.diff(found, 2, axis=0) - np.diff(truth, 2, axis=0), axis=-1).mean()
    return n_mpjpe(found[None], truth[None]), 1000 * float(shake)


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, metavar="MOCAP.npz")
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--misses", action="store_true", help="name the cases that go wrong")
    options = parser.parse_args()
    pool = motions(options.data)
    identities(pool, options.cases, options.misses)
    sides(pool, options.cases)
    rates(pool)


if __name__ == "__main__":
    main()
