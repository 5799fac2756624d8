"""``pose3d train``: training data, pre-training and fine-tuning of lifters.

See docs/contributor/training.md and docs/contributor/papers.md."""

from __future__ import annotations

import argparse
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from ...contract.errors import UserError
from ...pose.lifters.device import DEVICES
from ...progress import on_stderr

HELP = "train lifters: data, masked pre-training, fine-tuning; resumable, on several GPUs with torchrun"

OURS = TCN, PSTMO_VIEW = "tcn", "pstmo-view"
"""Our own lifters, which are trained on mocap only, by ``training.mocap``."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments. Defaults are the papers' values for the stage and the data set."""
    stages = parser.add_subparsers(dest="stage", required=True, metavar="prepare|pretrain|finetune")
    _add_prepare(stages.add_parser("prepare", help="make the mocap file from CMU's motion capture, ASF/AMC or BVH"))
    pretrain = stages.add_parser("pretrain", help="P-STMO: reconstruct hidden frames and joints of 2D sequences")
    finetune = stages.add_parser("finetune", help="2D to 3D: P-STMO, VideoPose3D or our own lifter")
    for stage in (pretrain, finetune):
        _add_common(stage)
    pretrain.add_argument(
        "-tmr", "--temporal-mask-rate", type=float, metavar="R", help="share of frames that are hidden (0.8; 3dhp 0.7)"
    )
    pretrain.add_argument(
        "-smn", "--spatial-mask-num", type=int, metavar="N", help="joints hidden in each other frame (2)"
    )
    finetune.add_argument("--lifter", choices=("pstmo", "videopose3d", *OURS), help="default pstmo; tcn on mocap")
    finetune.add_argument(
        "--pretrained", "--mae-reload", type=Path, metavar="FILE", help="begin with the encoder of a pre-training"
    )
    finetune.add_argument("--refine", action="store_true", default=None, help="P-STMO: train the refinement too")
    finetune.add_argument("--causal", action="store_true", default=None, help="VideoPose3D: past frames only")
    finetune.add_argument(
        "--widths", type=_widths, metavar="W,W,...", help="tcn: odd widths of its filters, one a block (3,3,3)"
    )
    finetune.add_argument("--pairs", type=Path, metavar="DIR", help="tcn, pstmo-view: of `pose3d render --detector`")
    finetune.add_argument("--total-frames", type=int, metavar="N", help="tcn, pstmo-view: frames to lift in total")


def _widths(text: str) -> tuple[int, ...]:
    widths = tuple(int(part) for part in text.split(","))
    if any(width < 1 or width % 2 == 0 for width in widths):
        raise argparse.ArgumentTypeError(f"{text} has a width that is not odd; give some like 3,3,3")
    return widths


def _add_prepare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER", help="with .asf and .amc or .bvh below it")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE.npz", help="for --dataset mocap")
    parser.add_argument(
        "--amc-rate",
        type=float,
        default=120.0,
        metavar="HZ",
        help="frame rate of .amc files, which do not hold it (120)",
    )


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dataset", choices=("h36m", "3dhp", "in-the-wild", "mocap"), default="h36m")
    parser.add_argument(
        "--data",
        type=Path,
        nargs="+",
        default=[Path("dataset")],
        metavar="PATH",
        help="folder; mocap: the file; tcn and pstmo-view: one or several",
    )
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="state, losses and weights")
    parser.add_argument("--resume", action="store_true", help="continue the run in the output folder")
    parser.add_argument(
        "--start", type=Path, metavar="FILE", help="begin with weights of the same network, or a smaller tcn"
    )
    parser.add_argument("-k", "--keypoints", dest="detections", metavar="NAME", help="2D data of Human3.6M")
    parser.add_argument("-f", "--frames", type=int, metavar="N", help="frames of a window (243; 3dhp 81)")
    parser.add_argument("-b", "--batch", type=int, metavar="N", help="windows of a batch, over all GPUs (160)")
    parser.add_argument("-tds", "--tds", type=int, metavar="N", help="frame step within a window (2; 3dhp 1)")
    parser.add_argument("--layers", type=int, metavar="N", help="P-STMO-S 3, P-STMO 4")
    parser.add_argument("--channels", "--channel", type=int, metavar="N", help="256; VideoPose3D 1024")
    parser.add_argument("--d-hid", "--d_hid", type=int, metavar="N", help="width inside P-STMO's layers (512)")
    parser.add_argument("--dropout", type=float, metavar="P")
    parser.add_argument("--lr", type=float, metavar="LR", help="learning rate (pre-training 1e-4, fine-tuning 7e-4)")
    parser.add_argument("-lrd", "--lr-decay", type=float, metavar="F", help="its factor an epoch (0.97)")
    parser.add_argument("--epochs", type=int, metavar="N", help="80; VideoPose3D 60")
    parser.add_argument("--epoch-batches", type=int, metavar="N", help="mocap: batches of an epoch (1000)")
    parser.add_argument("--seed", type=int, metavar="N")
    parser.add_argument("--save-every", type=float, metavar="S", help="seconds between saved states in an epoch (300)")
    parser.add_argument("--device", choices=DEVICES, default="auto")


def execute(args: argparse.Namespace) -> None:
    """Trains and prints the path of the best weights, or prepares data and prints its path."""
    if args.stage == "prepare":
        from ..data_sets.prepare import prepare

        clips = prepare(args.folders, args.output, args.amc_rate, on_stderr)
        _tell(f"{clips} clips")
        print(args.output)
        return
    lifter = getattr(args, "lifter", None) or (TCN if args.dataset == "mocap" and args.stage == "finetune" else "pstmo")
    path = _train_viewed(args, lifter) if lifter in OURS else _train_papers(args, lifter)
    if path is not None:
        print(path)


def _train_papers(args: argparse.Namespace, lifter: str) -> Path | None:
    from ..training.options import Options, papers
    from ..training.run import train

    if getattr(args, "total_frames", None) is not None:
        raise UserError("--total-frames is for --lifter tcn; give --epochs")
    if len(args.data) > 1 or getattr(args, "pairs", None) is not None:
        raise UserError("several --data and --pairs are for --lifter tcn and pstmo-view")
    options = papers(args.stage, args.dataset, lifter, args.data[0], args.output)
    names = {field.name for field in fields(Options)} - {"stage", "dataset", "lifter", "data", "output"}
    given = {key: value for key, value in vars(args).items() if key in names and value is not None}
    return train(replace(options, **given), args.resume, on_stderr, _tell)


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _train_viewed(args: argparse.Namespace, lifter: str) -> Path:
    from ...pose.lifters.device import choose_device
    from ...pose.lifters.pstmo import STRIDES
    from ...pose.lifters.viewed import Config, PstmoConfig, TcnConfig
    from ..training import mocap
    from ..training.tasks import filter_widths

    if args.dataset != "mocap":
        raise UserError("our own lifters are trained with --dataset mocap; choose --lifter pstmo or videopose3d")
    papers_only = ("detections", "tds", "layers", "d_hid", "dropout", "lr_decay", "epochs", "epoch_batches")
    for name in (*papers_only, "pretrained", "refine", "causal"):
        if getattr(args, name) is not None:
            raise UserError(
                f"--{name.replace('_', '-')} is for the papers' lifters; leave it out or add --lifter pstmo"
            )
    if (args.output / "state.pt").exists() and not args.resume:
        raise UserError(f"{args.output}: holds a run already; add --resume to go on, or choose another -o")
    device, note = choose_device(args.device)
    if note:
        _tell(note)
    changes: dict[str, Any] = {
        "pairs": args.pairs,
        "frames": args.total_frames,
        "start": args.start,
        "batch": args.batch,
        "lr": args.lr,
        "seed": args.seed,
        "save_every": args.save_every,
    }
    config: Config
    if lifter == PSTMO_VIEW:
        if args.frames not in (None, *STRIDES):
            raise UserError(f"P-STMO has windows of {', '.join(map(str, STRIDES))} frames, not {args.frames}")
        # A window is costly and lifts one frame: many bodies, a window of each.
        channels = args.channels or PstmoConfig.channels
        config = PstmoConfig(frames=args.frames or PstmoConfig.frames, channels=channels, d_hid=2 * channels)
        changes["outputs"] = 1
    else:
        config = TcnConfig(channels=args.channels or TcnConfig.channels)
        if args.frames is not None and args.widths is not None:
            raise UserError("-f and --widths both say how far the network sees; give one of them")
        if args.frames is not None:
            config = replace(config, filter_widths=filter_widths(args.frames))
        if args.widths is not None:
            config = replace(config, filter_widths=args.widths)
    options = mocap.TrainOptions(tuple(args.data), args.output, config=config, device=device.type)
    return mocap.train(replace(options, **{k: v for k, v in changes.items() if v is not None}), on_stderr)
