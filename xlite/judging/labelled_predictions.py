"""What a model says of images, beside what is true of them.

The one value that everything after training works on, whoever made the predictions.
N images, C labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from xlite.errors import InputError
from xlite.ids import AMBIGUOUS, match_image_names
from xlite.judging.predictions_file import PredictionSource, read_predictions_file
from xlite.results.join_report import JoinReport
from xlite.run_folder.folder import RunFolder
from xlite.tables.columns import ColumnTable
from xlite.tables.csv_table import show
from xlite.tables.manifest import FURTHER_COLS
from xlite.tables.row_checks import parse_ages

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.splitting.split_folder import Split
    from xlite.tables.manifest import Manifest

AGE = "age"
"""The one column to group by that holds numbers: years."""
GROUP_COLUMNS = ("view", "sex", AGE)
"""Columns to group by that every manifest has."""
SOURCE = "source"
"""The column, of a merged table, that says which data set an image is of."""

_NUM_NAMED = 3


@dataclass(frozen=True, eq=False, kw_only=True)
class LabelledPredictions:
    """Predictions for N images beside their labels."""

    name: str
    """What to call the predictions: a run, or a file."""
    image_ids: NDArray[Any]
    """(N,) text."""
    patient_ids: NDArray[Any]
    """(N,) text."""
    targets: NDArray[np.int8]
    """(N, C): 1 present, 0 absent, -1 unknown."""
    probs: NDArray[np.float64]
    """(N, C) in [0, 1]."""
    vocabulary: tuple[str, ...]
    """The C labels."""
    columns: Mapping[str, NDArray[Any]]
    """(N,) each: view, sex, age and whatever else images may be grouped by."""

    def __len__(self) -> int:
        return len(self.image_ids)

    @property
    def positives(self) -> NDArray[np.int64]:
        """(C,) number of images with each label."""
        count: NDArray[np.int64] = (self.targets == 1).sum(axis=0)
        return count

    def select(self, rows: NDArray[Any]) -> LabelledPredictions:
        """The images given by a mask or by positions."""
        return replace(
            self,
            image_ids=self.image_ids[rows],
            patient_ids=self.patient_ids[rows],
            targets=self.targets[rows],
            probs=self.probs[rows],
            columns={name: values[rows] for name, values in self.columns.items()},
        )


def known_columns(manifest: Manifest) -> dict[str, NDArray[Any]]:
    """(N,) each: what a manifest says of images that they may be grouped by."""
    further = [name for name in FURTHER_COLS if name in manifest.table]
    return {name: manifest.table[name].to_numpy() for name in (*GROUP_COLUMNS, *further)}


def join_predictions(
    predictions: PredictionSource, manifest: Manifest, *, name: str
) -> tuple[LabelledPredictions, JoinReport]:
    """Anyone's table of predictions joined with one of labels, and what found no partner.

    It is read as `read_predictions_file` says; images match with and without their folder.
    Images come in the order of the label table. Raises InputError also when nothing matches.
    """
    file = read_predictions_file(predictions, manifest.vocabulary)
    rows = file.match(manifest.image_ids)
    is_known = rows >= 0
    if not is_known.any():
        raise InputError(
            f"no image of {file.path} is in the label table: the file names "
            f"{show(file.names[0])}, the table {show(manifest.image_ids[0])}. Pass the label table "
            "of these images."
        )
    order = np.flatnonzero(is_known)[np.argsort(rows[is_known], kind="stable")]
    judged = manifest.select(rows[order])
    has_prediction = np.zeros(len(manifest), dtype=np.bool_)
    has_prediction[rows[order]] = True
    missing, extra = manifest.image_ids[~has_prediction], file.names[~is_known]
    kept = [manifest.vocabulary.index(label) for label in file.vocabulary]
    report = JoinReport(
        num_joined=len(order),
        num_missing=len(missing),
        missing=tuple(missing[:_NUM_NAMED]),
        num_extra=len(extra),
        extra=tuple(extra[:_NUM_NAMED]),
        missing_labels=tuple(n for n in manifest.vocabulary if n not in file.vocabulary),
    )
    labelled = LabelledPredictions(
        name=name,
        image_ids=judged.image_ids,
        patient_ids=judged.patient_ids,
        targets=judged.labels[:, kept],
        probs=file.probs[order],
        vocabulary=file.vocabulary,
        columns=known_columns(judged),
    )
    return labelled, report


def read_run_predictions(run_dir: Path, part: str, split: Split) -> LabelledPredictions:
    """One part of the split with the predictions that a finished run wrote for it.

    Raises InputError when the run is unfinished or was trained on another split, and when the
    predictions are not the whole of what it wrote.
    """
    run = RunFolder(run_dir)
    run.require_begun()
    trained_on = run.config.data.split_sha256
    differing = [name for name, digest in split.sha256.items() if trained_on.get(name) != digest]
    if differing:
        raise InputError(
            f"{run_dir} was trained on another split: the SHA-256 of {', '.join(differing)} "
            "differs. Pass the split of the run with --split DIR."
        )
    path = run.find_predictions(part)
    labelled, join = join_predictions(path, split.require_part(part), name=run_dir.name)
    _require_complete(path, join, num_images=run.config.data.images.get(part))
    return labelled


def _require_complete(path: Path, join: JoinReport, *, num_images: int | None) -> None:
    """Raise InputError for a run's predictions that are not of all of its images and labels.

    num_images: how many the run has of this part, without those that could not be read.
    """
    faults = []
    if num_images is not None and join.num_joined != num_images:
        faults.append(f"it has {join.num_joined} of the run's {num_images} images")
    if join.num_extra:
        faults.append(f"{join.num_extra} of its images are not in the split ({join.extra[0]}, …)")
    if join.missing_labels:
        faults.append(f"it has no column for {', '.join(join.missing_labels)}")
    if faults:
        raise InputError(
            f"{path} is not what the run wrote: {'; '.join(faults)}. "
            f"{RunFolder(path.parent).how_to_make_again}"
        )


def add_column(
    labelled: LabelledPredictions, table: ColumnTable, column: str, *, image_column: str
) -> LabelledPredictions:
    """The same with one more column, read from a table that names the same images.

    Text, "" where the table does not have the image; a column called "age" in years, NaN where it
    has none. Raises InputError when there is no such column, when it is the one that names the
    images, or when the table has an image twice.
    """
    if column == image_column:
        raise InputError(
            f"{column!r} names the images of {table.path}, so that each would be a group of its "
            "own. Group by another column."
        )
    table.require_columns([image_column, column], remedies={image_column: "Pass --image-col."})
    cells = table.take([image_column, column])
    rows = match_image_names(labelled.image_ids, cells[image_column])
    ambiguous = labelled.image_ids[rows == AMBIGUOUS]
    if ambiguous.size:
        raise InputError(
            f"{table.path} has more than one row for image {show(ambiguous[0])}. Keep one row an "
            f"image, to say what its {column!r} is."
        )
    texts = np.append(cells[column].to_numpy(dtype=object), "")[rows]
    values = parse_ages(pd.Series(texts, dtype=str)) if column == AGE else texts
    return replace(labelled, columns={**labelled.columns, column: values})
