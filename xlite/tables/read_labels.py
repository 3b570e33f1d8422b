"""Labels as a caller has them, a file, a data frame or a manifest, read into a manifest."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from xlite.errors import InputError
from xlite.tables.csv_table import parse_csv
from xlite.tables.label_table import TableFormat, read_manifest, take_manifest
from xlite.tables.manifest import Manifest

_DATA_FRAME = Path("the data frame")

LabelSource = str | Path | pd.DataFrame | Manifest
"""What `read_labels` reads."""


def read_labels(labels: LabelSource, *, table_format: TableFormat | None = None) -> Manifest:
    """The images of a label table with their patients and labels.

    labels: a CSV file, plain or compressed with gzip; a data frame with the columns of one; or a
    manifest, which is given back. table_format: which columns hold what, NIH's by default. A data
    frame is read as the CSV that pandas would write of it, so that both mean the same and a
    message counts its rows as a spreadsheet does, the header being row 1.

    Raises InputError, naming row and value, for what is no such table, for labels that can't be
    told apart, and where two spellings may be of one patient or of one image.

    >>> table = pd.DataFrame({"file": ["a.png", "b.png"], "Mass": [1, 0], "who": [7, 8]})
    >>> columns = TableFormat(image_col="file", label_cols=("Mass",), patient_col="who")
    >>> read_labels(table, table_format=columns).labels.tolist()
    [[1], [0]]
    """
    if isinstance(labels, Manifest):
        return labels
    if isinstance(labels, str | Path):
        return read_manifest(Path(labels), table_format=table_format)
    if not isinstance(labels, pd.DataFrame):
        raise InputError(
            f"labels are a {type(labels).__name__}. Pass a CSV file, a data frame with its "
            "columns, or a manifest."
        )
    content = labels.to_csv(index=False, lineterminator="\n").encode("utf-8", "surrogatepass")
    return take_manifest(parse_csv(content, _DATA_FRAME), table_format or TableFormat())
