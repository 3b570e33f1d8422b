"""The whole `verify-balance` command on NIH's label table against importing what it needs."""

from __future__ import annotations

import importlib.util
import tempfile
from pathlib import Path

from benchmarks.measure import Row, compare_times, time_in_turns
from benchmarks.startup import run_python
from xlite import console


def run() -> list[Row]:
    """The row of 112,120 images; none, with a warning, where the table is not installed."""
    table = _find_nih_table()
    if table is None:
        console.warn("verify_balance is left out: install torchxrayvision for NIH's label table.")
        return []
    with tempfile.TemporaryDirectory(prefix="xlite-bench-") as scratch:
        seconds = time_in_turns(
            {
                "command": lambda: run_python(
                    *("-m", "xlite", "verify-balance", "--labels", str(table), "--out", scratch)
                ),
                "imports": lambda: run_python("-c", "import numpy, pandas, scipy.optimize"),
            },
            rounds=5,
        )
    return [
        compare_times(
            "verify-balance, 112,120 rows: importing pandas, scipy and numpy",
            seconds,
            ours="command",
            peer="imports",
            target=None,
        )
    ]


def _find_nih_table() -> Path | None:
    # Importing the package would take longer than the command.
    spec = importlib.util.find_spec("torchxrayvision")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "data" / "Data_Entry_2017_v2020.csv.gz"
