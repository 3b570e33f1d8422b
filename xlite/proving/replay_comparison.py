"""Comparisons of methods, their ranks and verdicts, judged again from predictions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xlite.errors import InputError
from xlite.judging.comparison import compare_methods
from xlite.judging.comparison_verdicts import ComparisonRule
from xlite.judging.evaluation import Resampling
from xlite.judging.looks_at_test import score_look
from xlite.places import VALIDATION
from xlite.proving.judged_runs import judge_runs
from xlite.proving.project import BundledProject
from xlite.proving.replay import Replayed, keep
from xlite.results.comparison import Comparison, LookAtTest

_STATED = ("command", "working_dir", "time", "choices", "grown")


def replay_comparison(project: BundledProject, path: Path, stated: dict[str, Any]) -> Replayed:
    """`comparison.json`; InputError where a method is of no run, or over folds."""
    before = Comparison.from_json(stated)
    if before.part != VALIDATION:
        raise InputError("it is of runs over folds, out of fold")
    names = [row.name for row in before.rows]
    if set(names) != set(before.runs):
        raise InputError("one of its methods is of predictions that are not a run's")
    resampling = Resampling(num_resamples=before.resamples, level=before.level)
    judged = judge_runs(project, before.runs, resampling)
    groups = {
        name: {seed: project.run(run).path for seed, run in seeds.items()}
        for name, seeds in before.runs.items()
    }
    order = tuple(score.removeprefix("val.") for score in before.order)
    found = compare_methods(
        judged,
        order,
        rule=ComparisonRule(margins=before.margins, safety_margin=before.safety_margin),
        runs=groups,
        test=None if before.test is None else _look_again(project, before),
    ).to_json()
    kept = [key for key in _STATED if key in stated]
    # Margins of scores that do not rank decide nothing here: they are what was asked.
    kept += [f"margins.{name}" for name in before.margins if name != order[0]]
    if before.test is not None:
        kept.append("test.looks")
    return Replayed(found=found | keep(stated, _STATED), stated=tuple(kept))


def _look_again(project: BundledProject, before: Comparison) -> list[LookAtTest]:
    return [
        score_look(
            one.name,
            one.seed,
            project.labelled(before.runs[one.name][one.seed]),
            project.labelled(before.runs[one.name][one.seed], "test"),
            looks=one.looks,
        )
        for one in before.test or ()
    ]
