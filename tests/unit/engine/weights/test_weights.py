"""The register, and fetching from packages that are made here."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pose3d_engine import weights
from pose3d_engine.contract.errors import Cancelled, UserError
from pose3d_engine.progress import silent
from pose3d_engine.weights import package_archives

CONTENT = b"what a network has learned"
OTHER = b"a second file"


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def record(name: str, sha256: str | None, sources: list[dict[str, str]]) -> dict[str, object]:
    return {
        "name": name,
        "kind": "lifter",
        "title": "a test",
        "file": f"{name}.bin",
        "sha256": sha256,
        "licence": "MIT",
        "origin": "here",
        "credit": "us",
        "architecture": "tcn",
        "settings": {"rate": 50},
        "sources": sources,
    }


def source(client: str, member: str, content: bytes) -> dict[str, str]:
    return {"client": client, "package": "thing==1.0", "member": member, "sha256": digest(content)}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder of weights and a register of its own."""
    path = tmp_path / "register.json"
    path.write_text(
        json.dumps(
            {
                "weights": [
                    record("wheel", digest(CONTENT), [source("pip", "a/b.bin", CONTENT)]),
                    record("npm", digest(CONTENT), [source("npm", "package/b.bin", CONTENT)]),
                    record("changed", digest(CONTENT), [source("pip", "a/b.bin", OTHER)]),
                    record("other-result", digest(OTHER), [source("pip", "a/b.bin", CONTENT)]),
                    record("absent", digest(CONTENT), [source("pip", "a/nothing.bin", CONTENT)]),
                    record("yours", None, []),
                ]
            }
        )
    )
    entries = weights.read_register(path)
    monkeypatch.setattr(weights, "register", lambda: entries)
    chosen = tmp_path / "weights"
    monkeypatch.setenv(weights.FOLDER_VARIABLE, str(chosen))
    yield chosen


def wheel(package: str, folder: Path, progress: object) -> Path:
    path = folder / "thing.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/b.bin", CONTENT)
    return path


def tarball(package: str, folder: Path, progress: object) -> Path:
    path = folder / "thing.tgz"
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo("package/b.bin")
        member.size = len(CONTENT)
        archive.addfile(member, io.BytesIO(CONTENT))
    return path


def never(package: str, folder: Path, progress: object) -> Path:
    raise AssertionError("nothing should be downloaded")


@pytest.mark.parametrize(("name", "client", "download"), [("wheel", "pip", wheel), ("npm", "npm", tarball)])
def test_fetch_takes_the_file_out_of_the_package(
    folder: Path, name: str, client: str, download: Callable[..., Path]
) -> None:
    assert weights.locate(name) is None
    with pytest.raises(UserError, match=f"run: pose3d weights fetch {name}"):
        weights.require(name)
    path = weights.fetch(name, silent, {client: download})
    assert path == folder / f"{name}.bin" == weights.require(name) == weights.verify(name)
    assert path.read_bytes() == CONTENT
    assert weights.fetch(name, silent, {client: never}) == path, "a second time downloads nothing"


def test_a_damaged_file_is_found_and_fetched_again(folder: Path) -> None:
    path = weights.fetch("wheel", silent, {"pip": wheel})
    path.write_bytes(CONTENT[:-1])
    with pytest.raises(UserError, match=r"damaged.*delete it and run: pose3d weights fetch wheel"):
        weights.verify("wheel")
    assert weights.fetch("wheel", silent, {"pip": wheel}) == path
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("changed", "was not used: its SHA-256 is not the register's"),
        ("other-result", "differs from the register"),
        ("absent", "cannot be read from it"),
    ],
)
def test_what_is_not_as_registered_is_never_put_in_place(folder: Path, name: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        weights.fetch(name, silent, {"pip": wheel})
    assert "\n" not in str(caught.value)
    assert not folder.exists() or not list(folder.iterdir())


def test_weights_that_a_user_adds(folder: Path) -> None:
    with pytest.raises(UserError, match=r"put yours\.bin into"):
        weights.fetch("yours", silent, {"pip": never})
    folder.mkdir()
    (folder / "yours.bin").write_bytes(OTHER)
    assert weights.fetch("yours", silent, {}) == folder / "yours.bin" == weights.verify("yours")


def test_an_archive_of_openmmlab_is_unpacked_under_its_registered_name(folder: Path, tmp_path: Path) -> None:
    def packed(**members: bytes) -> Path:
        path = tmp_path / "yours.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in members.items():
                archive.writestr(f"20230605/{name}.onnx", content)
        return path

    assert weights.add(packed(end2end=OTHER)).read_bytes() == OTHER
    assert weights.require("yours") == folder / "yours.bin"
    for members in ({}, {"end2end": OTHER, "another": OTHER}):
        with pytest.raises(UserError, match=rf"yours.zip: holds {len(members)} .onnx files"):
            weights.add(packed(**members))
    whole = packed(end2end=100 * OTHER).read_bytes()
    for broken in (b"no archive", whole[:60]):
        (tmp_path / "yours.zip").write_bytes(broken)
        with pytest.raises(UserError, match="cannot be unpacked"):
            weights.add(tmp_path / "yours.zip")
    assert [path.name for path in folder.iterdir()] == ["yours.bin"]
    assert (folder / "yours.bin").read_bytes() == OTHER


def test_unknown_names_list_the_known_ones(folder: Path) -> None:
    with pytest.raises(UserError, match="there are wheel, npm, changed"):
        weights.require("nothing")


def test_a_register_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "register.json"
    for text in ("", "[]", '{"weights": [{"name": "x"}]}', '{"weights": 3}'):
        path.write_text(text)
        with pytest.raises(UserError, match="not a register of weights"):
            weights.read_register(path)


def test_the_package_manager_fails_in_one_line_and_obeys_a_cancel(tmp_path: Path) -> None:
    failing = [sys.executable, "-c", "print('noise'); print('ERROR: no such thing'); raise SystemExit(3)"]
    with pytest.raises(UserError, match=r"thing could not be downloaded \(ERROR: no such thing\)") as caught:
        package_archives.downloaded(failing, "thing", tmp_path, silent)
    assert "\n" not in str(caught.value)

    def cancel(stage: str, done: int, total: int | None) -> None:
        raise Cancelled

    sleeping = [sys.executable, "-c", "import time; time.sleep(60)"]
    with pytest.raises(Cancelled):
        package_archives.downloaded(sleeping, "thing", tmp_path, cancel)


def test_npm_is_asked_for_in_plain_words_where_it_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package_archives.shutil, "which", lambda name: None)
    with pytest.raises(UserError, match=r"install Node\.js"):
        package_archives.DOWNLOADS["npm"]("@some/thing@1.0", tmp_path, silent)


def test_the_projects_register_is_complete() -> None:
    entries = {entry.name: entry for entry in weights.register()}
    assert {"mediapipe-full", "mediapipe-heavy", "mediapipe-lite", "tcn-mocap"} <= set(entries)
    assert len(entries) == len(weights.register()), "two entries have one name"
    for entry in entries.values():
        assert entry.kind in ("detector", "lifter", "refinement")
        assert entry.licence and entry.origin and entry.credit and entry.title
        assert not entry.sources or entry.sha256, f"{entry.name}: what is fetched must be verified"
        for one in entry.sources:
            assert one.client in package_archives.DOWNLOADS and len(one.sha256) == 64
            version = one.package.rpartition("==" if one.client == "pip" else "@")[2]
            assert version[:1].isdigit(), f"{one.package}: needs an exact version"


def test_the_fetched_model_is_intact(detector_model: Path) -> None:
    assert weights.verify("mediapipe-full") == detector_model


@pytest.mark.parametrize("arguments", [["list"], ["verify", "mediapipe-full"], ["fetch", "mediapipe-full"]])
def test_the_command(detector_model: Path, arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pose3d_engine", "weights", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "mediapipe-full" in done.stdout and str(detector_model) in done.stdout
    if arguments == ["list"]:
        for entry in weights.register():
            assert entry.title in done.stdout and entry.licence in done.stdout
            assert (f"missing; run: pose3d weights fetch {entry.name}" in done.stdout) == bool(
                entry.sources and weights.locate(entry.name) is None
            )
