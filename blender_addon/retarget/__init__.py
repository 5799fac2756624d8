"""From the joints of a motion file to keyframes on an armature.

``motion_file``, ``rotations``, ``skeleton``, ``solve``, ``transfer``, ``foot_lock``, ``bone_map``, ``recognise``,
``timeline`` and ``body`` are plain numpy and know nothing of Blender; ``keyframes``, ``apply``, ``character`` and
``camera`` write what they computed into Blender's data.
"""
