"""Pictures of docs/animator/guide.md: ``python -m scripts.guide.screenshots``."""
