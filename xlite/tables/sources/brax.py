"""BRAX: CheXpert's labels of Brazilian reports; ages in groups of five years."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from xlite.tables.sources.chexpert import CODES, LABELS
from xlite.tables.sources.source import (
    SEXES,
    VIEWS,
    About,
    ColumnLabels,
    Field,
    LeftOut,
    SourceFile,
    TableSource,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MOST_ASPECT = 10


def is_strip(rows: pd.DataFrame) -> NDArray[np.bool_]:
    """(R,) whether an image is ten times as long as wide, or more: no radiograph."""
    sides = rows[["Rows", "Columns"]].apply(pd.to_numeric, errors="coerce")
    found: NDArray[np.bool_] = (sides.max(axis=1) > _MOST_ASPECT * sides.min(axis=1)).to_numpy()
    return found


BRAX = TableSource(
    name="brax",
    title="BRAX",
    about=About(
        what="40,967 images of Hospital Israelita Albert Einstein, labelled from reports.",
        reads="master_spreadsheet_update.csv.",
        assumes=(
            "A blank is absent; `--blank unknown` leaves it open. -1 is uncertain.",
            "An age is the group of five years that the table says; `85 or more` is 85.",
            "Images are the PNGs, by their path below `images`.",
        ),
        leaves_out=("Strips more than ten times as long as wide, which are no radiographs.",),
        licence="PhysioNet's credentialed access, with its data use agreement.",
        not_verified=("The name and version of the licence.",),
        where="https://physionet.org/content/brax/1.1.0/",
        citation="Reis et al. 2022, BRAX, Scientific Data 9:487. doi:10.1038/s41597-022-01608-8. "
        "Version 1.1.0: doi:10.13026/grwk-yh18",
    ),
    files=(
        SourceFile(
            role="labels",
            names=("master_spreadsheet*.csv",),
            columns=("PngPath", "PatientID", "ViewPosition", "Enlarged Cardiomediastinum"),
        ),
    ),
    takes={
        "labels": (
            *("PngPath", "PatientID", "PatientSex", "PatientAge", "ViewPosition", "StudyDate"),
            *("Rows", "Columns"),
        )
    },
    image=Field(column="PngPath", without=("images/",)),
    patient=Field(column="PatientID"),
    view=Field(column="ViewPosition", values=VIEWS),
    age=Field(column="PatientAge", values={"85 or more": "85"}),
    sex=Field(column="PatientSex", values=SEXES),
    date=Field(column="StudyDate"),
    labels=ColumnLabels(columns={name: name for name in LABELS}, codes=CODES),
    blank="absent",
    left_out=(LeftOut(reason="strips, no radiographs", find=is_strip),),
)
