"""The one way by which text reaches the user.

Messages and progress go to standard error, results to standard output, so that
`xlite … --json | jq` works. Rich and tqdm are imported on first use: `xlite --help` and
library users who print nothing do not pay for them.

Text may come from anybody's files. Control characters in it, which could move a terminal's cursor
or colour what follows, are shown instead of sent, and nothing in it is read as markup.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from xlite.errors import InterruptedRunError

if TYPE_CHECKING:
    from tqdm import tqdm

SILENT, QUIET, NORMAL, VERBOSE = -2, -1, 0, 1

_LONG_WORD = re.compile(r"\S{301,}")

_verbosity = NORMAL
_shows_tracebacks = False
_copy: TextIO | None = None

_BAR_SHARE = 4
"""A bar's description takes at most this part of the width: the bar is what is looked at."""
_STATUS_LINE = "{desc} [{elapsed}]"
_BAR_WITHOUT_RATE = "{desc}: |{bar}| {n_fmt}/{total_fmt} [{remaining}{postfix}]"

_CONTROLS = (*range(0x20), *range(0x7F, 0xA0))
_DIRECTIONS = (0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_VISIBLE = {
    **{code: f"\\x{code:02x}" for code in _CONTROLS if chr(code) not in "\n\t"},
    # They reorder what stands beside them, so that a name looks like another.
    **{code: f"\\u{code:04x}" for code in _DIRECTIONS},
}


def plain(text: str, *, is_one_line: bool = False) -> str:
    r"""The text with control characters and changes of direction written out.

    >>> plain("red \x1b[31m") == r"red \x1b[31m", plain("a\nb", is_one_line=True) == r"a\nb"
    (True, True)
    """
    text = text.translate(_VISIBLE)
    return text.replace("\n", r"\n").replace("\t", r"\t") if is_one_line else text


def set_verbosity(level: int) -> None:
    """Set how much is said: QUIET (warnings and errors only), NORMAL or VERBOSE."""
    global _verbosity
    _verbosity = level


def current_settings() -> tuple[int, bool]:
    """The verbosity, and whether errors show their tracebacks: what a child process is told."""
    return _verbosity, _shows_tracebacks


def silence() -> None:
    """Say nothing but errors, not even results: for all but the first of several processes."""
    set_verbosity(SILENT)


@contextmanager
def hushed() -> Iterator[None]:
    """Within the block nothing but errors is said: what is checked first is said when it counts."""
    global _verbosity
    before, _verbosity = _verbosity, SILENT
    try:
        yield
    finally:
        _verbosity = before


@contextmanager
def copied_to(file: TextIO | None) -> Iterator[None]:
    """Within the block what is said is also written to a file, which knows no `--quiet`."""
    global _copy
    before, _copy = _copy, file
    try:
        yield
    finally:
        _copy = before


def show_tracebacks(wanted: bool) -> None:
    """Set whether `error` shows the traceback of the exception that is being handled."""
    global _shows_tracebacks
    _shows_tracebacks = wanted


def say(message: str) -> None:
    """Write one line of progress or explanation, unless `--quiet`."""
    _tell(message, NORMAL)


def detail(message: str) -> None:
    """Write one line that only `--verbose` shows."""
    _tell(message, VERBOSE)


def warn(message: str) -> None:
    """Write a warning; `--quiet` does not hide it, since the user has to decide about it."""
    _tell(f"warning: {message}", QUIET)


def error(message: str) -> None:
    """Write an error message; with `--debug`, after the traceback that led to it.

    Of several processes only the first says that it was stopped: the others were, too.
    """
    if _verbosity == SILENT and isinstance(sys.exc_info()[1], InterruptedRunError):
        return
    if _shows_tracebacks and sys.exc_info()[0] is not None:
        _tell(traceback.format_exc().rstrip("\n"))
    _tell(f"error: {message}")


def _tell(text: str, level: int = SILENT) -> None:
    """Write a line where the verbosity is at least `level`; of a copy, all but what is hushed."""
    is_copied = level <= max(_verbosity, NORMAL) and _verbosity > SILENT
    for stream in (
        sys.stderr if level <= _verbosity else None,
        _copy if is_copied or level == SILENT else None,
    ):
        if stream is None:
            continue
        # A full disk under a log, or a reader that has gone, must not end the training it tells of.
        with contextlib.suppress(OSError):
            stream.write(shorten_words(plain(text)) + "\n")


def shorten_words(text: str) -> str:
    """The text, of each word over 300 characters its beginning and its end.

    Messages name what they found in files, and a damaged one may hold a megabyte without a blank.

    >>> shorten_words("row 2 has " + "x" * 400)[:20], len(shorten_words("x" * 1_000_000))
    ('row 2 has xxxxxxxxxx', 161)
    """
    return _LONG_WORD.sub(lambda word: f"{word[0][:120]}…{word[0][-40:]}", text)


def result_json(value: Mapping[str, Any]) -> None:
    """Write a result to standard output as one JSON object; NaN becomes null."""
    if _verbosity > SILENT and sys.stdout is not None:
        sys.stdout.write(json.dumps(nan_to_none(value), indent=2) + "\n")


def result_text(text: str) -> None:
    """Write a result to standard output as lines of text."""
    if _verbosity > SILENT and sys.stdout is not None:
        sys.stdout.write(plain(text) + "\n")


def nan_to_none(value: Any) -> Any:
    """The same nested value with every NaN or infinity as None: JSON knows neither.

    >>> nan_to_none({"auroc": [0.5, float("nan")]})
    {'auroc': [0.5, None]}
    """
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, Mapping):
        return {key: nan_to_none(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [nan_to_none(item) for item in value]
    return value


def counted(number: int, one: str, several: str | None = None) -> str:
    """A number with what it counts. several: the plural, where it is not made by an s.

    >>> counted(1, "run"), counted(1200, "run"), counted(0, "study", "studies")
    ('1 run', '1,200 runs', '0 studies')
    """
    return f"{number:,} {one if number == 1 else several or f'{one}s'}"


def decimal(value: float | None, *, sign: bool = False) -> str:
    """A score with three decimals, or "–" where it is undefined.

    >>> decimal(0.81234), decimal(-0.05, sign=True), decimal(None)
    ('0.812', '-0.050', '–')
    """
    if value is None or value != value:
        return "–"
    return f"{value:+.3f}" if sign else f"{value:.3f}"


def table(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    caption: str | None = None,
    wraps: Sequence[str] = (),
    drop_first: Sequence[str] = (),
    all_in: object = None,
) -> None:
    """Print a table of text cells to standard output; the first column is left-aligned.

    Where the width is short (the terminal's, or COLUMNS) whole columns are left out, never a
    digit: those of `drop_first` in its order, then from the right. A line says which, and where
    all of them are: `all_in`, a file, or else --json. Columns of running text are named in
    `wraps`; they are folded. Off a terminal and without COLUMNS nothing is left out.
    """
    if _verbosity == SILENT or sys.stdout is None:
        return
    from xlite.text_table import TextTable, fit, render

    content = TextTable(
        title=plain(title, is_one_line=True),
        columns=[plain(column, is_one_line=True) for column in columns],
        rows=[[plain(cell, is_one_line=True) for cell in row] for row in rows],
        caption=None if caption is None else plain(caption),
        wraps=wraps,
        drop_first=drop_first,
    )
    width = _table_width()
    fitted = fit(content, width)
    render(fitted, sys.stdout, width=width)
    left_out = [name for name in content.columns if name not in fitted.columns]
    if left_out:
        where = f"in {plain(str(all_in))}" if all_in else "shown by --json, or in a wider terminal"
        sys.stdout.write(f"Left out at {width} columns: {', '.join(left_out)}. All are {where}.\n")


def _table_width() -> int | None:
    """The columns of the terminal, or of COLUMNS; None where there is neither, as in a log."""
    if sys.stdout.isatty():
        return shutil.get_terminal_size().columns
    columns = os.environ.get("COLUMNS", "")
    return int(columns) if columns.isdecimal() and int(columns) > 0 else None


def progress_bar(
    total: int, description: str, unit: str, *, initial: int = 0, shows_rate: bool = True
) -> tqdm[Any]:
    """A tqdm bar on standard error: silent when that is not a terminal, or with `--quiet`.

    shows_rate: units a second; a bar whose postfix tells the speed has better use for the room.
    """
    from tqdm import tqdm

    longest = shutil.get_terminal_size().columns // _BAR_SHARE
    return tqdm(
        total=total,
        initial=initial,
        desc=shorten(plain(description, is_one_line=True), longest),
        unit=unit,
        bar_format=None if shows_rate else _BAR_WITHOUT_RATE,
        leave=False,
        dynamic_ncols=True,
        disable=True if _verbosity < NORMAL or sys.stderr is None else None,
    )


def status_line(description: str) -> tqdm[Any]:
    """A line on standard error that is drawn anew and goes at the end, as `progress_bar` has it."""
    from tqdm import tqdm

    return tqdm(
        desc=description,
        bar_format=_STATUS_LINE,
        leave=False,
        dynamic_ncols=True,
        disable=True if _verbosity < NORMAL or sys.stderr is None else None,
    )


def shorten(text: str, length: int) -> str:
    """The text in at most `length` characters, its middle left out: both ends tell runs apart.

    >>> shorten("convnext_tiny_mhsa:loss=focal:s0 epoch 3", 21)
    'convnext_t…s0 epoch 3'
    """
    if len(text) <= length:
        return text
    half = max(length - 1, 0)
    return f"{text[: half // 2]}…{text[len(text) - (half - half // 2) :]}"
