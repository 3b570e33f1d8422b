"""The one way by which text reaches the user.

Messages and progress go to standard error, results to standard output, so that
`xlite … --json | jq` works. Rich and tqdm are imported on first use: `xlite --help` and
library users who print nothing do not pay for them.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from xlite.errors import InterruptedRunError

if TYPE_CHECKING:
    from tqdm import tqdm

SILENT, QUIET, NORMAL, VERBOSE = -2, -1, 0, 1

_verbosity = NORMAL
_shows_tracebacks = False


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


def show_tracebacks(wanted: bool) -> None:
    """Set whether `error` shows the traceback of the exception that is being handled."""
    global _shows_tracebacks
    _shows_tracebacks = wanted


def say(message: str) -> None:
    """Write one line of progress or explanation, unless `--quiet`."""
    if _verbosity >= NORMAL:
        sys.stderr.write(message + "\n")


def detail(message: str) -> None:
    """Write one line that only `--verbose` shows."""
    if _verbosity >= VERBOSE:
        sys.stderr.write(message + "\n")


def warn(message: str) -> None:
    """Write a warning; `--quiet` does not hide it, since the user has to decide about it."""
    if _verbosity > SILENT:
        sys.stderr.write(f"warning: {message}\n")


def error(message: str) -> None:
    """Write an error message; with `--debug`, after the traceback that led to it.

    Of several processes only the first says that it was stopped: the others were, too.
    """
    if _verbosity == SILENT and isinstance(sys.exc_info()[1], InterruptedRunError):
        return
    if _shows_tracebacks and sys.exc_info()[0] is not None:
        sys.stderr.write(traceback.format_exc())
    sys.stderr.write(f"error: {message}\n")


def result_json(value: Mapping[str, Any]) -> None:
    """Write a result to standard output as one JSON object; NaN becomes null."""
    if _verbosity > SILENT:
        sys.stdout.write(json.dumps(nan_to_none(value), indent=2) + "\n")


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


def decimal(value: float | None, *, sign: bool = False) -> str:
    """A score with three decimals, or "–" where it is undefined.

    >>> decimal(0.81234), decimal(-0.05, sign=True), decimal(None)
    ('0.812', '-0.050', '–')
    """
    if value is None or value != value:
        return "–"
    return f"{value:+.3f}" if sign else f"{value:.3f}"


def table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, caption: str | None = None
) -> None:
    """Print a table of text cells to standard output; the first column is left-aligned."""
    if _verbosity == SILENT:
        return
    from rich.console import Console
    from rich.table import Table

    grid = Table(title=title, title_justify="left", caption=caption, caption_justify="left")
    for position, column in enumerate(columns):
        grid.add_column(column, justify="left" if position == 0 else "right", no_wrap=position == 0)
    for row in rows:
        grid.add_row(*row)
    # Off a terminal rich assumes 80 columns and would cut the table that a log should keep.
    width = None if sys.stdout.isatty() else 200
    Console(file=sys.stdout, width=width, highlight=False).print(grid)


def progress_bar(total: int, description: str, unit: str, *, initial: int = 0) -> tqdm[Any]:
    """A tqdm bar on standard error: silent when that is not a terminal, or with `--quiet`."""
    from tqdm import tqdm

    return tqdm(
        total=total,
        initial=initial,
        desc=description,
        unit=unit,
        leave=False,
        dynamic_ncols=True,
        disable=True if _verbosity < NORMAL else None,
    )
