"""The seeds of a plan file: a list, or `[seeds]`, which adds them until variants are decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from xlite.scores.anytime import MOST_SEEDS
from xlite.settings import LARGEST_SEED
from xlite.studies.growing_seeds import DEFAULT_FIRST, DEFAULT_MOST
from xlite.studies.plan_tables import Table
from xlite.studies.study_plan import Experiment, GrowingSeeds


def read_seeds(top: Table, default: tuple[int, ...]) -> tuple[tuple[int, ...], GrowingSeeds | None]:
    """The seeds that experiments begin with, and how more are added where `[seeds]` is a table.

    default: the seeds of a plan that names none; those that are added count from its first.
    """
    if not isinstance(top.values.get("seeds"), dict):
        return top.seeds("seeds", default), None
    table = Table(top.take("seeds"), f"{top.where}: [seeds]", top.faults)
    if not table.choice("until", ("decided",), ""):
        table.faults.add(f'{table.where}: say until = "decided", or name seeds = [0, 1, 2].')
    first = table.whole("first", DEFAULT_FIRST, low=2, high=MOST_SEEDS - 1)
    most = table.whole("max", max(DEFAULT_MOST, first + 1), low=3, high=MOST_SEEDS)
    table.end()
    if most <= first:
        table.faults.add(
            f"{table.where}: max = {most} leaves no second look after first = {first}. Name a "
            "larger one."
        )
    if default[0] + most - 1 > LARGEST_SEED:
        table.faults.add(f"{table.where}: seeds would go beyond {LARGEST_SEED}. Begin lower.")
    seeds = tuple(range(default[0], default[0] + most))
    return seeds[:first], GrowingSeeds(seeds=seeds, first=first)


def settle_growth(
    growth: GrowingSeeds | None, axes: Table | None, variants: Sequence[Experiment], top: Table
) -> GrowingSeeds | None:
    """The growth of the variants that `[axes]` has made; faults where it can't be theirs."""
    if growth is None:
        return None
    if axes is None:
        top.faults.add(
            f"{top.where}: [seeds] until decided is for the variants of [axes], which are judged "
            "against a baseline. Add [axes], or name seeds = [0, 1, 2]."
        )
    elif "seeds" in axes.values:
        top.faults.add(f"{axes.where}: [seeds] adds seeds to these variants. Leave seeds out here.")
    return replace(growth, variants=tuple(one.id for one in variants))
