"""The labels of a table whose columns a format names, as codes: from label texts or from cells."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from xlite.errors import InputError
from xlite.labels import UNKNOWN, LabelTextError, parse_label_texts
from xlite.tables.cells import BLANK, UNCERTAIN
from xlite.tables.csv_table import show
from xlite.tables.manifest import AGE_COL, SEX_COLS, UNKNOWN_COL, VIEW_COL
from xlite.tables.table_format import NIH_FILE_NAME, TableFormat
from xlite.tables.vocabulary import check_vocabulary, refuse_joined_labels, warn_about_separators

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CODES = {"1": 1, "0": 0, "-1": UNCERTAIN, "": BLANK, "nan": BLANK}
_CODES |= {"yes": 1, "no": 0, "true": 1, "false": 0, "y": 1, "n": 0}


def encode_labels(
    path: Path, raw: pd.DataFrame, layout: TableFormat, vocabulary: Sequence[str] | None
) -> tuple[NDArray[np.int8], tuple[str, ...]]:
    """The (N, C) codes of a table's labels, and their C names.

    raw: its cells, with the rows' numbers as index. vocabulary: the labels that a text may hold,
    instead of the format's. Raises InputError, naming `path` and row, for a cell that is no label.
    """
    if layout.label_cols:
        columns = [_encode_column(path, raw[name]) for name in layout.label_cols]
        return np.stack(columns, axis=1), layout.label_cols
    column = layout.labels_col
    try:
        texts = parse_label_texts(raw[column].to_numpy(dtype=object), separator=layout.separator)
        names = tuple(vocabulary or layout.declared_vocabulary)
        if not names:
            names = texts.vocabulary()
            refuse_joined_labels(names, separator=layout.separator, source=path)
            warn_about_separators(names, separator=layout.separator, source=path)
        check_vocabulary(names, source=path)
        labels = texts.encode(names)
        if vocabulary is None and not layout.vocabulary and not _is_nihs(raw, layout):
            # Two labels stay two: nobody looked for the others of NIH's.
            found = {*texts.vocabulary(), *_name_unknown(raw)} or {*names}
            is_found = [name in found for name in names]
            names = tuple(name for name in names if name in found)
            labels = labels[:, is_found]
        if UNKNOWN_COL in raw:
            column = UNKNOWN_COL
            unknown = parse_label_texts(raw[column].to_numpy(dtype=object), empty_is_absent=True)
            labels[unknown.encode(names) == 1] = UNKNOWN
    except LabelTextError as error:
        raise InputError(
            f"{path}: {error.fault} in row {raw.index[error.position]} of column {column!r} "
            f"({show(raw[layout.image_col].iloc[error.position])}). {error.remedy}"
        ) from None
    return labels, names


def _name_unknown(raw: pd.DataFrame) -> tuple[str, ...]:
    """The labels that the table leaves open of some image."""
    if UNKNOWN_COL not in raw:
        return ()
    texts = raw[UNKNOWN_COL].to_numpy(dtype=object)
    return parse_label_texts(texts, empty_is_absent=True).vocabulary()


def _is_nihs(raw: pd.DataFrame, layout: TableFormat) -> bool:
    """Whether a table has NIH's columns, or its images NIH's names."""
    if any(name in raw for name in (AGE_COL, *SEX_COLS, VIEW_COL)):
        return True
    return bool(raw[layout.image_col].str.match(NIH_FILE_NAME).all())


def _encode_column(path: Path, cells: pd.Series[str]) -> NDArray[np.int8]:
    # There are few distinct cells: to look at each took a third of a merged table's split.
    place_of, distinct = pd.factorize(cells.to_numpy(dtype=object))
    codes = np.empty(len(distinct), dtype=np.int8)
    for place, text in enumerate(map(str, distinct)):
        # "1.0" is what pandas writes for a column that has a gap.
        code = _CODES.get(text.lower().removesuffix(".0"))
        if code is None:
            row = cells.index[int(np.argmax(place_of == place))]
            raise InputError(
                f"{path}: row {row} has {show(text)} in label column {cells.name!r}. "
                "Use 1, Yes or True (present), 0, No or False (absent), -1 or empty (unknown)."
            )
        codes[place] = code
    found: NDArray[np.int8] = codes[place_of]
    return found
