"""The film that docs/animator/guide.md is shown with: a mannequin who walks. It is our own and free for any use (CC0).

    python -m scripts.guide.film walker.mp4

The detector takes the mannequin for a person. Needs the engine's Python with the module ``bpy``.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import av
import bpy
from mathutils import Vector

from blender_addon.blend import armature
from blender_addon.maths import motion_file
from pose3d_engine.contract import atomic
from scripts import studio
from tests.support import synthetic

FRAMES, RATE, SIZE = 50, 25, (640, 480)


def make(path: Path) -> None:
    """Writes the film, H.264 of two seconds."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    with tempfile.TemporaryDirectory() as temporary, atomic.replacing(path) as unfinished:
        folder = Path(temporary)
        walk = synthetic.save_motion(folder / "walk.npz", *synthetic.stroll(FRAMES, RATE), rate=RATE)
        armature.capture_to_scene(bpy.context, [walk], set_scene=True)
        studio.light(scene, SIZE)
        scene.display.render_aa = "FXAA"
        studio.lay_floor(bpy.context, motion_file.load(walk))
        camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
        scene.collection.objects.link(camera)
        scene.camera = camera
        camera.location = (2.4, -4.3, 1.1)
        towards = Vector((0.0, -0.75, 0.88)) - camera.location
        camera.rotation_euler = towards.to_track_quat("-Z", "Y").to_euler()
        with av.open(str(unfinished), "w", format="mp4") as container:
            stream = container.add_stream("libx264", rate=RATE, options={"crf": "20"})
            stream.width, stream.height = SIZE
            stream.pix_fmt = "yuv420p"
            for frame in range(1, FRAMES + 1):
                picture = studio.render(scene, frame, folder)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
            container.mux(stream.encode(None))


if __name__ == "__main__":
    make(Path(sys.argv[1]))
    studio.leave(0)
