"""The cells of labels as sources write them, columns, texts or rows, as codes."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xlite.errors import InputError
from xlite.labels import LabelTextError, LabelTexts, parse_label_texts
from xlite.tables.cells import ABSENT, PRESENT
from xlite.tables.csv_table import show
from xlite.tables.sources.source import ColumnLabels, RowLabels, TextLabels

Encoded = tuple[NDArray[np.int8], tuple[str, ...]]
"""(R, C) codes of R rows, and the C labels."""

_ITEM = r"""(?:'([^'\\]*)'|"([^"\\]*)")"""
_LIST = re.compile(rf"\[\s*(?:{_ITEM}\s*(?:,\s*{_ITEM}\s*)*,?)?\s*\]")
_ITEMS = re.compile(_ITEM)


def encode_rows(
    labels: ColumnLabels | TextLabels | RowLabels | None, rows: pd.DataFrame, path: Path
) -> Encoded:
    """The codes of every row, and the labels, of which there may be none. path: for messages.

    Raises InputError, which names the row, for a cell that says something else.
    """
    if labels is None:
        return np.zeros((len(rows), 0), dtype=np.int8), ()
    if isinstance(labels, ColumnLabels):
        return _encode_columns(labels, rows, path)
    if isinstance(labels, TextLabels):
        return _encode_texts(labels, rows, path)
    return _encode_names(labels, rows, path)


@lru_cache(maxsize=1 << 16)
def parse_list(text: str) -> tuple[str, ...] | None:
    """The texts in a list in Python's writing, without blanks around them and empty ones; None
    for what is no such list. Nothing is evaluated.

    >>> parse_list("['nodule', ' pleural effusion', '']")
    ('nodule', 'pleural effusion')
    """
    if not _LIST.fullmatch(text):
        return None
    found = (one or other for one, other in _ITEMS.findall(text))
    return tuple(dict.fromkeys(text for text in map(str.strip, found) if text))


def _encode_columns(labels: ColumnLabels, rows: pd.DataFrame, path: Path) -> Encoded:
    encoded = [_encode_column(labels, rows[name], path) for name in labels.columns]
    return np.stack(encoded, axis=1), tuple(labels.columns.values())


def _encode_column(labels: ColumnLabels, cells: pd.Series[str], path: Path) -> NDArray[np.int8]:
    codes, distinct = pd.factorize(cells.to_numpy(dtype=object))
    meanings = np.empty(len(distinct), dtype=np.int8)
    for place, text in enumerate(distinct):
        meaning = labels.codes.get(str(text).lower().removesuffix(".0"), labels.other)
        if meaning is None:
            row = cells.index[int(np.argmax(codes == place))]
            raise InputError(
                f"{path}: row {row} has {show(text)} in label column {cells.name!r}, which holds "
                f"{', '.join(repr(one) for one in labels.codes)}. Download the table again."
            )
        meanings[place] = meaning
    found: NDArray[np.int8] = meanings[codes]
    return found


def _encode_texts(labels: TextLabels, rows: pd.DataFrame, path: Path) -> Encoded:
    cells = rows[labels.column].to_numpy(dtype=object)
    try:
        texts = (
            _parse_lists(labels, cells)
            if labels.is_list
            else parse_label_texts(cells, separator=labels.separator)
        )
        names = labels.vocabulary or texts.vocabulary()
        return texts.encode(names), names
    except LabelTextError as error:
        raise InputError(
            f"{path}: {error.fault} in row {rows.index[error.position]} of column "
            f"{labels.column!r}. {error.remedy}"
        ) from None


def _parse_lists(labels: TextLabels, cells: NDArray[np.object_]) -> LabelTexts:
    codes, distinct = pd.factorize(cells)
    label_sets = []
    for place, text in enumerate(distinct):
        found = parse_list(str(text))
        if found is None:
            raise LabelTextError(
                f"no list of labels ({show(text)})",
                int(np.argmax(codes == place)),
                "Download the table again.",
            )
        label_sets.append(tuple(label for label in found if label not in labels.not_labels))
    return LabelTexts(codes=codes, label_sets=(*label_sets, ()))


def _encode_names(labels: RowLabels, rows: pd.DataFrame, path: Path) -> Encoded:
    names, cells = (*labels.vocabulary, labels.none), rows[labels.column]
    place = pd.Index(names).get_indexer(pd.Index(cells))
    if (place < 0).any():
        first = int(np.argmax(place < 0))
        raise InputError(
            f"{path}: row {rows.index[first]} has {show(cells.iloc[first])} in column "
            f"{labels.column!r}, which holds {', '.join(names)}. Download the table again."
        )
    one_hot = np.full((len(names), len(labels.vocabulary)), ABSENT, dtype=np.int8)
    np.fill_diagonal(one_hot, PRESENT)
    return one_hot[place], labels.vocabulary
