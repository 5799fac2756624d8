"""Many clips: which ones, who works on them, what is done already, what came of them.

``pose3d batch`` and ``scripts/batch.py`` share these modules. The second runs inside Blender, so nothing here needs
more than Python and numpy; :mod:`.cluster` alone needs Ray, when it is asked for.
"""
