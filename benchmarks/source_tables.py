"""Reading the real tables of data sets to a manifest, beside pandas' own read of the same files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from benchmarks.measure import Row, compare_times, time_in_turns
from benchmarks.nih_table import find_nih_table
from xlite.tables.label_table import read_manifest
from xlite.tables.table_format import TableFormat

TABLES = {
    "nih": ("Data_Entry_2017_v2020.csv.gz", "BBox_List_2017.csv.gz"),
    "chexpert": ("chexpert_train.csv.gz",),
    "padchest": ("PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv.gz",),
    "vinbig": ("vinbigdata-train.csv.gz",),
    "rsna": (
        "kaggle_stage_2_train_labels.csv.zip",
        "kaggle_stage_2_train_images_dicom_headers.csv.gz",
    ),
    "siim": ("siim-pneumothorax-train-rle.csv.gz",),
}
"""The table of labels, then those beside it that are read with it."""


def run() -> list[Row]:
    """A row a table; none, with a warning, where they are not installed."""
    nih = find_nih_table(reader="source_tables")
    return [] if nih is None else [_compare(name, nih.parent) for name in TABLES]


def _compare(name: str, folder: Path) -> Row:
    paths = [folder / file for file in TABLES[name]]

    def ours() -> int:
        read_manifest(paths[0], table_format=TableFormat(dataset=name))
        return 1

    def theirs() -> int:
        for path in paths:
            pd.read_csv(path, low_memory=False)
        return 1

    contenders: dict[str, Callable[[], int]] = {"xlite": ours, "pandas": theirs}
    seconds = time_in_turns(contenders, rounds=5)
    what = f"{name}'s table to a manifest: pandas.read_csv alone"
    return compare_times(what, seconds, ours="xlite", peer="pandas", target=3)
