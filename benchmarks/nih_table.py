"""NIH's label table, 112,120 rows, where the torchxrayvision package brings it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from xlite import console


def find_nih_table(*, reader: str) -> Path | None:
    """The table's path; without it None, and a warning that `reader` is left out."""
    # Importing the package would take longer than some of what is measured.
    spec = importlib.util.find_spec("torchxrayvision")
    if spec is None or spec.origin is None:
        console.warn(f"{reader} is left out: install torchxrayvision for NIH's label table.")
        return None
    return Path(spec.origin).parent / "data" / "Data_Entry_2017_v2020.csv.gz"
