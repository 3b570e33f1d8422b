"""Folds of a label table, each a split whose test part is the fold: `xlite split --folds`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xlite.arrays import read_count
from xlite.errors import InputError
from xlite.labels import NO_FINDING
from xlite.randomness import derive_generator, derive_seed
from xlite.results.folds import FoldsRecord, FoldSummary
from xlite.results.split import FoldPlace, SplitRecord
from xlite.splitting.carving import TEST, TRAIN, VAL, carve_validation, require_val_share
from xlite.splitting.equal_folds import assign_folds, count_patients, measure_excess
from xlite.splitting.folds_writer import write_folds
from xlite.splitting.patient_disjoint import count_by_patient
from xlite.splitting.split_record import describe_source, find_files
from xlite.splitting.split_writer import describe_parts
from xlite.splitting.strata import Strata, read_strata
from xlite.splitting.written_table import CheckedLines
from xlite.tables.manifest import Manifest
from xlite.tables.read_labels import LabelSource, read_labels, require_patients
from xlite.tables.table_format import TableFormat

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_MOST_SPLITS = 1_000


def make_folds(
    labels: LabelSource | ArrayLike,
    patients: ArrayLike | None = None,
    *,
    folds: int,
    repeats: int = 1,
    out: str | Path | None = None,
    stratify: str | Sequence[str] = (),
    val: float | None = VAL,
    seed: int = 42,
    table_format: TableFormat | None = None,
    overwrite: bool = False,
) -> FoldsRecord:
    """Folds by patient, in each a K-th of every label's patients: `xlite split --folds`.

    labels, patients, table_format: as `read_labels` takes them. folds: K, 2 or more. repeats: how
    often the patients are dealt out anew. out: the folder for a split folder a fold and
    `folds.json`; nothing is written without it. stratify: further columns to be dealt out evenly,
    of the table or "view", "age", "sex". val: validation's share of the images outside the fold,
    None for no validation. overwrite: replace other folds in `out`. The rows of each fold's parts
    are in `rows`.

    Raises InputError for a table or folder that can't be used and for fewer patients than folds.

    >>> folds = make_folds([1, 1, 0, 0, 1, 1, 0, 0], patients=[*"aabbccdd"], folds=2, val=None)
    >>> folds.max_positive_excess, [rows["test"].tolist() for rows in folds.rows]
    (0.0, [[0, 1, 2, 3], [4, 5, 6, 7]])
    """
    layout = table_format or TableFormat()
    manifest = read_labels(labels, patients, table_format=layout)
    require_patients(manifest)
    _require_numbers(folds, repeats)
    making = {
        **describe_source(labels, layout),
        "seed": seed,
        "val": require_val_share(val),
    }
    strata = read_strata(labels, stratify, manifest, num_parts=folds)
    dealt = _deal_out(manifest, strata, num_folds=folds, repeats=repeats, seed=seed)
    splits = [
        _describe_split(
            manifest,
            dealt[number // folds],
            strata,
            making,
            FoldPlace(number=number, num_folds=folds, repeat=number // folds),
        )
        for number in range(folds * repeats)
    ]
    made = _describe_folds(manifest, dealt, strata, making, splits)
    if out is not None:
        lines = CheckedLines.of(manifest, str(out))
        made = write_folds(
            made, splits, lines, Path(out), overwrite=overwrite, sources=find_files(labels)
        )
    rows = ({name: manifest.find_source_rows(one) for name, one in of.items()} for of in made.rows)
    return replace(made, rows=tuple(rows))


def _require_numbers(folds: int, repeats: int) -> None:
    num_splits = read_count(folds, "folds", at_least=2) * read_count(repeats, "repeats", at_least=1)
    if num_splits > _MOST_SPLITS:
        raise InputError(
            f"{repeats:,} times {folds:,} folds are {num_splits:,} splits, and {_MOST_SPLITS:,} "
            "are the most. Pass fewer --folds or --repeats."
        )


def _deal_out(
    manifest: Manifest, strata: Strata | None, *, num_folds: int, repeats: int, seed: int
) -> NDArray[np.int64]:
    """(R, N) the fold of each image in each repeat, in 0 … K - 1."""
    indicators = None if strata is None else strata.indicators
    return np.stack(
        [
            assign_folds(
                manifest.labels,
                manifest.patient_codes,
                num_folds=num_folds,
                rng=derive_generator("folds", seed, repeat),
                strata=indicators,
            )
            for repeat in range(repeats)
        ]
    )


def _describe_split(
    manifest: Manifest,
    fold_of_image: NDArray[np.int64],
    strata: Strata | None,
    making: Mapping[str, Any],
    place: FoldPlace,
) -> SplitRecord:
    """The split whose test part is one of the folds of a repeat, (N,) in 0 … K - 1."""
    part = carve_validation(
        manifest.labels,
        manifest.patient_codes,
        np.where(fold_of_image == place.number % place.num_folds, TEST, TRAIN),
        val=making["val"],
        seed=derive_seed("validation of a fold", making["seed"], place.number),
        strata=strata,
    )
    stratify = None if strata is None else tuple(strata.values)
    return describe_parts(manifest, part, {**making, "stratify": stratify, "fold": place})


def _describe_folds(
    manifest: Manifest,
    dealt: NDArray[np.int64],
    strata: Strata | None,
    making: Mapping[str, Any],
    splits: Sequence[SplitRecord],
) -> FoldsRecord:
    """The record of all folds, (R, N) in 0 … K - 1."""
    codes, num_folds = manifest.patient_codes, int(dealt.max()) + 1
    names = [*manifest.vocabulary, NO_FINDING]
    counts = count_by_patient(manifest.labels, codes, int(codes.max()) + 1)
    positive = counts[:, :-1]
    fold_of_patient = np.zeros((len(dealt), len(counts)), dtype=np.int64)
    fold_of_patient[:, codes] = dealt
    folds, excess = [], 0.0
    for repeat, fold in enumerate(fold_of_patient):
        patients = count_patients(positive, fold, num_folds)
        excess = max(excess, measure_excess(patients))
        folds += [
            FoldSummary(
                folder=str(repeat * num_folds + k),
                repeat=repeat,
                images=int(counts[fold == k, -1].sum()),
                patients=int((fold == k).sum()),
                no_finding=int(counts[fold == k, -2].sum()),
                positives=_name(manifest.vocabulary, positive[fold == k].sum(axis=0)),
                positive_patients=_name(names, patients[k]),
                strata=_count_strata(strata, codes, dealt[repeat] == k),
            )
            for k in range(num_folds)
        ]
    warnings = _warn_about_rare(names, np.count_nonzero(positive, axis=0), num_folds)
    return FoldsRecord(
        **making,
        num_folds=num_folds,
        repeats=len(dealt),
        stratify=() if strata is None else tuple(strata.values),
        labels=manifest.vocabulary,
        patient_overlap=sum(split.patient_overlap for split in splits),
        max_positive_excess=excess,
        folds=tuple(folds),
        warnings=(*warnings, *(() if strata is None else strata.warnings)),
        files={},
        rows=tuple(split.rows for split in splits),
    )


def _name(names: Sequence[str], numbers: NDArray[np.int64]) -> dict[str, int]:
    """Numbers by name; a label called "No Finding" goes before the images without any label."""
    named: dict[str, int] = {}
    for name, number in zip(names, numbers.tolist(), strict=False):
        named.setdefault(name, number)
    return named


def _count_strata(
    strata: Strata | None, codes: NDArray[np.int64], is_in_fold: NDArray[np.bool_]
) -> dict[str, dict[str, int]]:
    """The patients of a fold with images of each value of each column."""
    if strata is None:
        return {}
    return {
        column: {
            value: len(np.unique(codes[is_in_fold & (strata.values[column] == value)]))
            for value in values
        }
        for column, values in strata.names.items()
    }


def _warn_about_rare(
    names: Sequence[str], num_patients: NDArray[np.int64], num_folds: int
) -> list[str]:
    rare = [
        f"{name} ({count})"
        for name, count in zip(names, num_patients.tolist(), strict=True)
        if 0 < count < num_folds
    ]
    absent = [name for name, count in zip(names, num_patients.tolist(), strict=True) if not count]
    warnings = []
    if rare:
        warnings.append(
            f"fewer positive patients than the {num_folds} folds: {', '.join(rare)}. Some folds "
            "have none, where scores of these labels are undefined; fewer folds would have some."
        )
    if absent:
        warnings.append(f"no patient at all has {', '.join(absent)}.")
    return warnings
