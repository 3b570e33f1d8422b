"""Trackio: a database a project in a folder of its own.

Each row has an id that is made of the run's name and the step, and the database takes no id twice:
that is what makes each step be there once, however many write.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from xlite.errors import InputError
from xlite.ownership import require_writable_folder
from xlite.tracking.tracked import Tracked, find_missing
from xlite.tracking.tracker import Place

_FOLDER = "TRACKIO_DIR"


def open_place(place: Place) -> TrackioTracker:
    """The project; InputError where the folder can't be written to."""
    folder = place.find_folder(os.environ.get(_FOLDER)).resolve()
    require_writable_folder(folder)
    before = os.environ.get(_FOLDER)
    os.environ[_FOLDER] = str(folder)
    try:
        # Which folder it is, the package asks when it is loaded, and never again.
        import trackio.utils
    finally:
        if before is None:
            del os.environ[_FOLDER]
        else:
            os.environ[_FOLDER] = before
    if Path(trackio.utils.TRACKIO_DIR).resolve() != folder:
        raise InputError(
            f"Trackio is loaded already, for {trackio.utils.TRACKIO_DIR}, and has one folder a "
            "process. Pass that one as --out, or track in another process."
        )
    return TrackioTracker(folder, place.project or place.default_project)


class TrackioTracker:
    """A project in Trackio's folder."""

    def __init__(self, folder: Path, project: str) -> None:
        from trackio.sqlite_storage import SQLiteStorage

        self._store: Any = SQLiteStorage
        self.folder, self._project = folder, project
        self._digests: dict[str, str] = {}
        self.where = f"{folder}, project {project}"
        self.show = f"{_FOLDER}={folder} trackio show --project {project}"
        with _explain():
            self._store.validate_project_name(project)

    def write(self, tracked: Tracked) -> int:
        """See `Tracker`."""
        if self._digests.get(tracked.name) == tracked.digest:
            return 0
        with _explain():
            missing = find_missing(tracked, self._read(tracked.name), where=self.where)
            for step in missing:
                # Rows of an epoch and of the best one's scores have one number, and other names.
                kind = "best" if next(iter(step.values)).startswith("best/") else "epoch"
                self._add(tracked, step.number, step.at, dict(step.values), f"{kind}-{step.number}")
            self._add_text(tracked)
        self._digests[tracked.name] = tracked.digest
        return len({step.number for step in missing})

    def close(self) -> None:
        """Nothing is open."""

    def _read(self, name: str) -> dict[tuple[str, int], float]:
        return {
            (key, row["step"]): value
            for row in self._store.get_logs(self._project, name, max_points=None)
            for key, value in row.items()
            if isinstance(value, int | float) and key != "step"
        }

    def _add_text(self, tracked: Tracked) -> None:
        """The record in words and the facts, as a row for each that there was."""
        from trackio import Markdown

        text = tracked.text or f"{tracked.kind}, {tracked.state}"
        at = tracked.ended or tracked.started or 0.0
        content = {"record": Markdown(text)._to_dict()}
        number = len(tracked.steps)
        self._add(tracked, number, at, content, hashlib.sha256(text.encode()).hexdigest()[:16])

    def _add(
        self, tracked: Tracked, number: int, at: float, values: dict[str, Any], mark: str
    ) -> None:
        self._store.bulk_log(
            self._project,
            tracked.name,
            [values],
            steps=[number],
            timestamps=[datetime.fromtimestamp(at, UTC).isoformat()],
            config={**tracked.settings, **tracked.facts, "_Group": tracked.facts.get("study")},
            log_ids=[f"{tracked.name}:{mark}"],
        )


@contextmanager
def _explain() -> Iterator[None]:
    """What Trackio refuses is said in one line."""
    import sqlite3

    try:
        yield
    except (sqlite3.Error, ValueError, TimeoutError) as error:
        raise InputError(
            f"Trackio can't be used: {error} Pass another --out or --project."
        ) from None
