"""Installs, starts and talks to the engine, which is a separate process. Nothing here needs Blender."""
