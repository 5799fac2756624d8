"""Motion: 3D joints of every frame in, motion that an animator can use out. Pure functions of arrays."""
