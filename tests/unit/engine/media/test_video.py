"""Videos of every awkward kind, made here, and what is read from them."""

from __future__ import annotations

import io
import signal
import struct
import threading
from collections.abc import Callable, Sequence
from fractions import Fraction
from math import inf, nan
from pathlib import Path

import av
import numpy as np
import pytest

from pose3d_engine.contract.errors import UserError
from pose3d_engine.media import container, video

RED, GREEN, BLUE, WHITE = (220, 30, 30), (30, 200, 40), (30, 40, 220), (240, 240, 240)


def write_clip(
    path: Path,
    frames: int = 10,
    size: tuple[int, int] = (96, 64),
    rotation: int = 0,
    times_ms: Sequence[int] | None = None,
    movflags: str = "",
) -> Path:
    """A clip at 25 fps whose corners are red, green (top), blue and white (bottom) and whose centre brightens."""
    width, height = size
    with av.open(str(path), "w", options={"movflags": movflags} if movflags else {}) as output:
        stream = output.add_stream("h264", rate=25, options={"crf": "10"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for index in range(frames):
            image = np.full((height, width, 3), 20 + 200 * index // max(frames - 1, 1), np.uint8)
            h, w = height // 4, width // 4
            image[:h, :w], image[:h, -w:], image[-h:, :w], image[-h:, -w:] = RED, GREEN, BLUE, WHITE
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = times_ms[index] if times_ms else index * 40
            frame.time_base = Fraction(1, 1000)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    if rotation:
        tag_rotation(path, rotation)
    return path


def tag_rotation(path: Path, degrees: int) -> None:
    """Sets the matrix in an MP4's track header (ISO 14496-12, ``tkhd``), as phones do; clockwise degrees."""
    sine, cosine = {90: (1, 0), 180: (0, -1), 270: (-1, 0)}[degrees]
    content = bytearray(path.read_bytes())
    matrix = content.index(b"tkhd") + 4 + 40
    one = 1 << 16
    struct.pack_into(">9i", content, matrix, cosine * one, sine * one, 0, -sine * one, cosine * one, 0, 0, 0, 1 << 30)
    path.write_bytes(content)


def colour_name(pixel: np.ndarray) -> str:
    """The nearest of the four colours of the corners."""
    colours = {"red": RED, "green": GREEN, "blue": BLUE, "white": WHITE}
    return min(colours, key=lambda name: float(np.abs(pixel.astype(int) - colours[name]).sum()))


def corners(image: np.ndarray) -> list[str]:
    """Top left, top right, bottom left, bottom right."""
    return [colour_name(image[y, x]) for y, x in ((4, 4), (4, -5), (-5, 4), (-5, -5))]


def test_facts_and_frames(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4")
    info = video.probe(path)
    assert (info.width, info.height, info.fps, info.frames, info.rotation) == (96, 64, 25.0, 10, 0)
    assert info.duration == pytest.approx(0.4)
    frames = list(video.read_frames(path))
    assert [frame.index for frame in frames] == list(range(10))
    assert [frame.time for frame in frames] == pytest.approx([i / 25 for i in range(10)])
    image = frames[0].image
    assert image.shape == (64, 96, 3) and image.dtype == np.uint8
    assert image.flags.c_contiguous
    assert corners(image) == ["red", "green", "blue", "white"]
    centres = [int(frame.image[32, 48, 0]) for frame in frames]
    assert centres == sorted(centres) and centres[-1] - centres[0] > 150


@pytest.mark.parametrize(
    ("rotation", "expected"),
    [
        (90, ["blue", "red", "white", "green"]),
        (180, ["white", "blue", "green", "red"]),
        (270, ["green", "white", "red", "blue"]),
    ],
)
def test_the_rotation_tag_is_honoured(tmp_path: Path, rotation: int, expected: list[str]) -> None:
    path = write_clip(tmp_path / "turned.mp4", frames=2, rotation=rotation)
    info = video.probe(path)
    size = (64, 96) if rotation in (90, 270) else (96, 64)
    assert (info.width, info.height) == size
    assert info.rotation == rotation
    image = next(video.read_frames(path)).image
    assert image.shape == (size[1], size[0], 3) and image.flags.c_contiguous
    assert corners(image) == expected


def test_rows_that_ffmpeg_pads_are_contiguous(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "odd.mp4", frames=2, size=(90, 50))
    image = next(video.read_frames(path)).image
    assert image.shape == (50, 90, 3) and image.flags.c_contiguous


def test_a_variable_rate_keeps_its_times_and_starts_at_zero(tmp_path: Path) -> None:
    times = [500, 533, 700, 710, 1500]
    path = write_clip(tmp_path / "vfr.mp4", frames=5, times_ms=times)
    assert [frame.time for frame in video.read_frames(path)] == pytest.approx(
        [(time - 500) / 1000 for time in times], abs=1e-3
    )


def test_trimming_keeps_the_indices_of_the_file(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", frames=25)
    part = [(frame.index, round(frame.time, 3)) for frame in video.read_frames(path, 0.2, 0.36)]
    assert part == [(5, 0.2), (6, 0.24), (7, 0.28), (8, 0.32)]


def test_a_range_without_frames_says_where_the_video_ends(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4")
    with pytest.raises(UserError, match=r"no frame at or after 5 s; the video ends at 0\.40 s"):
        list(video.read_frames(path, 5))


@pytest.mark.parametrize(
    ("start", "end"), [(-1.0, None), (2.0, 1.0), (1.0, 1.0), (None, 0.0), (nan, None), (None, nan), (inf, None)]
)
def test_an_impossible_range_is_refused(tmp_path: Path, start: float | None, end: float | None) -> None:
    path = write_clip(tmp_path / "clip.mp4", frames=2)
    with pytest.raises(UserError, match="give"):
        video.read_frames(path, start, end)


def test_narrow_pixels_are_made_square(tmp_path: Path) -> None:
    path = tmp_path / "hdv.mp4"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("h264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 72, 54, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
        frame = av.VideoFrame.from_ndarray(np.full((54, 72, 3), 99, np.uint8), format="rgb24")
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    info = video.probe(path)
    assert (info.width, info.height) == (96, 54)
    assert next(video.read_frames(path)).image.shape == (54, 96, 3)


def test_names_with_spaces_colons_and_letters_of_any_script(tmp_path: Path) -> None:
    folder = tmp_path / "süß 動画"
    folder.mkdir()
    path = write_clip(folder / "Тест клип.mp4", frames=3)
    assert video.probe(path).frames == 3
    assert sum(1 for _ in video.read_frames(path)) == 3


def test_what_is_not_a_video(tmp_path: Path) -> None:
    text = tmp_path / "text.mp4"
    text.write_text("not a video\n" * 50)
    empty = tmp_path / "empty.mp4"
    empty.touch()
    sound = tmp_path / "sound.wav"
    with av.open(str(sound), "w") as output:
        stream = output.add_stream("pcm_s16le", rate=8000, layout="mono")
        samples = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        samples.sample_rate = 8000
        output.mux(stream.encode(samples))
        output.mux(stream.encode(None))
    for path, message in (
        (tmp_path / "nowhere.mp4", "File not found"),
        (tmp_path, "is a folder"),
        (text, "not a video"),
        (empty, "not a video"),
        (sound, "no picture"),
    ):
        for read in (video.probe, lambda path: list(video.read_frames(path))):
            with pytest.raises(UserError, match=message) as caught:
                read(path)
            assert str(path) in str(caught.value)
            assert "\n" not in str(caught.value)


def test_a_file_cut_in_the_middle_is_refused_at_once_and_read_up_to_the_cut(tmp_path: Path) -> None:
    # Noise, so that there is something to cut.
    path, cut = tmp_path / "whole.mp4", tmp_path / "cut.mp4"
    random = np.random.default_rng(0)
    with av.open(str(path), "w", options={"movflags": "faststart"}) as output:
        stream = output.add_stream("h264", rate=25, options={"g": "5"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for _ in range(100):
            image = random.integers(0, 255, (64, 96, 3), np.uint8)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        output.mux(stream.encode(None))
    content = path.read_bytes()
    cut.write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=r"cut off after [\d.]+ s of 4.00 s") as caught:
        video.read_frames(cut)
    assert str(cut) in str(caught.value)
    assert "\n" not in str(caught.value)
    end = float(str(caught.value).split()[-2])
    assert 1.2 < end < 2.8
    warnings: list[str] = []
    frames = list(video.read_frames(cut, end=end - 0.2, warn=warnings.append))
    assert len(frames) == pytest.approx((end - 0.2) * 25, abs=2)
    assert len(list(video.read_frames(path, warn=warnings.append))) == 100
    assert not warnings


def test_a_file_cut_before_its_index_is_refused(tmp_path: Path) -> None:
    content = write_clip(tmp_path / "whole.mp4").read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match="cut off before its index"):
        video.probe(cut)


def test_a_playlist_in_disguise_fetches_nothing(tmp_path: Path) -> None:
    path = tmp_path / "playlist.mp4"
    path.write_text("#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(UserError):
        list(video.read_frames(path))


def test_leaving_early_ends_the_decoding_thread(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", frames=50)
    frames = video.read_frames(path)
    next(frames)
    frames.close()  # type: ignore[attr-defined]
    assert not [thread for thread in threading.enumerate() if thread.name == "video"]


@pytest.mark.usefixtures("interruptible")
@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(("number", "expected"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)])
@pytest.mark.parametrize("read", [video.probe, video.read_frames])
def test_an_interrupt_while_ffmpeg_asks_for_bytes_is_not_the_end_of_the_file(
    demo_clip: Path, monkeypatch: pytest.MonkeyPatch, read: Callable[[Path], object], number: int, expected: type
) -> None:
    """PyAV prints what is raised there, goes on, and takes the file for ended."""
    moment = 0

    class Interrupted(container.ByteSource):
        def __init__(self, path: Path) -> None:
            super().__init__(path)
            self._stream = InterruptedStream(self._stream)  # type: ignore[assignment]

    class InterruptedStream:
        def __init__(self, stream: io.RawIOBase) -> None:
            self.stream = stream

        def read(self, size: int) -> bytes | None:
            nonlocal moment
            moment -= 1
            if not moment:
                signal.raise_signal(number)
            return self.stream.read(size)

        def __getattr__(self, name: str) -> object:
            return getattr(self.stream, name)

    with monkeypatch.context() as patched:
        patched.setattr(container, "ByteSource", Interrupted)
        for reads in (1, 2, 3):
            moment = reads
            with pytest.raises(expected):
                read(demo_clip)
    assert len(list(video.read_frames(demo_clip))) == video.probe(demo_clip).frames


def test_real_footage(demo_clip: Path) -> None:
    info = video.probe(demo_clip)
    assert (info.width, info.height, info.fps, info.frames) == (1768, 994, 30.0, 230)
    frames = [(frame.index, frame.image.shape) for frame in video.read_frames(demo_clip, 0.0, 0.2)]
    assert frames == [(index, (994, 1768, 3)) for index in range(6)]
