"""The text of the experiment log: the generated part between its markers, and its records.

The log is the only memory of the ids, so whatever it says is read back from it; and what lies
outside the markers and in the notes of a record is people's, and stays as it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from xlite.errors import InputError
from xlite.records import MAX_JSON_BYTES, read_own_bytes
from xlite.reporting.log_markdown import (
    DECISION,
    FOCUS,
    INDEX_COLUMNS,
    KINDS,
    escape,
    read_remark,
)
from xlite.run_folder.file_names import RUNS

BEGIN, END = "<!-- xlite:begin -->", "<!-- xlite:end -->"
"""What lies between these lines is generated."""

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
class LogRecord:
    """What the log holds of one id."""

    name: Name
    text: str
    notes: str
    row: str


def read_log(path: Path) -> str:
    """The log's text, line ends as they are; nothing where there is no file."""
    if not path.exists():
        return ""
    try:
        # Not read_text, which would turn a person's \r\n into \n.
        return read_own_bytes(path, max_bytes=MAX_JSON_BYTES, remedy=_LOG_REMEDY).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 ({error}). Save it as UTF-8.") from None


def cut_log(text: str, path: Path) -> tuple[str, str, str]:
    """What stands before the generated part, that part, and what stands after it.

    Raises InputError for markers that are not one of each, in their order.
    """
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


def read_records(generated: str, path: Path) -> tuple[dict[str, LogRecord], set[str]]:
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
    records: dict[str, LogRecord] = {}
    for match in matches:
        name, key = (match["kind"], unquote(match["source"])), match["id"]
        if key in records or any(record.name == name for record in records.values()):
            raise InputError(
                f"{path} has two records of {key} or of the {name[0]} {name[1]}, perhaps from a "
                "merge. Give one of them another id, or remove it."
            )
        records[key] = LogRecord(name, match[0], match["notes"], rows.get(key, ""))
    # An index row whose record somebody removed still keeps its id from other runs.
    used = {*records, *rows}
    endless = next((key for key in used if len(key) > _MAX_ID), None)
    if endless:
        raise InputError(f"{path}: the number of {endless} is too long. Give it a shorter id.")
    return records, used


def keep_row(key: str, record: LogRecord, experiments_dir: Path) -> str:
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
