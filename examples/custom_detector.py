"""2D of your own detector to a motion file: custom_detector.py CLIP.mp4 KEYPOINTS.npy MOTION.npz

KEYPOINTS.npy: (T,17,3), a row for each frame of the clip: COCO-17 pixels and score 0..1, NaN where not detected.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

from pose3d_engine import AnalyseSettings, CaptureSettings, analyse, capture

video, keypoints, output = map(Path, sys.argv[1:])
with tempfile.TemporaryDirectory() as folder:
    track = Path(folder, "track.npz")
    np.savez(track, keypoints2d=np.load(keypoints))
    people = analyse(video, AnalyseSettings(keypoints=track))
(motion,) = capture(people, CaptureSettings())
motion.save(output)
