"""Run the benchmarks: `python -m benchmarks [name ...]`, all of them by default.

Prints a table and writes `benchmarks/results.json`, which then holds the rows of this run alone.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from xlite import console, files

# What the rows are made with, and what is measured apart from them.
_OTHERS = {
    *("__init__", "__main__", "measure", "nih_table", "radiographs", "rates", "study"),
    *("validity", "validity_balance", "validity_folds", "validity_intervals"),
    *("validity_anytime", "validity_equivalence", "validity_floor", "validity_more_power"),
    *("validity_external", "validity_films", "validity_selection", "validity_self_audit"),
    "validity_size",
    *("validity_verdicts", "validity_explain", "drawn_sites", "merged_table"),
    *("fold_learners", "generated_studies", "self_audit"),
    *("bundle_mutations", "prove", "prove_mutations"),
    *("doctor", "export", "gpu", "memory", "near_duplicates", "scale", "study_scale"),
    *("training_memory", "ways"),
    *("albumentations_peer", "drawn_sites", "merged_table", "validity_external"),
}
SCRIPTS = tuple(sorted({path.stem for path in Path(__file__).parent.glob("*.py")} - _OTHERS))
RESULTS = Path(__file__).with_name("results.json")

_USES_RADIOGRAPHS = {
    *("checkpoint", "clahe_cache", "dicom", "loader", "predict", "startup", "training_step"),
}
_LIBRARIES = (
    *("xlite", "numpy", "pandas", "scipy", "scikit-learn", "torch", "timm", "torchmetrics"),
    "torchxrayvision",
    *("opencv-python-headless", "pillow", "kornia-rs", "albumentations"),
    *("pydicom", "python-gdcm", "dicomsdl"),
)


def main() -> None:
    """Run what the command line names, print it, and write it down."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(SCRIPTS))
    names = parser.parse_args().names or list(SCRIPTS)
    unknown = [name for name in names if name not in SCRIPTS]
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}. There are: {', '.join(SCRIPTS)}.")
    rows: list[Mapping[str, Any]] = []
    for name in names:
        console.say(f"{name} …")
        # Messages of the commands that are measured would stand between ours.
        console.set_verbosity(console.QUIET)
        rows += importlib.import_module(f"benchmarks.{name}").run()
        console.set_verbosity(console.NORMAL)
    record = {"machine": describe_machine(), "radiographs": _name_radiographs(names), "rows": rows}
    _print_rows(record)
    files.write_json(RESULTS, record)
    console.say(f"written: {RESULTS}")


def describe_machine() -> dict[str, Any]:
    """Cores, processor, Python, and the versions of the libraries that take part."""
    versions = {}
    for library in _LIBRARIES:
        try:
            versions[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            versions[library] = "not installed"
    return {
        "cores": os.cpu_count(),
        "processor": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
        "libraries": versions,
    }


def _name_radiographs(names: Iterable[str]) -> str:
    if not _USES_RADIOGRAPHS.intersection(names):
        return "none read"
    from benchmarks.radiographs import find_radiographs

    return find_radiographs().description


def _print_rows(record: Mapping[str, Any]) -> None:
    machine = record["machine"]
    libraries = ", ".join(f"{name} {version}" for name, version in machine["libraries"].items())
    console.table(
        f"xlite: peer. {machine['cores']} cores, {machine['processor']}, {machine['system']}, "
        f"Python {machine['python']}; radiographs: {record['radiographs']}",
        ["", "ours", "peer", "ratio", "target", "met", "spread"],
        [_cells_of(row) for row in record["rows"]],
        caption=libraries,
    )


def _cells_of(row: Mapping[str, Any]) -> list[str]:
    low, high = row["spread"]
    sign = "≤" if row["bound"] == "at most" else "≥"
    return [
        row["name"],
        f"{_short(row['ours'])} {row['unit']}",
        f"{_short(row['peer'])} {row['unit']}",
        _short(row["ratio"]),
        "–" if row["target"] is None else f"{sign} {row['target']:g}",
        {True: "yes", False: "no", None: "–"}[row["met"]],
        f"{_short(low)} to {_short(high)}",
    ]


def _short(value: float) -> str:
    """Three digits, or all before the point.

    >>> _short(0.012345), _short(3045.2)
    ('0.0123', '3,045')
    """
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    main()
