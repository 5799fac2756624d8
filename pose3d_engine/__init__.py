"""The engine of Video to Mocap: video in, 3D motion out. Never imports bpy."""

__version__ = "0.1.0"
