"""The sources by name, and which of them a header is of."""

from __future__ import annotations

from collections.abc import Sequence

from xlite.errors import InputError, did_you_mean
from xlite.tables.sources.brax import BRAX
from xlite.tables.sources.chexpert import CHEXPERT
from xlite.tables.sources.dicom import DICOM
from xlite.tables.sources.folders import FOLDERS
from xlite.tables.sources.mimic import MIMIC
from xlite.tables.sources.nih import NIH
from xlite.tables.sources.nih_google import NIH_GOOGLE
from xlite.tables.sources.openi import OPENI
from xlite.tables.sources.padchest import PADCHEST
from xlite.tables.sources.rsna import RSNA
from xlite.tables.sources.siim import SIIM
from xlite.tables.sources.source import TableSource
from xlite.tables.sources.vindr import VINBIG, VINDR

SOURCES: dict[str, TableSource] = {
    source.name: source
    for source in (
        *(NIH, NIH_GOOGLE, CHEXPERT, MIMIC, PADCHEST),
        *(VINDR, VINBIG, RSNA, SIIM, BRAX, OPENI, FOLDERS, DICOM),
    )
}

GENERIC = "csv"
"""The name for a table that no source is asked about: its columns are named by options."""


def find_source(name: str) -> TableSource | None:
    """The source of this name, None for `csv`; InputError for any other."""
    if name == GENERIC:
        return None
    if name not in SOURCES:
        names = (*SOURCES, GENERIC)
        raise InputError(
            f"--dataset {name}: there is no such source.{did_you_mean(name, names)} There are: "
            f"{', '.join(names)}."
        )
    return SOURCES[name]


def recognise_source(header: Sequence[str]) -> TableSource | None:
    """The source whose label table has this header, where it is unmistakable; else None.

    Of several that it may be, the one that asks for most columns.
    """
    matches = [
        source
        for source in SOURCES.values()
        if source.is_recognised and set(source.files[0].columns) <= {*header}
    ]
    return max(matches, key=lambda source: len(source.files[0].columns), default=None)
