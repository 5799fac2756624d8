"""A video to a motion file, here its first two seconds: video_to_motion.py CLIP.mp4 MOTION.npz"""

import sys
from pathlib import Path

from pose3d_engine import AnalyseSettings, CaptureSettings, analyse, capture

video, output = map(Path, sys.argv[1:])
people = analyse(video, AnalyseSettings(end=2.0))
(motion,) = capture(people, CaptureSettings(person="largest", height=1.75))
motion.save(output)
print(f"person {motion.meta['person']} of {len(people.keypoints2d)}: {len(motion)} frames")
print("the Hip moves by", (motion.world[-1, 0] - motion.world[0, 0]).round(2), "m, z up")
