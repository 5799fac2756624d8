"""Runs the whole way of the product on one clip and says where the results are: `make demo [VIDEO=...]`.

The environment variable VIDEO names the clip; without it the demo clip is taken. A clip called CLIP.mp4 leaves
motion.npz, preview.mp4, CLIP.fbx, CLIP.bvh, CLIP.blend and contact-sheet.png in out/CLIP/.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from scripts import ROOT, demo_clip

OUT = ROOT / "out"
FORMATS = ("fbx", "bvh", "blend")


def stage(title: str, command: list[str | Path]) -> float:
    """Runs one stage and returns its seconds. Raises CalledProcessError if it fails; it has said why by then."""
    print(f"-- {title}", file=sys.stderr, flush=True)
    start = time.monotonic()
    # Results of stages are lines for programs; here the summary at the end speaks.
    subprocess.run([sys.executable, *map(str, command)], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - start


def demo(video: Path, folder: Path) -> dict[str, float]:
    """Makes all results of ``video`` in ``folder`` and returns the seconds of each stage."""
    name = video.stem
    motion, preview, sheet = (folder / result for result in ("motion.npz", "preview.mp4", "contact-sheet.png"))
    scenes = [folder / f"{name}.{extension}" for extension in FORMATS]
    for stale in (motion, preview, sheet, *scenes):
        stale.unlink(missing_ok=True)

    seconds = {}
    engine: list[str | Path] = ["-m", "pose3d_engine", "run", video, "-o", motion, "--preview", preview]
    seconds["video to motion"] = stage("video to motion", engine)
    with tempfile.TemporaryDirectory() as temporary:
        # Results are named after their input, and the motion file of a demo is called motion.npz.
        named = shutil.copy(motion, Path(temporary) / f"{name}.npz")
        batch: list[str | Path] = [ROOT / "scripts" / "batch.py", named, "--output-dir", folder]
        batch += [word for extension in FORMATS for word in ("--format", extension)]
        seconds["motion to armature"] = stage("motion to armature, FBX, BVH and .blend", batch)
    pictures: list[str | Path] = ["-m", "scripts.contact_sheet", video, motion, "-o", sheet]
    seconds["contact sheet"] = stage("contact sheet", pictures)

    made = [motion, *scenes, preview, sheet]
    lacking = [str(result) for result in made if not result.is_file()]
    if lacking:
        raise FileNotFoundError(f"not made, though every stage ended well: {', '.join(lacking)}")
    for result in made:
        print(f"{result}  ({result.stat().st_size / 1e6:.1f} MB)", flush=True)
    return seconds


def main() -> int:
    """Exit status 0 if all results were made, 2 for a clip that is not there, else that of the failed stage."""
    named = os.environ.get("VIDEO", "")
    try:
        video = Path(named).expanduser().resolve() if named else demo_clip.fetch()
        if not video.is_file():
            print(f"{video}: no such file; give the path of a video: make demo VIDEO=/path/to.mp4", file=sys.stderr)
            return 2
        seconds = demo(video, OUT / video.stem)
    except subprocess.CalledProcessError as error:
        # What was wrong with the clip has been said; a crash says nothing by itself.
        if error.returncode < 0:
            print(f"ended by signal {-error.returncode}: {' '.join(error.cmd)}", file=sys.stderr)
        return abs(error.returncode)
    except (RuntimeError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(", ".join(f"{name}: {taken:.0f} s" for name, taken in seconds.items()), file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
