"""What a plan says of places and machines: `[data]`, `[cache]`, `[running]`, `[slurm]`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xlite.errors import InputError, did_you_mean
from xlite.places import CACHE_DIR, EXPERIMENTS_DIR, SPLIT_DIR
from xlite.settings import ClaheSettings, Runtime, Settings, SlurmSettings
from xlite.settings.described import type_of_field
from xlite.settings.typed_values import read_value
from xlite.studies.plan_tables import Table
from xlite.studies.study_plan import CachePlan

_BESIDE_SETTINGS = ("weights_path", "warm_start", "contiguous_models")


def read_data(table: Table) -> dict[str, Any]:
    """The folders and files of `[data]` by the names of the plan's fields."""
    found = {
        "split": table.path("split", SPLIT_DIR),
        "labels": table.path("labels"),
        "cache": table.path("cache", CACHE_DIR),
        "images": table.path("images"),
        "out": table.path("out", EXPERIMENTS_DIR),
    }
    table.end()
    return found


def read_cache(table: Table) -> CachePlan:
    """The cache that `[cache]` builds; what is wrong with it is among the table's faults."""
    if table.take("images") is None:
        table.faults.add(f'{table.where}: name the folder of the radiographs: images = "…".')
    fields = [key for key in table.values if key.replace("-", "_") in ClaheSettings.model_fields]
    settings: Mapping[str, Any] = {}
    with table.faults.kept():
        settings = _parse(ClaheSettings, {key: table.values[key] for key in fields}, table.where)
    cache = CachePlan(
        images=table.path("images") or Path(),
        settings=settings,
        shards=table.whole("shards", 1, low=1, high=10_000),
        labels=table.path("labels"),
    )
    table.asked += [*fields, *ClaheSettings.model_fields]
    table.end()
    return cache


def read_runtime(table: Table) -> Runtime:
    """The machine's settings of `[running]`, by the names of options."""
    with table.faults.kept():
        return Runtime(**_parse(Runtime, table.values, table.where))
    return Runtime()


def read_slurm(table: Table) -> SlurmSettings | None:
    """The settings of `[slurm]`; None where something is wrong with them."""
    with table.faults.kept():
        unknown = [key for key in table.values if key not in SlurmSettings.model_fields]
        if unknown:
            hint = did_you_mean(unknown[0], SlurmSettings.model_fields)
            raise InputError(f"{table.where}: there is no key {unknown[0]!r} here.{hint}")
        try:
            return SlurmSettings.parse(**table.values)
        except InputError as error:
            # Its own messages begin with the table's name.
            where = table.where.removesuffix(": [slurm]")
            raise InputError(f"{where}: {error}") from None
    return None


def _parse(kind: type[Settings], values: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The fields that the values set, by the names of their options; InputError for others."""
    fields = {
        kind.option(field).lstrip("-"): field
        for field in kind.model_fields
        if field not in _BESIDE_SETTINGS
    }
    found: dict[str, Any] = {}
    for key, value in values.items():
        name = key.replace("_", "-")
        if name not in fields:
            hint = did_you_mean(name, fields) or f" Known: {', '.join(fields)}."
            raise InputError(f"{where}: there is no key {key!r} here.{hint}")
        field = fields[name]
        found[field] = read_value(value, type_of_field(kind, field)[0], f"{where}: {key}")
    try:
        kind.parse(**found)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    return found
