"""A study's experiments judged against each other and against its baseline, on validation alone.

Trials are compared where a phase confirmed them with fresh seeds; a sweep's own runs never are,
since the best of them is the best by chance, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from xlite import console
from xlite.errors import InputError
from xlite.files import atomic_path, write_json, write_table
from xlite.judging.compared_folds import read_folded_methods
from xlite.judging.compared_runs import read_run_methods
from xlite.judging.comparison import compare_methods, write_comparison
from xlite.judging.folded_methods import judge_folded_methods
from xlite.judging.grown_methods import find_grown_methods
from xlite.judging.methods import align_methods
from xlite.judging.paired_differences import TESTED, JudgedMethods, judge_methods
from xlite.judging.ranking import TIE_BREAKERS, parse_order
from xlite.judging.study_verdicts import judge_against
from xlite.places import ON_SPLIT, STUDY_SUMMARY, STUDY_VERDICTS
from xlite.results.comparison import Comparison, GrownMethods
from xlite.results.study import Study
from xlite.splitting.checked_split import read_checked_split
from xlite.splitting.fold_splits import read_fold_splits
from xlite.splitting.folds_folder import is_folds
from xlite.studies.study_plan import Finally, StudyPlan
from xlite.studies.study_state import StudyState
from xlite.studies.summary.study import find_baseline
from xlite.studies.summary.table import tabulate_study
from xlite.studies.summary.trained_items import RunKey, finished_runs, list_trained_items


@dataclass(frozen=True, kw_only=True)
class Compared:
    """What is compared on one split, and where that is written."""

    split: Path
    runs: Mapping[str, Mapping[RunKey, Path]]
    """Finished run folders by method, seed and fold."""
    folder: Path


def compare_study(
    study: Study, plan: StudyPlan, state: StudyState, folder: Path, experiments: Path
) -> dict[str, Any]:
    """Write summary.csv and, for each split, the comparison and the verdicts; what was found.

    folder: the study's. Experiments on the study's split are compared in it, those on another in a
    folder of its own, `on-SPLIT`. The values returned are plain, for the ledger.
    """
    found: dict[str, Any] = {"file": STUDY_SUMMARY, "compared": {}, "left_out": {}}
    for one in _gather(plan, state, folder, experiments):
        name = one.split.as_posix()
        if len(one.runs) < 2:
            names = ", ".join(one.runs)
            found["left_out"][name] = f"only {names} has finished runs: nothing to compare with"
            continue
        try:
            found["compared"][name] = _compare(one, plan)
        except InputError as error:
            # Of several splits one may be gone; what is known of the others still stands.
            console.warn(f"{name}: {error}")
            found["left_out"][name] = str(error)
    with atomic_path(folder / STUDY_SUMMARY) as temporary:
        write_table(temporary, tabulate_study(study))
    return found


def _gather(plan: StudyPlan, state: StudyState, folder: Path, experiments: Path) -> list[Compared]:
    """The finished runs by split, and there by experiment or confirmed trial."""
    trained = list_trained_items(state)
    confirming = {phase.id: phase for phase in plan.phases if phase.method == "confirm"}
    owners = {one.id: one.split or plan.split for one in plan.experiments}
    for subject in trained:
        phase = confirming.get(subject.partition("/")[0]) if "/" in subject else None
        if phase is not None:
            owners[subject] = phase.split or plan.split
    groups: dict[Path, dict[str, dict[RunKey, Path]]] = {}
    for name, split in owners.items():
        runs = finished_runs(trained.get(name, ()))
        if runs:
            by_key = {key: experiments / run for key, run in sorted(runs.items())}
            groups.setdefault(split, {})[name] = by_key
    return [
        Compared(
            split=split,
            runs=runs,
            folder=folder if split == plan.split else folder / f"{ON_SPLIT}{split.name}",
        )
        for split, runs in groups.items()
    ]


def _compare(one: Compared, plan: StudyPlan) -> dict[str, Any]:
    judged, comparison = _judge_folds(one, plan) if is_folds(one.split) else _judge(one, plan)
    comparison = replace(comparison, command=f"study {plan.name}: compare")
    one.folder.mkdir(parents=True, exist_ok=True)
    write_comparison(one.folder, comparison)
    found: dict[str, Any] = {"best": comparison.best, "chosen": comparison.chosen}
    baseline = find_baseline(plan)
    if baseline is not None and baseline in {row.name for row in comparison.rows}:
        verdicts = judge_against(baseline, judged, comparison.grown)
        write_json(one.folder / STUDY_VERDICTS, verdicts.to_json())
        found["verdicts"] = {name: verdict.decision for name, verdict in verdicts.verdicts.items()}
    return found


def _judge(one: Compared, plan: StudyPlan) -> tuple[JudgedMethods, Comparison]:
    groups = {
        name: {key.seed: path for key, path in runs.items()} for name, runs in one.runs.items()
    }
    parts = read_checked_split(one.split, plan.labels)
    methods, num_left_out = align_methods(read_run_methods(groups, parts))
    _say_left_out(num_left_out)
    judged, grown = judge_methods(methods), _find_grown(plan, groups)
    return judged, compare_methods(judged, order_of(plan.finish), runs=groups, grown=grown)


def _find_grown(plan: StudyPlan, groups: Mapping[str, Mapping[int, Path]]) -> GrownMethods | None:
    """The methods that this study, or an ablation before it, has looked at after each seed."""
    growth = plan.growth
    if growth is None or not set(growth.variants) & groups.keys():
        return find_grown_methods(groups)
    return GrownMethods(
        methods=tuple(name for name in growth.variants if name in groups),
        max_seeds=len(growth.seeds),
        where="the study's decisions on seeds",
    )


def _judge_folds(one: Compared, plan: StudyPlan) -> tuple[JudgedMethods, Comparison]:
    """Over folds: by out-of-fold predictions, of the seeds that have a run of each fold."""
    folds, _ = read_fold_splits(one.split, plan.labels)
    groups: dict[str, dict[int, dict[int, Path]]] = {}
    for name, runs in one.runs.items():
        for key, path in runs.items():
            if key.fold is not None:
                groups.setdefault(name, {}).setdefault(key.seed, {})[key.fold] = path
    whole = {
        name: {seed: found for seed, found in seeds.items() if len(found) == len(folds.splits)}
        for name, seeds in groups.items()
    }
    kept = {name: seeds for name, seeds in whole.items() if seeds}
    if len(kept) < 2:
        raise InputError(
            f"only {', '.join(kept) or 'nothing'} has finished runs of all folds: nothing to "
            "compare with."
        )
    methods = read_folded_methods(kept, {}, folds, allow_partial=False)
    judged, num_left_out = judge_folded_methods(methods, folds)
    _say_left_out(num_left_out)
    return judged, compare_methods(judged, order_of(plan.finish), fold_runs=kept)


def _say_left_out(num_images: int) -> None:
    if num_images:
        console.warn(f"{num_images} images are not in all of the predictions and are left out.")


def order_of(finish: Finally) -> tuple[str, ...]:
    """The scores that rank and choose, as `parse_order` has them.

    Those of the plan, where the comparison of methods knows them: it is of macro means, and its
    first score is one whose differences have an interval.

    >>> order_of(Finally())
    ('auroc', 'average_precision', 'recall')
    """
    first = finish.score if finish.score.label is None else None
    by = first.score if first is not None and first.score in TESTED else TESTED[0]
    known = [one.score for one in finish.then if one.label is None and one.score in TIE_BREAKERS]
    then = [name for name in dict.fromkeys(known) if name != by]
    return parse_order(f"val.{by}", [f"val.{name}" for name in then] or None)
