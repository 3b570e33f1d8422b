"""Label tables of several sources as one: who labelled what stays told apart.

N images, C labels.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import pandas as pd

from xlite.errors import InputError
from xlite.labels import simplify_label
from xlite.results.merge import LabelCounts, MergedSource
from xlite.tables.cells import ABSENT, BLANK
from xlite.tables.manifest import FURTHER_COLS, Manifest
from xlite.tables.vocabulary import check_vocabulary

_SOURCE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def merge_manifests(named: Mapping[str, Manifest]) -> Manifest:
    """The images of several sources in one manifest, with the source of each in `source`.

    named: manifests by their source's name, which becomes the first folder of their images' names
    and the front of their patients' ids, so that no image or patient of two sources is the same.
    The labels are those of any: one that a source has not is blank, which is unknown, in all of
    its images. A blank that a source takes as absent is absent. Raises InputError for names that
    can't be told apart, and for labels of two sources that differ only in how they are written.

    >>> made = {"image_id": ["a.png"], "patient_id": ["7"], "view": "", "age": 50.0, "sex": ""}
    >>> one = Manifest(pd.DataFrame(made), np.array([[1]], dtype=np.int8), ("Mass",))
    >>> other = Manifest(pd.DataFrame(made), np.array([[0]], dtype=np.int8), ("Edema",))
    >>> merged = merge_manifests({"nih": one, "ours": other})
    >>> merged.image_ids.tolist(), merged.patient_ids.tolist(), merged.labels.tolist()
    (['nih/a.png', 'ours/a.png'], ['nih:7', 'ours:7'], [[1, -1], [-1, 0]])
    """
    _check_names(named)
    vocabulary = _unite_vocabularies(named)
    place = {name: at for at, name in enumerate(vocabulary)}
    num_images = sum(map(len, named.values()))
    # By column: a table of half a million rows is looked at a label at a time.
    cells = np.full((num_images, len(vocabulary)), BLANK, dtype=np.int8, order="F")
    tables = []
    start = 0
    for name, manifest in named.items():
        rows = slice(start, start + len(manifest))
        start = rows.stop
        for at, label in enumerate(manifest.vocabulary):
            column = manifest.cells[:, at]
            if manifest.blank == "absent":
                column = np.where(column == BLANK, np.int8(ABSENT), column)
            cells[rows, place[label]] = column
        tables.append(_prefix_ids(name, manifest.table))
    table = pd.concat(tables, ignore_index=True)
    # A column that a source has not is empty in its rows.
    further = {name: table[name].fillna("") for name in FURTHER_COLS if name in table}
    return Manifest.of_codes(table.assign(**further), cells, vocabulary)


def describe_sources(merged: Manifest, named: Mapping[str, Manifest]) -> dict[str, MergedSource]:
    """What each source has in a merged table."""
    described, start = {}, 0
    for name, manifest in named.items():
        labels = merged.labels[start : start + len(manifest)]
        start += len(manifest)
        present, absent = (labels == 1).sum(axis=0), (labels == 0).sum(axis=0)
        described[name] = MergedSource(
            images=len(manifest),
            patients=int(manifest.table["patient_id"].nunique()),
            labels={
                label: LabelCounts(
                    present=int(present[at]),
                    absent=int(absent[at]),
                    unknown=len(manifest) - int(present[at] + absent[at]),
                )
                for at, label in enumerate(merged.vocabulary)
            },
            mapping=manifest.mapping,
        )
    return described


def _check_names(named: Mapping[str, Manifest]) -> None:
    if len(named) < 2:
        raise InputError("one table can't be merged. Name two sources, or more.")
    seen: dict[str, str] = {}
    for name in named:
        if not _SOURCE_NAME.fullmatch(name):
            raise InputError(
                f"a source can't be called {name!r}: its name becomes a folder. Use letters, "
                "digits, dots, hyphens and underscores."
            )
        other = seen.setdefault(name.casefold(), name)
        if other != name:
            raise InputError(f"the sources {other!r} and {name!r} differ only in case. Rename one.")


def _unite_vocabularies(named: Mapping[str, Manifest]) -> tuple[str, ...]:
    """The labels of all sources, each once, in the order in which they are first had."""
    owner: dict[str, tuple[str, str]] = {}
    for name, manifest in named.items():
        for label in manifest.vocabulary:
            first, other = owner.setdefault(simplify_label(label), (label, name))
            if first != label:
                raise InputError(
                    f"the label {first!r} of {other} and {label!r} of {name} differ only in how "
                    "they are written. Give one of the tables a map to the other's labels."
                )
    vocabulary = tuple(label for label, _ in owner.values())
    check_vocabulary(vocabulary, source="the merged table")
    return vocabulary


def _prefix_ids(name: str, table: pd.DataFrame) -> pd.DataFrame:
    images = [f"{name}/{image.removeprefix('./')}" for image in table["image_id"]]
    return table.assign(
        image_id=pd.Series(images, index=table.index, dtype=object),
        path="",
        patient_id=f"{name}:" + table["patient_id"].astype(object),
        source=name,
    )
