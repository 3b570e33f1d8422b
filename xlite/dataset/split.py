"""Splits: made by patient, written as three label tables and a record, read back and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from xlite.artifacts import (
    SPLIT_PARTS,
    SPLIT_RECORD,
    atomic_path,
    read_json,
    sha256_of_file,
    write_json,
)
from xlite.dataset.audit import SplitAudit, SplitPart, audit_split
from xlite.dataset.label_table import TableFormat, read_manifest
from xlite.dataset.manifest import Manifest, write_manifest
from xlite.dataset.stratify import assign_patients, choose_subset, measure_deviation
from xlite.errors import InputError, LeakageError

Parts = dict[str, Manifest]

_REMEDY = "Run `xlite split` first, or pass --split DIR."


@dataclass(frozen=True)
class Split:
    """A split as read from its folder: the three parts and the SHA-256 of their files."""

    parts: Parts
    sha256: dict[str, str]


def split_by_patient(manifest: Manifest, *, ratios: Sequence[float], seed: int) -> Parts:
    """Train, val and test parts that share no patient, stratified over all labels.

    ratios: shares of images for the three parts, in that order.
    """
    part = assign_patients(manifest.labels, manifest.patient_codes, ratios=ratios, seed=seed)
    return {name: manifest.select(part == number) for number, name in enumerate(SPLIT_PARTS)}


def split_by_lists(
    manifest: Manifest,
    *,
    train_val_ids: Sequence[str],
    test_ids: Sequence[str],
    val_share: float,
    seed: int,
) -> Parts:
    """The parts given by two lists of images, validation carved out of the first by patient.

    val_share: validation's share of the first list's images. Raises InputError for images that
    are in no list or not in the table, LeakageError when a patient is in both lists.
    """
    sides = {"--train-val-list": set(train_val_ids), "--test-list": set(test_ids)}
    both = sides["--train-val-list"] & sides["--test-list"]
    if both:
        raise LeakageError(
            f"{len(both)} images are in both lists (first: {min(both)}). Check the two files."
        )
    known = set(manifest.image_ids)
    for option, names in sides.items():
        strangers = names - known
        if strangers:
            raise InputError(
                f"{len(strangers)} of {len(names)} images of {option} are not in the label table "
                f"(first: {min(strangers)}). Pass the table that the lists belong to."
            )
    is_test = np.array([name in sides["--test-list"] for name in manifest.image_ids])
    is_train_val = np.array([name in sides["--train-val-list"] for name in manifest.image_ids])
    unlisted = ~(is_test | is_train_val)
    if unlisted.any():
        raise InputError(
            f"{int(unlisted.sum())} images of the label table are in neither list "
            f"(first: {manifest.image_ids[unlisted][0]}). Add them to a list, or drop their rows."
        )
    rest = manifest.select(is_train_val)
    part = assign_patients(
        rest.labels, rest.patient_codes, ratios=(1 - val_share, val_share), seed=seed
    )
    parts = {
        "train": rest.select(part == 0),
        "val": rest.select(part == 1),
        "test": manifest.select(is_test),
    }
    require_no_leakage(audit_parts(parts))
    return parts


def read_image_list(path: Path) -> list[str]:
    """The image names in a text file, one a line, such as NIH's `test_list.txt`."""
    try:
        names = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (FileNotFoundError, IsADirectoryError):
        raise InputError(f"image list {path} does not exist or is a folder.") from None
    except UnicodeDecodeError:
        raise InputError(f"image list {path} is not UTF-8 text.") from None
    names = [name for name in names if name]
    if not names:
        raise InputError(f"image list {path} is empty.")
    return names


def take_subset(parts: Parts, *, fraction: float, seed: int) -> Parts:
    """The parts with a stratified, patient-whole `fraction` of training; val and test whole."""
    train = parts["train"]
    chosen = choose_subset(train.labels, train.patient_codes, fraction=fraction, seed=seed)
    return {**parts, "train": train.select(chosen)}


def audit_parts(parts: Mapping[str, Manifest]) -> SplitAudit:
    """The audit of parts that have the same vocabulary."""
    vocabulary = next(iter(parts.values())).vocabulary
    return audit_split(
        {
            name: SplitPart(part.image_ids, part.patient_ids, part.labels)
            for name, part in parts.items()
        },
        labels=vocabulary,
    )


def require_no_leakage(audit: SplitAudit) -> None:
    """Raise LeakageError when patients or images stand on two sides."""
    if audit.has_leakage:
        shared = {pair: n for pair, n in audit.patient_overlap.items() if n}
        images = {pair: n for pair, n in audit.image_overlap.items() if n}
        raise LeakageError(
            f"the split leaks: patients on two sides {shared or 0}, images on two sides "
            f"{images or 0}. Make a patient-disjoint one with `xlite split`."
        )


def write_split(parts: Parts, out: Path, record: Mapping[str, Any], *, overwrite: bool) -> Any:
    """Write the three tables and, last, `split.json`; returns its content.

    record: what the split was made with (seed, ratios, …). A folder with another split is an
    InputError unless `overwrite`; the same split again changes nothing.
    """
    audit = audit_parts(parts)
    require_no_leakage(audit)
    whole = np.concatenate([part.labels for part in parts.values()])
    number = np.repeat(np.arange(len(parts)), [len(part) for part in parts.values()])
    vocabulary = parts["train"].vocabulary
    content: dict[str, Any] = {
        **record,
        "labels": list(vocabulary),
        "patient_overlap": sum(audit.patient_overlap.values()),
        "max_deviation_pp": measure_deviation(whole, number).max_pp,
        "parts": audit.to_dict()["parts"],
    }
    record_path = out / SPLIT_RECORD
    if record_path.exists() and not overwrite:
        earlier = read_json(record_path, remedy="Pass --overwrite to replace it.")
        if {key: earlier.get(key) for key in content} != content:
            raise InputError(
                f"{out} holds another split (seed {earlier.get('seed')}, ratios "
                f"{earlier.get('ratios')}). Pass another --out, or --overwrite to replace it."
            )
        read_split(out)
        return earlier
    record_path.unlink(missing_ok=True)
    for name, part in parts.items():
        with atomic_path(out / f"{name}.csv") as temporary:
            write_manifest(part, temporary)
    content["files"] = {f"{name}.csv": sha256_of_file(out / f"{name}.csv") for name in parts}
    write_json(record_path, content)
    return content


def read_split(folder: Path, *, table: Manifest | None = None) -> Split:
    """The split in a folder of train.csv, val.csv and test.csv, checked.

    With `split.json` beside them the files have to be the ones it records. With `table` the
    labels are those of the label table, which has to agree. Raises LeakageError when a patient
    is on two sides.
    """
    paths = {name: folder / f"{name}.csv" for name in SPLIT_PARTS}
    for path in paths.values():
        if not path.exists():
            raise InputError(f"split file {path} does not exist. {_REMEDY}")
    sha256 = {name: sha256_of_file(path) for name, path in paths.items()}
    vocabulary = table.vocabulary if table is not None else None
    record_path = folder / SPLIT_RECORD
    if record_path.exists():
        record = read_json(record_path, remedy=_REMEDY)
        vocabulary = tuple(record["labels"])
        for name in SPLIT_PARTS:
            if record["files"][f"{name}.csv"] != sha256[name]:
                raise InputError(
                    f"{paths[name]} was changed since the split was made (its SHA-256 differs "
                    f"from {record_path}). Restore it, or run `xlite split` again."
                )
    parts = {name: read_manifest(path, vocabulary=vocabulary) for name, path in paths.items()}
    require_no_leakage(audit_parts(parts))
    if table is not None:
        for name, part in parts.items():
            _require_same_labels(part, table, paths[name])
    return Split(parts=parts, sha256=sha256)


def read_foreign_parts(
    paths: Sequence[Path], *, table_format: TableFormat | None = None
) -> dict[str, Manifest]:
    """Anyone's split files as parts named by file, with one vocabulary for all."""
    names = [path.name.removesuffix(".gz").removesuffix(".csv") for path in paths]
    if len(set(names)) < len(names):
        names = [str(path) for path in paths]
    vocabulary: tuple[str, ...] | None = None
    record_path = paths[0].parent / SPLIT_RECORD
    if record_path.exists():
        vocabulary = tuple(read_json(record_path, remedy="Delete it.")["labels"])
    parts = [
        read_manifest(path, table_format=table_format, vocabulary=vocabulary) for path in paths
    ]
    union = tuple(dict.fromkeys(name for part in parts for name in part.vocabulary))
    if any(part.vocabulary != union for part in parts):
        parts = [read_manifest(path, table_format=table_format, vocabulary=union) for path in paths]
    return dict(zip(names, parts, strict=True))


def _require_same_labels(part: Manifest, table: Manifest, path: Path) -> None:
    if part.vocabulary != table.vocabulary:
        raise InputError(f"{path} and the label table have different vocabularies. {_REMEDY}")
    position = pd.Index(table.image_ids).get_indexer(pd.Index(part.image_ids))
    if (position < 0).any():
        absent = part.image_ids[position < 0]
        raise InputError(
            f"{len(absent)} of {len(part)} images in {path} are not in the label table (first: "
            f"{absent[0]}). Pass the table that the split was made from."
        )
    differs = (table.labels[position] != part.labels).any(axis=1)
    if differs.any():
        raise InputError(
            f"the labels of {int(differs.sum())} images in {path} differ from the label table "
            f"(first: {part.image_ids[differs][0]}). Run `xlite split` on the table again."
        )
