"""Videos or motion files to FBX, BVH, glTF and .blend without a window.

    blender -b --python scripts/batch.py -- VIDEO... --output-dir DIR --format fbx --format bvh
    python scripts/batch.py VIDEO... --output-dir DIR        (where the module bpy is installed)

A folder stands for its videos, a pattern (takes/*.npz) for what fits it. With ``--jobs N`` N processes share the clips.

Several people of a video share one .blend, in which they stand where they were relative to each other; other formats
hold one person each. Motion files CLIP.person1.npz, CLIP.person2.npz that are given together are people of one video.

One line of JSON a result goes to stdout; a line a clip and a table at the end go to stderr, all else to DIR/logs.
(Blender itself greets on stdout before any script runs; results are the lines that begin with a brace.) Exit status: 0
all done, 1 some failed, 2 bad usage. Run again, it makes only what is missing, older than its input, or was made with
other settings.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import bpy

SCRIPT = Path(__file__).resolve()
sys.path.insert(0, str(SCRIPT.parents[1]))

from blender_addon import cli  # noqa: E402
from blender_addon.cli.run import WORKER  # noqa: E402


def _main() -> int:
    """Runs the command line of the add-on. Returns the exit status."""
    blender = bpy.app.binary_path
    if not blender:
        return cli.main(sys.argv[1:], (sys.executable, str(SCRIPT), WORKER), SCRIPT.name)
    given = sys.argv[1:]
    before, words = ["-b", "--python", str(SCRIPT)], given
    if "--" in given:
        before, words = given[: given.index("--")], given[given.index("--") + 1 :]
    return cli.main(words, (blender, *before, "--", WORKER), SCRIPT.name)


if __name__ == "__main__":
    status = _main()
    sys.stderr.flush()
    # Blender's own way out loses the status, and crashes in some versions of the module. It would also have removed
    # the folder of temporary files; where none could be made, the name is that of the system's own.
    folder = Path(bpy.app.tempdir)
    if folder.name.startswith("blender_"):
        shutil.rmtree(folder, ignore_errors=True)
    os._exit(status)
