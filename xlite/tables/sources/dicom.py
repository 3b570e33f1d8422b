"""A folder of DICOM films without a table: patients, views and ages from headers, no labels."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd

from xlite import console
from xlite.errors import InputError
from xlite.tables.dicom_headers import has_dicom_mark, read_header, require_named_patients
from xlite.tables.sources.source import SEXES, VIEWS, About, Field, SourceFile, TableSource

_INDEX = "DICOMDIR"
"""The file that lists others; it holds no film."""


def walk_films(root: Path) -> pd.DataFrame:
    """A row a DICOM file below `root`, by its path, with what its header says.

    Links and what begins with a dot are passed over, other files are counted. Raises InputError
    where there is no film, or one that names no patient.
    """
    paths, num_others = [], 0
    for place, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(place) / name
            if name.startswith(".") or name == _INDEX or path.is_symlink():
                continue
            if has_dicom_mark(path):
                paths.append(path)
            else:
                num_others += 1
    if not paths:
        raise InputError(f"{root} holds no DICOM film. Name the folder that the films lie in.")
    if num_others:
        files = "file" if num_others == 1 else "files"
        console.say(f"{root}: not DICOM and passed over: {num_others:,} {files}.")
    headers = pd.DataFrame([read_header(path) for path in paths], dtype=object)
    require_named_patients(headers, paths)
    return headers.assign(path=[path.relative_to(root).as_posix() for path in paths])


DICOM = TableSource(
    name="dicom",
    title="DICOM films without a table",
    about=About(
        what="any tree of DICOM files; there are no labels.",
        reads="The folder itself, named as `--labels` (and as `--images`).",
        assumes=(
            "Every file with DICOM's mark is a film, whatever it is called; others are counted.",
            "Patient, study date, view, sex and age are the headers'.",
            "Without labels there is nothing to split or to train on: it is for `cache-clahe`, "
            "`tables read`, `predict` and `explain`; these two take the folder as `--images` "
            "alone.",
        ),
        licence="That of the films.",
        where="Wherever the films are from.",
        citation="–",
    ),
    files=(SourceFile(role="films", names=(), columns=(), walk=walk_films),),
    image=Field(column="path"),
    patient=Field(column="patient_id"),
    view=Field(column="view", values=VIEWS),
    age=Field(column="age"),
    sex=Field(column="sex", values=SEXES),
    date=Field(column="date"),
    labels=None,
    is_recognised=False,
)
