"""NIH's images labelled anew by radiologists for Google: four findings of YES and NO."""

from __future__ import annotations

from xlite.tables.cells import ABSENT, PRESENT
from xlite.tables.manifest import AGE_COL, IMAGE_COL, VIEW_COL
from xlite.tables.sources.nih import read_sex
from xlite.tables.sources.source import About, ColumnLabels, Field, SourceFile, TableSource

LABELS = ("Fracture", "Pneumothorax", "Airspace opacity", "Nodule or mass")

NIH_GOOGLE = TableSource(
    name="nih-google",
    title="NIH ChestX-ray14, labelled anew for Google",
    about=About(
        what="4,376 images of NIH's, four findings adjudicated by radiologists.",
        reads="The table of labels of NIH's release, with its four columns of YES and NO.",
        assumes=(
            "The patient is in NIH's file name.",
            "`Set Id` is the official part, val or test; there is no training part.",
        ),
        leaves_out=("NIH's own 14 labels in the same table: `--dataset nih` reads those.",),
        licence="The images as NIH's; for the labels see the page.",
        not_verified=("The labels' own licence.",),
        where="https://cloud.google.com/healthcare-api/docs/resources/public-datasets/nih-chest",
        citation="Majkowska et al. 2020, Radiology 294:421. doi:10.1148/radiol.2019191293",
    ),
    files=(
        SourceFile(
            role="labels",
            names=("google2019_nih-chest-xray-labels.csv",),
            columns=(IMAGE_COL, *LABELS, "Set Id"),
        ),
    ),
    takes={
        "labels": (IMAGE_COL, AGE_COL, "Patient Gender", "Patient Sex", VIEW_COL, "Set Id"),
    },
    image=Field(column=IMAGE_COL),
    patient=Field(column=IMAGE_COL, pattern=r"^0*(\d+)_\d{3}\.png$"),
    view=Field(column=VIEW_COL),
    age=Field(column=AGE_COL),
    sex=read_sex,
    part=Field(column="Set Id"),
    labels=ColumnLabels(
        columns={name: name for name in LABELS}, codes={"yes": PRESENT, "no": ABSENT}
    ),
)
