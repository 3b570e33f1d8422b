"""The standard streams of the command, made fit for any text before anything is written.

Consoles differ in what they can show, pipes end, and a stream may be closed altogether; none of it
is a reason to lose a result.
"""

from __future__ import annotations

import codecs
import errno
import io
import os
import sys

from xlite import console

_CLOSED_PIPE = 141
_LOOKALIKES = {
    **dict.fromkeys("–—−‐‑", "-"),
    **dict.fromkeys("┏┓┗┛┡┩└┘┌┐├┤┬┴┼╇╈┳┻╋", "+"),
    **dict.fromkeys("━─═", "-"),
    **dict.fromkeys("┃│║", "|"),
    **dict.fromkeys("“”„", '"'),
    **dict.fromkeys("‘’‚", "'"),
    **{"…": "...", "◀": "<", "×": "x", "≥": ">=", "≤": "<=", "≈": "~", "√": "sqrt", "†": "+"},
    **{"•": "*", "→": "->", "←": "<-", "α": "alpha", "β": "beta", "γ": "gamma", "ε": "epsilon"},
    **{"κ": "kappa", "λ": "lambda", "μ": "mu", "µ": "u", "τ": "tau", "χ": "chi", "²": "^2"},
}
"""What stands for a character that a console can't show, in what xlite itself says."""


def prepare() -> None:
    """Make standard output and error streams that take any text.

    A closed one becomes one that leads nowhere: its descriptor would otherwise go to the next file
    that is opened, and messages of C libraries into that file. What the console's encoding lacks
    is replaced: xlite's own signs by look-alikes, all else by its escape, as in `\\xe9`.
    """
    _fill_closed_descriptors()
    codecs.register_error("xlite", _replace)
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        stream = getattr(sys, name)
        if stream is None:
            mode = "w" if descriptor else "r"
            setattr(sys, name, open(descriptor, mode, encoding="utf-8", closefd=False))  # noqa: SIM115
        elif descriptor and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="xlite")


def finish(exit_code: int) -> int:
    """Write out what is left in standard output; the exit code, another one if that fails."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        leave_closed_pipe()
        return _CLOSED_PIPE
    except OSError as fault:
        _lead_nowhere()
        console.error(f"standard output can't be written: {fault.strerror}.")
        return exit_code or 2
    return exit_code


def leave_closed_pipe() -> int:
    """Say nothing more: the reader of `xlite … | head` has gone. The exit code for that."""
    _lead_nowhere()
    return _CLOSED_PIPE


def is_closed_pipe(error: OSError) -> bool:
    """Whether an error says that nobody reads any more; Windows has another number for it."""
    return isinstance(error, BrokenPipeError) or (
        os.name == "nt" and error.errno == errno.EINVAL and error.filename is None
    )


def _lead_nowhere() -> None:
    # Python would try to write the rest when it ends, and complain.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)


def _fill_closed_descriptors() -> None:
    while True:
        descriptor = os.open(os.devnull, os.O_RDWR)
        if descriptor > 2:
            os.close(descriptor)
            return
        os.set_inheritable(descriptor, True)


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    wrong = error.object[error.start : error.end]
    return "".join(map(_stand_in, wrong)), error.end


def _stand_in(character: str) -> str:
    known = _LOOKALIKES.get(character)
    return known or character.encode("ascii", "backslashreplace").decode()
