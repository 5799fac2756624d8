"""The user's own folders for caches and data, by the custom of the operating system.

The add-on finds its data folder in ``blender_addon/engine/installed.py``, because it runs before the engine is there.
"""

from __future__ import annotations

from pathlib import Path

import platformdirs


def cache_folder() -> Path:
    """The folder for what can be made again. It may not exist yet."""
    # opinion: without the further folder "Cache" that would lie in it under Windows.
    return Path(platformdirs.PlatformDirs("video_to_mocap", appauthor=False, opinion=False).user_cache_dir)


def data_folder() -> Path:
    """The folder for the user's weights and the installed engine. It may not exist yet."""
    return Path(platformdirs.PlatformDirs("video-to-mocap", appauthor=False).user_data_dir)
