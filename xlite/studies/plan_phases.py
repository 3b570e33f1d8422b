"""The search of a plan file: `[search]`, or `[[phase]]` tables that are chained in their order."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Literal, cast, get_args

from xlite.errors import InputError
from xlite.settings import TrainSettings
from xlite.settings.by_name import change_settings, require_place
from xlite.settings.described import type_of_field
from xlite.settings.names import PARTS, current_name
from xlite.settings.typed_values import is_number, show_value
from xlite.studies.plan_experiments import Given, read_changed
from xlite.studies.plan_tables import Table
from xlite.studies.study_plan import TRAINING_SCORES, Distribution, Keep, Phase, Rungs

Method = Literal["random", "tpe", "grid", "confirm"]
_KINDS = ("values", "uniform", "log_uniform", "int")
_MOST_RUNS = 100_000


def read_phase(table: Table, given: Given, previous: Phase | None, *, name: str = "") -> Phase:
    """The phase of a table; what is wrong with it is among its faults.

    previous: the phase before it in the chain; name: its id where the table has none.
    """
    planned = read_changed(table, given)
    method = cast(Method, table.choice("method", get_args(Method), "tpe"))
    space = table.table("space")
    phase = Phase(
        id=table.text("id", name),
        method=method,
        settings=given.files.settle(planned, table.where),
        space=_read_space(space, planned.settings) if space else {},
        runs=table.whole("runs", 0, high=_MOST_RUNS),
        score=table.score("score", given.score),
        seeds=table.seeds("seeds", (0,)),
        seed=table.whole("seed", 0, high=2**32 - 1),
        rungs=_read_rungs(table),
        keep=_read_keep(table),
        previous=previous.id if previous else None,
        after=table.names("after"),
        split=table.path("split"),
        weights=planned.start.weights,
        warm_start=planned.start.warm_start,
    )
    table.end()
    for fault in _find_faults(phase, previous):
        table.faults.add(f"{table.where}: {fault}")
    return phase


def _read_rungs(table: Table) -> Rungs | None:
    inner = table.table("rungs")
    if inner is None:
        return None
    if inner.take("first") is None:
        inner.faults.add(f"{inner.where}: name the epochs of the first rung: first = 5.")
    rungs = Rungs(first=inner.whole("first", 1, low=1), factor=inner.whole("factor", 3, low=2))
    inner.end()
    return rungs


def _read_keep(table: Table) -> Keep | None:
    inner = table.table("keep")
    if inner is None:
        return None
    if inner.take("best") is None:
        inner.faults.add(f"{inner.where}: say how many are kept: best = 2.")
    setting = inner.text("setting")
    keep = Keep(
        best=inner.whole("best", 1, low=1, high=1000),
        setting=current_name(setting) if setting else None,
    )
    inner.end()
    return keep


def _read_space(table: Table, settings: TrainSettings) -> dict[str, Distribution]:
    space: dict[str, Distribution] = {}
    for key in table.values:
        with table.faults.kept():
            name = current_name(key)
            if name in space:
                raise InputError(f"{table.where}: {key} is there already, under another name.")
            place = require_place((key,), table.where)
            if place[1] in ("seed", "initial_weights", "warm_start"):
                raise InputError(f"{table.where}: {key} is not searched. Name it beside the space.")
            inner = table.table(key.replace("-", "_"))
            if inner is not None:
                space[name] = _read_distribution(inner, name)
    first = {name: next(list_ends(found)) for name, found in space.items()}
    for name, distribution in space.items():
        for value in list_ends(distribution):
            with table.faults.kept():
                change_settings(settings, {**first, name: value}, where=table.where)
    return space


def list_ends(distribution: Distribution) -> Iterator[Any]:
    """Values that a space's setting may take: all that are named, or both ends of a range."""
    if distribution.kind == "values":
        yield from distribution.values
    elif distribution.kind == "int":
        steps = (distribution.high - distribution.low) // distribution.step
        yield int(distribution.low)
        yield int(distribution.low + steps * distribution.step)
    else:
        yield from (distribution.low, distribution.high)


def _read_distribution(table: Table, name: str) -> Distribution:
    kinds = [kind for kind in _KINDS if table.take(kind) is not None]
    if len(kinds) != 1:
        raise InputError(f"{table.where} needs one of {', '.join(_KINDS)}.")
    kind = kinds[0]
    value, step = table.take(kind), 1
    if kind == "int":
        step = table.whole("step", 1, low=1)
    table.end()
    if not isinstance(value, list) or not value:
        raise InputError(f"{table.where}: {kind} takes a list, not {show_value(value)}.")
    if kind == "values":
        if any(value.count(one) > 1 for one in value):
            raise InputError(f"{table.where}: values has one of them more than once.")
        return Distribution(kind="values", values=tuple(value))
    low, high = _read_range(value, kind, table.where)
    part, field = require_place((name,), table.where)
    owner = TrainSettings if part is None else PARTS[part]
    if kind != "int" and type_of_field(owner, field)[0] is int:
        raise InputError(
            f"{table.where}: {name} is a whole number. Write int = [{low:g}, {high:g}]."
        )
    return Distribution(kind=cast(Any, kind), low=low, high=high, step=step)


def _read_range(value: Sequence[Any], kind: str, where: str) -> tuple[float, float]:
    is_range = len(value) == 2 and all(is_number(one) and math.isfinite(one) for one in value)
    if not is_range or not value[0] < value[1]:
        raise InputError(
            f"{where}: {kind} takes two numbers, the smaller first, not {show_value(value)}."
        )
    if kind == "int" and not all(isinstance(one, int) for one in value):
        raise InputError(f"{where}: int takes two whole numbers, not {show_value(value)}.")
    if kind == "log_uniform" and value[0] <= 0:
        raise InputError(f"{where}: log_uniform begins above 0, not at {show_value(value[0])}.")
    return float(value[0]), float(value[1])


def _find_faults(phase: Phase, previous: Phase | None) -> Iterator[str]:
    if phase.method == "confirm":
        yield from _find_faults_of_confirm(phase, previous)
        return
    if not phase.space:
        yield (
            "there is nothing to search. Name settings in its space: lr = {log_uniform = "
            "[1e-5, 1e-3]}."
        )
    if phase.method != "grid" and phase.runs < 1:
        yield "say how many trials there are at most: runs = 40."
    ranges = [name for name, one in phase.space.items() if one.kind in ("uniform", "log_uniform")]
    if phase.method == "grid" and ranges:
        yield f'a grid has no end over {ranges[0]}. Name its values, or take method = "random".'
    if phase.keep and phase.keep.setting and phase.keep.setting not in phase.space:
        yield f"keep: {phase.keep.setting} is not searched here."
    if phase.rungs:
        yield from _find_faults_of_rungs(phase, phase.rungs)


def _find_faults_of_confirm(phase: Phase, previous: Phase | None) -> Iterator[str]:
    if previous is None:
        yield "confirm trains the trials that the phase before it keeps, and there is none."
    for name, value in (("space", phase.space), ("runs", phase.runs), ("rungs", phase.rungs)):
        if value:
            yield f"confirm searches nothing, and takes no {name}."


def _find_faults_of_rungs(phase: Phase, rungs: Rungs) -> Iterator[str]:
    warm_up, epochs = (_ends_of(phase, name) for name in ("warmup-epochs", "epochs"))
    if rungs.first <= max(warm_up):
        yield (
            f"rungs: the first one, after epoch {rungs.first}, is within the warm-up of "
            f"{max(warm_up):g} epochs, where trials can't be told apart. Raise first."
        )
    if rungs.first >= min(epochs):
        yield (
            f"rungs: the first one, after epoch {rungs.first}, is not below the {min(epochs):g} "
            "epochs of a whole run. Lower first, or raise epochs."
        )
    if not phase.score.is_of_training:
        known = ", ".join(f"val.{score}" for score in TRAINING_SCORES)
        yield (
            f"rungs: {phase.score} is told of a finished run alone, and trials are paused before. "
            f"Search by one of {known}, or leave rungs out."
        )


def _ends_of(phase: Phase, name: str) -> list[float]:
    if name in phase.space:
        return [float(value) for value in list_ends(phase.space[name])]
    return [float(getattr(phase.settings, name.replace("-", "_")))]
