"""XL001: patients on two sides of a split, in whatever spelling."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from xlite.ids import (
    NO_MATCH,
    canonical_patient_ids,
    find_rounding,
    match_image_names,
)
from xlite.judging.checks.check import Check, Issue, NotApplicable, Observation, Passed
from xlite.judging.examined.split import ExaminedSplit
from xlite.tables.table_format import NIH_FILE_NAME

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.judging.examined.table import ExaminedTable

_SEX = frozenset({"m", "f", "male", "female"})


def look(split: ExaminedSplit) -> Observation:
    """Patients of each pair of parts are compared in the one spelling of their ids: `13`, `0013`
    and `13.0` are one patient, as are `P5` and `p5`.

    Where all files have NIH's names (`00000013_005.png`), patients are also compared by these: a
    column that was numbered anew in each part hides who is in both. Images are compared by name,
    with and without their folders. Ids that were numbers and lost digits (`1.23E+17`; all of them
    are exactly what a float of 64 or of 32 bits can hold) have merged patients: who is who can't
    be told any more, and neither can leakage.
    """
    parts = split.parts
    if len(parts) < 2:
        return NotApplicable(f"the split has one part, {', '.join(parts)}")
    rounded = _find_rounded(parts)
    if rounded:
        return rounded
    patients = _all_or_none({name: table.patient_ids for name, table in parts.items()})
    by_name = _all_or_none(
        {name: _patients_of_names(table.image_ids) for name, table in parts.items()}
    )
    first = patients or by_name
    if first is None:
        return NotApplicable(
            "no column holds patients and file names don't tell them, so that leakage can't be "
            "ruled out. Pass --patient-col"
        )
    found, numbers = _compare_parts(split, first)
    if by_name is not None and not found:
        found, numbers = _compare_parts(split, by_name)
        found = [f"by their file names, {text}" for text in found]
    if found:
        return Issue(f"{'; '.join(found)}.", numbers)
    total = sum(len(set(ids)) for ids in first.values())
    return Passed(f"no two parts share one of the {total:,} patients or an image", numbers)


def _find_rounded(parts: dict[str, ExaminedTable]) -> Issue | None:
    """What is said of ids that lost digits, in the first part that has such."""
    for name, table in parts.items():
        if table.patient_texts is None:
            continue
        distinct = [str(text) for text in pd.unique(table.patient_texts)]
        how = find_rounding(distinct)
        if how is None:
            continue
        mixed = _count_both_sexes(table)
        more = f" {mixed:,} of them have images of both sexes." if mixed else ""
        return Issue(
            f"the {len(distinct):,} patient ids of {name} are {how}: patients whose ids differ in "
            f"the digits that were lost have become one.{more}",
            {"ids": len(distinct), "ids of both sexes": mixed},
            remedy="Take the ids from the original table again, as text (pandas: dtype=str), and "
            "make the split anew by them.",
        )
    return None


def _all_or_none(ids: dict[str, NDArray[Any] | None]) -> dict[str, NDArray[Any]] | None:
    """The ids of each part; None where a part has none."""
    known = {name: one for name, one in ids.items() if one is not None}
    return known if len(known) == len(ids) else None


def _count_both_sexes(table: ExaminedTable) -> int:
    sex = table.column("sex")
    if sex is None or table.patient_ids is None:
        return 0
    known = pd.DataFrame({"patient": table.patient_ids, "sex": pd.Series(sex).str.lower()})
    known = known[known["sex"].isin(_SEX)]
    return int((known.groupby("patient")["sex"].nunique() > 1).sum())


def _patients_of_names(names: NDArray[Any]) -> NDArray[Any] | None:
    """(N,) patients as NIH's file names tell them; None where a name is of another form."""
    last = pd.Series(names, dtype=str).str.rpartition("/")[2]
    found = last.str.extract(NIH_FILE_NAME, expand=False)
    return None if found.isna().any() else canonical_patient_ids(found)


def _compare_parts(
    split: ExaminedSplit, patients: dict[str, NDArray[Any]]
) -> tuple[list[str], dict[str, float]]:
    """What each pair of parts shares, in words and in numbers."""
    found: list[str] = []
    numbers: dict[str, float] = {}
    for first, second in combinations(split.parts, 2):
        one, other = patients[first], patients[second]
        # numpy compares objects one by one: six minutes for 112,000 images.
        is_shared = pd.Series(other).isin(set(one)).to_numpy()
        shared = len(np.unique(other[is_shared]))
        numbers[f"patients in {first} and {second}"] = shared
        if shared:
            found.append(
                f"{first} and {second} share {shared:,} of {second}'s {len(set(other)):,} "
                f"patients, with {is_shared.sum():,} of its {len(other):,} images"
                f"{_describe_spelling(split, first, second, is_shared)}"
            )
        rows = match_image_names(split.parts[second].image_ids, split.parts[first].image_ids)
        images = int((rows != NO_MATCH).sum())
        numbers[f"images in {first} and {second}"] = images
        if images:
            found.append(f"{images:,} images of {second} are in {first}")
    return found, numbers


def _describe_spelling(
    split: ExaminedSplit, first: str, second: str, is_shared: NDArray[np.bool_]
) -> str:
    """How many of the shared patients the two parts spell differently."""
    one, other = split.parts[first].patient_texts, split.parts[second].patient_texts
    if one is None or other is None:
        return ""
    spelled = set(one)
    respelled = [text for text in pd.unique(other[is_shared]) if text not in spelled]
    if not respelled:
        return ""
    return f" ({len(respelled):,} are spelled in another way there, such as {respelled[0]!r})"


CHECK = Check(
    code="XL001",
    title="patients on two sides of a split",
    severity="error",
    subject=ExaminedSplit,
    look=look,
    consequence="Scores on such images are partly of patients whom the model has seen, and too "
    "good; epochs and models are chosen by what they remember.",
    remedy="Split by patient: `xlite split --labels CSV --out DIR`, or `--audit` to see all of it.",
)
