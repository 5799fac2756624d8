"""Rendered people whose truth is known: a free parametric body, posed by motion capture, before virtual cameras.

``pose3d render MOCAP.npz -o DIR`` makes clips; docs/contributor/rendering.md explains them.

World axes are Blender's: z up, the floor at z = 0, a person at rest faces -y. Camera axes: x right, y down, z forward.
Pixels begin at the upper left corner of the picture, so the middle of the first pixel is (0.5, 0.5).
"""
