"""Geometry of bodies, rigs and keys: numpy only, no Blender, so that it is tested without one."""
