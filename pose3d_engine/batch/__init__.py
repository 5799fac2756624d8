"""Many clips on many machines. What one machine needs for them is in :mod:`pose3d_engine.contract.batch`."""
