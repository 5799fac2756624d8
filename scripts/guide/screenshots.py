"""The pictures of docs/animator/guide.md: follows it in Debian's Blender, on a virtual screen, in an empty home.

    python -m scripts.guide.screenshots [FILM.mp4]

Installs the add-on's zip and, by its button, the engine (about a gigabyte from the package registry). Then a film of
our own is analysed, captured, cleaned up and exported: FILM.mp4, or what film.py makes. Leaves
docs/images/guide/*.png. Needs blender and xvfb-run. Exit status 1 if anything on the way fails.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

from scripts import ROOT, virtual_screen

OUTPUT = ROOT / "out" / "guide"
PICTURES = ROOT / "docs" / "images" / "guide"

COLOURS = 255
PATIENCE_S = 2400.0


def empty_home(folder: Path) -> dict[str, str]:
    """The variables of somebody who starts Blender for the first time, with ``folder`` as their home."""
    environment = virtual_screen.environment(folder)
    # How this computer reaches its package registry is not part of a home.
    for path in (Path.home() / ".config" / "pip" / "pip.conf", Path.home() / ".pip" / "pip.conf"):
        if path.is_file():
            environment.setdefault("PIP_CONFIG_FILE", str(path))
    return environment


def follow(archive: Path, video: Path, environment: dict[str, str], output: Path) -> bool:
    """Follows the guide in Blender; whether it came to its end without an error on the console."""
    console = output / "console.txt"
    arguments = [ROOT / "tests" / "ui", archive, video, output]
    script = Path(__file__).with_name("window.py")
    status = virtual_screen.run(script, arguments, environment, console, patience=PATIENCE_S)
    printed = console.read_text(encoding="utf-8", errors="replace")
    if status == 0 and "did all that was asked" in printed and "Traceback" not in printed:
        return True
    print(printed[-5000:], file=sys.stderr)
    return False


def shrink(source: Path, target: Path) -> None:
    """A screenshot with a palette of its own, in which rare colours have a place, too: a third of the bytes."""
    with Image.open(source) as picture:
        few = picture.convert("RGB").quantize(COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        few.save(target, optimize=True)


def main(arguments: list[str]) -> int:
    """Returns the exit status."""
    if missing := virtual_screen.missing():
        print(missing, file=sys.stderr)
        return 1
    shutil.rmtree(OUTPUT, ignore_errors=True)
    OUTPUT.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary) / "home"
        environment = empty_home(home)
        video = home / "walker.mp4"
        if arguments:
            shutil.copy(arguments[0], video)
        else:
            subprocess.run([sys.executable, "-m", "scripts.guide.film", video], cwd=ROOT, check=True)
        done = subprocess.run(
            [sys.executable, "-m", "scripts.build_addon", "--output-dir", temporary],
            cwd=ROOT,
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        if not follow(Path(done.stdout.strip()), video, environment, OUTPUT):
            return 1
    PICTURES.mkdir(parents=True, exist_ok=True)
    for old in PICTURES.glob("*.png"):
        old.unlink()
    for path in sorted(OUTPUT.glob("*.png")):
        shrink(path, PICTURES / path.name)
        print(f"{PICTURES / path.name}: {(PICTURES / path.name).stat().st_size // 1000} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
