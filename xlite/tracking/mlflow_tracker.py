"""MLflow: an entry a run in an experiment; a database beside ours, or any tracking server.

An entry is found by a tag that it was made with. What it has is asked of the store: no value is
sent twice.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

# MLflow tells its makers of its use, unless it is asked not to before it is loaded.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException

from xlite.errors import InputError
from xlite.ownership import require_writable_folder
from xlite.tracking.tracked import Plain, Tracked, find_missing
from xlite.tracking.tracker import Place

DATABASE = "mlflow.db"
_NAME, _KIND, _DIGEST = "xlite.name", "xlite.kind", "xlite.digest"
_NOTE = "mlflow.note.content"
"""What the page of an entry shows as its description, as Markdown."""
_STATUS = {"running": "RUNNING", "finished": "FINISHED", "stopped": "KILLED"}
_MOST_METRICS, _MOST_OTHERS = 1000, 100
"""In one request."""
_LONGEST_PARAM, _LONGEST_TAG = 6000, 5000
_Item = TypeVar("_Item")
_FORBIDDEN = re.compile(r"[^\w\-. :/]")


def open_place(place: Place) -> MlflowTracker:
    """The experiment, made where there is none; InputError where the store can't be used."""
    own = os.environ.get("MLFLOW_TRACKING_URI")
    uri = place.out or own or ""
    folder, artifacts = None, None
    if "://" not in uri:
        folder = place.find_folder(own)
        require_writable_folder(folder)
        folder.mkdir(parents=True, exist_ok=True)
        uri = f"sqlite:///{make_database(folder.resolve() / DATABASE)}"
        # Beside the database: the default would be the working folder.
        artifacts = (folder / "artifacts").resolve().as_uri()
    return MlflowTracker(uri, place.project or place.default_project, folder, artifacts=artifacts)


class MlflowTracker:
    """An experiment of a tracking store."""

    def __init__(
        self, uri: str, project: str, folder: Path | None, *, artifacts: str | None
    ) -> None:
        self.folder = folder
        self.where = f"{uri}, experiment {project}"
        self.show = f"mlflow ui --backend-store-uri {uri}"
        self._entries: dict[str, _Entry] = {}
        with _explain(uri):
            self._client = MlflowClient(tracking_uri=uri)
            found = self._client.get_experiment_by_name(project)
            self._experiment: str = (
                found.experiment_id
                if found is not None
                else self._client.create_experiment(project, artifact_location=artifacts)
            )

    def write(self, tracked: Tracked) -> int:
        """See `Tracker`."""
        with _explain(self.where):
            if tracked.name not in self._entries:
                run = self._find(tracked.name) or self._begin(tracked)
                self._entries[tracked.name] = _Entry(self._client, run, self.where)
            return self._entries[tracked.name].write(tracked)

    def close(self) -> None:
        """Nothing is open."""

    def _find(self, name: str) -> Run | None:
        quoted = name.replace("'", "''")
        found = self._client.search_runs(
            [self._experiment], filter_string=f"tags.`{_NAME}` = '{quoted}'", max_results=1
        )
        return found[0] if found else None

    def _begin(self, tracked: Tracked) -> Run:
        # With its tags at once: one that was made and not marked would be made again.
        return self._client.create_run(
            self._experiment,
            run_name=tracked.name,
            start_time=_milliseconds(tracked.started),
            tags={_NAME: tracked.name, _KIND: tracked.kind},
        )


class _Entry:
    """An entry of the experiment, and the values that it has."""

    def __init__(self, client: MlflowClient, run: Run, where: str) -> None:
        self._client, self._where = client, where
        self._id: str = run.info.run_id
        self._digest: str | None = run.data.tags.get(_DIGEST)
        self._params: dict[str, str] = dict(run.data.params)
        self._names = list(run.data.metrics)
        self._known: dict[tuple[str, int], float] | None = None

    def write(self, tracked: Tracked) -> int:
        if tracked.digest == self._digest:
            return 0
        if self._known is None:
            # Read where something is to be written alone: a request a name.
            histories = (self._client.get_metric_history(self._id, name) for name in self._names)
            self._known = {(one.key, one.step): one.value for all_ in histories for one in all_}
        num_steps = self._write_steps(tracked, self._known)
        self._write_settings(tracked.settings)
        tags = {f"xlite.{name}": value for name, value in tracked.facts.items()}
        if tracked.text:
            self._client.log_text(self._id, tracked.text, "record.md")
            tags[_NOTE] = tracked.text
        for path in tracked.figures.values():
            self._client.log_artifact(self._id, str(path), "figures")
        self._write_tags(tags)
        status = _STATUS[tracked.state]
        if tracked.state == "running":
            self._client.update_run(self._id, status=status)
        else:
            self._client.set_terminated(self._id, status, _milliseconds(tracked.ended))
        # Last: it says that all the rest is there.
        self._write_tags({_DIGEST: tracked.digest})
        self._digest = tracked.digest
        return num_steps

    def _write_steps(self, tracked: Tracked, known: dict[tuple[str, int], float]) -> int:
        names = _allow_names({name for step in tracked.all_steps for name in step.values})
        back = {key: name for name, key in names.items()}
        there = {(back.get(key, key), step): value for (key, step), value in known.items()}
        missing = find_missing(tracked, there, where=self._where)
        for step in missing:
            at = _milliseconds(step.at) or 0
            metrics = [Metric(names[n], value, at, step.number) for n, value in step.values.items()]
            for some in _cut(metrics, _MOST_METRICS):
                self._client.log_batch(self._id, metrics=some)
            known |= {(names[n], step.number): value for n, value in step.values.items()}
        return len({step.number for step in missing})

    def _write_settings(self, settings: Mapping[str, Plain]) -> None:
        texts = {name: str(value)[:_LONGEST_PARAM] for name, value in settings.items()}
        new = [Param(name, text) for name, text in texts.items() if name not in self._params]
        for some in _cut(new, _MOST_OTHERS):
            self._client.log_batch(self._id, params=some)
        self._params |= texts

    def _write_tags(self, tags: Mapping[str, Plain]) -> None:
        texts = [RunTag(name, str(value)[:_LONGEST_TAG]) for name, value in tags.items()]
        for some in _cut(texts, _MOST_OTHERS):
            self._client.log_batch(self._id, tags=some)


def make_database(path: Path) -> Path:
    """The database, whole: made under another name, since a killed maker leaves half of one."""
    if not path.exists():
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".mlflow-") as folder:
            made = Path(folder) / DATABASE
            with _explain(str(path)):
                MlflowClient(tracking_uri=f"sqlite:///{made}").search_experiments(max_results=1)
            made.rename(path)
    return path


def _allow_names(names: Iterable[str]) -> dict[str, str]:
    """The names as MLflow takes them, each another.

    >>> _allow_names(["val/auroc/Mass", "val/auroc/Mass (left)", "val/auroc/Mass [left]"])
    ... # doctest: +NORMALIZE_WHITESPACE
    {'val/auroc/Mass': 'val/auroc/Mass', 'val/auroc/Mass (left)': 'val/auroc/Mass _left_',
     'val/auroc/Mass [left]': 'val/auroc/Mass _left_ 2'}
    """
    allowed: dict[str, str] = {}
    for name in sorted(names):
        # A name is a path, and none that leads elsewhere.
        parts = [part if part.strip(".") else "_" for part in _FORBIDDEN.sub("_", name).split("/")]
        key, number = "/".join(parts), 1
        while key in allowed.values():
            number += 1
            key = f"{'/'.join(parts)} {number}"
        allowed[name] = key
    return allowed


def _cut(items: Sequence[_Item], most: int) -> list[Sequence[_Item]]:
    return [items[first : first + most] for first in range(0, len(items), most)]


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)


@contextmanager
def _explain(where: str) -> Iterator[None]:
    """What MLflow refuses is said in one line."""
    try:
        yield
    except MlflowException as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(
            f"MLflow can't be used at {where}: {reason} Pass a folder or an address as --out."
        ) from None
