"""The metrics and protocols of the papers."""
