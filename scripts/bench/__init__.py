"""Benchmarks: ``python -m scripts.bench.NAME``; `make bench` runs all that need no special data."""
