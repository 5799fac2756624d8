"""From joints of single frames to a motion in the world. Pure functions of arrays."""
