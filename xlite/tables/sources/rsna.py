"""RSNA's pneumonia challenge: a row a box; view, age and sex in a table of DICOM headers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from xlite.tables.cells import ABSENT, PRESENT
from xlite.tables.sources.source import (
    VIEWS,
    About,
    BoxColumns,
    ColumnLabels,
    Field,
    SourceFile,
    TableSource,
)

_CORNERS = ("x", "y", "width", "height")
_HEADERS = ("PatientAge", "PatientSex", "ViewPosition")


def join_headers(frames: Mapping[str, Sequence[pd.DataFrame]]) -> pd.DataFrame:
    """The rows of the label table, with what the headers say of each image."""
    rows = pd.concat(frames["labels"])
    for headers in frames.get("headers", ()):
        known = headers.drop_duplicates("PatientID").set_index("PatientID")
        rows = rows.assign(
            **{str(name): rows["patientId"].map(known[name]).fillna("") for name in known}
        )
    return rows


RSNA = TableSource(
    name="rsna",
    title="RSNA's pneumonia challenge",
    about=About(
        what="26,684 images of NIH's, boxed by radiologists where a lung opacity suggests "
        "pneumonia.",
        reads="stage_2_train_labels.csv, also in its zip; a table of the DICOM headers beside it, "
        "which holds view, age and sex.",
        assumes=(
            "The one label, Target, is called Pneumonia.",
            "`patientId` names an image: NIH's patients are not told, so each image counts as a "
            "patient of its own, and films of one patient may come apart.",
            "Ages are taken as they stand, also those over a hundred.",
        ),
        licence="Academic research and education, and other commercial or non-commercial purposes, "
        "with the attribution that RSNA asks for.",
        not_verified=("The volume and number of the citation.",),
        where="https://www.rsna.org/education/ai-resources-and-training/ai-image-challenge/"
        "rsna-pneumonia-detection-challenge-2018",
        citation="Shih et al. 2019, Radiology: AI 1:e180041. doi:10.1148/ryai.2019180041",
    ),
    files=(
        SourceFile(
            role="labels",
            names=("*stage_2_train_labels.csv",),
            columns=("patientId", *_CORNERS, "Target"),
        ),
        SourceFile(
            role="headers",
            names=("*stage_2_train_images_dicom_headers.csv",),
            columns=("PatientID", *_HEADERS),
        ),
    ),
    takes={"labels": ("patientId", *_CORNERS), "headers": ("PatientID", *_HEADERS)},
    join=join_headers,
    image=Field(column="patientId"),
    view=Field(column="ViewPosition", values=VIEWS),
    age=Field(column="PatientAge"),
    sex=Field(column="PatientSex"),
    labels=ColumnLabels(columns={"Target": "Pneumonia"}, codes={"1": PRESENT, "0": ABSENT}),
    rows="box",
    boxes=BoxColumns(image="patientId", label="Pneumonia", corners=_CORNERS),
)
