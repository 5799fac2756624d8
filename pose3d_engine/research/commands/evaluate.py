"""``pose3d evaluate``: the papers' protocols on the user's data set; see docs/contributor/papers.md."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ...contract import atomic
from ...contract.errors import UserError
from ...pose.lifters.device import DEVICES
from ...progress import on_stderr

if TYPE_CHECKING:
    import numpy as np

    from ...pose.lifters.official import Recipe
    from ...pose.lifters.pstmo import PSTMO
    from ...pose.lifters.temporal import TemporalModel
    from ..data_sets.sequences import DataSet
    from ..evaluation.predict import Predictor
    from ..models.refinement import Refine

HELP = "the papers' errors on Human3.6M, MPI-INF-3DHP, 3DPW or motion capture"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    kinds = parser.add_subparsers(dest="dataset", required=True, metavar="h36m|3dhp|3dpw|mocap")
    h36m = kinds.add_parser("h36m", help="protocols 1 and 2, N-MPJPE and velocity, by action")
    mpi = kinds.add_parser("3dhp", help="MPJPE, PCK and AUC, by joint group, sequence and activity; converts the data")
    outdoors = kinds.add_parser("3dpw", help="MPJPE and PA-MPJPE over 14 joints, of whole captures, by sequence")
    mocap = kinds.add_parser("mocap", help="motion capture through virtual cameras: the validation clips")
    for kind in (h36m, mpi, outdoors, mocap):
        what = "mocap file" if kind is mocap else "folder of the data set"
        kind.add_argument("--data", type=Path, default=Path("dataset"), metavar="PATH", help=f"{what} (dataset)")
        kind.add_argument("--lifter", metavar="NAME", help="weights of the register: `pose3d weights list`")
        kind.add_argument(
            "--checkpoint", "--previous_dir", type=Path, metavar="FILE", help="weights, instead of --lifter"
        )
        kind.add_argument("--device", choices=DEVICES, default="auto")
        kind.add_argument("-tds", "--tds", type=int, metavar="N", help="frame step; default: from the weights")
        kind.add_argument("--no-flip", dest="flip", action="store_false", help="do not average with the mirrored input")
        kind.add_argument("-o", "--output", type=Path, metavar="DIR", help="tables as .csv and .xlsx, and more of 3dhp")
    for kind in (h36m, mpi, mocap):
        kind.add_argument("-f", "--frames", type=int, metavar="N", help="the weights' window, checked against them")
        kind.add_argument("--layers", type=int, metavar="N", help="of P-STMO, checked against the weights")
        kind.add_argument("--fast", action="store_true", help="P-STMO: its sequence head, beside the exact result")
    mocap.add_argument("--joints", action="store_true", help="also the error by joint and axis")
    h36m.add_argument("-k", "--keypoints", default="cpn_ft_h36m_dbb", metavar="NAME", help="data_2d_h36m_NAME.npz")
    h36m.add_argument("--subjects", default="S9,S11", metavar="S,S")
    h36m.add_argument("-a", "--actions", default="*", metavar="A,A", help="actions that begin so; * for all")
    h36m.add_argument("--refine", type=Path, metavar="FILE", help="weights of P-STMO's refinement")
    mpi.add_argument("--convert", type=Path, metavar="DIR", help="first make the .npz files of the original .mat files")
    mpi.add_argument("--predictions", type=Path, metavar="FILE.mat", help="score an inference_data.mat, no network")
    mpi.add_argument("--draw", type=int, default=0, metavar="N", help="drawings of N frames of each sequence")


def execute(args: argparse.Namespace) -> None:
    """Prints tables on stdout; writes files if there is -o."""
    {"h36m": _h36m, "3dhp": _3dhp, "3dpw": _3dpw, "mocap": _mocap}[args.dataset](args)


def _load(args: argparse.Namespace) -> tuple[PSTMO | TemporalModel, Recipe]:
    """Returns the requested network and its recipe.

    Raises:
        UserError: It is not one of the papers', or differs from -f or --layers.
    """
    from ... import weights
    from ...pose.lifters import official
    from ...pose.lifters.device import choose_device
    from ...pose.lifters.pstmo import PSTMO

    if (args.lifter is None) == (args.checkpoint is None):
        raise UserError("choose the weights to evaluate: --lifter NAME or --checkpoint FILE")
    entry = weights.entry(args.lifter) if args.lifter else weights.entry_of(args.checkpoint)
    network, recipe = official.network(args.checkpoint or weights.require(args.lifter), entry)
    if isinstance(network, PSTMO):
        _check(args, network.sizes.frames, network.sizes.layers)
    else:
        _check(args, network.receptive_field, None)
    device, note = choose_device(args.device)
    if note:
        print(note, file=sys.stderr)
    return network.to(device), recipe


def _check(args: argparse.Namespace, frames: int, layers: int | None) -> None:
    if args.frames not in (None, frames):
        raise UserError(f"the weights have windows of {frames} frames; leave out -f {args.frames}")
    if args.layers not in (None, layers):
        raise UserError(f"the weights have {layers or 'no'} transformer layers; leave out --layers {args.layers}")


def _predictor(args: argparse.Namespace, data: DataSet, refine: Path | None = None, fast: bool = False) -> Predictor:
    from ...pose.lifters import automatic_tds
    from ...pose.lifters.pstmo import PSTMO
    from ..evaluation.predict import Predictor

    network, recipe = _load(args)
    if fast and not isinstance(network, PSTMO):
        raise UserError("--fast is P-STMO's; VideoPose3D always lifts the whole clip at once")
    # Takes of different rates get no frame step, as in P-STMO with MPI-INF-3DHP.
    tds = args.tds or (automatic_tds(data.fps, recipe.rate) if data.fps else 1)
    if tds < 1:
        raise UserError(f"-tds is {args.tds}; give a stride of at least 1")
    return Predictor(network, data.layout, tds, args.flip, _refinement(refine, network), fast)


def _refinement(path: Path | None, network: PSTMO | TemporalModel) -> Refine | None:
    from ...pose.lifters import checkpoint_files, pstmo
    from ..models import refinement

    if path is None:
        return None
    file = checkpoint_files.read(path)
    if file.architecture != "pstmo-refine" or not isinstance(network, pstmo.PSTMO):
        raise UserError(
            f"{path}: the refinement belongs to P-STMO; give a PSTMO_refine file beside a P-STMO checkpoint"
        )
    try:
        return refinement.from_state(file.state).to(next(network.parameters()).device)
    except (KeyError, RuntimeError, ValueError) as error:
        raise checkpoint_files.misfit(path, error) from error


def _h36m(args: argparse.Namespace) -> None:
    from ..data_sets import h36m

    actions = () if args.actions == "*" else tuple(args.actions.split(","))
    data = h36m.load(args.data, args.keypoints, tuple(args.subjects.split(",")), actions)
    _four_protocols(args, data, args.refine)


def _four_protocols(args: argparse.Namespace, data: DataSet, refine: Path | None) -> None:
    from ..evaluation import h36m as protocol
    from ..evaluation.tables import write_csv, write_xlsx

    if args.output:
        atomic.require_writable(args.output / f"{data.name}.csv")
    exact = protocol.evaluate(data, _predictor(args, data, refine), on_stderr)
    tables = [exact.table(data.name)]
    if args.fast:
        fast = protocol.evaluate(data, _predictor(args, data, refine, fast=True), on_stderr)
        tables.append(fast.table(f"{data.name}, fast"))
    print("\n\n".join(table.text() for table in tables))
    if args.fast:
        print(f"\nThe fast mode costs {fast.mean[0] - exact.mean[0]:+.2f} mm of MPJPE.")
    if args.output:
        write_csv(args.output / f"{data.name}.csv", tables)
        write_xlsx(args.output / f"{data.name}.xlsx", tables)


def _3dhp(args: argparse.Namespace) -> None:
    from ..data_sets import mpi_inf_3dhp as files_3dhp
    from ..evaluation import mpi_inf_3dhp as protocol

    asked = args.lifter or args.checkpoint or args.predictions
    if args.convert is not None:
        for path in files_3dhp.convert(args.convert, args.data, on_stderr):
            print(path)
        if not asked:
            return
    output = args.output or Path("checkpoint")
    atomic.require_writable(output / "inference_data.mat")
    data = files_3dhp.load_testing(args.data)
    if args.predictions is not None:
        predictions = dict(files_3dhp.predictions_from_mat(args.predictions))
    else:
        predict = _predictor(args, data, fast=args.fast)
        predictions = {}
        for i, sequence in enumerate(data.sequences):
            on_stderr("evaluate", i, len(data.sequences))
            predictions[sequence.action] = predict(sequence)[sequence.scored]
        on_stderr("evaluate", len(data.sequences), len(data.sequences))
        files_3dhp.predictions_to_mat(output / "inference_data.mat", predictions)
    report = protocol.report(data, predictions)
    tables = report.sequence_tables() + (report.activity_tables() if report.activities else [])
    print("\n\n".join(table.text() for table in tables))
    if not report.activities:
        print(f"no activities: put the original TS*/annot_data.mat into {args.data}", file=sys.stderr)
    report.write(output)
    if args.draw > 0:
        _draw(output / "drawings", data, predictions, args.draw)


def _draw(folder: Path, data: DataSet, predictions: dict, count: int) -> None:
    import numpy as np

    from ...pose.lifters.layouts import MPI17
    from ..data_sets.mpi_inf_3dhp import JOINTS
    from ..evaluation.drawing import draw_2d, draw_3d

    for sequence in data.sequences:
        frames = np.flatnonzero(sequence.scored)
        for i in np.unique(np.linspace(0, len(frames) - 1, count).astype(int)):
            stem = f"{sequence.action}_{frames[i]:06d}"
            draw_2d(folder / f"{stem}_2d.png", sequence.keypoints[frames[i]], JOINTS, MPI17.parents)
            poses = {"predicted": predictions[sequence.action][i], "true": sequence.joints[frames[i]]}
            draw_3d(folder / f"{stem}_3d.png", poses, JOINTS, MPI17.parents)


def _3dpw(args: argparse.Namespace) -> None:
    import math

    from ... import pipeline
    from ...contract.settings import CaptureSettings
    from ..data_sets import three_dpw
    from ..evaluation import three_dpw as protocol
    from ..evaluation.tables import write_csv

    if args.output:
        atomic.require_writable(args.output / "3dpw.csv")
    names = ("lifter", "checkpoint", "device", "tds", "flip")
    values = {name: value for name in names if (value := getattr(args, name)) is not None}

    def predict(track: three_dpw.Track) -> np.ndarray:
        video = track.people.meta["video"]
        fov = math.degrees(2 * math.atan(max(video["width"], video["height"]) / 2 / track.focal))
        return pipeline.capture(track.people, CaptureSettings.of({**values, "fov": fov}), on_stderr)[0].joints3d

    table = protocol.evaluate(three_dpw.load(args.data), predict)
    print(table.text())
    if args.output:
        write_csv(args.output / "3dpw.csv", [table])


def _mocap(args: argparse.Namespace) -> None:
    from ...pose import lifters
    from ..data_sets import mocap_data
    from ..evaluation import mocap as protocol

    _, validation = mocap_data.split(mocap_data.load_clips(args.data))
    if not validation:
        raise UserError(
            f"{args.data}: none of the clips that are kept aside from training; give the project's mocap file"
        )
    names = [args.lifter] if args.lifter else list(lifters.SHIPPED)
    scores, tables = {}, []
    for name in names if args.checkpoint is None else [lifters.DEFAULT]:
        lifter, note = lifters.load(name, args.checkpoint, args.device)
        if note:
            print(note, file=sys.stderr)
        _check(args, lifter.receptive_field, None)
        tds = args.tds or lifters.automatic_tds(mocap_data.RATE, lifter.rate)
        lifted = protocol.evaluate(lifter, validation, tds, args.flip, progress=on_stderr)
        scores[lifter.name] = lifted.scores()
        if args.joints:
            tables.append(protocol.joint_table(lifter.name, lifted.predicted, lifted.target))
    print("\n\n".join(table.text() for table in (protocol.score_table(scores, args.data), *tables)))
