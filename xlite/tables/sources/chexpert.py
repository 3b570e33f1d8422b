"""CheXpert: a column a label, of 1, 0, -1 and blank; the patient is in the path."""

from __future__ import annotations

import numpy as np
import pandas as pd

from xlite.tables.cells import ABSENT, BLANK, PRESENT, UNCERTAIN
from xlite.tables.sources.source import (
    SEXES,
    VIEWS,
    About,
    ColumnLabels,
    Field,
    SourceFile,
    TableSource,
)

LABELS = (
    "No Finding",
    "Enlarged Cardiomediastinum",
    "Cardiomegaly",
    "Lung Opacity",
    "Lung Lesion",
    "Edema",
    "Consolidation",
    "Pneumonia",
    "Atelectasis",
    "Pneumothorax",
    "Pleural Effusion",
    "Pleural Other",
    "Fracture",
    "Support Devices",
)
"""CheXpert's labels, which MIMIC-CXR's and BRAX's labellers share."""

CODES = {"1": PRESENT, "0": ABSENT, "-1": UNCERTAIN, "": BLANK}


def read_view(rows: pd.DataFrame) -> pd.Series[str]:
    """Lateral, or of a frontal film AP or PA; of the test table, which has neither, by the path."""
    is_lateral = np.array(["_lateral" in path for path in rows["Path"].tolist()])
    return Field(column="AP/PA", values=VIEWS)(rows).where(~is_lateral, "L")


CHEXPERT = TableSource(
    name="chexpert",
    title="CheXpert",
    about=About(
        what="223,414 training images of 64,540 patients of Stanford, labelled from reports.",
        reads="train.csv, valid.csv, test.csv, or the folder that holds them.",
        assumes=(
            "A blank is absent, as in most of what is published; `--blank unknown` leaves it open.",
            "-1 is uncertain: unknown to every score.",
            "The patient is in the path; the views LL and RL are lateral.",
            "The folder in the path (train, valid, test) is the official part.",
        ),
        licence="A Research Use Agreement of Stanford's, to be agreed to before the download.",
        not_verified=("What the agreement allows and forbids.",),
        where="https://stanfordmlgroup.github.io/competitions/chexpert/",
        citation="Irvin et al. 2019, CheXpert, AAAI 33. doi:10.1609/aaai.v33i01.3301590, "
        "arXiv:1901.07031",
    ),
    files=(
        SourceFile(
            role="labels",
            names=("train.csv", "valid.csv", "test.csv", "chexpert_train.csv"),
            columns=("Path", "Enlarged Cardiomediastinum", "Pleural Other", "Support Devices"),
        ),
    ),
    takes={"labels": ("Path", "Sex", "Age", "Frontal/Lateral", "AP/PA")},
    image=Field(column="Path", without=("CheXpert-v1.0-small/", "CheXpert-v1.0/")),
    patient=Field(column="Path", pattern=r"/(patient\d+)/"),
    view=read_view,
    age=Field(column="Age"),
    sex=Field(column="Sex", values=SEXES),
    part=Field(
        column="Path",
        pattern=r"^(?:CheXpert-v1\.0(?:-small)?/)?(train|valid|val|test)/",
        values={"valid": "val"},
    ),
    labels=ColumnLabels(columns={name: name for name in LABELS}, codes=CODES),
    blank="absent",
)
