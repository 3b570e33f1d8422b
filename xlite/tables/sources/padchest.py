"""PadChest: labels as a list in a text, the view judged by hand, the age from two dates."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from xlite.tables.sources.labels import parse_list
from xlite.tables.sources.source import (
    SEXES,
    VIEWS,
    About,
    Field,
    LeftOut,
    SourceFile,
    TableSource,
    TextLabels,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

NOT_FINDINGS = ("normal", "unchanged", "suboptimal study", "exclude")


def read_age(rows: pd.DataFrame) -> pd.Series[str]:
    """Years from the year of birth to that of the study; empty where either is not there."""
    taken = pd.to_numeric(rows["StudyDate_DICOM"], errors="coerce") // 10_000
    years = taken - pd.to_numeric(rows["PatientBirth"], errors="coerce")
    return years.map("{:g}".format).where(years >= 0, "")


def _ask_labels(rows: pd.DataFrame, holds: Callable[[str], bool]) -> NDArray[np.bool_]:
    """(R,) whether the text of labels is such; each distinct one is looked at once."""
    codes, distinct = pd.factorize(rows["Labels"].to_numpy(dtype=object))
    found: NDArray[np.bool_] = np.array([holds(str(text)) for text in distinct])[codes]
    return found


def _is_excluded(text: str) -> bool:
    return "exclude" in text and "exclude" in (parse_list(text) or ())


def _says_nothing(text: str) -> bool:
    found = parse_list(text)
    return found is not None and {*found} <= {"unchanged", "suboptimal study"}


def _has_view(rows: pd.DataFrame, view: str) -> NDArray[np.bool_]:
    return (rows["Projection"] == view).to_numpy(dtype=bool)


PADCHEST = TableSource(
    name="padchest",
    title="PadChest",
    about=About(
        what="160,861 images of 67,625 patients of San Juan, Alicante; a quarter of the reports "
        "labelled by physicians, the others by a network that was trained on those.",
        reads="PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv: every label that occurs.",
        assumes=(
            "A label that the list does not name is absent; blanks around names and repeated "
            "ones are dropped.",
            "`normal`, `unchanged` and `suboptimal study` are no findings: they become no label.",
            "The view is `Projection`: L is lateral, AP_horizontal (supine) is AP, UNK unknown.",
            "The age is the year of the study less that of birth.",
            "Images are found by file name, whatever folder they lie in.",
        ),
        leaves_out=(
            "Rows without a list of labels.",
            "Rows labelled `exclude`.",
            "Rows whose labels say nothing of findings: none, or `unchanged` or `suboptimal "
            "study` alone.",
            "Projections COSTAL (films of ribs) and EXCLUDE.",
        ),
        licence="For research, on the terms of its page.",
        not_verified=("The licence's name and terms.",),
        where="https://bimcv.cipf.es/bimcv-projects/padchest/",
        citation="Bustos et al. 2020, PadChest, Medical Image Analysis 66:101797. arXiv:1901.07441",
    ),
    files=(
        SourceFile(
            role="labels",
            names=("PADCHEST_chest_x_ray_images_labels*.csv",),
            columns=("ImageID", "ImageDir", "PatientID", "Projection", "Labels"),
        ),
    ),
    takes={
        "labels": (
            *("ImageID", "PatientID", "Projection", "Labels"),
            *("StudyDate_DICOM", "PatientBirth", "PatientSex_DICOM"),
        )
    },
    image=Field(column="ImageID"),
    patient=Field(column="PatientID"),
    view=Field(column="Projection", values=VIEWS),
    age=read_age,
    sex=Field(column="PatientSex_DICOM", values=SEXES),
    date=Field(column="StudyDate_DICOM"),
    labels=TextLabels(column="Labels", is_list=True, not_labels=NOT_FINDINGS),
    left_out=(
        LeftOut(
            reason="no list of labels",
            find=lambda rows: rows["Labels"].isin(["", "nan"]).to_numpy(dtype=bool),
        ),
        LeftOut(reason="labelled `exclude`", find=partial(_ask_labels, holds=_is_excluded)),
        LeftOut(
            reason="labels say nothing of findings", find=partial(_ask_labels, holds=_says_nothing)
        ),
        LeftOut(reason="projection EXCLUDE", find=partial(_has_view, view="EXCLUDE")),
        LeftOut(reason="projection COSTAL", find=partial(_has_view, view="COSTAL")),
    ),
)
