"""`training_progress.json`: one entry a run, for people, `jq` and `xlite status`.

Several commands may share the file: each change reads it, changes it and writes it whole under
a lock, so that none loses another's entries.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock

from xlite.artifacts import read_json, write_json
from xlite.errors import InputError

PENDING, RUNNING, FINISHED, FAILED, INTERRUPTED = (
    "pending",
    "running",
    "finished",
    "failed",
    "interrupted",
)

Entry = dict[str, Any]

_REMEDY = "Move it away; the run folders hold all that matters."
_EMPTY: Entry = {
    "status": PENDING,
    "model": None,
    "seed": None,
    "epochs": None,
    "epochs_done": 0,
    "best_val_auroc": None,
    "run": None,
    "started": None,
    "finished": None,
    "updated": None,
    "seconds": 0.0,
    "error": None,
    "note": None,
}


def read_entries(path: Path) -> dict[str, Entry]:
    """The entries of a progress file by name; none when there is no file.

    Each has all of the fields. Raises InputError when the file can't be read or has another form.
    """
    if not path.exists():
        return {}
    models = read_json(path, remedy=_REMEDY).get("models")
    if not isinstance(models, dict) or not all(
        isinstance(entry, dict) and isinstance(entry.get("run"), str) for entry in models.values()
    ):
        raise InputError(f'{path} has no object "models" with a "run" in each entry. {_REMEDY}')
    return {name: {**_EMPTY, **entry} for name, entry in models.items()}


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
                entry = {**_EMPTY, **entries.get(key, {}), **fields, "updated": now}
                entries[key] = {field: entry.pop(field) for field in _EMPTY} | entry
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
