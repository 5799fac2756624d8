"""The animator's tools after a capture, as functions of a ``Motion``: smoothing, key reduction, foot pinning, ..."""
