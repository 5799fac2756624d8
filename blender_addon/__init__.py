"""Video to Mocap: an ordinary video of a person becomes an armature with keyframes.

Importing this package imports nothing of Blender, so that the maths, the engine's client and their tests run
anywhere; only :func:`register` does.
"""

from __future__ import annotations

import sys

bl_info = {
    "name": "Video to Mocap",
    "description": "Turns a video of a person into an armature with keyframes",
    "author": "The Video to Mocap contributors",
    "version": (0, 1, 0),
    "blender": (3, 4, 0),
    "location": "3D Viewport > Sidebar > Video to Mocap",
    "category": "Animation",
    "support": "COMMUNITY",
}

# Blender reloads only this module when a newer version was installed over a running one.
for _name in [name for name in sys.modules if name.startswith(__name__ + ".")]:
    del sys.modules[_name]
    globals().pop(_name[len(__name__) + 1 :], None)  # where ``from . import`` would find the old one


def register() -> None:
    """Called by Blender when the add-on is enabled."""
    from . import cli, features

    features.register()
    cli.register()


def unregister() -> None:
    """Called by Blender when the add-on is disabled and when Blender quits."""
    from . import cli, features

    cli.unregister()
    features.unregister()
