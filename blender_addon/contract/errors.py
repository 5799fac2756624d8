"""The two ways in which a job ends early on purpose, and the lines for others that are no fault of the program."""

from __future__ import annotations

import errno
import textwrap


class UserError(Exception):
    """Bad input. The message is one line: what is wrong, where, and what to do about it.

    The command line prints it and exits with status 2; the server sends it as an error with the code
    ``bad_input``; the panel shows it.
    """


class Cancelled(Exception):  # noqa: N818 - a cancel is an outcome, not an error
    """The user cancelled. Raised by the progress callback, so that any stage can be left between two steps."""


class OutOfReachError(UserError):
    """A file that may be all right cannot be read or written now: its drive or network share has gone away, mostly."""


def out_of_reach(error: OSError) -> OutOfReachError:
    """The same as a line for the user."""
    where = "" if error.filename is None else f"{error.filename}: "
    what = f"cannot be read or written ({error.strerror or error})"
    return OutOfReachError(f"{where}{what}; see whether its drive or share is there, and try again")


OUT_OF_MEMORY = "out of memory; close other programs"
"""The line where :func:`out_of_memory` says so."""

_SHORT_OF_MEMORY = ("can't allocate memory", "out of memory", "Insufficient memory", "can't start new thread")
"""What PyTorch (the processor's memory, a card's), OpenCV and threading say in errors of other kinds."""


def out_of_memory(error: Exception) -> bool:
    """Whether an error of Python, the system or a library means that memory ran out."""
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    return any(words in str(error) for words in _SHORT_OF_MEMORY)


INCOMPLETE = "close other programs if memory is short, else install the engine again"
"""What to do about an ImportError."""


def brief(error: object) -> str:
    """What an error of a library says, as a part of one line: damaged files put any bytes into their messages."""
    words = "".join(letter if letter.isprintable() else " " for letter in str(error)).split()
    return textwrap.shorten(" ".join(words), 160, placeholder=" ...") or type(error).__name__
