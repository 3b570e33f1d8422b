"""The errors a user can meet. Each message says what is wrong, where, and what to do."""

from __future__ import annotations

import errno
from collections.abc import Iterable
from functools import partial

INTERNAL_ERROR = 70
"""The exit code for a mistake of xlite's own; a user's is 2, a fault that a check found 1."""

_OTHER_FILE = " Pass a file or folder that you may use."
_MORE_SPACE = " Free some space there; what had been finished is kept."
_REMEDIES = {
    errno.ENOSPC: _MORE_SPACE,
    errno.EDQUOT: _MORE_SPACE,
    errno.EACCES: _OTHER_FILE,
    errno.EPERM: _OTHER_FILE,
    errno.EROFS: " Pass a folder that can be written.",
    errno.ENOTDIR: " A part of that path is a file: pass another.",
    errno.EISDIR: " Pass a file.",
    errno.EMFILE: " Raise `ulimit -n`, or use fewer --workers.",
}


class XliteError(Exception):
    """A fault that has a remedy; the command line prints its message without a traceback."""

    exit_code = 2

    def __init__(self, message: str = "", *, resume: str = "") -> None:
        """resume: the sentence that ends the message where `--resume` goes on, which a study has
        not.
        """
        super().__init__(f"{message} {resume}".rstrip())
        self.without_resume = message


class InputError(XliteError):
    """Wrong usage, or an input file or option that can't be used as it is."""


class ArgumentError(InputError, ValueError):
    """A wrong argument of a Python call: a ValueError too, as Python's own functions raise."""


class InternalError(XliteError):
    """A mistake of xlite's own, met in a part of the work that the rest went on without."""

    exit_code = INTERNAL_ERROR


class CheckFailedError(XliteError):
    """The input could be read, and a check found a fault in it or in the work done on it."""

    exit_code = 1


class LeakageError(CheckFailedError):
    """A patient or an image stands on two sides of a split."""


class RunInUseError(CheckFailedError):
    """Another process trains the run, or may do so."""


class LostProcessError(CheckFailedError):
    """A process failed where others wait for it within a step: the whole command has to end."""


class WaitingForPersonError(XliteError):
    """All that is left waits for a person's answer; the message says how to give it."""

    exit_code = 3


class InterruptedRunError(XliteError):
    """A signal stopped the work after its state was saved; the message says how to continue."""

    def __init__(self, message: str, *, signal_number: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + signal_number

    def __reduce__(self) -> tuple[object, ...]:
        # As an exception is pickled it would be made again of its message alone.
        return partial(type(self), signal_number=self.exit_code - 128), self.args


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A sentence with up to three of the known names that are like this one, or nothing.

    >>> did_you_mean("fcal", ["bce", "focal"])
    ' Did you mean focal?'
    """
    import difflib

    near = difflib.get_close_matches(name, list(known), n=3)
    return f" Did you mean {' or '.join(near)}?" if near else ""


def explain(error: BaseException) -> tuple[str, int]:
    """What is said of any exception, in one line, and the exit code that it deserves.

    >>> explain(InputError("--seeds is empty."))
    ('--seeds is empty.', 2)
    >>> explain(KeyError("row"))
    ("internal error: KeyError: 'row'. Please report it with what --debug shows.", 70)
    """
    if isinstance(error, XliteError):
        return str(error), error.exit_code
    # The second name is torch's, for a GPU.
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return f"memory ran out. {error}".strip(), InputError.exit_code
    # With a path, or about a full disk, it is the user's file system and not the program.
    if isinstance(error, OSError) and (error.filename is not None or error.errno in _REMEDIES):
        where = "the output" if error.filename is None else str(error.filename)
        remedy = _REMEDIES.get(error.errno or 0, "")
        return f"{error.strerror}: {where}.{remedy}", InputError.exit_code
    lines = str(error).strip().splitlines()
    first = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    message = f"internal error: {first.rstrip('.')}. Please report it with what --debug shows."
    return message, INTERNAL_ERROR
