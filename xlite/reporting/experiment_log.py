"""The experiment log: an index and one record a finished run, around whatever people write.

The log is the only memory of the ids: which run is EXP-007 is read back from the file itself,
and so are the records of runs whose folder is no longer there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from filelock import FileLock

from xlite.artifacts import RUN_CONFIG, RUN_SCORES, TRAINING_PROGRESS, read_json, write_text
from xlite.errors import InputError
from xlite.reporting.experiment_record import (
    INDEX_COLUMNS,
    FinishedRun,
    render_record,
    render_row,
)

BEGIN, END = "<!-- xlite:begin -->", "<!-- xlite:end -->"
"""What lies between these lines is generated."""

_HEADING = """\
# Experiment log

One record for each finished run, generated from the run folders; what people add is kept.
"""
_INTRODUCTION = (
    "Generated from the run folders: write above or below this part, or inside a record between "
    "its two notes comments. All of that is kept; anything else here is replaced."
)
_MISSING = "folder missing"

_RECORD = re.compile(
    r"^<!-- run:(?P<id>EXP-\d+) (?P<run>\S+) -->.*?"
    r"^<!-- notes:(?P=id) -->(?P<notes>.*?)<!-- end notes -->",
    re.DOTALL | re.MULTILINE,
)
_STRAY_MARKER = re.compile(r"^<!-- (?:run|notes):EXP-\d+.*|<!-- end notes -->", re.MULTILINE)
_ROW = re.compile(r"^\| (EXP-\d+) \|.*\|", re.MULTILINE)


@dataclass(frozen=True)
class _Record:
    """What the log holds of one id."""

    run: str
    text: str
    notes: str
    row: str


def update_experiment_log(log_path: Path, experiments_dir: Path) -> None:
    """Bring the generated part of the log up to date with the runs in `experiments_dir/runs`.

    A finished run without an id gets the next one, in the order in which runs ended. Ids are
    never renumbered or reused, and a run whose folder is gone keeps its record. Text outside
    the markers and between a record's notes comments stays byte for byte; when nothing changed,
    nothing is written. Raises InputError when the log's markers or a run's files can't be read,
    before anything is written.
    """
    # Two trainings that end together would both take the next id.
    with FileLock(experiments_dir / ".experiment_log.lock"):
        old = _read_log(log_path)
        before, generated, after = _cut(old, log_path) if old else (_HEADING + "\n", "", "\n")
        records, used_ids = _read_records(generated, log_path)
        runs = _read_runs(experiments_dir)
        ids = _assign_ids(records, runs, used_ids)
        new = before + _render(ids, records, runs, log_path.parent) + after
        if new != old:
            write_text(log_path, new)


def _read_log(path: Path) -> str:
    try:
        # Not read_text, which would turn a person's \r\n into \n.
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return ""
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
        run, key = unquote(match["run"]), match["id"]
        if key in records or any(record.run == run for record in records.values()):
            raise InputError(
                f"{path} has two records of {key} or of the run {run}, perhaps from a merge. "
                "Give one of them another id, or remove it."
            )
        records[key] = _Record(run, match[0], match["notes"], rows.get(key, ""))
    # An index row whose record somebody removed still keeps its id from other runs.
    return records, {*records, *rows}


def _read_runs(experiments_dir: Path) -> dict[str, FinishedRun]:
    """The finished runs by folder name, in the order in which they ended; undated ones last."""
    finished = _read_finish_times(experiments_dir / TRAINING_PROGRESS)
    remedy = "Train the run again with --resume, or move its folder away."
    runs = [
        FinishedRun(
            folder=path.parent,
            config=read_json(path.parent / RUN_CONFIG, remedy=remedy),
            scores=read_json(path, remedy=remedy),
            finished=finished.get(f"runs/{path.parent.name}", ""),
        )
        for path in experiments_dir.glob(f"runs/*/{RUN_SCORES}")
    ]
    runs.sort(key=lambda run: (run.finished == "", run.finished, run.folder.name))
    return {run.folder.name: run for run in runs}


def _read_finish_times(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    entries = read_json(path, remedy="Move it away; the run folders hold all that matters.")
    times: dict[str, str] = {}
    for entry in entries.get("models", {}).values():
        run, time = entry.get("run"), entry.get("finished")
        # An ablation may list a run that a training listed before.
        if run and time:
            times[run] = min(time, times.get(run, time))
    return times


def _assign_ids(
    records: Mapping[str, _Record], runs: Mapping[str, FinishedRun], used_ids: set[str]
) -> dict[str, str]:
    """The run folder of every id, ids ascending."""
    ids = {key: record.run for key, record in records.items()}
    last = max(map(_number, used_ids), default=0)
    new = [name for name in runs if name not in ids.values()]
    ids |= {f"EXP-{number:03d}": name for number, name in enumerate(new, start=last + 1)}
    return dict(sorted(ids.items(), key=lambda item: _number(item[0])))


def _number(key: str) -> int:
    return int(key.removeprefix("EXP-"))


def _render(
    ids: dict[str, str], records: dict[str, _Record], runs: dict[str, FinishedRun], log_dir: Path
) -> str:
    rows, texts = [], []
    for key, name in ids.items():
        if name in runs:
            notes = records[key].notes if key in records else "\n"
            try:
                rows.append(render_row(key, runs[name]))
                texts.append(render_record(key, runs[name], notes, log_dir))
            except (KeyError, TypeError, AttributeError) as error:
                raise InputError(
                    f"{RUN_CONFIG} or {RUN_SCORES} in {runs[name].folder} lacks what a record "
                    f"shows ({error}). Train the run again, or move its folder away."
                ) from None
        else:
            row = records[key].row or f"| {key} |" + " |" * (len(INDEX_COLUMNS) - 1)
            rows.append(re.sub(r"\|[^|]*\|$", f"| {_MISSING} |", row))
            texts.append(records[key].text)
    header = [f"| {' | '.join(INDEX_COLUMNS)} |", "|" + " --- |" * len(INDEX_COLUMNS)]
    index = "\n".join([*header, *rows]) if rows else "No run has finished yet."
    return "\n\n".join([BEGIN, _INTRODUCTION, index, *texts, END])
