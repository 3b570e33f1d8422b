"""A manifest in the labels of another vocabulary."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from xlite import console
from xlite.errors import InputError
from xlite.results.label_map import MapReport
from xlite.tables.cells import ABSENT, BLANK, PRESENT
from xlite.tables.label_maps import LabelMap, map_cells
from xlite.tables.manifest import Manifest
from xlite.tables.shipped_maps import find_label_map


def map_manifest(
    manifest: Manifest, name: str | None, *, names_what_occurs: bool = False
) -> Manifest:
    """The manifest in the labels of a map's target, by the map's name or file; as it is for None.

    names_what_occurs: see `map_cells`. What the map could not say is printed, and kept as the
    manifest's `mapping`. Raises InputError for what is wrong with the map, and where it says
    nothing of the table.
    """
    if name is None:
        return manifest
    mapped = apply_label_map(manifest, find_label_map(name), names_what_occurs=names_what_occurs)
    if mapped.mapping is not None:
        console.say(mapped.mapping.describe())
    return mapped


def apply_label_map(
    manifest: Manifest, label_map: LabelMap, *, names_what_occurs: bool = False
) -> Manifest:
    """The same without a word.

    A blank that the table's convention takes as absent is absent to the map; a blank that the map
    leaves is unknown.
    """
    cells = manifest.cells
    if manifest.blank == "absent":
        cells = np.where(cells == BLANK, np.int8(ABSENT), cells)
    mapped = map_cells(cells, manifest.vocabulary, label_map, names_what_occurs=names_what_occurs)
    if not mapped.vocabulary:
        raise InputError(
            f"the label map {label_map.name} says nothing of the table's labels, "
            f"{', '.join(manifest.vocabulary[:20])}. Pass a map from these labels."
        )
    made = Manifest.of_codes(manifest.table, mapped.cells, mapped.vocabulary)
    has = {code: (mapped.cells == code).any(axis=0).tolist() for code in (PRESENT, ABSENT)}
    report = MapReport(
        name=label_map.name,
        labels=mapped.vocabulary,
        unmapped=mapped.unmapped,
        silent=mapped.silent,
        never_present=_without(mapped.vocabulary, has[PRESENT]),
        never_absent=_without(mapped.vocabulary, has[ABSENT]),
        contradictions=dict(mapped.contradictions),
    )
    return replace(made, mapping=report, dataset=manifest.dataset)


def _without(names: tuple[str, ...], has: list[bool]) -> tuple[str, ...]:
    return tuple(name for name, is_there in zip(names, has, strict=True) if not is_there)
