"""The experiment log: an index and one record an experiment, around whatever people write.

An experiment is a finished run, an ablation, a comparison or a study. The log is the only memory of
the ids: which run is EXP-007 is read back from the file itself, and so are the records of what is
no longer there: a run whose folder is gone, an ablation whose file the next one has overwritten.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from filelock import FileLock

from xlite.errors import InputError
from xlite.files import write_text
from xlite.reporting.log_experiments import read_experiments
from xlite.reporting.log_file import (
    BEGIN,
    END,
    LogRecord,
    Name,
    cut_log,
    keep_row,
    read_log,
    read_records,
)
from xlite.reporting.log_markdown import (
    INDEX_COLUMNS,
    LogEntry,
    render_record,
    render_row,
    write_remark,
)

_HEADING = """\
# Experiment log

One record for each finished run, ablation, comparison and study, generated from their files; what
people add is kept.
"""
_INTRODUCTION = (
    "Generated from the experiments folder: write above or below this part, or inside a record "
    "between its two notes comments, where lines that begin with Focus:, Objective: or Decision: "
    "are taken up into the index. All of that is kept; anything else here is replaced."
)


@dataclass(frozen=True)
class Remarks:
    """What a person says of one experiment, to be put into the notes of its record."""

    lines: Mapping[str, str]
    """Text by name, one of REMARKS."""
    key: str | None = None
    """The record's id, or None for the experiment that `source` names, else the newest."""
    source: Path | None = None
    """A run's folder, or the file of an ablation or a comparison."""


def update_experiment_log(
    log_path: Path, experiments_dir: Path, *, remarks: Remarks | None = None
) -> str | None:
    """Bring the generated part of the log up to date; returns the id that remarks went to.

    A finished run, an ablation or a comparison without an id gets the next one: runs in the order
    in which they ended, then studies. Ids are never renumbered or reused, and what is no longer in
    `experiments_dir` keeps its record. Text outside the markers and between a record's notes
    comments stays byte for byte but for lines that `remarks` sets; when nothing changed, nothing
    is written. Raises InputError when the log's markers or a file can't be read, or when there is
    nothing that the remarks could belong to, before anything is written.
    """
    experiments_dir.mkdir(parents=True, exist_ok=True)
    # Two trainings that end together would both take the next id.
    with FileLock(experiments_dir / ".experiment_log.lock"):
        old = read_log(log_path)
        before, generated, after = cut_log(old, log_path) if old else (_HEADING + "\n", "", "\n")
        records, used_ids = read_records(generated, log_path)
        asked = remarks.source if remarks else None
        entries, asked_name = read_experiments(experiments_dir, log_path.parent, asked)
        ids = _assign_ids(records, entries, used_ids)
        notes = {key: records[key].notes if key in records else "\n" for key in ids}
        target = _find_target(remarks, asked_name, ids) if remarks else None
        if remarks and target:
            for name, text in remarks.lines.items():
                notes[target] = write_remark(notes[target], name, text)
        new = before + _render(ids, records, entries, notes, experiments_dir) + after
        if new != old:
            # The log may lie elsewhere, with a link to it here: the link stays one.
            write_text(_follow_link(log_path), new)
    return target


def render_experiment_log(experiments_dir: Path) -> str:
    """The log of what is in a folder as one that begins now has it: its own ids, and no notes."""
    entries, _ = read_experiments(experiments_dir, experiments_dir.parent, None)
    ids = _assign_ids({}, entries, set())
    generated = _render(ids, {}, entries, dict.fromkeys(ids, "\n"), experiments_dir)
    return f"{_HEADING}\n{generated}\n"


def _follow_link(path: Path) -> Path:
    if not path.is_symlink():
        return path
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise InputError(f"{path} is a link to {target}, whose folder does not exist. Make it.")
    return target


def _assign_ids(
    records: Mapping[str, LogRecord], entries: Mapping[Name, LogEntry], used_ids: set[str]
) -> dict[str, Name]:
    """What each id belongs to, ids ascending."""
    ids = {key: record.name for key, record in records.items()}
    last = max(map(_number, used_ids), default=0)
    new = [name for name in entries if name not in ids.values()]
    ids |= {f"EXP-{number:03d}": name for number, name in enumerate(new, start=last + 1)}
    return dict(sorted(ids.items(), key=lambda item: _number(item[0])))


def _find_target(remarks: Remarks, asked: Name | None, ids: Mapping[str, Name]) -> str:
    """The id that remarks belong to."""
    if not ids:
        raise InputError("the log has no record yet. Train, ablate or compare first.")
    if remarks.key is not None:
        if remarks.key not in ids:
            raise InputError(f"the log has no record {remarks.key}; it has {', '.join(ids)}.")
        return remarks.key
    if asked is None:
        return list(ids)[-1]
    for key, name in ids.items():
        if name == asked:
            return key
    runs = ", ".join(source for kind, source in ids.values() if kind == "run")
    raise InputError(f"{asked[1]!r} is no finished run. Finished are: {runs or 'none'}.")


def _number(key: str) -> int:
    return int(key.removeprefix("EXP-"))


def _render(
    ids: Mapping[str, Name],
    records: Mapping[str, LogRecord],
    entries: Mapping[Name, LogEntry],
    notes: Mapping[str, str],
    experiments_dir: Path,
) -> str:
    rows, texts = [], []
    for key, name in ids.items():
        if name in entries:
            rows.append(render_row(key, entries[name], notes[key]))
            texts.append(render_record(key, entries[name], notes[key]))
        else:
            kept = replace(records[key], notes=notes[key])
            rows.append(keep_row(key, kept, experiments_dir))
            begin, _, _ = records[key].text.rpartition(f"<!-- notes:{key} -->")
            texts.append(f"{begin}<!-- notes:{key} -->{notes[key]}<!-- end notes -->")
    header = [f"| {' | '.join(INDEX_COLUMNS)} |", "|" + " --- |" * len(INDEX_COLUMNS)]
    index = "\n".join([*header, *rows]) if rows else "No run has finished yet."
    return "\n\n".join([BEGIN, _INTRODUCTION, index, *texts, END])
