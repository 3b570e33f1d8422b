"""The experiment log: an index and one record an experiment, around whatever people write.

An experiment is a finished run, an ablation or a comparison. The log is the only memory of the
ids: which run is EXP-007 is read back from the file itself, and so are the records of what is no
longer there: a run whose folder is gone, an ablation whose file the next one has overwritten.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote

from filelock import FileLock
from pydantic import BaseModel

from xlite import console
from xlite.errors import InputError
from xlite.files import TRAINING_PROGRESS, write_text
from xlite.records import MAX_JSON_BYTES, Record, read_own_bytes
from xlite.reporting.judged_studies import read_studies, read_study
from xlite.reporting.log_markdown import (
    DECISION,
    FOCUS,
    INDEX_COLUMNS,
    KINDS,
    LogEntry,
    escape,
    read_remark,
    render_record,
    render_row,
    write_remark,
)
from xlite.reporting.log_runs import describe_environment, describe_run
from xlite.reporting.log_studies import describe_study
from xlite.results.ablation import Ablation
from xlite.run_folder.file_names import RUNS
from xlite.run_folder.folder import RunFolder, list_runs

BEGIN, END = "<!-- xlite:begin -->", "<!-- xlite:end -->"
"""What lies between these lines is generated."""

_HEADING = """\
# Experiment log

One record for each finished run, ablation and comparison, generated from their files; what people
add is kept.
"""
_INTRODUCTION = (
    "Generated from the experiments folder: write above or below this part, or inside a record "
    "between its two notes comments, where lines that begin with Focus:, Objective: or Decision: "
    "are taken up into the index. All of that is kept; anything else here is replaced."
)
_LOG_REMEDY = "Move it away, and a new log is begun."
_MISSING, _UNFINISHED = "folder missing", "not finished, or damaged"

_KINDS = "|".join(KINDS)
_RECORD = re.compile(
    rf"^<!-- (?P<kind>{_KINDS}):(?P<id>EXP-\d+) (?P<source>\S+) -->.*?"
    r"^<!-- notes:(?P=id) -->(?P<notes>.*?)<!-- end notes -->",
    re.DOTALL | re.MULTILINE,
)
_STRAY_MARKER = re.compile(rf"^<!-- (?:{_KINDS}|notes):EXP-\d+.*|<!-- end notes -->", re.MULTILINE)
_MAX_ID = len("EXP-") + 12
_ROW = re.compile(r"^\| (EXP-\d+) \|.*\|", re.MULTILINE)
_TITLE = re.compile(r"^### EXP-\d+: (.*)$", re.MULTILINE)

Name = tuple[str, str]
"""Kind and source of an experiment: what an id belongs to."""


@dataclass(frozen=True)
class Remarks:
    """What a person says of one experiment, to be put into the notes of its record."""

    lines: Mapping[str, str]
    """Text by name, one of REMARKS."""
    key: str | None = None
    """The record's id, or None for the experiment that `source` names, else the newest."""
    source: Path | None = None
    """A run's folder, or the file of an ablation or a comparison."""


@dataclass(frozen=True)
class _Record:
    """What the log holds of one id."""

    name: Name
    text: str
    notes: str
    row: str


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
        old = _read_log(log_path)
        before, generated, after = _cut(old, log_path) if old else (_HEADING + "\n", "", "\n")
        records, used_ids = _read_records(generated, log_path)
        asked = remarks.source if remarks else None
        entries, asked_name = _read_entries(experiments_dir, log_path.parent, asked)
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


def _follow_link(path: Path) -> Path:
    if not path.is_symlink():
        return path
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise InputError(f"{path} is a link to {target}, whose folder does not exist. Make it.")
    return target


def _read_log(path: Path) -> str:
    if not path.exists():
        return ""
    try:
        # Not read_text, which would turn a person's \r\n into \n.
        return read_own_bytes(path, max_bytes=MAX_JSON_BYTES, remedy=_LOG_REMEDY).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 ({error}). Save it as UTF-8.") from None


def _cut(text: str, path: Path) -> tuple[str, str, str]:
    begins = list(re.finditer(rf"^{BEGIN}", text, re.MULTILINE))
    ends = list(re.finditer(rf"^{END}", text, re.MULTILINE))
    if not begins and not ends:
        return text + ("\n" if text.endswith("\n") else "\n\n"), "", "\n"
    if len(begins) != 1 or len(ends) != 1 or ends[0].start() < begins[0].end():
        raise InputError(
            f"{path} needs one line {BEGIN} and, after it, one line {END}; it has {len(begins)} "
            f"and {len(ends)}. Restore them, or remove both to have a new part appended."
        )
    begin, end = begins[0], ends[0]
    return text[: begin.start()], text[begin.end() : end.start()], text[end.end() :]


def _read_records(generated: str, path: Path) -> tuple[dict[str, _Record], set[str]]:
    """The records by id, and every id that was ever given, as far as the log still shows it."""
    matches = list(_RECORD.finditer(generated))
    rest = _RECORD.sub("", generated)
    # Notes that hold a record have swallowed it, since they have lost their end.
    stray = next(
        filter(None, map(_STRAY_MARKER.search, [rest, *(m["notes"] for m in matches)])), None
    )
    if stray:
        raise InputError(
            f"{path}: a partner of the marker {stray[0]} is missing or misplaced. Each record "
            "needs <!-- run:ID folder -->, <!-- notes:ID --> and <!-- end notes -->, in this "
            "order; restore them from an earlier version of the file."
        )
    rows = {match[1]: match[0] for match in _ROW.finditer(rest)}
    records: dict[str, _Record] = {}
    for match in matches:
        name, key = (match["kind"], unquote(match["source"])), match["id"]
        if key in records or any(record.name == name for record in records.values()):
            raise InputError(
                f"{path} has two records of {key} or of the {name[0]} {name[1]}, perhaps from a "
                "merge. Give one of them another id, or remove it."
            )
        records[key] = _Record(name, match[0], match["notes"], rows.get(key, ""))
    # An index row whose record somebody removed still keeps its id from other runs.
    used = {*records, *rows}
    endless = next((key for key in used if len(key) > _MAX_ID), None)
    if endless:
        raise InputError(f"{path}: the number of {endless} is too long. Give it a shorter id.")
    return records, used


def _read_entries(
    experiments_dir: Path, log_dir: Path, asked: Path | None
) -> tuple[dict[Name, LogEntry], Name | None]:
    """The experiments there are, in the order in which they get ids; and which one is `asked`."""
    times = _read_finish_times(experiments_dir / TRAINING_PROGRESS)
    entries: dict[Name, LogEntry] = {}
    asked_name: Name | None = None
    if asked is not None and asked.suffix != ".json":
        # A path as the shell completes it is as good as the folder's name.
        asked_name = ("run", asked.name)
    environments: dict[str, str] = {}
    for run in _read_runs(experiments_dir, times):
        entry = describe_run(run, finished=_finish_time(run, times), log_dir=log_dir)
        if run.sittings:
            environments[entry.source] = describe_environment(run.sittings[-1].environment)
        entries[entry.kind, entry.source] = entry
    studies, faults = read_studies(experiments_dir)
    for fault in faults:
        console.warn(fault)
    if asked is not None and asked_name is None:
        studies = {**studies, asked: read_study(asked)}
    for path, study in studies.items():
        of_study = study.run_names if isinstance(study, Ablation) else ()
        ended = max((times.get(f"{RUNS}/{run}", "") for run in of_study), default="")
        entry = describe_study(
            study,
            path=path,
            log_dir=log_dir,
            finished=ended,
            environment=next((environments[run] for run in of_study if run in environments), ""),
        )
        # A copy elsewhere may be named beside the newest: it is the same study.
        entries.setdefault((entry.kind, entry.source), entry)
        if path == asked:
            asked_name = (entry.kind, entry.source)
    return entries, asked_name


def _read_runs(experiments_dir: Path, times: Mapping[str, str]) -> list[RunFolder]:
    """The finished runs in the order in which they ended; undated ones last."""
    runs, faults = list_runs(experiments_dir)
    for fault in faults:
        console.warn(fault)

    def rank(run: RunFolder) -> tuple[bool, str, str]:
        time = _finish_time(run, times)
        return time == "", time, run.name

    return sorted((run for run in runs if run.is_finished), key=rank)


def _finish_time(run: RunFolder, times: Mapping[str, str]) -> str:
    return times.get(f"{RUNS}/{run.name}", "")


class _Entry(BaseModel):
    run: str
    finished: str | None = None


class _Progress(Record):
    """`training_progress.json`, as far as the log needs it."""

    models: dict[str, _Entry]


def _read_finish_times(path: Path) -> dict[str, str]:
    if not os.path.lexists(path):
        return {}
    remedy = "Move it away; the run folders hold all that matters."
    times: dict[str, str] = {}
    for entry in _Progress.read(path, remedy=remedy).models.values():
        # An ablation may list a run that a training listed before.
        if entry.finished:
            times[entry.run] = min(entry.finished, times.get(entry.run, entry.finished))
    return times


def _assign_ids(
    records: Mapping[str, _Record], entries: Mapping[Name, LogEntry], used_ids: set[str]
) -> dict[str, Name]:
    """What each id belongs to, ids ascending."""
    ids = {key: record.name for key, record in records.items()}
    last = max(map(_number, used_ids), default=0)
    new = [name for name in entries if name not in ids.values()]
    ids |= {f"EXP-{number:03d}": name for number, name in enumerate(new, start=last + 1)}
    return dict(sorted(ids.items(), key=lambda item: _number(item[0])))


def _number(key: str) -> int:
    return int(key.removeprefix("EXP-"))


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


def _render(
    ids: Mapping[str, Name],
    records: Mapping[str, _Record],
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
            rows.append(_keep_row(key, kept, experiments_dir))
            begin, _, _ = records[key].text.rpartition(f"<!-- notes:{key} -->")
            texts.append(f"{begin}<!-- notes:{key} -->{notes[key]}<!-- end notes -->")
    header = [f"| {' | '.join(INDEX_COLUMNS)} |", "|" + " --- |" * len(INDEX_COLUMNS)]
    index = "\n".join([*header, *rows]) if rows else "No run has finished yet."
    return "\n\n".join([BEGIN, _INTRODUCTION, index, *texts, END])


def _keep_row(key: str, record: _Record, experiments_dir: Path) -> str:
    """The index row of what is no longer there, as far as the log still knows it."""
    cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", record.row)[1:-1]]
    if len(cells) != len(INDEX_COLUMNS):
        title = _TITLE.search(record.text)
        cells = [key, "", title[1] if title else "", "", "", ""]
    # A study's file is overwritten by the next one as a matter of course: nothing is amiss.
    if record.name[0] == "run":
        folder = experiments_dir / RUNS / record.name[1]
        cells[3] = _UNFINISHED if folder.is_dir() else _MISSING
    for place, remark in ((2, FOCUS), (5, DECISION)):
        cells[place] = escape(read_remark(record.notes, remark)) or cells[place]
    return "| " + " | ".join(cells) + " |"
