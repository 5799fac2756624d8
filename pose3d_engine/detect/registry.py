"""The sources of 2D, as data: what each gives and needs, and under which terms. `doctor` and `--detector` read this."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass

import numpy as np

from .. import weights
from ..contract.errors import UserError

DEFAULT = "mediapipe"

_SHORT = {DEFAULT: "mediapipe-full"}
"""Names that stand for another."""


@dataclass(frozen=True)
class Source:
    """A detector of ours, or another program's results.

    layout: of the points that are kept whole beside COCO-17, whose scores are always 0 to 1. gives: what the layout has
    beyond COCO-17. extra: the group of packages to install, with the module that shows whether it is; None for what is
    always there. networks: names in the register of weights, the one that finds people first. option: what chooses it
    on the command line. scores: see :func:`lifter_scores`.
    """

    name: str
    title: str
    layout: str
    gives: tuple[str, ...]
    licence: str
    networks: tuple[str, ...] = ()
    extra: str | None = None
    module: str | None = None
    option: str = "--detector"
    scores: tuple[float, float] = (0.0, 1.0)

    def lacks(self) -> tuple[str, str] | None:
        """What is missing to use it, and the command that mends it; None if nothing is.

        Raises UserError if the register of weights cannot be read.
        """
        if self.module is not None and importlib.util.find_spec(self.module) is None:
            return f"{self.module} is not installed", f"pip install 'pose3d-engine[{self.extra}]'"
        missing = next((network for network in self.networks if weights.present(network) is None), None)
        return None if missing is None else (f"the weights {missing} are not here", weights.remedy(missing))


_MEDIAPIPE_SCORES = (0.6, 0.85)
"""Measured on MediaPipe full's 2D in the four views of Pose2Sim's Demo_MultiPerson: the rendered woman, 4,800 points
of her limbs, against joints triangulated from the other three views. Medians of the error, in percent of the person's
size, by score: 5.6 below 0.1, 4.7 at 0.2, 4.0 at 0.4, 2.1 at 0.6, 2.4 at 0.75, 2.2 at 0.85, 1.7 from 0.9 on. A score of
training is 1 - 6 * error, less 0.05 on average: 0.61, 0.67, 0.71, 0.82, 0.81, 0.82, 0.85."""


def _mediapipe(size: str, title: str) -> Source:
    name = f"mediapipe-{size}"
    gives = ("feet", "hands (three fingertips)", "face", "its own 3D")
    return Source(name, title, "blazepose33", gives, "Apache-2.0", (name,), scores=_MEDIAPIPE_SCORES)


def _onnx(name: str, title: str, layout: str, gives: tuple[str, ...], *networks: str) -> Source:
    return Source(name, title, layout, gives, "Apache-2.0", networks, "rtmpose", "onnxruntime")


_FEET = ("feet", "crown, neck")

SOURCES = (
    _mediapipe("full", "MediaPipe Pose Landmarker (the default, also called mediapipe)"),
    _mediapipe("heavy", "MediaPipe's larger network: slower, loses people less often"),
    _mediapipe("lite", "MediaPipe's smaller network: faster, less accurate"),
    _onnx("rtmpose", "RTMPose-m, people found by YOLOX-m", "halpe26", _FEET, "yolox-m", "rtmpose-m"),
    _onnx("rtmpose-lightweight", "RTMPose-s and YOLOX-tiny", "halpe26", _FEET, "yolox-tiny", "rtmpose-s"),
    _onnx("rtmpose-performance", "RTMPose-x and YOLOX-x", "halpe26", _FEET, "yolox-x", "rtmpose-x"),
    _onnx(
        "rtmw",
        "RTMW-x, the whole body with hands and face",
        "coco_wholebody133",
        ("feet", "hands", "face"),
        "yolox-m",
        "rtmw-x",
    ),
    _onnx("rtmo", "RTMO-m, everybody in one pass", "coco17", (), "rtmo-m"),
    _onnx("rtmo-lightweight", "RTMO-s", "coco17", (), "rtmo-s"),
    _onnx("rtmo-performance", "RTMO-l", "coco17", (), "rtmo-l"),
    _onnx("hrnet", "your HRNet as ONNX, people found by YOLOX-m", "the file's", (), "yolox-m", "hrnet"),
    _onnx("vitpose", "your ViTPose as ONNX, people found by YOLOX-m", "the file's", (), "yolox-m", "vitpose"),
    Source(
        "keypoints", "results of another program: docs/keypoints.md", "the file's", (), "its own", option="--keypoints"
    ),
    Source(
        "command",
        "another program, run on the video: docs/keypoints.md",
        "its result's",
        (),
        "its own",
        option="--detector-command",
    ),
)

NAMES = (DEFAULT, *(source.name for source in SOURCES if source.option == "--detector"))
"""What ``--detector`` takes."""


def source(name: str) -> Source:
    """The detector of that name. Raises UserError, with the names there are, if there is none."""
    name = _SHORT.get(name, name)
    if name not in NAMES:
        raise UserError(f"no detector is called {name!r}; there are {', '.join(NAMES)}")
    return next(entry for entry in SOURCES if entry.name == name)


def lifter_scores(keypoints: np.ndarray, name: str) -> np.ndarray:
    """Keypoints (..., 3) of the source of that name with the scores that a lifter was trained to read.

    In training a score is about 1 - 6 * error / size of the person (``data_sets.detector_noise.noisy``); detectors mean
    other things by theirs. A source's ``scores`` are what its 0 and 1 are in those, with a straight line between; where
    that is not known, they stay as they are. 0 stays 0: nothing was seen.
    """
    known = next((source for source in SOURCES if source.name == name), None)
    if known is None or known.scores == (0.0, 1.0):
        return keypoints
    lowest, highest = known.scores
    result = keypoints.copy()
    seen = result[..., 2] > 0
    result[seen, 2] = lowest + (highest - lowest) * result[seen, 2]
    return result
