"""The split of a label table into parts that share no patient: `xlite split` as a function."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from xlite.errors import InputError
from xlite.places import SPLIT_PARTS
from xlite.results.split import SplitRecord
from xlite.splitting.official_lists import OfficialLists, read_image_list, split_by_lists
from xlite.splitting.patient_disjoint import assign_patients, choose_subset
from xlite.splitting.split_folder import Parts, describe_split, write_split
from xlite.splitting.split_record import record_format
from xlite.tables.label_table import TableFormat
from xlite.tables.manifest import Manifest
from xlite.tables.read_labels import LabelSource, has_patients, read_labels

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

RATIOS = "70/15/15"
"""Shares of the images for training, validation and test."""


def split_by_patient(
    labels: LabelSource | ArrayLike,
    patients: ArrayLike | None = None,
    *,
    out: str | Path | None = None,
    ratios: str | Sequence[float] = RATIOS,
    train_val_list: str | Path | None = None,
    test_list: str | Path | None = None,
    subset: float | None = None,
    seed: int = 42,
    table_format: TableFormat | None = None,
    overwrite: bool = False,
) -> SplitRecord:
    """The split of a label table by patient, stratified over all labels: `xlite split`.

    labels, patients, table_format: as `read_labels` takes them. out: the folder for the tables and
    `split.json`; nothing is written without it. ratios: three positive shares of the images.
    train_val_list, test_list: NIH's official lists, validation being carved out of the first.
    subset: the share of training, in (0, 1], to keep, by whole patients. overwrite: replace another
    split in `out`. The rows of each part are in `rows`.

    Raises InputError for a table, list or folder that can't be used, LeakageError where the lists
    divide a patient.

    >>> columns = {"Image Index": list("abcdef"), "Finding Labels": ["Mass", "No Finding"] * 3}
    >>> table = pd.DataFrame(columns | {"Patient ID": [1, 1, 2, 2, 3, 3]})
    >>> split = split_by_patient(table, ratios=(1, 1, 1))
    >>> split.patient_overlap, {name: len(rows) for name, rows in split.rows.items()}
    (0, {'train': 2, 'val': 2, 'test': 2})
    """
    layout = table_format or TableFormat()
    manifest = read_labels(labels, patients, table_format=layout)
    if not has_patients(manifest):
        raise InputError("it is not known whose the images are. Pass `patients`, an id an image.")
    shares = _read_ratios(ratios)
    lists = _read_lists(train_val_list, test_list)
    parts = _divide(manifest, lists, shares=shares, subset=subset, seed=seed)
    source = Path(labels).name if isinstance(labels, str | Path) else None
    record = {
        "source": source,
        "table_format": record_format(layout) if source else None,
        "seed": seed,
        "ratios": shares,
        "official_lists": lists is not None,
        "subset": subset,
        "rows": _find_rows(manifest, parts),
    }
    if out is None:
        return describe_split(parts, record)
    given = (labels, train_val_list, test_list)
    sources = [Path(one) for one in given if isinstance(one, str | Path)]
    return write_split(parts, Path(out), record, overwrite=overwrite, sources=sources)


def _read_lists(
    train_val_list: str | Path | None, test_list: str | Path | None
) -> OfficialLists | None:
    if train_val_list is None and test_list is None:
        return None
    if train_val_list is None or test_list is None:
        raise InputError("--train-val-list and --test-list go together. Pass both.")
    return OfficialLists(read_image_list(Path(train_val_list)), read_image_list(Path(test_list)))


def _divide(
    manifest: Manifest,
    lists: OfficialLists | None,
    *,
    shares: Sequence[float],
    subset: float | None,
    seed: int,
) -> Parts:
    if lists is None:
        parts = divide_by_patient(manifest, ratios=shares, seed=seed)
    else:
        val_share = shares[1] / (shares[0] + shares[1])
        parts = split_by_lists(manifest, lists, val_share=val_share, seed=seed)
    return parts if subset is None else take_subset(parts, fraction=subset, seed=seed)


def divide_by_patient(manifest: Manifest, *, ratios: Sequence[float], seed: int) -> Parts:
    """Train, val and test parts that share no patient, stratified over all labels.

    ratios: shares of images for the three parts, in that order.
    """
    part = assign_patients(manifest.labels, manifest.patient_codes, ratios=ratios, seed=seed)
    return {name: manifest.select(part == number) for number, name in enumerate(SPLIT_PARTS)}


def take_subset(parts: Parts, *, fraction: float, seed: int) -> Parts:
    """The parts with a stratified, patient-whole `fraction` of training; val and test whole."""
    train = parts["train"]
    chosen = choose_subset(train.labels, train.patient_codes, fraction=fraction, seed=seed)
    return {**parts, "train": train.select(chosen)}


def _read_ratios(ratios: str | Sequence[float]) -> list[float]:
    """The three shares with sum 1."""
    written = ratios if isinstance(ratios, str) else "/".join(map(str, ratios))
    try:
        values = [float(part) for part in written.split("/")]
    except ValueError:
        values = []
    if len(values) != 3 or min(values) <= 0 or not sum(values) < float("inf"):
        raise InputError(f"--ratios {written!r} is not three positive numbers such as 70/15/15.")
    return [value / sum(values) for value in values]


def _find_rows(manifest: Manifest, parts: Parts) -> dict[str, Any]:
    places = pd.Index(manifest.image_ids)
    return {name: places.get_indexer(pd.Index(part.image_ids)) for name, part in parts.items()}
