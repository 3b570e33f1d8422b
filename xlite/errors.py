"""The errors a user can meet. Each message says what is wrong, where, and what to do."""

from __future__ import annotations


class XliteError(Exception):
    """A fault that has a remedy; the command line prints its message without a traceback."""

    exit_code = 2


class InputError(XliteError):
    """Wrong usage, or an input file or option that can't be used as it is."""


class CheckFailedError(XliteError):
    """The input could be read, and a check found a fault in it or in the work done on it."""

    exit_code = 1


class LeakageError(CheckFailedError):
    """A patient or an image stands on two sides of a split."""


class InterruptedRunError(XliteError):
    """A signal stopped the work after its state was saved; the message says how to continue."""

    def __init__(self, message: str, *, signal_number: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + signal_number
