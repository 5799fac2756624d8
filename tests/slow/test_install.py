"""The add-on's zip, an empty home and the package registry: until a person is captured, with nothing made up.

In Debian's Blender without a window, by the operators that the buttons call. About 2 GB of disk and five minutes.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ENABLE = """
import json, os, sys, traceback
import bpy
def main():
    bpy.ops.preferences.addon_install(filepath=sys.argv[sys.argv.index("--") + 1])
    bpy.ops.preferences.addon_enable(module="video_to_mocap")
    chosen = bpy.context.preferences.addons["video_to_mocap"].preferences
    chosen.build = "cpu"
    settings = bpy.context.scene.video_to_mocap
    from video_to_mocap.engine import installed
    from video_to_mocap.features.install import condition as install
"""

END = """
try:
    main()
except BaseException:
    traceback.print_exc()
    sys.stdout.flush(); sys.stderr.flush()
    os._exit(4)
"""


class Home:
    """A home directory in which Blender is started for the first time."""

    def __init__(self, folder: Path, archive: Path) -> None:
        self.folder, self.archive = folder, archive
        folder.mkdir(parents=True, exist_ok=True)
        self.engine = folder / ".local" / "share" / "video-to-mocap" / "engine"
        names = ("BLENDER_", "XDG_", "VIDEO_TO_MOCAP_", "PYTHON")
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith(names)}
        # The home is empty, but how this computer reaches its package registry is none of its business.
        config = [Path.home() / ".config" / "pip" / "pip.conf", Path.home() / ".pip" / "pip.conf"]
        for path in filter(Path.is_file, config):
            self.environment.setdefault("PIP_CONFIG_FILE", str(path))
        self.environment["HOME"] = str(folder)

    def start(self, body: str) -> subprocess.Popen[str]:
        script = self.folder / "script.py"
        script.write_text(ENABLE + "".join(f"    {line}\n" for line in body.strip().splitlines()) + END)
        return subprocess.Popen(
            ["blender", "-b", "--factory-startup", "-noaudio", "-P", str(script), "--", str(self.archive)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self.folder,
            env=self.environment,
            start_new_session=True,
        )

    def run(self, body: str) -> str:
        blender = self.start(body)
        try:
            printed, _ = blender.communicate(timeout=600)
        finally:
            blender.kill()
        log = self.engine / "install.log"
        assert blender.returncode == 0 and "Traceback" not in printed, printed + "\n".join(
            log.read_text().splitlines()[-40:] if log.is_file() else []
        )
        return printed

    @property
    def log(self) -> str:
        return (self.engine / "install.log").read_text()


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from scripts import build_addon

    return build_addon.build(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def captured(archive: Path, demo_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home in which Blender was killed while it installed, then installed again, and captured a person."""
    home = Home(tmp_path_factory.mktemp("an empty höme"), archive)
    blender = home.start("bpy.ops.video_to_mocap.install()")
    unfinished, deadline = home.engine / "env1" / "unfinished.json", time.monotonic() + 500
    while not (unfinished.is_file() and "torch" in json.loads(unfinished.read_text())["done"]):
        assert blender.poll() is None and time.monotonic() < deadline, blender.communicate(timeout=10)[0]
        time.sleep(0.1)
    time.sleep(1.0)
    blender.kill()
    blender.wait()
    assert not (home.engine / "installed.json").exists()

    home.run(f"""
assert install.condition(bpy.context)[0] == installed.MISSING
bpy.ops.video_to_mocap.install()
assert install.condition(bpy.context)[0] == installed.READY, install.condition(bpy.context)
settings.video, settings.end = {str(demo_clip)!r}, 2.0
assert bpy.ops.video_to_mocap.analyse() == {{"FINISHED"}}
assert bpy.ops.video_to_mocap.capture() == {{"FINISHED"}}
person = next(item for item in bpy.data.objects if item.type == "ARMATURE")
first, last = person.animation_data.action.frame_range
assert person.type == "ARMATURE" and first == 1 and last >= 59, (first, last)
assert bpy.ops.video_to_mocap.check() == {{"FINISHED"}}
""")
    return home


def test_from_the_zip_to_a_captured_person(captured: Home) -> None:
    record = json.loads((captured.engine / "installed.json").read_text())
    assert 1000 < record["megabytes"] < 2000, "installer.builds says how much room it needs"
    assert Path(record["base"]).parts[1] == "usr" and record["report"]["problems"] == []
    left = {path.name for path in captured.engine.iterdir()}
    assert left == {"env1", "install.log", "installed.json", "lock"}


def test_what_was_whole_was_not_installed_again(captured: Home) -> None:
    log = captured.log
    assert "continuing in" in log and "after torch" in log
    assert not [line for line in log.splitlines() if line.startswith("> ") and "torch==" in line]


def test_an_extension_in_another_blender_uses_the_same_engine(captured: Home, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(f"""
import bpy
bpy.ops.extensions.package_install_files(
    filepath={str(captured.archive)!r}, repo="user_default", enable_on_install=True)
from bl_ext.user_default.video_to_mocap.features.install import condition as install
state, words = install.condition(bpy.context)
assert state == "ready" and {str(captured.engine)!r} in words, (state, words)
assert bpy.ops.video_to_mocap.check() == {{"FINISHED"}}
print("the same engine")
""")
    done = subprocess.run(
        [sys.executable, script], env=captured.environment, capture_output=True, text=True, timeout=120, cwd=tmp_path
    )
    assert "the same engine" in done.stdout, done.stdout + done.stderr


def test_without_a_network(captured: Home, archive: Path, tmp_path: Path) -> None:
    """From a folder of wheels, made by the commands of docs/animator/install.md; and without one, a plain word."""
    python = json.loads((captured.engine / "installed.json").read_text())["python"]
    (bundle,) = (captured.folder / ".config" / "blender").glob("*/scripts/addons/video_to_mocap/bundle")
    wheels = tmp_path / "wheels"
    download = [python, "-m", "pip", "download", "--quiet", "--only-binary", ":all:", "--dest", str(wheels)]
    (engine,) = bundle.glob("pose3d_engine-*.whl")
    subprocess.run(
        [*download, "--constraint", str(bundle / "constraints.txt"), str(engine), "torch==2.13.0+cpu"],
        env=captured.environment,
        check=True,
    )
    models = ["--no-deps", "--platform", "manylinux_2_28_x86_64", "--python-version", "311", "mediapipe==0.10.21"]
    subprocess.run([*download, *models], env=captured.environment, check=True)

    home = Home(tmp_path / "home", archive)
    nowhere = "http://127.0.0.1:9"
    for name in ("PIP_INDEX_URL", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        home.environment[name] = nowhere
    home.environment |= {"PIP_CONFIG_FILE": os.devnull, "PIP_RETRIES": "1"}
    home.environment.pop("PIP_FIND_LINKS", None)
    home.environment.pop("PIP_EXTRA_INDEX_URL", None)
    home.run(f"""
chosen.index = {nowhere!r}
try:
    bpy.ops.video_to_mocap.install()
except RuntimeError as error:
    assert "Check the internet connection" in str(error), error
else:
    raise AssertionError("installed without a network")
assert install.condition(bpy.context)[0] == installed.MISSING
chosen.wheels = {str(wheels)!r}
assert bpy.ops.video_to_mocap.install() == {{"FINISHED"}}
assert install.condition(bpy.context)[0] == installed.READY
assert bpy.ops.video_to_mocap.uninstall() == {{"FINISHED"}}
assert install.condition(bpy.context)[0] == installed.MISSING
""")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a small disk: a tmpfs of its own, or where that may not be mounted, the one of shared memory."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300m", "tmpfs", folder], check=False).returncode == 0
    if not mounted:
        folder = Path("/dev/shm") / f"video-to-mocap-{os.getpid()}"
        folder.mkdir()
        assert shutil.disk_usage(folder).free < 2e9, "no small disk here: run this as root"
    yield folder
    if mounted:
        subprocess.run(["umount", "--lazy", folder], check=True)
    else:
        shutil.rmtree(folder)


def test_with_too_little_disk(small_disk: Path, archive: Path, tmp_path: Path) -> None:
    home = Home(tmp_path / "home", archive)
    home.environment["XDG_DATA_HOME"] = str(small_disk)
    home.run("""
try:
    bpy.ops.video_to_mocap.install()
except RuntimeError as error:
    assert "Not enough disk space" in str(error) and "2.4 GB are needed" in str(error), error
else:
    raise AssertionError("installed on a small disk")
""")
    assert not list((small_disk / "video-to-mocap" / "engine").glob("env*"))
