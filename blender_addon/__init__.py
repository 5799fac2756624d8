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


_FORMER = "blender_addon"
"""What the legacy add-on was called until 0.1; source folders still are."""


def _disable_former() -> None:
    """Disables the add-on of 0.1 where it is enabled, too: both have the same operators and panels."""
    import addon_utils

    module = sys.modules.get(_FORMER)
    if __name__ != _FORMER and getattr(module, "__addon_enabled__", False):
        addon_utils.disable(_FORMER, default_set=True)


def register() -> None:
    """Called by Blender when the add-on is enabled."""
    from . import cli, features

    _disable_former()
    features.register()
    cli.register()


def unregister() -> None:
    """Called by Blender when the add-on is disabled and when Blender quits."""
    from . import cli, features

    cli.unregister()
    features.unregister()
