"""VinDr-CXR, and the part of it in VinBigData's challenge: a row a reader, or a reader's box."""

from __future__ import annotations

import pandas as pd

from xlite.tables.cells import ABSENT, PRESENT
from xlite.tables.sources.source import (
    FILE,
    About,
    BoxColumns,
    ColumnLabels,
    Field,
    RowLabels,
    SourceFile,
    TableSource,
)

LOCAL_LABELS = (
    "Aortic enlargement",
    "Atelectasis",
    "Calcification",
    "Cardiomegaly",
    "Consolidation",
    "ILD",
    "Infiltration",
    "Lung Opacity",
    "Nodule/Mass",
    "Other lesion",
    "Pleural effusion",
    "Pleural thickening",
    "Pneumothorax",
    "Pulmonary fibrosis",
)
"""What the challenge has boxes of."""

LABELS = (
    *("Aortic enlargement", "Atelectasis", "Calcification", "Cardiomegaly", "Clavicle fracture"),
    *("Consolidation", "Edema", "Emphysema", "Enlarged PA", "ILD", "Infiltration"),
    *("Lung Opacity", "Lung cavity", "Lung cyst", "Mediastinal shift", "Nodule/Mass"),
    *("Pleural effusion", "Pleural thickening", "Pneumothorax", "Pulmonary fibrosis"),
    *("Rib fracture", "Other lesion", "COPD", "Lung tumor", "Pneumonia", "Tuberculosis"),
    "Other diseases",
)

_CORNERS = ("x_min", "y_min", "x_max", "y_max")
_CITATION = "Nguyen et al. 2022, VinDr-CXR, Scientific Data 9:429. arXiv:2012.15029"
_PATIENTS = (
    "The tables name no patients: each image counts as a patient of its own.",
    "All images are PA films, as the paper says.",
)


def read_view(rows: pd.DataFrame) -> pd.Series[str]:
    """PA, as the paper says of all images."""
    return pd.Series("PA", index=rows.index, dtype=object)


VINBIG = TableSource(
    name="vinbig",
    title="VinBigData's challenge",
    about=About(
        what="15,000 images of VinDr-CXR, 14 findings boxed by three radiologists each.",
        reads="train.csv: a row a reader's box.",
        assumes=(
            "An image has a label that more than half of its readers boxed; `--fold-rows any` or "
            "`all` otherwise. Their agreement is reported.",
            "`No finding` is no label: it is the absence of the 14.",
            *_PATIENTS,
        ),
        licence="The rules of the challenge at Kaggle.",
        not_verified=("What these rules allow beyond the challenge.",),
        where="https://www.kaggle.com/c/vinbigdata-chest-xray-abnormalities-detection",
        citation=_CITATION,
    ),
    files=(
        SourceFile(
            role="labels",
            names=("train.csv", "vinbigdata-train.csv", "annotations_train.csv"),
            columns=("image_id", "class_name", "rad_id", *_CORNERS),
        ),
    ),
    takes={"labels": ("image_id", "class_name", "rad_id", *_CORNERS)},
    image=Field(column="image_id"),
    view=read_view,
    labels=RowLabels(column="class_name", vocabulary=LOCAL_LABELS, none="No finding"),
    rows="reader",
    reader="rad_id",
    boxes=BoxColumns(image="image_id", label="class_name", corners=_CORNERS, has_size=False),
)

VINDR = TableSource(
    name="vindr-cxr",
    title="VinDr-CXR",
    about=About(
        what="15,000 training images read by three radiologists each, 3,000 test images by the "
        "consensus of five; 27 findings and diagnoses.",
        reads="image_labels_train.csv and image_labels_test.csv, or the folder `annotations`; "
        "annotations_train.csv and annotations_test.csv beside them for boxes.",
        assumes=(
            "An image has a label that more than half of its readers named; `--fold-rows any` or "
            "`all` otherwise. Their agreement is reported.",
            "The official part is in the file's name; the test table has no readers.",
            *_PATIENTS,
        ),
        leaves_out=("The column `No finding`, which is the absence of all others.",),
        licence="PhysioNet's credentialed access, with its data use agreement.",
        not_verified=("The name and version of the licence.",),
        where="https://physionet.org/content/vindr-cxr/1.0.0/",
        citation=_CITATION,
    ),
    files=(
        SourceFile(
            role="labels",
            names=("image_labels_train.csv", "image_labels_test.csv"),
            columns=("image_id", "Aortic enlargement", "Enlarged PA", "Lung cyst", "COPD"),
        ),
        SourceFile(
            role="boxes",
            names=("annotations_train.csv", "annotations_test.csv"),
            columns=("image_id", "class_name", *_CORNERS),
        ),
    ),
    takes={
        "labels": ("image_id", "rad_id"),
        "boxes": ("image_id", "class_name", "rad_id", *_CORNERS),
    },
    image=Field(column="image_id"),
    view=read_view,
    part=Field(column=FILE, pattern=r"_(train|test)\b"),
    labels=ColumnLabels(
        columns={name: name for name in LABELS},
        codes={"1": PRESENT, "0": ABSENT, "": ABSENT},
        # The test table's.
        spellings={"Other disease": "Other diseases"},
    ),
    rows="reader",
    reader="rad_id",
    boxes=BoxColumns(
        role="boxes", image="image_id", label="class_name", corners=_CORNERS, has_size=False
    ),
)
