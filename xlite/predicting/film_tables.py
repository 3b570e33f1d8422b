"""The label table of films that are looked at, whether it names labels or not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xlite.errors import InputError
from xlite.tables.chosen_source import choose_source
from xlite.tables.read_labels import read_labels
from xlite.tables.table_format import TableFormat

if TYPE_CHECKING:
    from xlite.tables.manifest import Manifest
    from xlite.tables.read_labels import LabelSource


def read_film_table(
    labels: LabelSource | None, images: Sequence[Path], table_format: TableFormat | None
) -> Manifest | None:
    """The films of a label table, with labels or, as of `--dataset dicom`, without; None for none.

    A data set that has no table is the folder of its films itself, so that `images` says which.
    Raises InputError for words about a table where there is none.
    """
    layout = table_format or TableFormat()
    if labels is None:
        source = choose_source(layout)
        if source is not None and source.labels is None:
            if len(images) != 1:
                raise InputError(f"--dataset {source.name} is one folder. Pass it as --images DIR.")
            labels = images[0]
        elif layout != TableFormat():
            raise InputError(
                "options of columns say how a label table is read. Pass it with --labels, or leave "
                "them out."
            )
        else:
            return None
    return read_labels(labels, table_format=layout, needs_labels=False)
