"""One target under libFuzzer, in a process of its own: ``python -m tests.fuzz.run_one TARGET [OPTIONS]``."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable

import atheris

with atheris.instrument_imports(include=["pose3d_engine", "blender_addon"]):
    from tests.fuzz.targets import TARGETS


def mutator(mutate: Callable[[bytes, random.Random], bytes]) -> Callable[[bytes, int, int], bytes]:
    """``mutate`` as libFuzzer wants it; now and then libFuzzer's own way, so that no byte is out of reach."""

    def changed(data: bytes, max_size: int, seed: int) -> bytes:
        rng = random.Random(seed)
        if rng.random() < 0.2:
            return atheris.Mutate(data, max_size)
        content = mutate(data, rng)
        return content if len(content) <= max_size else data

    return changed


if __name__ == "__main__":
    target = next(target for target in TARGETS if target.name == sys.argv[1])
    atheris.Setup([sys.argv[0], *sys.argv[2:]], target.check, custom_mutator=mutator(target.mutate))
    atheris.Fuzz()
