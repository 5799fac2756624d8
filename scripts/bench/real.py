"""How good captures of real footage are, against references and by their feet: the first part of `make bench`.

    python -m scripts.bench.real [--opencap DIR] [--checkpoint FILE] [--quick] [--joints]

References: optical motion capture of two takes of OpenCap (Uhlrich et al., PLOS Computational Biology 2023), where DIR
has them (``walk`` and ``STS``, each as ``NAME_people.npz`` and ``NAME_mocap.npz``); a man and a woman before four
calibrated cameras (see views.py). The demo clip has none: its feet are judged. Tables: by stage, by lifter, by clip,
and what is lost without each term of the solver (see ablation.py).
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from pose3d_engine import pipeline, stages
from pose3d_engine.contract.motion_file import Motion
from pose3d_engine.contract.people_file import People
from pose3d_engine.contract.settings import CaptureSettings
from pose3d_engine.contract.skeletons import BLAZEPOSE_ROWS, H36M17, H36M_ROWS
from pose3d_engine.pose import lifters
from pose3d_engine.research.evaluation import footing, optical, reference
from pose3d_engine.research.evaluation.mocap import joint_table
from pose3d_engine.take import LEVEL_CAMERA, Shot, Take
from scripts import ROOT
from scripts.bench import ablation, speed, views
from scripts.bench.ablation import Change

OPENCAP = ROOT.parent / "shared" / "bench" / "opencap"
TAKES = ("walk", "STS")

OTHERS = {
    "WHAM": {"STS": (59, 38, 5.9), "walk": (56, 37, 7.6)},
    "OpenCap Monocular": {"STS": (58, 40, 4.8), "walk": (41, 36, 5.5)},
}
"""hip_rel mm, PA mm and knee degrees of WHAM (Shin et al., CVPR 2024) and of OpenCap Monocular (Gilon, Miller, Uhlrich,
arXiv 2603.24733), which need a graphics card: results that OpenCap's authors publish, scored as ours."""

DEEP = 0.005  #: Metres below the floor, from which on a frame of the body counts.


@dataclass(frozen=True)
class Clip:
    """One person in one clip, and what is known of the truth."""

    kind: str
    name: str
    people: People
    person: str
    measured: optical.Optical | None = None
    truth: reference.Reference | None = None
    up: np.ndarray | None = None  #: (3,) against gravity, in the axes of the calibrated camera.


@dataclass(frozen=True)
class Capture:
    """A motion; its ``points`` (T,21,3), joints and soles in the world; ``soles`` (T,2,2), contacts of their ends."""

    motion: Motion
    points: np.ndarray
    soles: np.ndarray

    def tilted(self, settings: CaptureSettings) -> CaptureSettings:
        """Settings with the camera's tilt as it was found here."""
        camera = self.motion.meta["camera"]
        return replace(settings, tilt=camera["pitch_deg"], roll=camera["roll_deg"])


def all_clips(opencap: Path) -> Iterator[Clip]:
    """Every clip that is there."""
    for name in TAKES:
        path = opencap / f"{name}_mocap.npz"
        if path.is_file():
            with np.load(path) as stored:
                joints = stored["xyz"][..., [0, 2, 1]] * [1, -1, 1]  # y up -> z up
                known = optical.Optical(stored["t"], joints)
            yield Clip("optical", name, People.load(opencap / f"{name}_people.npz"), "largest", measured=known)
    calibrated = [camera.rotation @ [0.0, 0.0, 1.0] for camera in views.cameras()]
    for kind, clip, truths in (("man", "single", views.his()), ("woman", "multi", views.hers())):
        for view, truth, up in zip(views.VIEWS, truths, calibrated, strict=True):
            people = views.analysed(f"{clip}-{view}")
            row = views.track_of(people, view, views.WOMAN) if kind == "woman" else 0
            yield Clip(kind, f"{kind} {view}", people, str(row + 1), truth=truth, up=up)
    for person in ("1", "2"):
        yield Clip("demo", f"demo clip, person {person}", views.analysed("demo"), person)


def capture(clip: Clip, settings: CaptureSettings, change: Change = ablation.DEFAULT) -> Capture:
    """The capture of a clip in a changed way."""
    kept: list[tuple[np.ndarray, np.ndarray]] = []

    def keep(shot: Shot, take: Take) -> None:
        if take.person in shot.captured:
            kept.append((take.world, take.soles))

    with change.made(replace(settings, person=clip.person)) as changed:
        *before, last = stages.STAGES
        stage = stages.Stage("keep", "", keep, raw=True)
        with mock.patch.object(stages, "STAGES", (*before, stage, last)):
            (motion,) = pipeline.capture(clip.people, changed)
    ((points, soles),) = kept
    return Capture(motion, points.astype(np.float64), soles)


def accuracy(clip: Clip, motion: Motion) -> tuple[float, ...]:
    """The errors of a motion: hip_rel, n, PA (mm), knee and tilt (degrees) against optical motion capture; N, PA,
    acceleration (mm) and tilt (degrees) against triangulated joints; none without reference."""
    if clip.measured is not None:
        s = optical.score(motion, clip.measured)
        return s.hip_rel_mm, s.n_mm, s.pa_mm, s.knee_deg, s.tilt_deg
    if clip.truth is None or clip.up is None:
        return ()
    scores = reference.score(motion.joints3d, clip.truth)
    tilt = np.degrees(np.arccos(np.clip(motion.camera_R[0, 2] @ clip.up, -1, 1)))
    return scores.n_mpjpe_mm, scores.pa_mpjpe_mm, scores.accel_mm, float(tilt)


def own_3d(clip: Clip) -> Motion:
    """The detector's own 3D as a motion of a level camera; frames without it repeat the last."""
    world = clip.people.extras["blazepose33_world"][int(clip.person) - 1]
    rows = np.maximum.accumulate(np.where(np.isfinite(world).all(axis=(1, 2)), np.arange(len(world)), 0))
    joints = np.zeros((len(world), 17, 3))
    joints[:, H36M_ROWS] = world[rows][:, BLAZEPOSE_ROWS]
    motion = capture(clip, CaptureSettings(device="cpu", raw=True)).motion
    return replace(motion, joints3d=joints, camera_R=np.repeat(LEVEL_CAMERA[None], len(world), axis=0))


def shown(title: str, header: Sequence[str], rows: Iterable[tuple[str, ...]]) -> None:
    """Prints a table, each row as soon as it is there."""
    print(f"{title}\n\n|  | {' | '.join(header)} |\n|{'---|' * (len(header) + 1)}")
    for row in rows:
        print(f"| {' | '.join(row)} |", flush=True)
    print()


def means(clips: Sequence[Clip], motions: Sequence[Motion]) -> dict[str, np.ndarray]:
    """The mean errors by kind of clip."""
    found: dict[str, list[tuple[float, ...]]] = {}
    for clip, motion in zip(clips, motions, strict=True):
        found.setdefault(clip.kind, []).append(accuracy(clip, motion))
    return {kind: np.mean(rows, axis=0) for kind, rows in found.items() if rows[0]}


LEVEL = ("walk", "STS", "demo clip, person 2")  #: Clips in which people stand on nothing but a level floor.
FEET = ("spread", "drift", "depth", "off the picture")
ACCURACY = ("optical: hip_rel / n / PA", "knee", "tilt", "man: N / PA", "acc.", "tilt", "woman: N / PA", "acc.", "tilt")


def cells(errors: dict[str, np.ndarray]) -> tuple[str, ...]:
    """The cells of :data:`ACCURACY`."""
    row: list[str] = []
    for kind, millimetres in (("optical", 3), ("man", 2), ("woman", 2)):
        values = errors.get(kind)
        if values is None:
            row += ["-", "-", "-"]
        else:
            row += [" / ".join(f"{v:.1f}" for v in values[:millimetres]), *(f"{v:.1f}" for v in values[millimetres:])]
    return tuple(row)


def staged(clips: Sequence[Clip], settings: CaptureSettings, defaults: Sequence[Capture]) -> Iterator[tuple[str, ...]]:
    """:data:`ACCURACY` after the lifter, the solver without ground, and the whole, at the tilt that is found."""
    known = [clip for clip in clips if clip.truth is not None]
    yield "the detector's own 3D", *cells(means(known, [own_3d(clip) for clip in known]))
    for name, change, raw in (
        ("lifter alone", ablation.DEFAULT, True),
        ("+ solver without ground", ablation.WITHOUT_GROUND, False),
    ):
        made = [
            capture(clip, replace(whole.tilted(settings), raw=raw), change).motion
            for clip, whole in zip(clips, defaults, strict=True)
        ]
        yield name, *cells(means(clips, made))
    yield "+ ground: the default", *cells(means(clips, [one.motion for one in defaults]))


def each(clips: Sequence[Clip], defaults: Sequence[Capture]) -> Iterator[tuple[str, ...]]:
    """The errors of each clip with a reference, and other systems'."""
    for clip, one in zip(clips, defaults, strict=True):
        if clip.kind != "demo":
            yield clip.name, " / ".join(f"{value:.1f}" for value in accuracy(clip, one.motion))
    if clips[0].kind == "optical":
        for name, takes in OTHERS.items():
            for take, (hip, pa, knee) in takes.items():
                yield f"{take}, {name}", f"{hip} / - / {pa} / {knee} / -"


def compared(clips: Sequence[Clip], checkpoint: Path | None) -> Iterator[tuple[str, ...]]:
    """:data:`ACCURACY` of the lifters that ship and of one more, alone and solved."""
    choices: dict[str, dict[str, Any]] = {name: {"lifter": name} for name in lifters.SHIPPED}
    if checkpoint is not None:
        choices[checkpoint.name] = {"checkpoint": checkpoint}
    for name, choice in choices.items():
        settings = CaptureSettings(device="cpu", **choice)
        solved = [capture(clip, settings) for clip in clips]
        alone = [
            capture(clip, replace(one.tilted(settings), raw=True)).motion
            for clip, one in zip(clips, solved, strict=True)
        ]
        yield f"{name}, alone", *cells(means(clips, alone))
        yield f"{name}, solved", *cells(means(clips, [one.motion for one in solved]))


def footed(clips: Sequence[Clip], settings: CaptureSettings, defaults: Sequence[Capture]) -> Iterator[tuple[str, ...]]:
    """How feet stand in each clip, how deep the body's mesh sinks, and how far the body is off the picture."""
    with tempfile.TemporaryDirectory() as folder:
        for clip, whole in zip(clips, defaults, strict=True):
            free = capture(clip, whole.tilted(settings), ablation.WITHOUT_GROUND)
            feet = footing.measure(whole.points, whole.soles, whole.motion.contacts, free.points)
            lengths = (feet.spread_mm, feet.drift_mm, feet.ankle_mm, feet.depth_mm)
            mesh = "-"
            if importlib.util.find_spec("bpy"):
                path = Path(folder) / "motion.npz"
                whole.motion.save(path)
                deepest, frames = speed.alone(body_depth, path)
                mesh = f"{1000 * deepest:.0f} ({frames})"
            shown_lengths = (f"{length:.1f}" for length in lengths)
            yield clip.name, str(feet.stances), *shown_lengths, mesh, f"{feet.knee_deg:.1f}", _off(whole.motion)


def _off(motion: Motion) -> str:
    facts = motion.meta["reprojection"]
    return f"{facts['mean_percent']:.1f} / {facts['worst_percent']:.1f}"


def body_depth(path: Path) -> tuple[float, int]:
    """Metres of the created armature's body below the floor at most, and in how many frames it is more than DEEP."""
    import bpy

    from blender_addon.blend import armature
    from blender_addon.maths import timeline
    from blender_addon.maths.motion_file import load

    bpy.ops.wm.read_factory_settings(use_empty=True)
    (rig,) = armature.capture_to_scene(bpy.context, [path], set_scene=True)
    (body,) = (child for child in rig.children if child.type == "MESH")
    scene, lowest = bpy.context.scene, []
    for frame in timeline.key_frames(load(path).times, scene.render.fps / scene.render.fps_base):
        scene.frame_set(int(frame), subframe=float(frame % 1))
        mesh = body.evaluated_get(bpy.context.evaluated_depsgraph_get()).to_mesh()
        places = np.empty(3 * len(mesh.vertices))
        mesh.vertices.foreach_get("co", places)
        lowest.append(places[2::3].min())
    depth = -np.array(lowest)
    return max(0.0, float(depth.max())), int((depth > DEEP).sum())


def ablated(clips: Sequence[Clip], settings: CaptureSettings, defaults: Sequence[Capture]) -> Iterator[tuple[str, ...]]:
    """What the solver is without each of its terms: :data:`ACCURACY`, then :data:`FEET`."""
    for name, change in {"nothing: the default": ablation.DEFAULT, **ablation.WITHOUT}.items():
        made = defaults if change is ablation.DEFAULT else [capture(clip, settings, change) for clip in clips]
        feet = [footing.measure(one.points, one.soles, one.motion.contacts, one.points) for one in made]
        level = [one.spread_mm for clip, one in zip(clips, feet, strict=True) if clip.name in LEVEL]
        off = np.array([[float(part) for part in _off(one.motion).split(" / ")] for one in made])
        worst = (max(level), max(one.drift_mm for one in feet), max(one.depth_mm for one in feet))
        picture = f"{off[:, 0].mean():.2f} / {np.median(off[:, 1]):.1f}"
        errors = cells(means(clips, [one.motion for one in made]))
        yield name, *errors, *(f"{value:.0f}" for value in worst), picture


def print_joints(clips: Sequence[Clip], defaults: Sequence[Capture]) -> None:
    """Prints where the man's error is, by joint and axis of the picture."""
    chosen = [
        (clip.truth, one.motion.joints3d) for clip, one in zip(clips, defaults, strict=True) if clip.kind == "man"
    ]
    truths = [truth for truth, _ in chosen if truth is not None]
    valid = np.stack([truth.valid for truth in truths])
    valid[:, :, [joint for joint in range(17) if joint not in H36M_ROWS]] = False
    ours, theirs = _centred(np.stack([joints for _, joints in chosen])), _centred(np.stack([t.joints for t in truths]))
    print(joint_table("The man, four views", ours, theirs, valid).text(), end="\n\n")


def _centred(joints: np.ndarray) -> np.ndarray:
    hips = [H36M17.index("RHip"), H36M17.index("LHip")]
    return joints - joints[..., hips, :].mean(axis=-2, keepdims=True)


def main() -> int:
    """Prints the tables; exit status 0 whatever the numbers are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--opencap", type=Path, default=OPENCAP, metavar="DIR", help="optical motion capture")
    parser.add_argument("--checkpoint", type=Path, metavar="FILE", help="a lifter to compare with those that ship")
    parser.add_argument("--quick", action="store_true", help="without the ablation and the other lifters")
    parser.add_argument("--joints", action="store_true", help="also the man's error by joint and axis")
    args = parser.parse_args()
    clips = list(all_clips(args.opencap))
    if clips[0].kind != "optical":
        print(f"optical motion capture: not measured, {args.opencap} does not have it (--opencap)", file=sys.stderr)
    settings = CaptureSettings(device="cpu")
    if args.checkpoint is not None and args.quick:
        settings = replace(settings, checkpoint=args.checkpoint)
    defaults = [capture(clip, settings) for clip in clips]
    shown("Mean errors by stage, mm and degrees", ACCURACY, staged(clips, settings, defaults))
    title = "By clip; optical: hip_rel / n / PA / knee / tilt, others: N / PA / acceleration / tilt"
    shown(title, ("errors, mm and degrees",), each(clips, defaults))
    header = ("stances", "spread mm", "drift mm", "of ankles", "soles below", "body below (frames)", "knee jump")
    shown(
        "Feet, and the body off the picture",
        (*header, "off the picture, mean / worst %"),
        footed(clips, settings, defaults),
    )
    if args.joints:
        print_joints(clips, defaults)
    if not args.quick:
        shown(
            "Without one term: errors as above; worst of all clips, mm",
            (*ACCURACY, *FEET),
            ablated(clips, settings, defaults),
        )
        shown("Lifters", ACCURACY, compared([clip for clip in clips if clip.kind != "demo"], args.checkpoint))
    return 0


if __name__ == "__main__":
    sys.exit(main())
