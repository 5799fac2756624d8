"""Pictures of docs/guide.md: ``python -m scripts.guide.screenshots``."""
