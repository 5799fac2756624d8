"""Exceptions that end a job on purpose, and messages for failures that are no fault of the program."""

from __future__ import annotations

import errno
import textwrap


class UserError(Exception):
    """Bad input. The message, one line for the user, says what is wrong, where, and what to do about it."""


def file_not_found(path: object, advice: str) -> UserError:
    """The error for a missing file; ``advice`` says what to do, such as "give the path of a video"."""
    return UserError(f"File not found: {path}; {advice}")


class Cancelled(Exception):  # noqa: N818 - a cancel is an outcome, not an error
    """The user cancelled. Raised by the progress callback, so that any stage can stop between two steps."""


class OutOfReachError(UserError):
    """A file cannot be read or written now, though it may be intact: mostly its drive or network share is gone."""


def out_of_reach(error: OSError) -> OutOfReachError:
    """The error for the user that an error of the operating system becomes."""
    where = "" if error.filename is None else f"{error.filename}: "
    what = f"cannot be read or written ({error.strerror or error})"
    return OutOfReachError(f"{where}{what}; check that its drive or share is connected, and try again")


OUT_OF_MEMORY = "out of memory; close other programs"
"""The message where :func:`out_of_memory` is true."""

_SHORT_OF_MEMORY = ("can't allocate memory", "out of memory", "Insufficient memory", "can't start new thread")
"""Texts of PyTorch (memory of the processor, of a card), OpenCV and threading in errors of other types."""


def out_of_memory(error: Exception) -> bool:
    """Whether an error of Python, the operating system or a library means that memory ran out."""
    known = isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM)
    return known or any(words in str(error) for words in _SHORT_OF_MEMORY)


INCOMPLETE = "close other programs if memory is short, else install the engine again"
"""The advice for an ImportError."""


def brief(error: object) -> str:
    """The text of a library's error as part of one line: damaged files put any bytes into such messages."""
    words = "".join(letter if letter.isprintable() else " " for letter in str(error)).split()
    return textwrap.shorten(" ".join(words), 160, placeholder=" ...") or type(error).__name__
