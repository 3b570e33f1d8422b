"""A folder of folds, made of a label table for tests of what trains and judges on folds."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from xlite.files import sha256_of_file, write_json
from xlite.results.folds import FoldsRecord, FoldSummary
from xlite.splitting.split_writer import write_split
from xlite.tables.manifest import Manifest


def write_folds(table: Manifest, out: Path, *, num_folds: int, repeats: int = 1) -> Path:
    """Folds by patient, validation being a fifth of the other patients."""
    files, summaries = {}, []
    patients = table.patient_codes
    for number in range(num_folds * repeats):
        repeat, fold = divmod(number, num_folds)
        dealt = np.random.default_rng(repeat).permutation(patients.max() + 1)[patients]
        is_test = dealt % num_folds == fold
        is_val = ~is_test & (dealt // num_folds % 5 == 0)
        parts = {
            "train": table.select(~is_test & ~is_val),
            "val": table.select(is_val),
            "test": table.select(is_test),
        }
        record = {"seed": repeat, "ratios": [0.6, 0.2, 0.2], "official_lists": False}
        write_split(parts, out / str(number), record, overwrite=False)
        files[f"{number}/split.json"] = sha256_of_file(out / str(number) / "split.json")
        positives = dict(zip(table.vocabulary, parts["test"].positives.tolist(), strict=True))
        summaries.append(
            FoldSummary(
                folder=str(number),
                repeat=repeat,
                images=int(is_test.sum()),
                patients=len(np.unique(patients[is_test])),
                no_finding=parts["test"].num_no_finding,
                positives=positives,
                positive_patients=positives,
            )
        )
    record = FoldsRecord(
        seed=0,
        num_folds=num_folds,
        repeats=repeats,
        labels=table.vocabulary,
        max_positive_excess=0.0,
        folds=tuple(summaries),
        files=files,
    )
    write_json(out / "folds.json", record.to_json())
    return out
