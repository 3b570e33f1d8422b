"""An ablation, its changes and the verdict on each variant, judged again from predictions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from xlite.errors import InputError
from xlite.judging.ablation import judge_ablation
from xlite.judging.evaluation import Resampling
from xlite.judging.grown_methods import find_grown_methods
from xlite.judging.growth import Growth
from xlite.judging.variant_runs import VariantRuns
from xlite.places import VALIDATION
from xlite.proving.judged_runs import judge_runs
from xlite.proving.project import BundledProject
from xlite.proving.replay import Replayed, keep
from xlite.results.ablation import Ablation, VariantRecord
from xlite.studies.axes import Variant
from xlite.studies.outcome import Outcome
from xlite.training.data import StudyData

_STATED = ("command", "working_dir", "time", "choices")
_FIRST_LOOK = re.compile(r"Looked at after (\d+) seeds? and each further one")


def replay_ablation(project: BundledProject, path: Path, stated: dict[str, Any]) -> Replayed:
    """`ablation.json`; InputError where it is over folds, or no run of the baseline is here."""
    before = Ablation.from_json(stated)
    if before.part != VALIDATION:
        raise InputError("it is of runs over folds, out of fold")
    variants = [_gather(project, one) for one in before.variants]
    some_run = next(
        (run.run for one in before.variants for run in one.runs if run.error is None), None
    )
    if some_run is None:
        raise InputError("none of its runs is here")
    split = project.split_of(project.run(some_run))
    data = StudyData(
        parts=split.parts,
        source=cast("Any", None),  # no image is asked for
        is_cached=False,
        image_size=0,
        split_sha256=split.sha256,
        source_fingerprint="",
    )
    found = judge_ablation(
        variants,
        data,
        margin=before.margins,
        safety_margin=before.safety_margin,
        growth=_find_growth(before),
        judged=judge_runs(
            project,
            _list_runs(before),
            Resampling(num_resamples=before.resamples, level=before.level),
        ),
    )
    if found is None:
        raise InputError("none of the baseline's runs is here")
    found = replace(found, rule=_find_rule(project, before, found))
    return Replayed(
        found=found.to_json() | keep(stated, _STATED),
        stated=tuple(key for key in _STATED if key in stated),
    )


def _list_runs(before: Ablation) -> dict[str, dict[int, str]]:
    """The finished runs by variant and seed."""
    found = {
        one.name: {run.seed: run.run for run in one.runs if run.error is None}
        for one in before.variants
    }
    return {name: runs for name, runs in found.items() if runs}


def _gather(project: BundledProject, record: VariantRecord) -> VariantRuns:
    outcomes: dict[int, list[Outcome]] = {}
    settings = None
    for run in record.runs:
        scores = None
        folder = project.root / "runs" / run.run
        if run.error is None:
            found = project.run(run.run)
            folder, scores, settings = found.path, found.require_scores(), found.settings
        outcomes.setdefault(run.seed, []).append(
            Outcome(name=run.name, run_dir=folder, scores=scores, error=run.error)
        )
    # The settings of a variant none of whose runs is finished are not asked for.
    variant = Variant(name=record.name, values=record.values, settings=cast("Any", settings))
    return VariantRuns(variant=variant, outcomes=outcomes)


def _find_growth(before: Ablation) -> Growth | None:
    """How seeds were added; those that were not come to train are any others."""
    if before.max_seeds is None:
        return None
    match = _FIRST_LOOK.search(before.rule)
    if match is None:
        raise InputError("its rule does not say after how many seeds it was looked at first")
    seeds = list(before.seeds)
    unused = (one for one in range(-1, -1 - before.max_seeds, -1))
    seeds += [seed for seed, _ in zip(unused, range(before.max_seeds - len(seeds)), strict=False)]
    return Growth(seeds=tuple(seeds), first=int(match[1]))


def _find_rule(project: BundledProject, before: Ablation, found: Ablation) -> str:
    """The rule, with what is added where another command looked at its runs after each seed."""
    groups: Mapping[str, Mapping[int, Path]] = {
        one.name: {
            place: project.run(run.run).path
            for place, run in enumerate(one.runs)
            if run.error is None
        }
        for one in before.variants
    }
    grown = find_grown_methods(groups, but=before.max_seeds)
    is_said = before.rule != found.rule
    return f"{found.rule} {grown.sentence}" if grown is not None and is_said else found.rule
