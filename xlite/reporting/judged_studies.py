"""Where page and log find what `xlite ablate` and `xlite compare` have judged."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from xlite.errors import InputError
from xlite.results import Result
from xlite.results.ablation import Ablation
from xlite.results.comparison import Comparison

ABLATION_FILE, COMPARISON_FILE = "ablation.json", "comparison.json"

_REMEDY = "Run `xlite ablate` or `xlite compare` again, or move the file away."


@dataclass(frozen=True, kw_only=True)
class _Kind(Result):
    """What tells the file of an ablation from that of a comparison."""

    baseline: str | None = None


def read_studies(experiments_dir: Path) -> tuple[dict[Path, Ablation | Comparison], list[str]]:
    """The newest ablation and comparison by their files, and a sentence for each unreadable one."""
    found: dict[Path, Ablation | Comparison] = {}
    faults = []
    for name in (ABLATION_FILE, COMPARISON_FILE):
        path = experiments_dir / name
        if os.path.lexists(path):
            try:
                found[path] = read_study(path)
            except InputError as error:
                faults.append(f"{name} is left out: {error}")
    return found, faults


def read_study(path: Path) -> Ablation | Comparison:
    """The ablation or comparison in a file. Raises InputError when it is missing or holds none."""
    if _Kind.read(path, remedy=_REMEDY).baseline is not None:
        return Ablation.read(path, remedy=_REMEDY)
    return Comparison.read(path, remedy=_REMEDY)
