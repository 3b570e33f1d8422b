"""The cases that a command is to judge, from a run or from anyone's predictions."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xlite import console, places
from xlite.cli import options
from xlite.errors import InputError

if TYPE_CHECKING:
    from xlite.judging.labelled_predictions import JoinReport, LabelledPredictions
    from xlite.splitting.split_folder import Split


@dataclass(frozen=True, kw_only=True)
class JudgedPredictions:
    """The cases to judge and where they come from."""

    cases: LabelledPredictions
    part: str | None
    split_sha256: str | None
    join: JoinReport | None = None
    run_dir: Path | None = None
    split: Split | None = None


def read_judged(
    run: Path | None,
    predictions: Path | None,
    labels: Path | None,
    split_dir: Path | None,
    part: str | None,
    columns: options.ColumnOptions,
    *,
    allow_partial: bool = False,
) -> JudgedPredictions:
    """The cases of a run's part, or of a predictions file and its labels.

    Raises InputError unless exactly one of the two is given, and for predictions that lack images
    or labels of the table, unless `allow_partial`; what found no partner is said.
    """
    from xlite.judging.labelled_predictions import join_predictions, read_run_predictions
    from xlite.splitting.checked_split import read_checked_split
    from xlite.tables.label_table import read_manifest

    if (run is None) == (predictions is None):
        raise InputError(
            "pass either a run's folder, or --predictions CSV with --labels CSV or --split DIR."
        )
    split = None
    if run is not None or split_dir is not None:
        split = read_checked_split(split_dir or places.SPLIT_DIR, labels)
    if run is not None and split is not None:
        part, run_dir = part or "val", _find_run(run)
        cases = read_run_predictions(run_dir, part, split)
        return JudgedPredictions(
            cases=cases, part=part, split_sha256=split.sha256[part], run_dir=run_dir, split=split
        )
    assert predictions is not None
    if split is not None:
        part = part or "val"
        manifest, digest = split.parts[part], split.sha256[part]
    elif part is not None:
        raise InputError("--part needs --split DIR, which says what the part is.")
    else:
        table = places.find_label_table(labels)
        manifest, digest = read_manifest(table, table_format=columns.to_table_format()), None
    cases, join = join_predictions(predictions, manifest, name=predictions.name.split(".")[0])
    if not allow_partial:
        join.require_whole(predictions)
    for sentence in join.describe():
        console.warn(sentence)
    return JudgedPredictions(cases=cases, part=part, split_sha256=digest, join=join, split=split)


def _find_run(run: Path) -> Path:
    named = places.EXPERIMENTS_DIR / "runs" / run
    if run.is_dir() or not named.is_dir():
        return run
    return named


def add_columns(
    judged: JudgedPredictions,
    names: list[str],
    labels: Path | None,
    predictions: Path | None,
    columns: options.ColumnOptions,
    *,
    welcome: Sequence[str] = (),
) -> JudgedPredictions:
    """The cases with the columns that --by names, from the label table where it has them.

    A column that is called as asked goes before what the manifest keeps under that name; those of
    `welcome` are taken where the table has them. Raises InputError for one of `names` that is
    neither in the table nor known of any image.
    """
    from xlite.judging.labelled_predictions import add_column
    from xlite.tables.csv_table import open_csv

    cases, table = judged.cases, labels
    wants_any = bool(names or welcome)
    if wants_any and table is None and predictions is not None and judged.split is None:
        table = places.find_label_table(None)
    header = open_csv(table, what="label table").header if wants_any and table else ()
    image_column = columns.to_table_format().image_col
    for name in dict.fromkeys([*names, *(name for name in welcome if name in header)]):
        is_known = any(str(value) not in ("", "nan") for value in cases.columns.get(name, ()))
        if table is not None and (name in header or not is_known):
            cases = add_column(cases, table, name, image_column=image_column)
        elif not is_known:
            raise InputError(
                f"--by {name}: no image has one. Pass the table that has this column with --labels."
            )
    return dataclasses.replace(judged, cases=cases)
