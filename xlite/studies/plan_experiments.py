"""The experiments of a plan file: `[[experiment]]`, and what `[axes]` makes of the settings."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from xlite.errors import InputError
from xlite.settings.names import PARTS, current_name
from xlite.settings.typed_values import is_number, show_value
from xlite.studies.axes import Axis, Combination, Variant, plan_variants
from xlite.studies.plan_settings import PlannedSettings, WeightFiles
from xlite.studies.plan_tables import Table
from xlite.studies.study_plan import Experiment, ScoreName, Success

_UNFIT = re.compile(r"[^A-Za-z0-9._+=,-]")
_START = ("weights", "warm_start", "pretrained")


@dataclass(frozen=True)
class Given:
    """What experiments and phases of a plan share unless they say otherwise."""

    settings: PlannedSettings
    seeds: tuple[int, ...]
    files: WeightFiles
    score: ScoreName
    """That of `[finally]`, by which things are judged that name none."""


def read_experiment(table: Table, given: Given) -> Experiment:
    """The experiment of an `[[experiment]]` table; what is wrong with it is among its faults."""
    planned = read_changed(table, given)
    budget = table.choice("budget", ("own", "fixed", "open"), "own")
    experiment = Experiment(
        id=table.text("id"),
        settings=given.files.settle(planned, table.where),
        seeds=table.seeds("seeds", given.seeds),
        title=table.text("title"),
        name=table.text("name"),
        after=table.names("after"),
        split=table.path("split"),
        weights=planned.start.weights,
        warm_start=planned.start.warm_start,
        success=read_success(table, given),
        expected=table.pair("expected"),
        has_fixed_budget=budget == "fixed",
        has_open_budget=budget == "open",
    )
    table.end()
    return experiment


def read_changed(table: Table, given: Given) -> PlannedSettings:
    """The settings of the plan with those of the table's `set` and its weights."""
    values = {key: found for key in _START if (found := table.take(key)) is not None}
    changes = table.table("set")
    with table.faults.kept():
        return given.settings.change(
            {**(changes.values if changes else {}), **values}, where=f"{table.where}: set"
        )
    return given.settings


def read_success(table: Table, given: Given) -> Success | None:
    """The criterion in a table's `success`."""
    inner = table.table("success")
    if inner is None:
        return None
    levels = {name: inner.number(name) for name in ("minimum", "target", "stretch")}
    success = Success(
        score=inner.score("score", given.score),
        on="lower bound" if _reads_lower_bound(inner) else "point",
        known=inner.number("known"),
        **levels,
    )
    inner.end()
    named = [value for value in levels.values() if value is not None]
    if not named:
        inner.faults.add(f"{inner.where} has no threshold: name minimum, target or stretch.")
    if named != sorted(named):
        inner.faults.add(f"{inner.where}: minimum, target and stretch have to rise in this order.")
    return success


def _reads_lower_bound(table: Table) -> bool:
    return table.choice("on", ("point", "lower bound"), "point") == "lower bound"


def read_axes(table: Table, given: Given) -> list[Experiment]:
    """The experiments that `[axes]` makes, as `ablate` makes variants, the baseline first."""
    planned = read_changed(table, given)
    fields: dict[str, Any] = {
        "seeds": table.seeds("seeds", given.seeds),
        "after": table.names("after"),
        "split": table.path("split"),
        "success": read_success(table, given),
        "weights": planned.start.weights,
        "warm_start": planned.start.warm_start,
    }
    is_product, baseline = table.flag("product"), table.text("baseline")
    variants = table.table("variants")
    names = [key for key in table.values if key.replace("-", "_") not in table.asked]
    try:
        axes = [Axis(current_name(name), _read_axis(name, table)) for name in names]
        combinations = _read_combinations(variants) if variants else []
        if not combinations and all(len(axis.values) < 2 for axis in axes):
            raise InputError("nothing is varied. Name settings with values: lr = [1e-4, 3e-4].")
        found = plan_variants(
            given.files.settle(planned, table.where),
            axes,
            combinations=combinations,
            baseline=baseline or None,
            product=is_product,
            knows_models=False,
        )
    except InputError as error:
        table.faults.add(f"{table.where}: {error}")
        return []
    return [
        Experiment(
            id=_id_of(variant),
            settings=variant.settings,
            has_fixed_budget="epochs" in variant.values,
            **fields,
        )
        for variant in found
    ]


def _id_of(variant: Variant) -> str:
    """A variant's name as an id.

    >>> _UNFIT.sub("-", "no-finding=share:0.3")
    'no-finding=share-0.3'
    """
    return _UNFIT.sub("-", variant.name)


def _read_axis(name: str, table: Table) -> tuple[str, ...]:
    value = table.take(name.replace("-", "_"))
    if name in PARTS and isinstance(value, dict):
        raise InputError(f"{name} takes a list of names; its settings are axes by their own names.")
    values = value if isinstance(value, list) else [value]
    return tuple(_as_text(one, name) for one in values)


def _read_combinations(table: Table) -> list[Combination]:
    combinations = []
    for name, values in table.values.items():
        if not isinstance(values, dict) or not values:
            raise InputError(f"variants: {name} takes a table of settings.")
        texts = {current_name(key): _as_text(one, key) for key, one in values.items()}
        combinations.append(Combination(name, texts))
    return combinations


def _as_text(value: Any, name: str) -> str:
    """A value as --vary has it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) or is_number(value):
        return str(value)
    if isinstance(value, list) and all(map(is_number, value)) and value:
        return ",".join(map(str, value))
    raise InputError(f"{name} takes a list of values, not {show_value(value)}.")


def mark_budgets(experiments: Sequence[Experiment]) -> list[Experiment]:
    """The experiments, marked where another differs from them in the number of epochs alone.

    Both would be one run otherwise, of which the longer one goes on where the shorter one ended.
    """
    lengths: dict[tuple[str, Path | None], set[int]] = {}
    for one in experiments:
        lengths.setdefault(_budget_key(one), set()).add(one.settings.epochs)
    return [
        replace(one, has_fixed_budget=True) if len(lengths[_budget_key(one)]) > 1 else one
        for one in experiments
    ]


def _budget_key(one: Experiment) -> tuple[str, Path | None]:
    return one.settings.model_copy(update={"epochs": 1}).fingerprint(), one.split
