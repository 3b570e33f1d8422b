"""The records of an unpacked bundle recomputed, and what of them can't be."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from xlite import console
from xlite.errors import InputError
from xlite.proving.agreement import count_numbers
from xlite.proving.project import BundledProject
from xlite.proving.records import Record, list_records
from xlite.signals import end_with_parent

_FEWEST_ROWS = 100_000
"""Predictions of fewer images are recomputed sooner than other processes have begun."""


@dataclass(frozen=True, kw_only=True)
class Recomputed:
    """A record, what stands in it, and what it comes to."""

    record: Record
    name: str
    """Its file's name in the bundle."""
    stated: dict[str, Any]
    found: dict[str, Any] | None
    """None where it can't be recomputed at all."""
    kept: tuple[str, ...]
    """The keys whose values were taken as they are."""
    reason: str = ""
    """Why it can't be."""

    @property
    def num_proven(self) -> int:
        """How many numbers were recomputed."""
        if self.found is None:
            return 0
        kept = {key: _at(self.found, key) for key in self.kept}
        return count_numbers(self.found) - count_numbers(kept)

    @property
    def as_recorded(self) -> list[str]:
        """What can't be recomputed, as `bundle.json` names it: keys, or `all` with the reason."""
        return [f"all: {self.reason}"] if self.found is None else sorted(self.kept)


class _Found(NamedTuple):
    content: dict[str, Any] | None
    kept: tuple[str, ...]
    reason: str


@contextmanager
def sharing(project: BundledProject, processes: int) -> Iterator[Executor | None]:
    """Other processes that work on the unpacked bundle, ended with the block.

    None where one process is asked for, and where all is done sooner than others have begun.
    """
    rows = sum(sum(run.data.images.values()) for run in project.runs.values())
    if processes < 2 or rows < _FEWEST_ROWS:
        yield None
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, _begin, (project.root,)) as pool:
        yield pool


def recompute(
    project: BundledProject, others: Executor | None = None, *, is_rewritten: bool = False
) -> Iterator[Recomputed]:
    """Each record of a bundle with what it comes to.

    others: those of `sharing`, who are given what takes long at once; this process does the rest
    meanwhile. is_rewritten: whoever asks writes each record before the next, which may rest on it
    (scores hold the sums of other files): then nothing is given before the others are done, and the
    rest is found in turn. Raises InputError for a damaged record.
    """
    records = list(list_records(project))
    shared = _share(records, others) if others is not None else {}
    own: dict[int, _Found] = {}
    if is_rewritten:
        wait(shared.values())
    elif others is not None:
        own = {
            place: _replay(project, record)
            for place, record in enumerate(records)
            if place not in shared
        }
    for place, record in enumerate(records):
        if place in shared:
            found = shared[place].result()[place]
        else:
            found = own.get(place) or _replay(project, record)
        yield Recomputed(
            record=record,
            name=record.path.relative_to(project.root).as_posix(),
            stated=record.read(),
            found=found.content,
            kept=found.kept,
            reason=found.reason,
        )


def _share(records: Sequence[Record], others: Executor) -> dict[int, Future[dict[int, _Found]]]:
    """Who is at work on the records that take long, by their places."""
    tasks: dict[str, list[int]] = {}
    for place, record in enumerate(records):
        if record.kind.cost:
            # Those that rest on the same runs are done by one, who judges each run once.
            name = "compared" if record.kind.cost == "compared" else str(place)
            tasks.setdefault(name, []).append(place)
    shared: dict[int, Future[dict[int, _Found]]] = {}
    for places in sorted(tasks.values(), key=len, reverse=True):
        work = others.submit(_replay_some, places)
        shared |= dict.fromkeys(places, work)
    return shared


def _begin(root: Path) -> None:
    end_with_parent()
    console.silence()
    _PROJECT.append(BundledProject(root))


_PROJECT: list[BundledProject] = []
"""In a process that shares the work: what it works on."""


def _replay_some(places: Sequence[int]) -> dict[int, _Found]:
    project = _PROJECT[0]
    records = list(list_records(project))
    return {place: _replay(project, records[place]) for place in places}


def _replay(project: BundledProject, record: Record) -> _Found:
    try:
        with console.hushed():
            replayed = record.replay(project, record.read())
    except InputError as error:
        return _Found(None, (), str(error).replace(f"{project.root}/", ""))
    kept = tuple(key for key in replayed.stated if _at(replayed.found, key) is not None)
    return _Found(console.nan_to_none(replayed.found), kept, "")


def _at(content: dict[str, Any], key: str) -> Any:
    """The value of a key as `data.source`; None where there is none."""
    value: Any = content
    for name in key.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value
