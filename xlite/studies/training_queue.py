"""The plan of a queue: the runs of one command, as a study that any agent can carry out.

Each run is an experiment with one seed, so that they come in the order of the command.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xlite.places import CACHE_DIR
from xlite.settings import Runtime, fingerprint_of
from xlite.settings.settings_text import settings_tables, toml_value
from xlite.studies.plan import PlannedRun
from xlite.studies.rules.runs import list_runs
from xlite.studies.study_plan import Experiment, StudyPlan

_UNFIT = re.compile(r"[^A-Za-z0-9._+=,-]")


@dataclass(frozen=True, kw_only=True)
class QueuePlaces:
    """Where the data of a queue's runs and their experiments folder are."""

    split: Path
    out: Path
    cache: Path = CACHE_DIR
    images: Path | None = None


def plan_queue(
    runs: Sequence[PlannedRun], name: str, places: QueuePlaces, runtime: Runtime
) -> StudyPlan:
    """The plan of a command's runs, without their folds, in their order.

    name: of the study. runtime: its files of weights are those of each run.
    """
    return StudyPlan(
        name=name,
        experiments=tuple(
            Experiment(
                id=id_,
                name=run.name,
                settings=run.settings,
                seeds=(run.settings.seed,),
                weights=runtime.weights_path,
                warm_start=runtime.warm_start,
                has_fixed_budget=run.has_fixed_budget,
                has_open_budget=not run.has_fixed_budget,
            )
            for id_, run in zip(_name_experiments(runs), runs, strict=True)
        ),
        split=places.split,
        images=places.images,
        out=places.out,
        rest_seconds=runtime.pause_seconds,
        cache=places.cache,
    )


def list_queue_items(plan: StudyPlan, num_folds: int) -> list[str]:
    """The ids of the items that train a queue's runs, in the order of the runs."""
    return [run.item for one in plan.experiments for run in list_runs(one.id, one.seeds, num_folds)]


def name_queue(identities: Sequence[tuple[str, str]]) -> str:
    """What the study of a command's runs is called, from the name of each run and its key.

    The same for the same runs, also where a longer run is to continue a shorter one.
    """
    return fingerprint_of([list(one) for one in identities])[:8]


def find_queue_root(out: Path) -> Path:
    """The folder that the paths in a queue's plan start from, whatever the working folder is."""
    return out.resolve().parent


def render_queue(plan: StudyPlan) -> str:
    """The plan of a queue as the text of a plan file, the same from whichever folder it was given.

    The paths of the plan are from the working folder, those of the text from `find_queue_root`.
    """
    root = find_queue_root(plan.out)
    places = {"split": plan.split, "out": plan.out}
    places |= {"cache": plan.cache} if plan.images is None else {"images": plan.images}
    lines = [
        "# The runs of a command, which goes on here, as any agent does: xlite study work DIR",
        f"name = {toml_value(plan.name)}",
        f"rest = {toml_value(plan.rest_seconds)}",
        "",
        "[data]",
        *(f"{key} = {toml_value(_from(root, path))}" for key, path in places.items()),
    ]
    for one in plan.experiments:
        lines += ["", "[[experiment]]"]
        lines += [f"{key} = {_inline(value)}" for key, value in _describe(one, root)]
    return "\n".join([*lines, ""])


def _from(root: Path, path: Path) -> str:
    """The path, which is from the working folder, as it is from `root`."""
    try:
        return Path(os.path.relpath(path.resolve(), root)).as_posix()
    except ValueError:  # on another drive
        return path.resolve().as_posix()


def _describe(one: Experiment, root: Path) -> Iterator[tuple[str, Any]]:
    yield "id", one.id
    yield "name", one.name
    yield "seeds", list(one.seeds)
    yield "budget", "fixed" if one.has_fixed_budget else "open"
    if one.weights is not None:
        yield "weights", _from(root, one.weights)
    elif one.settings.initial_weights == "none":
        yield "pretrained", False
    if one.warm_start is not None:
        yield "warm_start", _from(root, one.warm_start)
    tables = settings_tables(one.settings)
    yield "set", tables.pop("") | {part: table for part, table in tables.items() if table}


def _inline(value: Any) -> str:
    if not isinstance(value, dict):
        return toml_value(value)
    return "{" + ", ".join(f"{key} = {_inline(one)}" for key, one in value.items()) + "}"


def _name_experiments(runs: Sequence[PlannedRun]) -> list[str]:
    """An id for each run, as like its name as ids can be.

    >>> from xlite.settings import TrainSettings
    >>> settings = TrainSettings(model="m")
    >>> _name_experiments([PlannedRun("m:lr=1", settings), PlannedRun("m/lr=1", settings)])
    ['m-lr=1', 'm-lr=1-2']
    """
    ids: list[str] = []
    for place, run in enumerate(runs, start=1):
        id_ = _UNFIT.sub("-", run.name)
        id_ = id_ if id_[:1].isalnum() else f"run{id_}"
        ids.append(f"{id_}-{place}" if id_ in (*ids, "end") else id_)
    return ids
