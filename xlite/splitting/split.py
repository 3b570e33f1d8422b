"""The split of a label table into parts that share no patient: `xlite split` as a function."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from xlite.errors import InputError
from xlite.places import SPLIT_PARTS
from xlite.results.split import SplitRecord
from xlite.splitting.carving import VAL, carve_validation, require_val_share
from xlite.splitting.held_out import hold_out_images
from xlite.splitting.official_lists import OfficialLists, read_image_list, split_by_lists
from xlite.splitting.official_parts import keep_official_parts, name_official_parts
from xlite.splitting.patient_disjoint import assign_patients, choose_subset
from xlite.splitting.split_folder import Parts
from xlite.splitting.split_record import describe_source, find_files
from xlite.splitting.split_writer import describe_split, write_split
from xlite.splitting.strata import Strata, read_strata
from xlite.tables.manifest import Manifest
from xlite.tables.read_labels import LabelSource, read_labels, require_patients
from xlite.tables.table_format import TableFormat

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

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
    official: bool = False,
    hold_out: str | Sequence[str] = (),
    val: float | None = VAL,
    stratify: str | Sequence[str] = (),
    subset: float | None = None,
    seed: int = 42,
    table_format: TableFormat | None = None,
    overwrite: bool = False,
) -> SplitRecord:
    """The split of a label table by patient, stratified over all labels: `xlite split`.

    labels, patients, table_format: as `read_labels` takes them. out: the folder for the tables and
    `split.json`; nothing is written without it. ratios: three positive shares of the images.
    train_val_list, test_list: NIH's official lists, validation being carved out of the first.
    official: keep the parts that the source itself has, and carve what it has not out of training.
    hold_out: "COLUMN=VALUE", or several of one column, whose images are the test part; others of
    its patients are left out. val: None for no validation; with `hold_out` its share of the rest.
    stratify: further columns to stratify over, of the table or "view", "age", "sex". subset: the
    share of training, in (0, 1], to keep, by whole patients. overwrite: replace another split in
    `out`. The rows of each part are in `rows`.

    Raises InputError for a table, list or folder that can't be used, LeakageError where the lists
    or the official parts divide a patient.

    >>> columns = {"Image Index": list("abcdef"), "Finding Labels": ["Mass", "No Finding"] * 3}
    >>> table = pd.DataFrame(columns | {"Patient ID": [1, 1, 2, 2, 3, 3]})
    >>> split = split_by_patient(table, ratios=(1, 1, 1))
    >>> split.patient_overlap, {name: len(rows) for name, rows in split.rows.items()}
    (0, {'train': 2, 'val': 2, 'test': 2})
    """
    layout = table_format or TableFormat()
    manifest = read_labels(labels, patients, table_format=layout)
    require_patients(manifest)
    way = _Way(
        held=(hold_out,) if isinstance(hold_out, str) else tuple(dict.fromkeys(hold_out)),
        lists=_read_lists(train_val_list, test_list),
        is_official=official,
        ratios=ratios,
        val=require_val_share(val),
    )
    strata = read_strata(labels, stratify, manifest, num_parts=len(SPLIT_PARTS))
    parts = way.divide(manifest, labels, strata, seed=seed)
    record = describe_source(labels, layout) | way.describe(parts, strata, manifest)
    record |= {"seed": seed, "subset": subset}
    if subset is not None:
        parts = take_subset(parts, fraction=subset, seed=seed)
    record["rows"] = _find_rows(manifest, parts)
    if out is None:
        return describe_split(parts, record)
    sources = find_files(labels, train_val_list, test_list)
    return write_split(parts, Path(out), record, overwrite=overwrite, sources=sources)


@dataclass(frozen=True)
class _Way:
    """How the parts are chosen: by shares, by lists, or by what is held out."""

    held: tuple[str, ...]
    lists: OfficialLists | None
    is_official: bool
    ratios: str | Sequence[float]
    val: float | None

    @property
    def shares(self) -> list[float]:
        """The shares of training, validation and test; without validation it adds to training."""
        train, val, test = _read_ratios(self.ratios)
        return [train + val, 0.0, test] if self.val is None else [train, val, test]

    def __post_init__(self) -> None:
        """Raise InputError where the parts are chosen in two ways at once."""
        if self.held and self.lists is not None:
            raise InputError(
                "--hold-out and the official lists both say what the test part is. Pass one."
            )
        if self.is_official and (self.held or self.lists is not None):
            raise InputError(
                "--official takes the parts from the table, and --hold-out and the lists say them "
                "otherwise. Pass one."
            )
        if self.held and self.ratios != RATIOS:
            raise InputError(
                "--ratios divide the whole table, and --hold-out says what the test part is. "
                "Pass --val, validation's share of the rest."
            )
        if not self.held and self.val not in (None, VAL):
            raise InputError(
                "--val goes with --folds or --hold-out. Validation's share is the second of "
                "--ratios here."
            )

    def describe(self, parts: Parts, strata: Strata | None, manifest: Manifest) -> dict[str, Any]:
        """What the record of the split says of it; manifest: of the whole table."""
        warnings = () if strata is None else strata.warnings
        making = {
            "ratios": self.shares,
            "official_lists": self.lists is not None,
            "official_parts": name_official_parts(manifest) if self.is_official else None,
            "stratify": None if strata is None else tuple(strata.values),
            "warnings": warnings or None,
        }
        if not self.held:
            return making
        return making | {
            "ratios": None,
            "val": self.val,
            "hold_out": self.held,
            "images_left_out": len(manifest) - sum(map(len, parts.values())),
            "warnings": (*_warn_about_absent(parts["test"]), *warnings) or None,
        }

    def divide(
        self,
        manifest: Manifest,
        labels: LabelSource | ArrayLike,
        strata: Strata | None,
        *,
        seed: int,
    ) -> Parts:
        """The parts; see `split_by_patient`."""
        shares = self.shares
        if self.held:
            part = hold_out_images(labels, manifest, self.held)
            targets, codes = manifest.labels, manifest.patient_codes
            part = carve_validation(targets, codes, part, val=self.val, seed=seed, strata=strata)
            return _select_parts(manifest, part)
        if self.is_official:
            part = keep_official_parts(manifest, shares=shares, seed=seed, strata=strata)
            return _select_parts(manifest, part)
        if self.lists is None:
            return divide_by_patient(manifest, ratios=shares, seed=seed, strata=strata)
        val_share = shares[1] / (shares[0] + shares[1])
        return split_by_lists(manifest, self.lists, val_share=val_share, seed=seed, strata=strata)


def _read_lists(
    train_val_list: str | Path | None, test_list: str | Path | None
) -> OfficialLists | None:
    if train_val_list is None and test_list is None:
        return None
    if train_val_list is None or test_list is None:
        raise InputError("--train-val-list and --test-list go together. Pass both.")
    return OfficialLists(read_image_list(Path(train_val_list)), read_image_list(Path(test_list)))


def divide_by_patient(
    manifest: Manifest, *, ratios: Sequence[float], seed: int, strata: Strata | None = None
) -> Parts:
    """Train, val and test parts that share no patient, stratified over all labels.

    ratios: shares of images for the three parts, in that order; there is no part of share 0.
    """
    part = assign_patients(
        manifest.labels,
        manifest.patient_codes,
        ratios=ratios,
        seed=seed,
        strata=None if strata is None else strata.indicators,
    )
    return _select_parts(manifest, part)


def _select_parts(manifest: Manifest, part: NDArray[np.int64]) -> Parts:
    """The parts by (N,) places in `SPLIT_PARTS`; there is none without images."""
    chosen = {name: part == place for place, name in enumerate(SPLIT_PARTS)}
    return {name: manifest.select(rows) for name, rows in chosen.items() if rows.any()}


def _warn_about_absent(test: Manifest) -> list[str]:
    """A warning where no image of the test part has a label."""
    absent = [name for name, n in zip(test.vocabulary, test.positives, strict=True) if not n]
    if not absent:
        return []
    return [f"no image of the test part has {', '.join(absent)}: no score of it can be computed."]


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
    return {
        name: manifest.find_source_rows(places.get_indexer(pd.Index(part.image_ids)))
        for name, part in parts.items()
    }
