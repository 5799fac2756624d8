"""MediaPipe's own 3D and ours, side by side on two real views with a triangulated reference: part of `make bench`.

    python -m scripts.bench.accuracy [--joints] [--data cmu_h36m17.npz]

``--joints`` adds where the error is, by joint and axis; ``--data``, a mocap file, the error on unseen motion.

One man, one movement of 1.7 seconds, leaning far over on one leg, seen from above: hard footage, and a head-to-head,
not a general figure. The references are in tests/golden, the footage comes out of Pose2Sim's wheel (see demo_clip.py).
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from pose3d_engine import pipeline, weights
from pose3d_engine.__main__ import main as pose3d
from pose3d_engine.contract.errors import UserError
from pose3d_engine.contract.people_file import People
from pose3d_engine.contract.settings import AnalyseSettings, CaptureSettings
from pose3d_engine.contract.skeletons import BLAZEPOSE_ROWS, H36M17, H36M_ROWS
from pose3d_engine.pose import lifters
from pose3d_engine.progress import silent
from pose3d_engine.research.evaluation.metrics import Scores
from pose3d_engine.research.evaluation.mocap import joint_table
from pose3d_engine.research.evaluation.reference import Reference, score
from scripts import ROOT, demo_clip

VIEWS = ("cam01", "cam03")


def reference(view: str) -> Reference:
    """The triangulated joints of a view."""
    with np.load(ROOT / "tests" / "golden" / f"ref_single_{view}.npz") as stored:
        return Reference(stored["joints3d"], stored["valid"])


def own_3d(people: People) -> np.ndarray:
    """(T,17,3): the detector's own 3D of person 1, where Human3.6M has the joint; frames without it repeat the last."""
    world = people.extras["blazepose33_world"][0]
    rows = np.maximum.accumulate(np.where(np.isfinite(world).all(axis=(1, 2)), np.arange(len(world)), 0))
    joints = np.zeros((len(world), 17, 3))
    joints[:, H36M_ROWS] = world[rows][:, BLAZEPOSE_ROWS]
    return joints


def centred(joints: np.ndarray) -> np.ndarray:
    """The same with the middle of the hips as the origin."""
    return joints - joints[..., [H36M17.index("RHip"), H36M17.index("LHip")], :].mean(axis=-2, keepdims=True)


def main() -> int:
    """Prints the tables; exit status 0."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--joints", action="store_true", help="the error by joint and axis of the picture, both views")
    parser.add_argument("--data", type=Path, metavar="FILE.npz", help="a mocap file: also the error on unseen motion")
    args = parser.parse_args()
    detectors = ["mediapipe-full", "mediapipe-heavy"]
    try:
        weights.fetch("mediapipe-heavy", silent)
    except UserError as error:
        print(f"without the heavy model: {error}", file=sys.stderr)
        detectors.remove("mediapipe-heavy")
    default = CaptureSettings()
    rows: dict[str, list[Scores]] = {}
    lifted: dict[str, list[np.ndarray]] = {}
    for view in VIEWS:
        truth, clip = reference(view), demo_clip.fetch(f"single-{view}")
        for detector in detectors:
            people = pipeline.analyse(clip, AnalyseSettings(detector))
            made = {f"{detector}, its own 3D": own_3d(people)}
            for lifter in lifters.SHIPPED:
                for extent, raw in (("alone", True), ("whole engine", False)):
                    (motion,) = pipeline.capture(people, replace(default, lifter=lifter, raw=raw))
                    made[f"{detector}, {lifter} {extent}"] = motion.joints3d
            for name, joints in made.items():
                rows.setdefault(name, []).append(score(joints, truth))
                lifted.setdefault(name, []).append(joints)
    print(f"{'mean of two real views, 12 joints, mm':42} {'N-MPJPE':>8} {'PA-MPJPE':>9} {'accel.':>7}")
    for name, scores in rows.items():
        means = np.mean([[s.n_mpjpe_mm, s.pa_mpjpe_mm, s.accel_mm] for s in scores], axis=0)
        print(f"{name:42} {means[0]:8.1f} {means[1]:9.1f} {means[2]:7.1f}")
    if args.joints:
        truths = [reference(view) for view in VIEWS]
        target, valid = centred(np.stack([t.joints for t in truths])), np.stack([t.valid for t in truths])
        valid[:, :, [i for i in range(17) if i not in H36M_ROWS]] = False
        for name, views in lifted.items():
            print("\n" + joint_table(name, centred(np.stack(views)), target, valid).text())
    if args.data is not None:
        print(flush=True)
        return pose3d(["evaluate", "mocap", "--data", str(args.data)])
    return 0


if __name__ == "__main__":
    sys.exit(main())
