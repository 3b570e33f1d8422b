"""Open-I, Indiana's collection: reports in XML, whose automatic terms become labels."""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd

from xlite.errors import InputError
from xlite.inputs import MEBIBYTE, open_regular
from xlite.tables.cells import ABSENT, PRESENT
from xlite.tables.sources.source import (
    VIEWS,
    About,
    ColumnLabels,
    Field,
    LeftOut,
    SourceFile,
    TableSource,
)

TERMS = {
    "Atelectasis": ("atelectasis", "atelectases"),
    "Calcified Granuloma": ("calcified granuloma",),
    "Cardiomegaly": ("cardiomegaly",),
    "Edema": ("edema",),
    "Effusion": ("effusion",),
    "Emphysema": ("emphysema",),
    "Fibrosis": ("fibrosis",),
    "Fracture": ("fracture",),
    "Granuloma": ("granuloma",),
    "Hernia": ("hernia",),
    "Infiltration": ("infiltration", "infiltrate"),
    "Lung Lesion": ("lesion",),
    "Lung Opacity": ("opacity",),
    "Mass": ("mass",),
    "Nodule": ("nodule",),
    "Pleural_Thickening": ("pleural thickening",),
    "Pneumonia": ("pneumonia",),
    "Pneumothorax": ("pneumothorax",),
}
"""A label, and the words of which a term has one: torchxrayvision's."""

_MAX_ARCHIVE_BYTES = 256 * MEBIBYTE
_MAX_REPORT_BYTES = MEBIBYTE
_MOST_REPORTS = 100_000
_BIRTH, _STUDY = "Patient's Birth Date", "Study Date"


def read_reports(path: Path) -> pd.DataFrame:
    """The images of the reports in an archive, each with its report's number and terms.

    Raises InputError for what is no such archive.
    """
    rows = []
    try:
        with open_regular(path, what="archive of reports") as file:
            for name, content in _list_reports(file, path):
                rows += _read_report(content, name, path)
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise InputError(f"{path} can't be unpacked ({error}). Download it again.") from None
    if not rows:
        raise InputError(f"{path} holds no report with an image. Name NLMCXR_reports.tgz.")
    return pd.DataFrame(rows, dtype=object)


def _list_reports(file: object, path: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=file, mode="r|gz") as archive:  # type: ignore[call-overload]
        for number, member in enumerate(archive):
            if number > _MOST_REPORTS or archive.offset > _MAX_ARCHIVE_BYTES:
                raise InputError(f"{path} holds more than Open-I's reports. Name their archive.")
            if not member.isfile() or not member.name.endswith(".xml"):
                continue
            opened = archive.extractfile(member)
            if opened is not None and member.size <= _MAX_REPORT_BYTES:
                yield member.name, opened.read()


def _read_report(content: bytes, name: str, path: Path) -> list[dict[str, str]]:
    # Entities could grow without end; the reports define none.
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise InputError(f"{path}: {name} is no report of Open-I's. Download the archive again.")
    try:
        root = ElementTree.fromstring(content)
        number = root.find("uId")
    except ElementTree.ParseError as error:
        raise InputError(f"{path}: {name} can't be read ({error}).") from None
    terms, heads = (
        "|".join(sorted({(node.text or "").lower() for node in root.findall(f".//MeSH/{kind}")}))
        for kind in ("automatic", "major")
    )
    return [
        {
            "imageid": image.get("id", ""),
            "uid": "" if number is None else number.get("id", ""),
            "terms": terms,
            "heads": heads,
        }
        for image in root.findall(".//parentImage")
    ]


def join_metadata(frames: Mapping[str, Sequence[pd.DataFrame]]) -> pd.DataFrame:
    """A row an image of the reports: a column a label, and what its header says."""
    rows = pd.concat(frames["reports"], ignore_index=True)
    codes, distinct = pd.factorize(rows["terms"])
    for label, words in TERMS.items():
        has = np.array([any(word in text for word in words) for text in distinct])
        rows[label] = np.where(has, "1", "0")[codes]
    for metadata in frames.get("metadata", ()):
        known = metadata.drop_duplicates("imageid").set_index("imageid")
        for name in known.columns:
            rows[name] = rows["imageid"].map(known[name]).fillna("")
    return rows


def read_age(rows: pd.DataFrame) -> pd.Series[str]:
    """Years from the date of birth to that of the study; empty where either is not there."""
    if _BIRTH not in rows:  # there is no table of headers
        return pd.Series("", index=rows.index, dtype=object)
    dates = [pd.to_datetime(rows[of], format="%Y%m%d", errors="coerce") for of in (_BIRTH, _STUDY)]
    years = (dates[1] - dates[0]).dt.days // 365.25
    return years.map("{:g}".format).where(years.notna() & (years >= 0), "")


OPENI = TableSource(
    name="openi",
    title="Open-I, Indiana's collection",
    about=About(
        what="7,470 images of 3,851 reports, with terms found in them by machine.",
        reads="NLMCXR_reports.tgz; nlmcxr_dicom_metadata.csv beside it for view, age and date.",
        assumes=(
            "An image has a label if one of its report's automatic terms contains the label's "
            "word, as torchxrayvision reads them; else it is absent.",
            "A report is a patient's: the collection has one of each.",
            "The view is the header's, which is empty for a third of the images.",
        ),
        leaves_out=(
            "Reports without an image.",
            "Images of reports that nobody indexed (`No Indexing`).",
        ),
        licence="CC BY-NC-ND 4.0.",
        not_verified=("The licence.",),
        where="https://openi.nlm.nih.gov/faq",
        citation="Demner-Fushman et al. 2016, JAMIA 23:304. doi:10.1093/jamia/ocv080",
    ),
    files=(
        SourceFile(role="reports", names=("NLMCXR_reports*.tgz",), columns=(), open=read_reports),
        SourceFile(
            role="metadata",
            names=("nlmcxr_dicom_metadata*.csv",),
            columns=("imageid", "View Position", _BIRTH, _STUDY),
        ),
    ),
    takes={"metadata": ("imageid", "View Position", _BIRTH, _STUDY)},
    join=join_metadata,
    image=Field(column="imageid"),
    patient=Field(column="uid"),
    view=Field(column="View Position", values=VIEWS),
    age=read_age,
    date=Field(column=_STUDY),
    labels=ColumnLabels(columns={name: name for name in TERMS}, codes={"1": PRESENT, "0": ABSENT}),
    left_out=(
        LeftOut(
            reason="images of reports that nobody indexed",
            find=lambda rows: rows["heads"].str.contains("no indexing").to_numpy(dtype=bool),
        ),
    ),
    is_recognised=False,
)
