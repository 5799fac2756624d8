"""Tools for the animator after the capture: smoother, fewer keys, feet that hold, a path that leads where it should.

Every tool is maths on a :class:`~.motion.Motion`, the sampled rotations and locations of an armature's bones, and
knows nothing of Blender; ``action`` alone reads and writes F-curves.
"""
