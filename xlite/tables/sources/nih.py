"""NIH ChestX-ray14: a text of labels an image, in the header of 2017 and of 2020."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from xlite.errors import InputError
from xlite.inputs import MEBIBYTE, read_bytes
from xlite.labels import NIH_LABELS
from xlite.tables.manifest import (
    AGE_COL,
    IMAGE_COL,
    LABELS_COL,
    PATIENT_COL,
    SEX_COLS,
    VIEW_COL,
)
from xlite.tables.sources.source import (
    About,
    BoxColumns,
    Field,
    SourceFile,
    TableSource,
    TextLabels,
)

_MAX_LIST_BYTES = 64 * MEBIBYTE


def read_list(path: Path) -> pd.DataFrame:
    """The image names in one of the official lists, a line each."""
    content = read_bytes(path, max_bytes=_MAX_LIST_BYTES, what="image list")
    try:
        lines = [line.strip() for line in content.decode("utf-8-sig").splitlines()]
    except UnicodeDecodeError:
        raise InputError(f"{path} is no text. Download the list again.") from None
    return pd.DataFrame({IMAGE_COL: [line for line in lines if line]}, dtype=object)


def join_lists(frames: Mapping[str, Sequence[pd.DataFrame]]) -> pd.DataFrame:
    """The rows of the label table, with the official list that each image is in."""
    rows = pd.concat(frames["labels"])
    parts = {
        name: part
        for role, part in (("train_val list", "train_val"), ("test list", "test"))
        for frame in frames.get(role, ())
        for name in frame[IMAGE_COL]
    }
    return rows.assign(part=rows[IMAGE_COL].map(parts).fillna("")) if parts else rows


def read_sex(rows: pd.DataFrame) -> pd.Series[str]:
    """The sex, in the column of either header."""
    return Field(column=next((name for name in SEX_COLS if name in rows), SEX_COLS[0]))(rows)


NIH = TableSource(
    name="nih",
    title="NIH ChestX-ray14",
    about=About(
        what="112,120 frontal images of 30,805 patients, 14 labels mined from reports.",
        reads="Data_Entry_2017.csv or Data_Entry_2017_v2020.csv; BBox_List_2017.csv (984 boxes); "
        "train_val_list.txt and test_list.txt beside it are the official parts.",
        assumes=(
            "A label that the text does not name is absent.",
            "Ages are taken as they stand, also those over a hundred.",
        ),
        licence="No restrictions on use; asked for are a link to the download page, the paper's "
        "citation, and that the NIH Clinical Center is named as the provider.",
        where="https://nihcc.app.box.com/v/ChestXray-NIHCC",
        citation="Wang et al. 2017, ChestX-ray8, CVPR. arXiv:1705.02315",
    ),
    files=(
        SourceFile(
            role="labels",
            names=("Data_Entry_2017*.csv",),
            columns=(IMAGE_COL, LABELS_COL, PATIENT_COL, VIEW_COL, "Follow-up #"),
        ),
        SourceFile(
            role="boxes",
            names=("BBox_List_2017*.csv",),
            columns=(IMAGE_COL, "Finding Label", "Bbox [x"),
        ),
        SourceFile(
            role="train_val list", names=("train_val_list*.txt",), columns=(), open=read_list
        ),
        SourceFile(role="test list", names=("test_list*.txt",), columns=(), open=read_list),
    ),
    takes={
        "labels": (IMAGE_COL, PATIENT_COL, AGE_COL, *SEX_COLS, VIEW_COL),
        "boxes": (IMAGE_COL, "Finding Label", "Bbox [x", "y", "w", "h]"),
    },
    join=join_lists,
    image=Field(column=IMAGE_COL),
    patient=Field(column=PATIENT_COL),
    view=Field(column=VIEW_COL),
    age=Field(column=AGE_COL),
    sex=read_sex,
    part=Field(column="part"),
    labels=TextLabels(column=LABELS_COL, vocabulary=NIH_LABELS),
    boxes=BoxColumns(
        role="boxes",
        image=IMAGE_COL,
        label="Finding Label",
        corners=("Bbox [x", "y", "w", "h]"),
        names={"Infiltrate": "Infiltration"},
    ),
)
