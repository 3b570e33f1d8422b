"""The whole `verify-balance` command on NIH's label table, and what importing its needs takes."""

from __future__ import annotations

import tempfile

from benchmarks.measure import Row, compare_times, compare_with_limit, time_in_turns
from benchmarks.nih_table import find_nih_table
from benchmarks.startup import run_python

_LIMIT_SECONDS = 2.0


def run() -> list[Row]:
    """The rows of 112,120 images; none, with a warning, where the table is not installed."""
    table = find_nih_table(reader="verify_balance")
    if table is None:
        return []
    with tempfile.TemporaryDirectory(prefix="xlite-bench-") as scratch:
        command = ("-m", "xlite", "verify-balance", "--labels", str(table), "--out", scratch)
        seconds = time_in_turns(
            {
                "command": lambda: run_python(*command),
                "imports": lambda: run_python("-c", "import numpy, pandas, scipy.optimize"),
            },
            rounds=5,
        )
    title = "verify-balance, 112,120 rows, whole command"
    return [
        compare_with_limit(
            f"{title}: seconds allowed", seconds["command"], limit=_LIMIT_SECONDS, unit="s"
        ),
        compare_times(
            f"{title}: importing pandas, scipy and numpy",
            seconds,
            ours="command",
            peer="imports",
            target=None,
        ),
    ]
