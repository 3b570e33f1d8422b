"""MIMIC-CXR: labels by study, images and views in another table, the official part in a third."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from xlite.tables.sources.chexpert import CODES, LABELS
from xlite.tables.sources.source import (
    VIEWS,
    About,
    ColumnLabels,
    Field,
    LeftOut,
    SourceFile,
    TableSource,
)

_IDS = ("subject_id", "study_id")
_FOUND = "is labelled"


def join_studies(frames: Mapping[str, Sequence[pd.DataFrame]]) -> pd.DataFrame:
    """A row an image of the metadata, with its study's labels and its official part."""
    (images,), labels = frames["metadata"], pd.concat(frames["labels"])
    studies = labels.drop_duplicates("study_id").set_index("study_id")
    place = studies.index.get_indexer(pd.Index(images["study_id"]))
    cells = studies.drop(columns="subject_id").iloc[place].set_axis(images.index)
    rows = pd.concat([images, cells], axis=1).assign(**{_FOUND: place >= 0})
    for split in frames.get("split", ()):
        parts = split.drop_duplicates("dicom_id").set_index("dicom_id")["split"]
        rows["split"] = rows["dicom_id"].map(parts).fillna("")
    return rows


def read_path(rows: pd.DataFrame) -> pd.Series[str]:
    """Where the image lies below `files`, without an extension: JPEG's, or DICOM's."""
    triples = zip(rows["subject_id"], rows["study_id"], rows["dicom_id"], strict=True)
    paths = [f"p{who[:2]}/p{who}/s{study}/{image}" for who, study, image in triples]
    return pd.Series(paths, index=rows.index, dtype=object)


MIMIC = TableSource(
    name="mimic",
    title="MIMIC-CXR",
    about=About(
        what="377,110 images of 65,379 patients of Beth Israel Deaconess, labelled from reports.",
        reads="mimic-cxr-2.*-chexpert.csv (or -negbio.csv, where it is named) with -metadata.csv "
        "and, for the official part, -split.csv beside it; or the folder that holds them.",
        assumes=(
            "A study's labels are those of each of its images.",
            "A blank is absent; `--blank unknown` leaves it open. -1 is uncertain.",
            "LL and LATERAL are lateral views; what is neither PA, AP nor lateral stays as it is.",
            "`validate` is the official part val, which is kept.",
        ),
        leaves_out=("Images whose study has no labels.", "Age and sex, which MIMIC-IV has."),
        licence="PhysioNet's credentialed access, with its data use agreement.",
        not_verified=("The name and version of the licence.",),
        where="https://physionet.org/content/mimic-cxr-jpg/",
        citation="Johnson et al. 2019, MIMIC-CXR-JPG. arXiv:1901.07042. Version 2.1.0: "
        "doi:10.13026/jsn5-t979",
    ),
    files=(
        SourceFile(
            role="labels",
            names=("mimic-cxr-2.*-chexpert.csv",),
            columns=(*_IDS, "Enlarged Cardiomediastinum", "Pleural Other", "Support Devices"),
        ),
        SourceFile(
            role="metadata",
            names=("mimic-cxr-2.*-metadata.csv",),
            columns=("dicom_id", *_IDS, "ViewPosition"),
            is_needed=True,
        ),
        SourceFile(
            role="split",
            names=("mimic-cxr-2.*-split.csv",),
            columns=("dicom_id", *_IDS, "split"),
        ),
    ),
    takes={
        "labels": _IDS,
        "metadata": ("dicom_id", *_IDS, "ViewPosition", "StudyDate"),
        "split": ("dicom_id", "split"),
    },
    join=join_studies,
    image=read_path,
    patient=Field(column="subject_id"),
    view=Field(column="ViewPosition", values=VIEWS),
    date=Field(column="StudyDate"),
    part=Field(column="split", values={"validate": "val"}),
    labels=ColumnLabels(columns={name: name for name in LABELS}, codes=CODES),
    blank="absent",
    rows="study",
    left_out=(
        LeftOut(
            reason="images whose study has no labels",
            find=lambda rows: ~rows[_FOUND].to_numpy(dtype=np.bool_),
        ),
    ),
)
