"""Cases: what a model says of images, beside what is true of them.

The one value that everything after training works on, whoever made the predictions.
N images, C labels.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from xlite.artifacts import RUN_CONFIG, RUN_SCORES, predictions_name, read_json
from xlite.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.dataset.manifest import Manifest
    from xlite.dataset.split import Split

IMAGE_COLUMNS = ("image_id", "Image Index", "image", "filename", "file", "path", "image_path")
"""The names by which the image column of a predictions file is known, in order of preference."""

PROB_PREFIX = "prob_"

_NUM_NAMED = 3


@dataclass(frozen=True, eq=False, kw_only=True)
class Cases:
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

    def select(self, rows: NDArray[Any]) -> Cases:
        """The cases given by a mask or by positions."""
        return replace(
            self,
            image_ids=self.image_ids[rows],
            patient_ids=self.patient_ids[rows],
            targets=self.targets[rows],
            probs=self.probs[rows],
            columns={name: values[rows] for name, values in self.columns.items()},
        )


@dataclass(frozen=True, kw_only=True)
class JoinReport:
    """What of a predictions file and of a label table found no partner."""

    num_joined: int
    """Images in both."""
    num_missing: int
    """Images of the label table without predictions."""
    missing: tuple[str, ...]
    """The first of them."""
    num_extra: int
    """Images with predictions that the label table does not have."""
    extra: tuple[str, ...]
    """The first of them."""
    missing_labels: tuple[str, ...]
    """Labels of the table that have no column of predictions: they are not judged."""

    def describe(self) -> list[str]:
        """One sentence for each thing that found no partner; none when all did."""
        sentences = []
        if self.num_missing:
            sentences.append(
                f"{self.num_missing} images of the label table have no prediction and are not "
                f"judged (first: {', '.join(self.missing)})."
            )
        if self.num_extra:
            sentences.append(
                f"{self.num_extra} predictions are of images that the label table does not have "
                f"and are not judged (first: {', '.join(self.extra)})."
            )
        if self.missing_labels:
            sentences.append(
                f"no column of predictions for {', '.join(self.missing_labels)}: not judged."
            )
        return sentences


def join_predictions(
    predictions: Path, manifest: Manifest, *, name: str
) -> tuple[Cases, JoinReport]:
    """The cases of anyone's predictions CSV and a label table, and what found no partner.

    The CSV has an image column (one of IMAGE_COLUMNS; of a path the last part counts) and a column
    `prob_<label>` a label, or `<label>`; case, blanks and underscores may differ. The cases come in
    the order of the label table. Raises InputError, naming rows, for duplicate images and for
    probs that are missing or not in [0, 1]; also when nothing matches.
    """
    table = _read_table(predictions)
    image_column = _find_image_column(predictions, table)
    label_columns = _find_label_columns(predictions, table, manifest.vocabulary)
    names = table[image_column].str.strip().to_numpy(dtype=object)
    _refuse_duplicates(predictions, names)
    probs = _parse_probs(predictions, table[list(label_columns.values())])
    rows = _match_images(predictions, names, manifest)
    is_known = rows >= 0
    if not is_known.any():
        raise InputError(
            f"no image of {predictions} is in the label table: the file names {names[0]!r}, the "
            f"table {manifest.image_ids[0]!r}. Pass the label table of these images."
        )
    order = np.flatnonzero(is_known)[np.argsort(rows[is_known], kind="stable")]
    judged = manifest.select(rows[order])
    has_prediction = np.zeros(len(manifest), dtype=np.bool_)
    has_prediction[rows[order]] = True
    missing, extra = manifest.image_ids[~has_prediction], names[~is_known]
    kept = [manifest.vocabulary.index(label) for label in label_columns]
    report = JoinReport(
        num_joined=len(order),
        num_missing=len(missing),
        missing=tuple(missing[:_NUM_NAMED]),
        num_extra=len(extra),
        extra=tuple(extra[:_NUM_NAMED]),
        missing_labels=tuple(n for n in manifest.vocabulary if n not in label_columns),
    )
    cases = Cases(
        name=name,
        image_ids=judged.image_ids,
        patient_ids=judged.patient_ids,
        targets=judged.labels[:, kept],
        probs=probs[order],
        vocabulary=tuple(label_columns),
        columns={column: judged.table[column].to_numpy() for column in ("view", "sex", "age")},
    )
    return cases, report


def read_run_cases(run_dir: Path, part: str, split: Split) -> Cases:
    """The cases of one part of the split, from the predictions that a finished run wrote.

    Raises InputError when the run is unfinished, or was trained on another split.
    """
    remedy = "Pass the folder of a run, such as experiments/runs/NAME."
    config = read_json(run_dir / RUN_CONFIG, remedy=remedy)
    trained_on = config["data"]["split_sha256"]
    differing = [name for name, digest in split.sha256.items() if trained_on.get(name) != digest]
    if differing:
        raise InputError(
            f"{run_dir} was trained on another split: the SHA-256 of {', '.join(differing)} "
            "differs. Pass the split of the run with --split DIR."
        )
    path = run_dir / predictions_name(part)
    if not (run_dir / RUN_SCORES).exists() or not path.exists():
        raise InputError(
            f"{run_dir} has no finished {predictions_name(part)}. Train the run to its end with "
            "--resume."
        )
    cases, _ = join_predictions(path, split.parts[part], name=run_dir.name)
    return cases


def add_column(cases: Cases, table: Path, column: str, *, image_column: str) -> Cases:
    """The cases with one more column, read as text from a CSV that names the same images.

    "" where the CSV does not have the image. Raises InputError when it has no such column.
    """
    raw = _read_table(table)
    for name in (image_column, column):
        if name not in raw:
            raise InputError(
                f"{table} has no column {name!r}; it has: {', '.join(map(str, raw.columns))}."
            )
    values = raw.drop_duplicates(image_column).set_index(image_column)[column]
    found = values.reindex(cases.image_ids).fillna("").to_numpy(dtype=object)
    return replace(cases, columns={**cases.columns, column: found})


def _read_table(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, skipinitialspace=True)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist.") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder. Pass a CSV.") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise InputError(f"{path} can't be read as a CSV: {error}") from None
    if table.empty:
        raise InputError(f"{path} has no rows.")
    return table.rename(columns=lambda name: str(name).strip())


def _find_image_column(path: Path, table: pd.DataFrame) -> str:
    by_name = {_simplify(name): name for name in reversed(table.columns)}
    for candidate in IMAGE_COLUMNS:
        if _simplify(candidate) in by_name:
            return str(by_name[_simplify(candidate)])
    raise InputError(
        f"{path} has no image column; it has: {', '.join(table.columns[:8])}. Call the column "
        f"one of: {', '.join(IMAGE_COLUMNS)}."
    )


def _find_label_columns(
    path: Path, table: pd.DataFrame, vocabulary: Sequence[str]
) -> dict[str, str]:
    """The column of each label, in the order of the vocabulary."""
    by_name: dict[str, list[str]] = {}
    for name in table.columns:
        by_name.setdefault(_simplify(name), []).append(name)
    # Beside probs a plain column of the label's name is what is true, not what is said.
    prefix = PROB_PREFIX if any(name.startswith(PROB_PREFIX) for name in table.columns) else ""
    wanted = {label: _simplify(prefix + label) for label in vocabulary}
    named = {label: by_name[simple] for label, simple in wanted.items() if simple in by_name}
    for label, columns in named.items():
        if len(columns) > 1:
            raise InputError(
                f"{path} has more than one column for {label}: {', '.join(columns)}. Keep one."
            )
    found = {label: columns[0] for label, columns in named.items()}
    if not found:
        raise InputError(
            f"{path} has no column of predictions for any of the labels {', '.join(vocabulary)}; "
            f"it has: {', '.join(table.columns[:8])}. Call them prob_<label> or <label>."
        )
    return found


def _refuse_duplicates(path: Path, names: NDArray[Any]) -> None:
    if (names == "").any():
        raise InputError(f"{path}: row {_name_rows(names == '')} has no image name.")
    repeated = pd.Series(names).duplicated().to_numpy()
    if repeated.any():
        first = names[repeated][0]
        raise InputError(
            f"{path}: {int(repeated.sum())} duplicate images, the first is {first!r} in rows "
            f"{_name_rows(names == first)}. Keep one row an image."
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
                f"{cells.columns[column]!r}: {cells.iloc[int(where.argmax()), column]!r} in row "
                f"{_name_rows(where)}. {remedy}"
            )
    return probs


def _match_images(path: Path, names: NDArray[Any], manifest: Manifest) -> NDArray[np.intp]:
    """The manifest's row of each name, -1 where there is none: whole, else by its last part."""
    rows = np.asarray(pd.Index(manifest.image_ids).get_indexer(pd.Index(names)))
    rest = rows < 0
    if not rest.any():
        return rows
    known = pd.Series(_last_parts(manifest.image_ids))
    wanted = _last_parts(names[rest])
    ambiguous = sorted(set(known[known.duplicated()]) & set(wanted))
    if ambiguous:
        raise InputError(
            f"{path}: the label table has more than one image called {ambiguous[0]!r}. Name "
            "images as the label table does."
        )
    known = known[~known.duplicated(keep=False)]
    position = pd.Index(known).get_indexer(pd.Index(wanted))
    rows[rest] = np.where(position >= 0, known.index.to_numpy()[position], -1)
    matched = pd.Series(rows[rows >= 0])
    if matched.duplicated().any():
        row = int(matched[matched.duplicated()].iloc[0])
        raise InputError(
            f"{path}: image {manifest.image_ids[row]!r} is named with and without its folder, in "
            f"rows {_name_rows(rows == row)}. Keep one row an image."
        )
    return rows


def _last_parts(names: NDArray[Any]) -> list[str]:
    return [re.split(r"[/\\]", str(name))[-1] for name in names]


def _simplify(name: str) -> str:
    """A column's name without case, blanks, hyphens and underscores.

    >>> _simplify("prob_Pleural Thickening") == _simplify("prob_pleural_thickening")
    True
    """
    return re.sub(r"[\s_-]+", "", str(name)).casefold()


def _name_rows(mask: NDArray[np.bool_]) -> str:
    """The first rows of a mask, counted as in a spreadsheet: the header is row 1."""
    rows = np.flatnonzero(mask) + 2
    named = ", ".join(str(row) for row in rows[:_NUM_NAMED])
    return named + (" …" if len(rows) > _NUM_NAMED else "")
