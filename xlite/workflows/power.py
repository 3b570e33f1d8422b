"""`power`: how many images and seeds it takes, before anything is trained."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from xlite import places
from xlite.errors import InputError
from xlite.judging.sample_plan import Aim, plan_from_labels
from xlite.splitting.checked_split import read_checked_split, refuse_columns
from xlite.tables.read_labels import read_labels, require_patients

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from xlite.results.sample_plan import SamplePlan
    from xlite.tables.manifest import Manifest
    from xlite.tables.read_labels import LabelSource
    from xlite.tables.table_format import TableFormat

TYPICAL_AUROC = 0.8


def plan_sample(
    labels: LabelSource | ArrayLike | None = None,
    patients: ArrayLike | None = None,
    *,
    split: str | Path | None = None,
    part: str | None = None,
    table_format: TableFormat | None = None,
    auroc: float = TYPICAL_AUROC,
    aim: Aim | None = None,
) -> SamplePlan:
    """How many images and seeds it takes, by the labels and patients of a table: `xlite power`.

    labels, patients, table_format: as `read_labels` takes them; the table is what scores would be
    computed on. split: a split's folder instead, whose part `part` that is, by default val. auroc:
    of models that nobody has trained yet, in [0.5, 0.99]. aim: what is asked for: intervals of
    ± `width`, a macro `difference` of two methods of `seeds` runs each, to be found with a `power`;
    and what is assumed of the likeness of a patient's images, of models, and of seeds. Raises
    InputError for tables, folders and numbers that can't be used.
    """
    table, source = _read(labels, patients, split, part, table_format)
    return plan_from_labels(table, aim or Aim(), auroc=auroc, source=source)


def _read(
    labels: LabelSource | ArrayLike | None,
    patients: ArrayLike | None,
    split: str | Path | None,
    part: str | None,
    table_format: TableFormat | None,
) -> tuple[Manifest, str]:
    """The images that scores would be computed on, and what they are called."""
    if split is None:
        if part is not None:
            raise InputError("--part is of a split. Pass --split DIR, or leave it out.")
        source = places.find_label_table(None) if labels is None else labels
        table = read_labels(source, patients, table_format=table_format)
        require_patients(table)
        return table, str(source) if isinstance(source, str | Path) else "the labels"
    if labels is not None or patients is not None:
        raise InputError("labels and a split exclude each other here. Pass one.")
    refuse_columns(table_format)
    name = part or places.VALIDATION
    if name not in places.SPLIT_PARTS:
        raise InputError(f"--part {name}: it has to be train, val or test.")
    return read_checked_split(Path(split), None).require_part(name), f"{name} part of {split}"
