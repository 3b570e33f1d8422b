"""`training_progress.json`: one entry a run, for people, `jq` and `xlite status`.

Several commands may share the file: each change reads it, changes it and writes it whole under
a lock, so that none loses another's entries.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

from filelock import FileLock
from pydantic import BaseModel, ConfigDict, Field, field_validator

from xlite.console import nan_to_none
from xlite.files import write_json
from xlite.records import Record

PENDING: Final = "pending"
RUNNING: Final = "running"
FINISHED: Final = "finished"
FAILED: Final = "failed"
INTERRUPTED: Final = "interrupted"
PAUSED: Final = "paused"
"""After an epoch, until its study goes on with it, if it does."""

Entry = dict[str, Any]

_REMEDY = "Move it away; the run folders hold all that matters."


class _EntryRecord(BaseModel):
    """One run of the queue. Other keys are kept as they are."""

    model_config = ConfigDict(extra="allow", allow_inf_nan=False, strict=True, defer_build=True)

    status: Literal["pending", "running", "finished", "failed", "interrupted", "paused"] = PENDING
    model: str | None = None
    seed: int | None = None
    epochs: int | None = None
    epochs_done: int = Field(default=0, ge=0)
    best_val_auroc: float | None = None
    run: str
    started: str | None = None
    finished: str | None = None
    updated: str | None = None
    seconds: float = Field(default=0.0, ge=0)
    error: str | None = None
    note: str | None = None

    @field_validator("run")
    @classmethod
    def _check_run(cls, run: str) -> str:
        if Path(run).is_absolute() or ".." in Path(run).parts or not Path(run).name:
            raise ValueError("it has to be a folder below this one")
        return run

    @field_validator("started", "finished", "updated")
    @classmethod
    def _check_time(cls, text: str | None) -> str | None:
        if text is not None and datetime.fromisoformat(text).tzinfo is None:
            raise ValueError("it has no time zone")
        return text


class _ProgressRecord(Record):
    models: dict[str, _EntryRecord]


def read_entries(path: Path) -> dict[str, Entry]:
    """The entries of a progress file by name; none when there is no file.

    Each has all of the fields. Raises InputError when the file can't be read or has another form.
    """
    if not os.path.lexists(path):
        return {}
    record = _ProgressRecord.read(path, remedy=_REMEDY)
    return {name: entry.model_dump() for name, entry in record.models.items()}


class ProgressFile:
    """The progress file of an experiments folder, as the commands that train change it."""

    def __init__(self, path: Path, *, is_writer: bool = True) -> None:
        """Of several processes that train one run, only the main one is the writer."""
        self.path = path
        self._is_writer = is_writer
        self._lock = FileLock(path.with_name(f".{path.stem}.lock"))

    @contextmanager
    def hold(self) -> Iterator[dict[str, Entry]]:
        """The entries, which no other process changes within the block."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._lock:
            yield read_entries(self.path)

    def update(self, changes: Mapping[str, Entry]) -> None:
        """Set fields of entries by name, and write the file. Each change names its `run`.

        A name that another run has had is taken over: that run's entry goes on under the name
        of its folder, and so do updates of it.
        """
        if not self._is_writer:
            return
        now = current_time()
        with self.hold() as entries:
            for name, fields in changes.items():
                key = _find_key(entries, name, fields)
                entry = {**entries.get(key, {}), **nan_to_none(fields), "updated": now}
                entries[key] = _EntryRecord(**entry).model_dump()
            completed = [key for key, entry in entries.items() if entry["status"] == FINISHED]
            write_json(
                self.path,
                {"models": entries, "completed_models": completed, "last_updated": now},
            )


def current_time() -> str:
    """The time in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _find_key(entries: dict[str, Entry], name: str, fields: Entry) -> str:
    run = fields["run"]
    holder = entries.get(name)
    if holder is None or holder["run"] == run:
        return name
    folder = Path(run).name
    if folder in entries:
        return folder
    # Nothing is known of a run that has not begun, so there is nothing to keep.
    displaced = entries.pop(name)
    if displaced["status"] != PENDING:
        entries[Path(displaced["run"]).name] = displaced
    return name
