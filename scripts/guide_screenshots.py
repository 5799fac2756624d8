"""The pictures of docs/guide.md: goes the guide's whole way in Debian's Blender, on a virtual screen, in an empty home.

    python scripts/guide_screenshots.py [FILM.mp4]

Installs the add-on's zip and, by its button, the engine (about a gigabyte from the package registry). Then a film of
our own is analysed, captured, cleaned up and exported: FILM.mp4, or what guide_film.py makes. Leaves
docs/images/guide/*.png. Needs blender and xvfb-run. Exit status 1 if anything on the way fails.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS, OUTPUT = ROOT / "scripts", ROOT / "out" / "guide"
PICTURES = ROOT / "docs" / "images" / "guide"

COLOURS = 255
TIMEOUT = 2400


def empty_home(folder: Path) -> dict[str, str]:
    """The variables of somebody who starts Blender for the first time, with ``folder`` as their home."""
    names = ("BLENDER_", "XDG_", "VIDEO_TO_MOCAP_", "PYTHON")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(names)}
    # How this computer reaches its package registry is not part of a home.
    for path in (Path.home() / ".config" / "pip" / "pip.conf", Path.home() / ".pip" / "pip.conf"):
        if path.is_file():
            environment.setdefault("PIP_CONFIG_FILE", str(path))
    folder.mkdir()
    return environment | {"HOME": str(folder), "LIBGL_ALWAYS_SOFTWARE": "1"}


def follow(archive: Path, video: Path, environment: dict[str, str], output: Path) -> bool:
    """Follows the guide in Blender; whether it came to its end without an error on the console."""
    # fmt: off
    command = [
        "xvfb-run", "-a", "-s", "-screen 0 1280x800x24 +extension GLX",
        "blender", "--factory-startup", "-noaudio", "-p", "0", "0", "1280", "800", "--enable-event-simulate",
        "-P", str(SCRIPTS / "guide_window.py"), "--",
        str(ROOT / "tests" / "ui"), str(archive), str(video), str(output),
    ]
    # fmt: on
    console = output / "console.txt"
    with console.open("w", encoding="utf-8") as stream:
        window = subprocess.Popen(
            command, stdout=stream, stderr=subprocess.STDOUT, env=environment, start_new_session=True
        )
        try:
            status = window.wait(timeout=TIMEOUT)
        finally:
            if window.poll() is None:
                os.killpg(window.pid, signal.SIGKILL)
                window.wait()
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
    for program in ("blender", "xvfb-run"):
        if not shutil.which(program):
            print(f"{program} is missing: apt-get install blender xvfb python3-numpy", file=sys.stderr)
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
            subprocess.run([sys.executable, SCRIPTS / "guide_film.py", video], check=True)
        done = subprocess.run(
            [sys.executable, SCRIPTS / "build_addon.py", "--output-dir", temporary],
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
