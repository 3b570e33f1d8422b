"""Anyone's predictions: a table with an image column and one column of probabilities a label.

N images, C labels.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from xlite.errors import InputError
from xlite.ids import AMBIGUOUS, match_image_names
from xlite.labels import simplify_label
from xlite.tables.csv_table import CsvTable, frame_as_csv, open_csv, show

if TYPE_CHECKING:
    from numpy.typing import NDArray

IMAGE_COLUMNS = ("image_id", "Image Index", "image", "filename", "file", "path", "image_path")
"""The names by which the image column of a predictions file is known, in order of preference."""

PROB_PREFIX = "prob_"

PredictionSource = str | Path | pd.DataFrame
"""What `read_predictions_file` reads."""

_PREFIXED = re.compile(r"prob[\s_-]", re.IGNORECASE)
_NUM_NAMED = 3


@dataclass(frozen=True, eq=False)
class PredictionsFile:
    """What a predictions file says."""

    path: Path
    """What to call it in messages."""
    names: NDArray[Any]
    """(N,) the images as the file names them, each once."""
    probs: NDArray[np.float64]
    """(N, C) in [0, 1]."""
    vocabulary: tuple[str, ...]
    """The C labels that have a column, in the order of the label table's."""
    rows: NDArray[np.intp]
    """(N,) row of each image in the file, counted as in a spreadsheet."""

    def match(self, image_ids: NDArray[Any]) -> NDArray[np.intp]:
        """(N,) position of each image in `image_ids`, -1 where it is none of them.

        Raises InputError for a name that may mean several of them, and for two of one image.
        """
        found = match_image_names(self.names, image_ids)
        if (found == AMBIGUOUS).any():
            name = self.names[found == AMBIGUOUS][0]
            raise InputError(
                f"{self.path}: the label table has more than one image called {show(name)}. Name "
                "images as the label table does."
            )
        matched = pd.Series(found[found >= 0])
        if matched.duplicated().any():
            position = int(matched[matched.duplicated()].iloc[0])
            raise InputError(
                f"{self.path}: image {show(image_ids[position])} is named with and without its "
                f"folder, in rows {name_rows(self.rows[found == position])}. Keep one row an image."
            )
        return found


def read_predictions_file(
    predictions: PredictionSource, vocabulary: Sequence[str]
) -> PredictionsFile:
    """The predictions in a table for the labels of `vocabulary`, as far as it has them.

    predictions: a CSV file, or a data frame with the columns of one: an image column (one of
    IMAGE_COLUMNS) and a column `prob_<label>` a label, or `<label>`; case, blanks and underscores
    may differ. Where any column has the prefix, one without is what is true, not what is
    predicted. Raises InputError, naming rows and columns, for duplicate images and columns, for
    probs that are missing or not in [0, 1], and for columns without the prefix that hold only 0
    and 1, which may be what is true.
    """
    if isinstance(predictions, pd.DataFrame):
        table = frame_as_csv(predictions)
    else:
        table = open_csv(Path(predictions), remedy="Pass a CSV.")
    path = table.path
    image_column = find_image_column(table)
    label_columns, is_prefixed = _find_label_columns(table, vocabulary)
    cells = table.take([image_column, *label_columns.values()], is_guarded=True)
    rows = cells.index.to_numpy()
    names = cells[image_column].to_numpy(dtype=object)
    _refuse_duplicates(path, names, rows)
    probs = _parse_probs(path, cells[list(label_columns.values())])
    if not is_prefixed:
        _refuse_truth(path, probs, list(label_columns.values()))
    return PredictionsFile(path, names, probs, tuple(label_columns), rows)


def find_image_column(table: CsvTable) -> str:
    """The column that names the images; InputError for a table with none or several."""
    for candidate in IMAGE_COLUMNS:
        simple = simplify_label(candidate)
        found = [name for name in table.header if simplify_label(name) == simple]
        if len(found) > 1:
            raise InputError(
                f"{table.path} has more than one image column: {', '.join(found)}. Keep one."
            )
        if found:
            return found[0]
    raise InputError(
        f"{table.path} has no image column; it has: {table.name_columns()}. Call the column one "
        f"of: {', '.join(IMAGE_COLUMNS)}."
    )


def _find_label_columns(table: CsvTable, vocabulary: Sequence[str]) -> tuple[dict[str, str], bool]:
    """The column of each label in the order of the vocabulary, and whether they have the prefix."""
    by_name: dict[str, list[str]] = {}
    for name in table.header:
        by_name.setdefault(simplify_label(name), []).append(name)
    with_prefix = {label: simplify_label(PROB_PREFIX + label) for label in vocabulary}
    is_prefixed = any(_PREFIXED.match(name) for name in table.header) or any(
        simple in by_name for simple in with_prefix.values()
    )
    wanted = with_prefix if is_prefixed else {name: simplify_label(name) for name in vocabulary}
    named = {label: by_name[simple] for label, simple in wanted.items() if simple in by_name}
    for label, columns in named.items():
        if len(columns) > 1:
            raise InputError(
                f"{table.path} has more than one column for {label}: {', '.join(columns)}. Keep "
                "one."
            )
    if not named:
        raise InputError(
            f"{table.path} has no column of predictions for any of the labels "
            f"{', '.join(vocabulary)}; it has: {table.name_columns()}. Call them prob_<label> or "
            "<label>."
        )
    return {label: columns[0] for label, columns in named.items()}, is_prefixed


def _refuse_duplicates(path: Path, names: NDArray[Any], rows: NDArray[np.intp]) -> None:
    if (names == "").any():
        raise InputError(f"{path}: row {name_rows(rows[names == ''])} has no image name.")
    repeated = pd.Series(names).duplicated().to_numpy()
    if repeated.any():
        first = names[repeated][0]
        raise InputError(
            f"{path}: {int(repeated.sum())} duplicate images, the first is {show(first)} in rows "
            f"{name_rows(rows[names == first])}. Keep one row an image."
        )


def _parse_probs(path: Path, cells: pd.DataFrame) -> NDArray[np.float64]:
    probs: NDArray[np.float64] = cells.apply(pd.to_numeric, errors="coerce").to_numpy(dtype=float)
    for is_wrong, fault, remedy in (
        (np.isnan(probs), "no number", "Leave the rows of images without predictions out."),
        ((probs < 0) | (probs > 1), "not in [0, 1]", "Turn logits into probabilities first."),
    ):
        if is_wrong.any():
            column = int(is_wrong.any(axis=0).argmax())
            where = is_wrong[:, column]
            raise InputError(
                f"{path}: {int(is_wrong.sum())} probs are {fault}, the first in column "
                f"{cells.columns[column]!r}: {show(cells.iloc[int(where.argmax()), column])} in "
                f"row {name_rows(cells.index[where])}. {remedy}"
            )
    return probs


def _refuse_truth(path: Path, probs: NDArray[np.float64], columns: Sequence[str]) -> None:
    is_binary = ((probs == 0) | (probs == 1)).all(axis=0)
    if is_binary.any():
        named = ", ".join(name for name, binary in zip(columns, is_binary, strict=True) if binary)
        raise InputError(
            f"{path}: there are only 0 and 1 in {named}, as where a column says what is true and "
            "not what is predicted. If they are predictions, call their columns prob_<label>."
        )


def name_rows(rows: Sequence[int] | NDArray[Any] | pd.Index[int]) -> str:
    """The first three of some rows.

    >>> name_rows([4, 7]), name_rows([2, 3, 4, 5])
    ('4, 7', '2, 3, 4 …')
    """
    named = ", ".join(str(row) for row in rows[:_NUM_NAMED])
    return named + (" …" if len(rows) > _NUM_NAMED else "")
