"""The preview: its size, its times, and that both skeletons are in it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from pose3d_engine.contract.errors import Cancelled, UserError
from pose3d_engine.contract.motion_file import Motion
from pose3d_engine.contract.skeletons import COCO17, H36M17, SIDE_COLOURS
from pose3d_engine.media import video
from pose3d_engine.show import preview

FRAMES = 8

BODY = {
    "Hip": (0, 0, 0.95),
    "RHip": (-0.12, 0, 0.95),
    "RKnee": (-0.13, 0, 0.5),
    "RAnkle": (-0.13, 0, 0.08),
    "LHip": (0.12, 0, 0.95),
    "LKnee": (0.13, 0, 0.5),
    "LAnkle": (0.13, 0, 0.08),
    "Spine": (0, 0, 1.2),
    "Thorax": (0, 0, 1.45),
    "Neck/Nose": (0, -0.05, 1.58),
    "Head": (0, 0, 1.72),
    "LShoulder": (0.18, 0, 1.43),
    "LElbow": (0.45, 0, 1.43),
    "LWrist": (0.7, 0, 1.43),
    "RShoulder": (-0.18, 0, 1.43),
    "RElbow": (-0.45, 0, 1.43),
    "RWrist": (-0.7, 0, 1.43),
}


def grey_clip(path: Path, size: tuple[int, int]) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("h264", rate=25)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for index in range(FRAMES):
            frame = av.VideoFrame.from_ndarray(np.full((size[1], size[0], 3), 128, np.uint8), format="rgb24")
            # The rate varies: the fifth frame comes late.
            frame.pts, frame.time_base = 40 * index + (100 if index >= 4 else 0), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def motion_of(clip: Path, rows: slice = slice(None)) -> Motion:
    """Somebody with arms stretched out, in the left half of the picture; the right arm is not seen."""
    info = video.probe(clip)
    stamps = [(frame.index, frame.time) for frame in video.read_frames(clip)][rows]
    count = len(stamps)
    keypoints = np.zeros((17, 3), np.float32)
    for name in COCO17.joints:
        side = -1 if name.startswith("right") else 1
        part = name.rpartition("_")[2]
        across = {"wrist": 0.2, "elbow": 0.12}.get(part, 0.05)
        down = {"ankle": 0.9, "knee": 0.7, "hip": 0.5}.get(part, 0.3 if part in ("wrist", "elbow", "shoulder") else 0.2)
        seen = 0.0 if name in ("right_wrist", "right_elbow") else 0.95
        keypoints[COCO17.index(name)] = info.width * (0.3 + side * across), info.height * down, seen
    world = np.array([BODY[joint] for joint in H36M17.joints], np.float32)
    return Motion(
        joints3d=np.zeros((count, 17, 3), np.float32),
        root=np.zeros((count, 3), np.float32),
        world=np.tile(world, (count, 1, 1)),
        camera_R=np.tile(np.eye(3, dtype=np.float32), (count, 1, 1)),
        camera_t=np.zeros((count, 3), np.float32),
        keypoints2d=np.tile(keypoints, (count, 1, 1)),
        confidence=np.ones((count, 17), np.float32),
        contacts=np.ones((count, 2), bool),
        frames=np.array([index for index, _ in stamps], np.int32),
        times=np.array([time for _, time in stamps]),
        meta={"fps": info.fps, "width": info.width, "height": info.height},
    )


def near(image: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    return (np.abs(image.astype(int) - colour).max(axis=-1) < 60).nonzero()


@pytest.mark.parametrize(("size", "expected"), [((800, 450), (1250, 450)), ((406, 720), (1000, 640))])
def test_both_skeletons_side_by_side(tmp_path: Path, size: tuple[int, int], expected: tuple[int, int]) -> None:
    clip, out = grey_clip(tmp_path / "clip.mp4", size), tmp_path / "out" / "preview.mp4"
    motion, steps = motion_of(clip), []
    preview.write_preview(clip, motion, out, lambda *step: steps.append(step))
    info = video.probe(out)
    assert (info.width, info.height) == expected
    assert steps[-1] == ("preview", FRAMES, FRAMES)
    frames = list(video.read_frames(out))
    assert [frame.time for frame in frames] == pytest.approx(motion.times.tolist(), abs=2e-3)
    image, left = frames[3].image, info.width - info.height
    flat, solid = image[:, :left], image[:, left:]
    for half in (flat, solid):
        assert near(half, SIDE_COLOURS["left"])[0].size > 50
        assert near(half, SIDE_COLOURS["right"])[0].size > 50
    # Facing the camera, the left arm is on the right; the right forearm was not seen, so it is not drawn.
    assert near(flat, SIDE_COLOURS["left"])[1].max() / left == pytest.approx(0.5, abs=0.03)
    assert near(flat, SIDE_COLOURS["right"])[1].min() / left > 0.22
    assert np.median(near(solid, SIDE_COLOURS["left"])[1]) > np.median(near(solid, SIDE_COLOURS["right"])[1])
    rows, columns = near(solid, SIDE_COLOURS["left"])
    assert rows.min() > 5 and rows.max() < info.height - 5 and columns.max() < info.height - 5, "all of it fits"


def test_only_the_motions_frames(tmp_path: Path) -> None:
    clip, out = grey_clip(tmp_path / "clip.mp4", (320, 240)), tmp_path / "preview.mp4"
    motion = motion_of(clip, slice(2, 6))
    preview.write_preview(clip, motion, out)
    times = [frame.time for frame in video.read_frames(out)]
    assert times == pytest.approx((motion.times - motion.times[0]).tolist(), abs=2e-3)


@pytest.mark.parametrize("name", ["preview.gif", "preview", "preview.mov"])
def test_other_kinds_are_refused_before_the_work(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=r"previews are \.mp4 files"):
        preview.require_preview(tmp_path / name)


def test_another_video_and_a_cancel_leave_no_file(tmp_path: Path) -> None:
    clip, out = grey_clip(tmp_path / "clip.mp4", (320, 240)), tmp_path / "results" / "preview.mp4"
    motion = motion_of(clip)
    motion.frames += 1000
    with pytest.raises(UserError, match="none of the motion's frames"):
        preview.write_preview(clip, motion, out)

    def cancel(stage: str, done: int, total: int | None) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        preview.write_preview(clip, motion_of(clip), out, cancel)
    with pytest.raises(UserError, match="File not found"):
        preview.write_preview(tmp_path / "nowhere.mp4", motion, out)
    assert not list(out.parent.iterdir())
