"""The error that a clean-up tool raises."""

from __future__ import annotations


class CleanUpError(Exception):
    """A tool cannot work. The message is one line for the user: what is wrong, and what to do."""
