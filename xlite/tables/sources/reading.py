"""Any source's tables, read as its declaration says, into a manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from xlite.errors import InputError
from xlite.tables.manifest import Manifest
from xlite.tables.row_checks import check_image_ids, check_patients, parse_ages
from xlite.tables.sources.boxes import read_boxes
from xlite.tables.sources.files import SourceTables
from xlite.tables.sources.folding import Agreement, fold_boxes, fold_readers
from xlite.tables.sources.labels import encode_rows
from xlite.tables.sources.source import (
    FILE,
    ColumnLabels,
    RowLabels,
    TableSource,
    TextLabels,
)
from xlite.tables.vocabulary import check_vocabulary

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.results.split import Blank, FoldRule
    from xlite.tables.csv_table import CsvTable
    from xlite.tables.sources.source import Take

FOLD_RULE: FoldRule = "majority"


@dataclass(frozen=True, kw_only=True)
class SourceReading:
    """What was understood of a source's files."""

    source: TableSource
    manifest: Manifest
    paths: Mapping[str, Sequence[Path]]
    """The files that were read, by role."""
    num_rows: int
    """Of the table, before any is left out or folded."""
    left_out: Mapping[str, int]
    """Rows that were not read, by the reason."""
    fold_rule: FoldRule | None
    """How rows of readers were folded; None where there are none."""
    agreement: Mapping[str, Agreement]
    """Of the readers, by label; empty where there are none."""
    frames: Mapping[str, Sequence[pd.DataFrame]] = field(repr=False)
    """The cells that were taken of the files, by role."""

    @cached_property
    def boxes(self) -> pd.DataFrame:
        """A row a box, see `xlite.tables.sources.boxes`; none where the source has none."""
        return read_boxes(self.source, self.frames)

    def describe(self, *, is_named: bool) -> str:
        """A line on what was read and what was assumed; is_named: whether by the user."""
        source, manifest = self.source, self.manifest
        hint = "" if is_named else f" (as --dataset {source.name})"
        said = [f"{source.title}{hint}: {len(manifest):,} images"]
        if manifest.codes is not None:
            other = "unknown" if manifest.blank == "absent" else "absent"
            said.append(f"a blank cell is {manifest.blank} (--blank {other} for the other way)")
        if self.fold_rule is not None:
            said.append(f"readers are folded by --fold-rows {self.fold_rule}")
        said += [f"{count:,} rows left out: {why}" for why, count in self.left_out.items()]
        if source.patient is None:
            said.append("the table names no patients, so each image counts as one of its own")
        return "; ".join(said) + "."


def read_source(
    tables: SourceTables, *, blank: Blank | None = None, fold_rows: FoldRule | None = None
) -> SourceReading:
    """The manifest of a source's tables, and what was left out of them and why.

    blank: what an empty cell means; None for the source's convention. fold_rows: when an image
    has a label that some of its readers name; None for more than half. Raises InputError, naming
    row and cell, for what is not written as the source writes it.
    """
    source, path = tables.source, tables.named
    if fold_rows is not None and source.rows != "reader":
        raise InputError(
            f"--fold-rows is for tables with a row a reader, and {source.title} has one "
            f"{'an image' if source.rows == 'image' else 'a ' + source.rows}. Leave it out."
        )
    taken = take_rows(tables)
    rows = taken.rows
    codes, vocabulary = encode_rows(source.labels, rows, path)
    if source.labels is not None:
        check_vocabulary(vocabulary, source=path)
    image_ids = source.image(rows)
    agreement: Sequence[Agreement] = ()
    rule: FoldRule | None = None
    if source.rows in ("box", "reader"):
        image, first = pd.factorize(image_ids)
        if source.rows == "reader":
            rule = fold_rows or FOLD_RULE
            reader = pd.factorize(_read_reader(source, rows))[0]
            codes, agreement = fold_readers(codes, image, reader, rule=rule)
        else:
            codes = fold_boxes(codes, image, len(first))
        is_first = ~image_ids.duplicated()
        rows, image_ids = rows[is_first], image_ids[is_first]
    check_image_ids(path, image_ids)
    manifest = Manifest.of_codes(
        _fill_table(source, rows, image_ids, path),
        codes,
        tuple(vocabulary),
        blank=blank or source.blank,
    )
    return SourceReading(
        source=source,
        manifest=replace(manifest, dataset=source.name),
        paths=tables.paths,
        num_rows=taken.num_rows,
        left_out=taken.left_out,
        fold_rule=rule,
        agreement=dict(zip(vocabulary, agreement, strict=True)) if agreement else {},
        frames=taken.frames,
    )


@dataclass(frozen=True, kw_only=True)
class TakenRows:
    """The rows of a source's tables, joined, without those that are left out."""

    rows: pd.DataFrame
    frames: Mapping[str, Sequence[pd.DataFrame]]
    """The cells of each file, by role."""
    num_rows: int
    """Before any was left out."""
    left_out: Mapping[str, int]
    """By the reason."""


def take_rows(tables: SourceTables) -> TakenRows:
    """The rows with the columns that the declaration names; InputError where none is left."""
    frames = _take_tables(tables)
    rows = _join_tables(tables.source, frames)
    kept, left_out = _leave_out(tables.source, rows, tables.named)
    return TakenRows(rows=kept, frames=frames, num_rows=len(rows), left_out=left_out)


def _take_tables(tables: SourceTables) -> dict[str, list[pd.DataFrame]]:
    """The cells of every file by role, each row with the name of its file."""
    return {
        role: [
            _take(tables.source, role, table).assign(**{FILE: path.name})
            for table, path in zip(found, tables.paths[role], strict=True)
        ]
        for role, found in tables.tables.items()
    }


def _join_tables(source: TableSource, frames: Mapping[str, Sequence[pd.DataFrame]]) -> pd.DataFrame:
    """The cells of every row, those of further tables beside them."""
    if source.join is not None:
        return source.join(frames)
    found = frames[source.files[0].role]
    return found[0] if len(found) == 1 else pd.concat(found).fillna("")


def _take(source: TableSource, role: str, table: CsvTable | pd.DataFrame) -> pd.DataFrame:
    """The columns of a table that its source names, as text."""
    if isinstance(table, pd.DataFrame):
        return table
    others = source.takes.get(role, ())
    labels = _columns_of(source.labels, table) if role == source.files[0].role else {}
    names = list(dict.fromkeys([*(name for name in others if name in table.header), *labels]))
    table.require_columns(names, remedies={"": "Download the table again."})
    cells = table.take(names).rename(columns=labels)
    return cells.assign(**{name: "" for name in others if name not in cells})


def _columns_of(
    labels: ColumnLabels | TextLabels | RowLabels | None, table: CsvTable
) -> dict[str, str]:
    """The columns of labels in a table, with what they are called elsewhere."""
    if labels is None:
        return {}
    if not isinstance(labels, ColumnLabels):
        return {labels.column: labels.column}
    written = {name: other for other, name in labels.spellings.items() if other in table.header}
    return {written.get(name, name): name for name in labels.columns}


def _leave_out(
    source: TableSource, rows: pd.DataFrame, path: Path
) -> tuple[pd.DataFrame, dict[str, int]]:
    counts: dict[str, int] = {}
    is_kept = np.ones(len(rows), dtype=bool)
    for one in source.left_out:
        is_out = one.find(rows) & is_kept
        if is_out.any():
            counts[one.reason] = int(is_out.sum())
            is_kept &= ~is_out
    if counts:
        rows = rows[is_kept]
    if rows.empty:
        raise InputError(f"{path}: every row is left out ({'; '.join(counts)}).")
    return rows, counts


def _read_reader(source: TableSource, rows: pd.DataFrame) -> NDArray[np.object_]:
    """(R,) who read each row; nobody's name is one reader, as of a consensus."""
    if source.reader is None or source.reader not in rows:
        return np.full(len(rows), "", dtype=object)
    return rows[source.reader].to_numpy(dtype=object)


def _fill_table(
    source: TableSource, rows: pd.DataFrame, image_ids: pd.Series[str], path: Path
) -> pd.DataFrame:
    """What the manifest says of each image besides its labels."""
    empty = pd.Series("", index=rows.index, dtype=object)

    def take(of: Take | None) -> pd.Series[str]:
        return empty if of is None else of(rows)

    patients = image_ids if source.patient is None else source.patient(rows)
    if source.patient is not None:
        check_patients(path, patients)
    columns = {
        "image_id": image_ids,
        "path": "",
        "patient_id": patients,
        "view": take(source.view),
        "age": parse_ages(take(source.age)),
        "sex": take(source.sex),
    }
    for name, of in (("site", source.site), ("date", source.date), ("part", source.part)):
        if of is not None and ((cells := of(rows)) != "").any():
            columns[name] = cells
    return pd.DataFrame(columns).reset_index(drop=True)
