"""A bundle verified: every number recomputed that no image is needed for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import Field

from xlite import __version__
from xlite.errors import InputError
from xlite.files import sha256_of_file, write_table
from xlite.proving import layout
from xlite.proving.agreement import DIGITS, agree, list_differences
from xlite.proving.archive import unpack_archive
from xlite.proving.history_table import read_cells
from xlite.proving.project import BundledProject
from xlite.proving.recomputing import Recomputed, recompute, sharing
from xlite.proving.records import REMEDY
from xlite.proving.replay_history import find_faults, score_best_row
from xlite.proving.texts import Renderer, compare_texts, render_texts
from xlite.records import Record as JsonRecord
from xlite.results.verification import Difference, Verification
from xlite.run_folder.file_names import RUN_HISTORY

_NEWEST = 1
HISTORY_STATED = ("losses, rates, times, scores on training images",)


class BundleRecord(JsonRecord):
    """The content of `bundle.json`."""

    bundle: int = Field(ge=1)
    """The format's version."""
    xlite: str
    members: dict[str, str]
    """SHA-256 by name, of all members but this."""
    stated: dict[str, list[str]]


def verify_bundle(
    path: Path, *, render: Renderer, sha256: str | None = None, processes: int = 1
) -> Verification:
    """What a bundle's numbers are worth: how many were recomputed, and which are not the same.

    render: what page, cards and log say of the unpacked bundle. Raises InputError for what is no
    bundle, or is none that is safe to unpack.
    """
    with TemporaryDirectory(prefix="xlite-verify-") as folder:
        root = Path(folder)
        names = unpack_archive(path, root)
        record = _read_record(path, root)
        findings = _Findings(list(_compare_sums(record, names, root)))
        try:
            findings.recompute(BundledProject(root), record, render, processes)
        except InputError as error:
            text = str(error).replace(f"{root}/", "")
            findings.differences.append(Difference(file="", key="", stated="a bundle", found=text))
    own = sha256_of_file(path)
    differences = findings.differences
    if sha256 not in (None, own):
        differences.insert(0, Difference(file=path.name, key="SHA-256", stated=own, found=sha256))
    differences = list(dict.fromkeys(differences))
    return Verification(
        file=str(path),
        sha256=own,
        members=len(names),
        holds=not differences,
        proven=findings.proven,
        texts=findings.texts,
        stated=findings.stated,
        differences=tuple(differences),
    )


@dataclass
class _Findings:
    """What was found of a bundle so far."""

    differences: list[Difference]
    proven: dict[str, int] = field(default_factory=dict)
    texts: int = 0
    stated: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def recompute(
        self, project: BundledProject, record: BundleRecord, render: Renderer, processes: int
    ) -> None:
        """Add what records, histories and texts come to; InputError where that can't be told."""
        self.texts = sum(name.startswith(f"{layout.TEXTS}/") for name in record.members)
        if self.texts and record.xlite != __version__:
            why = f"all: as xlite {record.xlite} words them, and this is {__version__}"
            self.texts, self.stated[layout.TEXTS] = 0, (why,)
        with sharing(project, processes) as others:
            texts = render_texts(project, render, others) if self.texts else None
            for one in recompute(project, others):
                self.differences += _judge(one, record, project.root)
                self.proven[one.name] = one.num_proven
                if one.as_recorded:
                    self.stated[one.name] = tuple(one.as_recorded)
            for name, count, found in _judge_histories(project):
                self.proven[name], self.stated[name] = count, HISTORY_STATED
                self.differences += found
            if texts is not None:
                self.differences += compare_texts(project.root, texts())


def _read_record(path: Path, root: Path) -> BundleRecord:
    place = root / layout.BUNDLE_RECORD
    if not place.is_file():
        raise InputError(
            f"{path} is no bundle: it has no {layout.BUNDLE_RECORD}. Pass a file that `xlite "
            "bundle` wrote."
        )
    try:
        record = BundleRecord.read(place, remedy=REMEDY)
    except InputError as error:
        raise InputError(str(error).replace(str(root), str(path))) from None
    if record.bundle > _NEWEST:
        raise InputError(f"{path} was written by a newer xlite ({record.xlite}). Update xlite.")
    return record


def _compare_sums(record: BundleRecord, names: list[str], root: Path) -> Iterator[Difference]:
    """What was added to the bundle, left out of it or changed since it was made."""
    there = set(names) - {layout.BUNDLE_RECORD}
    for name in sorted(there | set(record.members)):
        if name not in there:
            yield Difference(file=name, key="", stated="missing", found="there")
        elif name not in record.members:
            yield Difference(file=name, key="", stated="there", found="no part of the bundle")
        elif (found := sha256_of_file(root / name)) != record.members[name]:
            yield Difference(
                file=name, key="SHA-256", stated=_short(found), found=_short(record.members[name])
            )


def _judge(one: Recomputed, record: BundleRecord, root: Path) -> Iterator[Difference]:
    if one.as_recorded != sorted(record.stated.get(one.name, [])):
        if one.found is None:
            yield Difference(file=one.name, key="", stated="not to be recomputed", found=one.reason)
        else:
            yield Difference(
                file=layout.BUNDLE_RECORD,
                key=f"stated.{one.name}",
                stated=", ".join(record.stated.get(one.name, [])) or "nothing",
                found=", ".join(one.as_recorded) or "nothing",
            )
    if one.found is None:
        return
    for key, stated, found in list_differences(one.stated, one.found):
        yield Difference(file=one.name, key=key, stated=_show(stated), found=_show(found))
    try:
        tables = one.record.kind.tables(one.stated)
    except InputError as error:
        yield Difference(file=one.name, key="", stated="damaged", found=str(error))
        return
    for name, table in tables.items():
        yield from _compare_table(one.record.path.parent / name, table, root)


def _compare_table(path: Path, table: Any, root: Path) -> Iterator[Difference]:
    """Where a table is not what its record says, cell by cell."""
    name = path.relative_to(root).as_posix()
    with TemporaryDirectory(prefix="xlite-table-") as folder:
        fresh = Path(folder) / path.name
        write_table(fresh, table)
        wanted = fresh.read_text(encoding="utf-8").splitlines()
    if not os.path.lexists(path):
        yield Difference(file=name, key="", stated="missing", found="there")
        return
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    if len(lines) != len(wanted):
        yield Difference(file=name, key="rows", stated=str(len(lines)), found=str(len(wanted)))
    for number, (line, other) in enumerate(zip(lines, wanted, strict=False), start=1):
        if line != other:
            one, two = _first_difference(line, other)
            yield Difference(file=name, key=f"row {number}", stated=one, found=two)


def _first_difference(line: str, other: str) -> tuple[str, str]:
    cells = zip(line.split(","), other.split(","), strict=False)
    return next(((a, b) for a, b in cells if a != b), (line, other))


def _judge_histories(project: BundledProject) -> Iterator[tuple[str, int, list[Difference]]]:
    """Each run's history: its name, how many numbers were recomputed, and the differences."""
    for run in project.runs.values():
        name = (run.path / RUN_HISTORY).relative_to(project.root).as_posix()
        found: list[Difference] = []
        count = 0
        try:
            best = run.require_scores().best_epoch
            rows = read_cells(run.path)
            for column, value in score_best_row(project, run).items():
                if not 1 <= best <= len(rows) or column not in rows[best - 1]:
                    continue
                count += 1
                cell = rows[best - 1][column]
                if not agree(float(cell or "nan"), value):
                    key = f"epoch {best}, {column}"
                    found.append(
                        Difference(file=name, key=key, stated=cell, found=f"{value:.{DIGITS}g}")
                    )
            for epoch, column, stated, (low, high) in find_faults(project, run):
                found.append(
                    Difference(
                        file=name,
                        key=f"epoch {epoch}, {column}",
                        stated=f"{stated:.{DIGITS}g}",
                        found=f"in {low:.{DIGITS}g} to {high:.{DIGITS}g}",
                    )
                )
        except (InputError, ValueError) as error:
            text = str(error).replace(f"{project.root}/", "")
            found.append(Difference(file=name, key="", stated="damaged", found=text))
        yield name, count, found


def _show(value: Any) -> str:
    text = f"{value:.{DIGITS}g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 120 else f"{text[:120]}…"


def _short(digest: str) -> str:
    return f"{digest[:16]}…"
