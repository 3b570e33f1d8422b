"""Labels as a caller has them, a file, a data frame, a manifest or arrays, read into a manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from xlite.arrays import column_names, number_classes, read_patients, read_targets
from xlite.errors import InputError
from xlite.ids import canonical_patient_ids
from xlite.tables.csv_table import frame_as_csv
from xlite.tables.label_table import read_manifest, take_manifest
from xlite.tables.manifest import Manifest
from xlite.tables.table_files import TableFiles, is_files, list_files
from xlite.tables.table_format import TableFormat
from xlite.tables.vocabulary import check_vocabulary

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

LabelSource = TableFiles | pd.DataFrame | Manifest
"""What `read_labels` reads."""


def read_labels(
    labels: LabelSource | ArrayLike,
    patients: ArrayLike | None = None,
    *,
    table_format: TableFormat | None = None,
    needs_labels: bool = True,
) -> Manifest:
    """The images of a label table with their patients and labels.

    labels: a CSV file, plain or compressed with gzip, a list of several of one data set, or the
    folder of its files; a data frame with the columns of a table; a manifest, which is given back;
    or an array-like of 1, 0 and -1 (unknown), (N, C) or (N,) for one label, named by its columns
    where it has some. patients: (N,) ids, to go with an array;
    they may be left out where nothing asks for patients. table_format: which columns of a table
    hold what, NIH's by default. needs_labels: whether a folder of films without labels is refused.

    A data frame without `patients` that has the format's column of images, or any column of text,
    is a label table, read as the CSV that pandas would write of it: a message counts rows as a
    spreadsheet does, the header being row 1. The images of an array are named by place, from 0.

    Raises InputError, naming row and value, for what is no such table, for labels that can't be
    told apart, and where two spellings may be of one patient or of one image.

    >>> table = pd.DataFrame({"file": ["a.png", "b.png"], "Mass": [1, 0], "who": [7, 8]})
    >>> columns = TableFormat(image_col="file", label_cols=("Mass",), patient_col="who")
    >>> read_labels(table, table_format=columns).labels.tolist()
    [[1], [0]]
    >>> read_labels([1, 0, -1], patients=["a", "a", "b"]).labels.tolist()
    [[1], [0], [-1]]
    """
    layout = table_format or TableFormat()
    if isinstance(labels, Manifest) or is_files(labels):
        if patients is not None:
            raise InputError("a label table has patients of its own. Leave out `patients`.")
        if isinstance(labels, Manifest):
            return labels
        files = list_files(labels)
        return read_manifest(files, table_format=layout, needs_labels=needs_labels)
    if patients is None and isinstance(labels, pd.DataFrame) and _is_table(labels, layout):
        return take_manifest(frame_as_csv(labels), layout)
    return _from_arrays(labels, patients)


def has_patients(manifest: Manifest) -> bool:
    """Whether it is known whose the images are: not for an array without `patients`."""
    return bool((manifest.table["patient_id"] != "").any())


def require_patients(manifest: Manifest) -> None:
    """Raise InputError where it is not known whose the images are."""
    if not has_patients(manifest):
        raise InputError("it is not known whose the images are. Pass `patients`, an id an image.")


def _is_table(frame: pd.DataFrame, layout: TableFormat) -> bool:
    """Whether a data frame is meant as a label table, and not as an array of labels."""
    return layout.image_col in frame or any(kind.kind not in "biuf" for kind in frame.dtypes)


def _from_arrays(labels: Any, patients: ArrayLike | None) -> Manifest:
    codes = read_targets(labels, "labels")
    vocabulary = column_names(labels) or number_classes(codes.shape[1])
    check_vocabulary(vocabulary, source="the array of labels")
    patient_ids: Any = ""
    if patients is not None:
        ids = read_patients(patients, len(codes)).tolist()
        patient_ids = canonical_patient_ids([str(one) for one in ids])
        if (patient_ids == "").any():
            raise InputError("a patient's id is empty. Every image needs its patient's id.")
    columns = {
        "image_id": [str(row) for row in range(len(codes))],
        "path": "",
        "patient_id": patient_ids,
        "view": "",
        "age": float("nan"),
        "sex": "",
    }
    return Manifest(pd.DataFrame(columns), codes, vocabulary)
