"""Rendered clips as videos, one for each camera, with one .npz of their truth."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from ...contract import arrays
from ...contract.atomic import replacing
from ...progress import Progress
from ...show.video_writer import writing
from ..data_sets.mocap_data import RATE
from .clips import Performance, Studio, pictures, truth
from .picture import Renderer
from .plans import Plan, carry_out


def make(plan: Plan, studio: Studio, folder: Path, progress: Progress) -> int:
    """Writes ``clip00000-0.mp4`` for each camera, and ``clip00000.npz``. Returns the number of new clips.

    Raises:
        UserError: A package is missing, or the folder cannot be written.
    """

    def files(number: int) -> list[Path]:
        name = plan.name(number)
        return [*(folder / f"{name}-{view}.mp4" for view in range(plan.views)), folder / f"{name}.npz"]

    def one(renderer: Renderer, performance: Performance, number: int) -> None:
        *videos, true = files(number)
        with ExitStack() as stack:
            writers = []
            for video, camera in zip(videos, performance.cameras, strict=True):
                temporary = stack.enter_context(replacing(video))
                writers.append(stack.enter_context(writing(temporary, camera.width, camera.height, RATE)))
            for frame, images in enumerate(pictures(renderer, performance)):
                for write, image in zip(writers, images, strict=True):
                    write(image, frame / RATE)
        arrays.save_npz(true, truth(performance))

    return carry_out(plan, studio, files, one, progress)
