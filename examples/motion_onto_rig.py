"""A motion file onto your rig, in Blender without a window: motion_onto_rig.py MOTION.npz RIG.blend:OBJECT FOLDER"""

import json
import subprocess
import sys
from pathlib import Path

motion, rig, folder = sys.argv[1:]
batch = Path(__file__).resolve().parents[1] / "scripts" / "batch.py"
command = ["blender", "-b", "--python-exit-code", "1", "--python", str(batch), "--", motion, "--armature", rig]
command += ["--output-dir", folder, "--format", "fbx", "--format", "blend"]
done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
for line in done.stdout.splitlines():
    if line.startswith("{"):  # Blender prints lines of its own, too
        print(*json.loads(line)["outputs"], sep="\n")
