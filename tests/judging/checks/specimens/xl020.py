"""Three runs on the same images; before the third somebody corrected forty labels."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from judging.checks.drawn_project import LABELS, draw_table, write_run

from xlite.splitting.split import split_by_patient
from xlite.tables.table_format import TableFormat


def ill(folder: Path) -> list[str]:
    """The third run has other labels."""
    table = draw_table(num_patients=200)
    _train(folder, table, seeds=(0, 1))
    changed = table["Finding Labels"].where(
        table["Finding Labels"].ne("No Finding").cumsum().gt(40)
        | table["Finding Labels"].eq("No Finding"),
        "Mass",
    )
    _train(folder, table.assign(**{"Finding Labels": changed}), seeds=(2,), same_as=table)
    return ["."]


def sound(folder: Path) -> list[str]:
    """All three have the same."""
    _train(folder, draw_table(num_patients=200), seeds=(0, 1, 2))
    return ["."]


def _train(
    folder: Path,
    labels: pd.DataFrame,
    *,
    seeds: tuple[int, ...],
    same_as: pd.DataFrame | None = None,
) -> None:
    """Runs on the split of a table, with the labels of another one of the same images."""
    split = folder / "data" / "splits"
    layout = TableFormat(vocabulary=LABELS)
    source = labels if same_as is None else same_as
    made = split_by_patient(source, ratios=(0.5, 0.25, 0.25), seed=0, table_format=layout)
    split.mkdir(parents=True, exist_ok=True)
    for name, rows in made.rows.items():
        labels.iloc[rows].to_csv(split / f"{name}.csv", index=False)
    for seed in seeds:
        write_run(folder / "experiments" / "runs" / f"resnet:s{seed}", split, seed=seed)
