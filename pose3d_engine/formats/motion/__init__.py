"""3D motion that other systems wrote, recognised by its content. See docs/technical-director/sources-3d.md."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ... import object_archive
from ...contract.errors import UserError, file_not_found
from ...progress import Progress
from .. import detector_command
from . import h36m, keypoints, smpl, soma, trc
from .motion3d import Motion3D, Person3D, checked, to_north

__all__ = ["Motion3D", "Person3D", "of_command", "read", "to_north"]

Reader = Callable[[Path, Any], Motion3D]

_READERS: tuple[tuple[Callable[[Any], bool], Reader], ...] = (
    (h36m.is_ours, h36m.read_ours),
    (soma.is_gem, soma.read_gem),
    (smpl.is_gvhmr, smpl.read_gvhmr),
    (smpl.is_wham, smpl.read_wham),
    (smpl.is_prompthmr, smpl.read_prompthmr),
    (smpl.is_tram, smpl.read_tram),
    (smpl.is_amass, smpl.read_amass),
    (soma.is_soma, soma.read_soma),
    (keypoints.is_phalp, keypoints.read_phalp),
    (keypoints.is_sam3d, keypoints.read_sam3d),
    (h36m.is_reconstruction, h36m.read_reconstruction),
    (h36m.is_joints, h36m.read),
    (keypoints.is_freemocap, keypoints.read_freemocap),
)
"""Test of the content and reader of each family, the narrow tests first."""

_RESULTS = (
    *("hmr4d_results.pt", "hpe_results.pt", "smpl_params.pt", "wham_output.pkl", "results.pkl", "hps_track_0.npy"),
    *("output_keypoints_3d.npz", "X3D.npy", "mediapipe_body_3d_xyz.npy", "mediapipe_skeleton_3d.npy"),
    *("*.trc", "*.c3d", "*.pkl", "*.npz", "*.npy", "*.pt"),
)
"""Results in a folder that a system wrote, the best first; a system also leaves other files in it."""

WHAT = "3D motion of a known system"


def read(path: Path) -> Motion3D:
    """The people in the results of another system: a file, or the folder that it wrote.

    Nothing of the file is executed, and meshes in it are passed over.

    Raises:
        UserError: For files of an unknown format, or whose content is damaged or makes no sense.
    """
    if path.is_dir():
        path = _result_in(path)
    if not path.is_file():
        raise file_not_found(path, f"give {WHAT}")
    with path.open("rb") as stream:
        start = stream.read(len(trc.TRC) + 3)
    if trc.TRC in start:
        return checked(trc.read_trc(path), path)
    if len(start) > 2 and start[1] == trc.C3D and 2 <= start[0] < 0x28:
        return checked(trc.read_c3d(path), path)
    content = object_archive.load_any(path, WHAT)
    for recognise, reader in _READERS:
        if recognise(content):
            return checked(reader(path, content), path)
    named = f" ({', '.join(sorted(map(str, content))[:5])})"[:120] if isinstance(content, dict) else ""
    shape = f" {content.shape}" if isinstance(content, np.ndarray) else ""
    raise UserError(
        f"{path}: not {WHAT}{named}{shape}; docs/technical-director/sources-3d.md lists those that are read"
    )


def _result_in(folder: Path) -> Path:
    """The file of results in a system's output folder. Raises UserError for none, or several of one kind."""
    for pattern in _RESULTS:
        found = sorted(path for path in folder.rglob(pattern) if path.is_file())
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(path.name for path in found[:3])
            raise UserError(f"{folder}: several files may be meant ({names}); give one of them")
    raise UserError(f"{folder}: no {WHAT} in it; give the file itself")


def of_command(
    command: str, video: Path, progress: Progress, patience: float = detector_command.PATIENCE_S
) -> Motion3D:
    """Runs another system on a video and reads its results: as :func:`.detector_command.people_of` does it for 2D."""
    what = "motion command"
    with tempfile.TemporaryDirectory(prefix="pose3d-", ignore_cleanup_errors=True) as folder:
        output = Path(folder)
        arguments = detector_command.arguments_of(command, video, output, what=what)
        detector_command.run(arguments, output, progress, patience, what, "Estimating 3D")
        if not any(output.iterdir()):
            raise UserError(f"the {what} wrote nothing into {{output}}; check its options: {command}")
        return read(output)
