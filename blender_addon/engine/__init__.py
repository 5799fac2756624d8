"""Finds, starts and talks to the engine, which is a process of its own. Nothing here needs Blender."""
