"""The errors that a clean-up tool raises."""

from __future__ import annotations


class CleanUpError(Exception):
    """A tool cannot work. The message is one line for the user: what is wrong, and what to do."""


class NothingToDoError(CleanUpError):
    """A tool would change nothing. The message says why."""
