"""Plans: many clips from one seed, a part of them held out."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...progress import Progress
from .cameras import draw_view
from .clips import Performance, Recipe, Studio
from .picture import Renderer


@dataclass(frozen=True)
class Plan:
    """What to render.

    Attributes:
        count: Clips in total.
        seed: Of the first; each further clip has the next.
        held_out: Share of the clips that are held out, evenly spread.
        views: Cameras of each clip.
        frames: Of each clip.
    """

    count: int
    seed: int = 0
    held_out: float = 0.2
    views: int = 1
    frames: int = 72

    def recipe(self, number: int) -> Recipe:
        """The recipe of a clip."""
        held_out = int((number + 1) * self.held_out) > int(number * self.held_out)
        views = None
        if self.views > 1:
            rng = np.random.default_rng([self.seed + number, 1])
            views = tuple(draw_view(rng) for _ in range(self.views))
        return Recipe(self.seed + number, self.frames, held_out, views)

    def name(self, number: int) -> str:
        """The beginning of the names of a clip's files."""
        return f"clip{self.seed + number:05d}"


def carry_out(
    plan: Plan,
    studio: Studio,
    files: Callable[[int], Sequence[Path]],
    make: Callable[[Renderer, Performance, int], None],
    progress: Progress,
) -> int:
    """Makes the clips whose files are not there yet. Returns their number.

    Args:
        plan: What to make.
        studio: Body and motion.
        files: All files of a clip.
        make: Writes them.
        progress: Hears of each clip.

    Raises:
        UserError: A package is missing, or a file cannot be written.
    """
    # More threads of Mesa's renderer only wait for each other; it reads this when it starts.
    os.environ.setdefault("LP_NUM_THREADS", "2")
    renderer = Renderer(studio.model)
    made = 0
    try:
        for number in range(plan.count):
            if not all(file.is_file() for file in files(number)):
                make(renderer, studio.perform(plan.recipe(number)), number)
                made += 1
            progress("Rendering", number + 1, plan.count)
    finally:
        renderer.close()
    return made
