"""How good a lifter is: the metrics and protocols of the papers."""
