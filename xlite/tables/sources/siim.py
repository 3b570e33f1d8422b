"""SIIM-ACR's pneumothorax challenge: a row a mask, as run lengths; -1 where there is none."""

from __future__ import annotations

from xlite.tables.cells import ABSENT, PRESENT
from xlite.tables.sources.source import About, ColumnLabels, Field, SourceFile, TableSource

SIIM = TableSource(
    name="siim",
    title="SIIM-ACR's pneumothorax challenge",
    about=About(
        what="12,047 images, pneumothoraces outlined by radiologists.",
        reads="train-rle.csv, whose second column is called with a blank in front.",
        assumes=(
            "An image has the label if it has an outline; -1 is none.",
            "The films are NIH's, but their patients are not told: each image counts as a patient "
            "of its own, and films of one patient may come apart.",
        ),
        leaves_out=("The outlines themselves.",),
        licence="The rules of the challenge at Kaggle.",
        not_verified=("What these rules allow beyond the challenge.",),
        where="https://www.kaggle.com/c/siim-acr-pneumothorax-segmentation",
        citation="SIIM-ACR Pneumothorax Segmentation, Kaggle 2019.",
    ),
    files=(
        SourceFile(
            role="labels",
            names=("*train-rle.csv", "stage_2_train.csv"),
            columns=("ImageId", "EncodedPixels"),
        ),
    ),
    takes={"labels": ("ImageId",)},
    image=Field(column="ImageId"),
    labels=ColumnLabels(
        columns={"EncodedPixels": "Pneumothorax"}, codes={"-1": ABSENT}, other=PRESENT
    ),
    rows="box",
)
