"""The registry of the sources of 2D: capabilities, requirements and licences. `doctor` and `--detector` read it."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass

import numpy as np

from .. import weights
from ..contract.errors import UserError

DEFAULT = "mediapipe"
"""Short for mediapipe-full."""


@dataclass(frozen=True)
class Source:
    """A detector of ours, or another program's results."""

    name: str
    title: str  # in the panel and ``doctor``
    layout: str  # name of the layout that is kept beside COCO-17
    gives: tuple[str, ...]  # what this layout has beyond COCO-17
    licence: str  # of code and weights
    networks: tuple[str, ...] = ()  # names in the register of weights, the one that detects people first
    extra: str | None = None  # the group of packages to install, None for what is always installed
    module: str | None = None  # shows whether this group is installed
    option: str = "--detector"  # chooses it on the command line
    scores: tuple[float, float] = (0.0, 1.0)  # see :func:`lifter_scores`

    def missing_requirement(self) -> tuple[str, str] | None:
        """What is missing to use it, and the install hint; None if nothing is."""
        if self.module is not None and importlib.util.find_spec(self.module) is None:
            return f"{self.module} is not installed", f"pip install 'pose3d-engine[{self.extra}]'"
        missing = next((network for network in self.networks if weights.locate(network) is None), None)
        return None if missing is None else (f"the weights {missing} are not here", weights.install_hint(missing))


_MEDIAPIPE_SCORES = (0.6, 0.85)
"""Measured on MediaPipe full's 2D in the four views of Pose2Sim's Demo_MultiPerson: the rendered woman, 4,800 points
of her limbs, against joints triangulated from the other three views. Medians of the error, in percent of the person's
size, by score: 5.6 below 0.1, 4.7 at 0.2, 4.0 at 0.4, 2.1 at 0.6, 2.4 at 0.75, 2.2 at 0.85, 1.7 from 0.9 on. A score of
training is 1 - 6 * error, less 0.05 on average: 0.61, 0.67, 0.71, 0.82, 0.81, 0.82, 0.85."""


def _mediapipe(size: str, title: str) -> Source:
    name = f"mediapipe-{size}"
    gives = ("feet", "hands (three fingertips)", "face", "its own 3D")
    return Source(name, title, "blazepose33", gives, "Apache-2.0", (name,), scores=_MEDIAPIPE_SCORES)


def _onnx(name: str, title: str, layout: str, *networks: str) -> Source:
    gives = {"halpe26": ("feet", "crown, neck"), "coco_wholebody133": ("feet", "hands", "face")}.get(layout, ())
    return Source(name, title, layout, gives, "Apache-2.0", networks, "rtmpose", "onnxruntime")


def _program(name: str, title: str, layout: str, option: str) -> Source:
    return Source(name, f"{title}: docs/technical-director/keypoints.md", layout, (), "its own", option=option)


SOURCES = (
    _mediapipe("full", "MediaPipe Pose Landmarker (the default, also called mediapipe)"),
    _mediapipe("heavy", "MediaPipe's larger network: slower, loses people less often"),
    _mediapipe("lite", "MediaPipe's smaller network: faster, less accurate"),
    _onnx("rtmpose", "RTMPose-m, people found by YOLOX-m", "halpe26", "yolox-m", "rtmpose-m"),
    _onnx("rtmpose-lightweight", "RTMPose-s and YOLOX-tiny", "halpe26", "yolox-tiny", "rtmpose-s"),
    _onnx("rtmpose-performance", "RTMPose-x and YOLOX-x", "halpe26", "yolox-x", "rtmpose-x"),
    _onnx("rtmw", "RTMW-x, the whole body with hands and face", "coco_wholebody133", "yolox-m", "rtmw-x"),
    _onnx("rtmo", "RTMO-m, all people in one pass", "coco17", "rtmo-m"),
    _onnx("rtmo-lightweight", "RTMO-s", "coco17", "rtmo-s"),
    _onnx("rtmo-performance", "RTMO-l", "coco17", "rtmo-l"),
    _onnx("hrnet", "your HRNet as ONNX, people found by YOLOX-m", "the file's", "yolox-m", "hrnet"),
    _onnx("vitpose", "your ViTPose as ONNX, people found by YOLOX-m", "the file's", "yolox-m", "vitpose"),
    _program("keypoints", "results of another program", "the file's", "--keypoints"),
    _program("command", "another program, run on the video", "its result's", "--detector-command"),
)

NAMES = (DEFAULT, *(source.name for source in SOURCES if source.option == "--detector"))
"""What ``--detector`` takes."""


def source(name: str) -> Source:
    """The detector of that name. Raises UserError with the known names if there is none."""
    if name not in NAMES:
        raise UserError(f"no detector is called {name!r}; there are {', '.join(NAMES)}")
    return next(entry for entry in SOURCES if entry.name == ("mediapipe-full" if name == DEFAULT else name))


def lifter_scores(keypoints: np.ndarray, name: str) -> np.ndarray:
    """Keypoints with scores on the scale of the lifter's training.

    In training a score is about 1 - 6 * error / size of the person (``data_sets.detector_noise.noisy``); detectors mean
    other things by theirs. ``Source.scores`` are the values of its 0 and 1 on that scale, with a straight line between.
    A score of 0 stays 0: the keypoint is not visible.

    Args:
        keypoints: (...,3) pixels and score.
        name: Of their source. Scores of a source whose scale is not known stay as they are.
    """
    lowest, highest = next((source.scores for source in SOURCES if source.name == name), (0.0, 1.0))
    result = keypoints.copy()
    visible = result[..., 2] > 0
    result[visible, 2] = lowest + (highest - lowest) * result[visible, 2]
    return result
