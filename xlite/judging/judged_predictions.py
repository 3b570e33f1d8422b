"""The predictions that are to be judged, of a run or anyone's, and where they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from xlite import console, places
from xlite.errors import InputError
from xlite.judging.labelled_predictions import (
    LabelledPredictions,
    add_column,
    join_predictions,
    read_run_predictions,
)
from xlite.judging.sealed_test import find_test_run
from xlite.places import VALIDATION
from xlite.run_folder.file_names import RUNS
from xlite.splitting.checked_split import read_checked_split
from xlite.splitting.split_folder import Split
from xlite.tables.columns import image_column_of, open_table
from xlite.tables.read_labels import LabelSource, read_labels
from xlite.tables.table_files import is_files, list_files
from xlite.tables.table_format import TableFormat

if TYPE_CHECKING:
    from xlite.judging.other_site import OtherFilms, OtherSite
    from xlite.judging.predictions_file import PredictionSource
    from xlite.results.join_report import JoinReport

_NAME = "predictions"
"""What predictions of no file are called."""


@dataclass(frozen=True, kw_only=True)
class JudgedPredictions:
    """The predictions to judge and where they come from."""

    labelled: LabelledPredictions
    table: LabelSource | None = None
    """The label table, which may have more columns to group by."""
    layout: TableFormat | None = None
    """How the label table is read; None for the default."""
    split: Split | None = None
    part: str | None = None
    """The part of the split that they are of."""
    run_dir: Path | None = None
    """The run that is judged; None for predictions of others."""
    test_run: Path | None = None
    """The run whose test predictions are judged as if they were anyone's."""
    val_of_folds: Mapping[str, LabelledPredictions] = field(default_factory=dict)
    """By the number of the fold: what the run of each says of its validation part."""
    join: JoinReport | None = None
    site: OtherSite | None = None
    """What else there is to know where the images are another site's, and the run is judged on
    them."""
    names_images: bool = True
    """Whether images are called by their names, and not by their rows."""

    @property
    def split_sha256(self) -> str | None:
        """The SHA-256 of the part's table; None without a split."""
        return None if self.split is None or self.part is None else self.split.sha256[self.part]

    @property
    def takes_thresholds_of_validation(self) -> bool:
        """Whether it is a run's test part, or another site, and the run has a validation part."""
        if self.site is not None:
            return True
        has_validation = self.split is not None and VALIDATION in self.split.parts
        return self.part == "test" and self.run_dir is not None and has_validation

    def read_validation(self) -> LabelledPredictions:
        """What the judged run has said of its validation part."""
        if self.site is not None:
            return self.site.val
        assert self.run_dir is not None
        assert self.split is not None
        return read_run_predictions(self.run_dir, VALIDATION, self.split)

    @property
    def is_test(self) -> bool:
        """Whether judging them is a look at a test set."""
        return self.part == "test" or self.test_run is not None or self.site is not None

    @property
    def title(self) -> str:
        """What an evaluation of them is called."""
        name = self.labelled.name
        if self.site is not None:
            return f"{name}-on-{self.site.name}"
        return name if self.part is None else f"{name}-{self.part}"


def read_judged_run(
    run: Path, split_dir: Path | None, part: str | None, labels: LabelSource | None
) -> JudgedPredictions:
    """The predictions of a run's part, of its validation part where none is named."""
    split = _read_split(split_dir, labels)
    part, run_dir = part or "val", find_run(run)
    labelled = read_run_predictions(run_dir, part, split)
    return JudgedPredictions(
        labelled=labelled, table=labels, split=split, part=part, run_dir=run_dir
    )


def read_judged_site(
    run: Path, split_dir: Path | None, part: str | None, films: OtherFilms
) -> JudgedPredictions:
    """What a run says of another site's films; `part` of its split stands for its own site."""
    run_dir = find_run(run)
    labelled, site = films.read(run_dir, split_dir, part)
    return JudgedPredictions(labelled=labelled, table=films.labels, run_dir=run_dir, site=site)


def read_judged_table(
    predictions: PredictionSource,
    labels: LabelSource | None,
    *,
    table_format: TableFormat | None = None,
    split_dir: Path | None = None,
    part: str | None = None,
    allow_partial: bool = False,
) -> JudgedPredictions:
    """A table of predictions with its labels, those of a split's part where a split is named.

    Raises InputError for predictions that lack images or labels of the table, unless
    `allow_partial`; what found no partner is said.
    """
    split = None
    if split_dir is not None:
        split, part = _read_split(split_dir, labels), part or "val"
        manifest = split.require_part(part)
    elif part is not None:
        raise InputError("--part needs --split DIR, which says what the part is.")
    else:
        labels = places.find_label_table(None) if labels is None else labels
        manifest = read_labels(labels, table_format=table_format)
    path = Path(predictions if isinstance(predictions, str | Path) else _NAME)
    labelled, join = join_predictions(predictions, manifest, name=path.name.split(".")[0])
    if not allow_partial:
        join.require_whole(path)
    for sentence in join.describe():
        console.warn(sentence)
    return JudgedPredictions(
        labelled=labelled,
        table=labels,
        split=split,
        part=part,
        test_run=None if isinstance(predictions, pd.DataFrame) else find_test_run(path),
        join=join,
    )


def add_columns(
    judged: JudgedPredictions,
    names: Sequence[str],
    *,
    welcome: Sequence[str] = (),
) -> JudgedPredictions:
    """The predictions with the columns to group by, from the label table where it has them.

    A column that is called as asked goes before what the manifest keeps under that name; those of
    `welcome` are taken where the table has them. Raises InputError for one of `names` that is
    neither in the table nor known of any image.
    """
    if not names and not welcome:
        return judged
    labelled, table = judged.labelled, open_table(judged.table, judged.layout)
    image_column = image_column_of(table, judged.layout)
    header = () if table is None else table.header
    for name in dict.fromkeys([*names, *(name for name in welcome if name in header)]):
        is_known = any(str(value) not in ("", "nan") for value in labelled.columns.get(name, ()))
        if table is not None and (name in header or not is_known):
            labelled = add_column(labelled, table, name, image_column=image_column)
        elif not is_known:
            raise InputError(
                f"--by {name}: no image has one. Pass the table that has this column with --labels."
            )
    return replace(judged, labelled=labelled)


def require_table_file(labels: LabelSource | None) -> tuple[Path, ...] | None:
    """The files of the label table that a split has to agree with; InputError for no file."""
    if labels is None:
        return None
    if not is_files(labels):
        raise InputError(
            "a split has labels of its own. Pass as labels the file that it was made from, or none."
        )
    return list_files(labels)


def _read_split(split_dir: Path | None, labels: LabelSource | None) -> Split:
    return read_checked_split(split_dir or places.SPLIT_DIR, require_table_file(labels))


def find_run(run: Path) -> Path:
    """The folder of a run that is named by it, or by its name in `experiments/runs`."""
    named = places.EXPERIMENTS_DIR / RUNS / run
    if run.is_dir() or not named.is_dir():
        return run
    return named
