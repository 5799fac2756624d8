"""Videos of every container, codec, size and rate that this build of FFmpeg can write, and what damage does to them."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from pose3d_engine.contract.errors import UserError
from pose3d_engine.media import video

FRAMES = 12


@dataclass(frozen=True)
class Kind:
    """A generated clip: its picture is dark on the left, bright on the right, and its top brightens over time.

    shown: its size with square pixels, where that is another. first: seconds of its first timestamp. tolerance: of
    255, by which colours may be off.
    """

    file: str
    codec: str
    pixels: str = "yuv420p"
    size: tuple[int, int] = (96, 64)
    shown: tuple[int, int] | None = None
    fps: Fraction = field(default=Fraction(25))
    frames: int = FRAMES
    first: float = 0.0
    options: tuple[tuple[str, str], ...] = ()
    container: tuple[tuple[str, str], ...] = ()
    sound: bool = False
    tolerance: float = 30.0
    tags: tuple[tuple[str, int], ...] = ()

    def __str__(self) -> str:
        return Path(self.file).stem


def picture(size: tuple[int, int], share: float) -> np.ndarray:
    """(height, width, 3) RGB; ``share`` 0..1 of the way through the clip."""
    width, height = size
    image = np.full((height, width, 3), 60, np.uint8)
    image[:, width // 2 :] = 200
    image[: height // 2] = np.clip(image[: height // 2] * (0.3 + 0.7 * share), 0, 255).astype(np.uint8)
    return image


def write(kind: Kind, folder: Path) -> Path:
    path = folder / kind.file
    with av.open(str(path), "w", options=dict(kind.container)) as container:
        stream = container.add_stream(kind.codec, rate=kind.fps, options=dict(kind.options))
        stream.width, stream.height = kind.size
        stream.pix_fmt = kind.pixels
        for name, value in kind.tags:
            setattr(stream.codec_context, name, value)
        voice = container.add_stream("aac", rate=8000, layout="mono") if kind.sound else None
        offset = round(kind.first * kind.fps)
        for index in range(kind.frames):
            image = picture(kind.size, index / max(1, kind.frames - 1))
            frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format=kind.pixels)
            frame.pts, frame.time_base = index + offset, 1 / kind.fps
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if voice is not None:
            samples = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            samples.sample_rate = 8000
            container.mux(voice.encode(samples))
            container.mux(voice.encode(None))
    return path


GIF_PIXELS = "rgb8"
KINDS = [
    Kind("h264.mp4", "libx264"),
    Kind("h264.mov", "libx264"),
    Kind("h264.mkv", "libx264"),
    Kind("h264.avi", "libx264", options=(("bf", "0"),)),
    Kind("h264.ts", "libx264"),
    Kind("h264.flv", "libx264"),
    Kind("h264-baseline.mp4", "libx264", options=(("profile", "baseline"),)),
    Kind("h264-reordered.mp4", "libx264", options=(("bf", "3"), ("g", "12"))),
    Kind("h264-full-range.mp4", "libx264", "yuvj420p"),
    Kind("h264-422.mov", "libx264", "yuv422p"),
    Kind("h264-444.mp4", "libx264", "yuv444p"),
    Kind("h264-10bit.mkv", "libx264", "yuv420p10le"),
    Kind("h264-rgb.mkv", "libx264rgb", "rgb24"),
    Kind("h264-fragmented.mp4", "libx264", container=(("movflags", "frag_keyframe+empty_moov"),)),
    Kind("h264-faststart.mp4", "libx264", container=(("movflags", "faststart"),)),
    Kind("h264-with-sound.mp4", "libx264", sound=True),
    Kind("hevc.mp4", "libx265"),
    Kind("hevc.mkv", "libx265"),
    Kind("hevc-10bit.mp4", "libx265", "yuv420p10le"),
    # BT.2020 with the PQ curve: what phones call HDR. Its tones are not mapped, so they are not compared closely.
    Kind(
        "hevc-hdr.mov",
        "libx265",
        "yuv420p10le",
        tolerance=90,
        tags=(("color_primaries", 9), ("color_trc", 16), ("colorspace", 9)),
    ),
    Kind("vp8.webm", "libvpx"),
    Kind("vp9.webm", "libvpx-vp9"),
    Kind("vp9.mp4", "libvpx-vp9"),
    Kind("vp9-alpha.webm", "libvpx-vp9", "yuva420p"),
    Kind("av1.mp4", "libsvtav1", options=(("preset", "12"),)),
    Kind("av1-10bit.mkv", "libsvtav1", "yuv420p10le", options=(("preset", "12"),)),
    Kind("mpeg4.avi", "mpeg4"),
    Kind("mpeg4.mp4", "mpeg4"),
    Kind("mpeg4-packed.avi", "mpeg4", options=(("bf", "2"),)),
    Kind("mpeg2.mpg", "mpeg2video"),
    Kind("mpeg2-interlaced.ts", "mpeg2video", options=(("flags", "+ildct+ilme"),)),
    Kind("h264-interlaced.mp4", "libx264", options=(("flags", "+ildct+ilme"), ("x264-params", "tff=1"))),
    Kind("mjpeg.avi", "mjpeg", "yuvj420p"),
    Kind("mjpeg.mov", "mjpeg", "yuvj444p"),
    Kind("prores.mov", "prores_ks", "yuv422p10le"),
    Kind("prores-4444-alpha.mov", "prores_ks", "yuva444p10le"),
    Kind("animation-alpha.mov", "qtrle", "argb"),
    Kind("png.mov", "png", "rgba"),
    Kind("ffv1.mkv", "ffv1"),
    Kind("huffyuv.avi", "huffyuv", "yuv422p"),
    Kind("raw.avi", "rawvideo", "yuv420p"),
    Kind("wmv.wmv", "wmv2"),
    Kind("flash.flv", "flv1"),
    Kind("phone-2004.3gp", "h263", size=(176, 144), shown=(192, 144)),
    Kind("animation.gif", "gif", GIF_PIXELS, fps=Fraction(10), tolerance=60),
    Kind("animation.apng", "apng", "rgb24"),
    Kind("odd-size.mp4", "libx264", "yuv444p", size=(97, 65)),
    Kind("odd-size.gif", "gif", GIF_PIXELS, size=(33, 17), fps=Fraction(10), tolerance=80),
    Kind("odd-size.webm", "libvpx-vp9", size=(101, 67)),
    Kind("tiny-16x16.mp4", "libx264", size=(16, 16)),
    Kind("narrow-16x512.mp4", "libx264", size=(16, 512)),
    Kind("wide-1024x16.mp4", "libx264", size=(1024, 16)),
    Kind("uhd-4k.mp4", "libx264", size=(3840, 2160), frames=2, options=(("preset", "ultrafast"),)),
    Kind("8k.mp4", "libx264", size=(7680, 4320), frames=2, options=(("preset", "ultrafast"),)),
    Kind("1-fps.mp4", "libx264", fps=Fraction(1)),
    Kind("ntsc-23.976.mp4", "libx264", fps=Fraction(24000, 1001)),
    Kind("ntsc-29.97.mkv", "libx264", fps=Fraction(30000, 1001)),
    Kind("12.5-fps.avi", "mpeg4", fps=Fraction(25, 2)),
    Kind("120-fps.mp4", "libx264", fps=Fraction(120)),
    Kind("240-fps.mp4", "libx264", fps=Fraction(240)),
    # An empty edit at the beginning, as editing programs leave it; then a stream whose stamps begin below zero.
    Kind("late-start.mp4", "libx264", first=2.0),
    Kind("late-start.mkv", "libx264", first=5.0),
    Kind("negative-start.mkv", "libx264", first=-1.0, container=(("avoid_negative_ts", "disabled"),)),
    # Bare streams: no timestamps, no length, no index.
    Kind("bare.h264", "libx264"),
    Kind("bare.m4v", "mpeg4"),
    Kind("bare.mjpeg", "mjpeg", "yuvj420p"),
    Kind("bare.ivf", "libvpx"),
]


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_every_kind_is_read_whole(tmp_path: Path, kind: Kind) -> None:
    path = write(kind, tmp_path)
    info = video.probe(path)
    shown = kind.shown or kind.size
    assert (info.width, info.height) == shown
    warnings: list[str] = []
    frames = list(video.read_frames(path, warn=warnings.append))
    assert not warnings
    assert [frame.index for frame in frames] == list(range(kind.frames))
    times = np.array([frame.time for frame in frames])
    assert times[0] == 0
    # A bare stream does not say its rate: FFmpeg assumes 25.
    np.testing.assert_allclose(np.diff(times), float(1 / kind.fps), atol=0.011 if kind.fps < 100 else 0.002)
    for frame, share in ((frames[0], 0.0), (frames[-1], 1.0)):
        width, height = shown
        assert frame.image.shape == (height, width, 3)
        assert frame.image.flags.c_contiguous
        wanted = picture(shown, share).astype(float)
        for y in (height // 4, 3 * height // 4):
            for x in (width // 4, 3 * width // 4):
                assert np.abs(frame.image[y, x] - wanted[y, x]).max() < kind.tolerance, (y, x, share)


def test_what_an_edit_list_hides_is_not_there(tmp_path: Path) -> None:
    # Frames before zero, as trimming in a phone leaves them: a player does not show them.
    path = write(Kind("trimmed.mp4", "libx264", first=-0.2, options=(("bf", "2"),)), tmp_path)
    frames = list(video.read_frames(path))
    assert 5 <= len(frames) <= FRAMES
    assert [frame.index for frame in frames] == list(range(len(frames)))
    assert frames[0].time == 0
    assert frames[-1].time == pytest.approx((len(frames) - 1) / 25, abs=0.011)


def with_cover(path: Path) -> Path:
    """A clip whose first stream is the picture of its cover."""
    jpeg = av.CodecContext.create("mjpeg", "w")
    jpeg.width, jpeg.height, jpeg.pix_fmt, jpeg.time_base = 32, 32, "yuvj420p", Fraction(1, 25)
    cover = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 255, np.uint8), format="rgb24").reformat(format="yuvj420p")
    data = bytes(jpeg.encode(cover)[0])
    with av.open(str(path), "w") as container:
        art = container.add_stream("mjpeg", rate=25)
        art.width, art.height, art.pix_fmt = 32, 32, "yuvj420p"
        art.disposition = av.stream.Disposition.attached_pic
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        container.start_encoding()
        packet = av.Packet(data)
        packet.stream, packet.pts, packet.dts, packet.time_base = art, 0, 0, Fraction(1, 25)
        container.mux(packet)
        for index in range(FRAMES):
            frame = av.VideoFrame.from_ndarray(picture((96, 64), index / FRAMES), format="rgb24")
            container.mux(stream.encode(frame.reformat(format="yuv420p")))
        container.mux(stream.encode(None))
    return path


def test_a_cover_is_not_the_video(tmp_path: Path) -> None:
    path = with_cover(tmp_path / "cover.mp4")
    info = video.probe(path)
    assert (info.width, info.height) == (96, 64)
    assert len(list(video.read_frames(path))) == FRAMES


@pytest.mark.parametrize("name", ["single.png", "single.jpg"])
def test_a_picture_is_a_video_of_one_frame(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    codec, pixels = ("png", "rgb24") if name.endswith("png") else ("mjpeg", "yuvj420p")
    write(Kind(name, codec, pixels, frames=1, container=(("update", "1"),)), tmp_path)
    assert len(list(video.read_frames(path))) == 1


@pytest.mark.parametrize("name", ["frame_%03d.png", "frame_*.png", "concat:a.mp4|b.mp4", "http://127.0.0.1:9/a.mp4"])
def test_patterns_and_addresses_are_no_files(tmp_path: Path, name: str) -> None:
    for index in range(3):
        write(Kind(f"frame_{index:03d}.png", "png", "rgb24", frames=1, container=(("update", "1"),)), tmp_path)
    with pytest.raises(UserError, match="File not found"):
        video.probe(tmp_path / name)


DAMAGED = [
    kind for kind in KINDS if kind.file in ("h264.mp4", "h264.mkv", "vp9.webm", "mpeg4.avi", "h264.ts", "h264.mov")
]
DAMAGED += [kind for kind in KINDS if kind.file in ("animation.gif", "hevc.mp4", "av1.mp4", "prores.mov", "mjpeg.avi")]


@pytest.mark.parametrize("kind", DAMAGED, ids=str)
@pytest.mark.parametrize("damage", ["truncated", "flipped", "zeroed", "shuffled"])
def test_damage_is_frames_or_one_clear_line(tmp_path: Path, kind: Kind, damage: str) -> None:
    whole = write(kind, tmp_path).read_bytes()
    random = np.random.default_rng(len(whole))
    path = tmp_path / f"damaged{Path(kind.file).suffix}"
    survived = 0
    for attempt in range(8):
        path.write_bytes(_damaged(whole, damage, attempt, random))
        warnings: list[str] = []
        try:
            frames = list(video.read_frames(path, warn=warnings.append))
        except UserError as error:
            assert str(path) in str(error)
            assert "\n" not in str(error)
            continue
        survived += 1
        times = [frame.time for frame in frames]
        assert times == sorted(set(times))
        assert len(warnings) <= 1
        assert len({frame.image.shape for frame in frames}) == 1
    # Single wrong bits seldom make a file unreadable; where they all did, something else is wrong.
    assert damage != "flipped" or survived


def _damaged(whole: bytes, damage: str, attempt: int, random: np.random.Generator) -> bytes:
    content = bytearray(whole)
    if damage == "truncated":
        return bytes(content[: len(content) * attempt // 8])
    if damage == "flipped":
        for at in random.integers(0, len(content), 1 + 4 * attempt):
            content[at] ^= 1 << int(random.integers(8))
        return bytes(content)
    start = int(random.integers(0, len(content)))
    length = min(len(content) - start, 16 << attempt)
    if damage == "zeroed":
        content[start : start + length] = bytes(length)
    else:
        piece = np.frombuffer(bytes(content[start : start + length]), np.uint8)
        content[start : start + length] = random.permutation(piece).tobytes()
    return bytes(content)


def test_a_file_that_grows_while_it_is_read(tmp_path: Path) -> None:
    # A recording that is still being copied: what is there is read, or the cut is named.
    whole = write(KINDS[0], tmp_path).read_bytes()
    path = tmp_path / "growing.mp4"
    stream = io.BytesIO(whole)
    path.write_bytes(stream.read(len(whole) // 2))
    with pytest.raises(UserError):
        list(video.read_frames(path))
    path.write_bytes(whole)
    assert len(list(video.read_frames(path))) == FRAMES
