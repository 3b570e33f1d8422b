"""`study check`: a plan held against its data, before anything is trained."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from xlite.judging.asked_scores import require_askable
from xlite.results.study_check import StudyCheck
from xlite.splitting.folds_folder import is_folds, read_folds
from xlite.studies.plan import require_known_models
from xlite.studies.plan_file import parse_plan, read_plan
from xlite.studies.plan_noise import find_noise_faults, list_choices, list_thresholds
from xlite.studies.plan_paths import list_begun
from xlite.studies.plan_references import list_scores
from xlite.studies.plan_size import find_extremes, list_loads
from xlite.studies.plan_tables import Faults
from xlite.studies.rules.asked_scores import finishing_of
from xlite.studies.rules.standing import Standing
from xlite.studies.study_plan import StudyPlan
from xlite.studies.study_state import StudyState
from xlite.studies.summary.study import summarise_study
from xlite.workflows.study_costs import ModelCosts
from xlite.workflows.study_images import ImagesOfPlan


def check_study(plan: str | Path, *, out: str | Path | None = None) -> StudyCheck:
    """What the plan in a file comes to: its tree, runs, time and disk, and what it can tell.

    Paths in the plan start from the working folder. out: the experiments folder, instead of that in
    the plan; earlier runs in it tell of time. Nothing is written.

    Raises PlanError, an InputError with a line for each fault, for a plan that is not sound: what
    can't be read or does not fit together, models and labels that do not exist, scores that would
    be undefined, and thresholds that the images can't tell apart.
    """
    path = Path(plan)
    source = read_plan(path)
    read = parse_plan(source.text, source.base, where=str(path))
    if out is not None:
        read = replace(read, out=Path(out))
    return check_plan(read, where=str(path))


def check_plan(plan: StudyPlan, *, where: str) -> StudyCheck:
    """What a plan that was read comes to; PlanError, as `check_study`, where it is not sound."""
    images = require_sound(plan, where=where)
    folds = _count_folds(plan)
    fewest, loads = (list_loads(plan, folds, has_all_seeds=all_) for all_ in (False, True))
    (least, _), (_, most) = (find_extremes(plan, each) for each in (fewest, loads))
    costs = ModelCosts.of_runs(plan.out, num_labels=images.num_labels)
    of_least, of_most = (
        [each[name] for name in begun if name in each]
        for begun, each in ((least, fewest), (most, loads))
    )
    num_bytes = costs.count_bytes(of_most, images.num_judged)
    return StudyCheck(
        name=plan.name,
        question=plan.question,
        tree=summarise_study(Standing(plan, StudyState(), {})).tree,
        starts=list_begun(plan),
        least_runs=sum(load.num_runs for load in of_least),
        most_runs=sum(load.num_runs for load in of_most),
        least_epochs=sum(load.epochs for load in of_least),
        most_epochs=sum(load.epochs for load in of_most),
        least_seconds=costs.count_seconds(of_least),
        most_seconds=costs.count_seconds(of_most),
        most_bytes=num_bytes,
        unknown_models=costs.list_unknown(of_most),
        thresholds=tuple(list_thresholds(plan, images.judged)),
        choices=tuple(list_choices(plan, images.judged)),
        finish=finishing_of(plan.finish),
        warnings=tuple(_find_warnings(plan, num_bytes)),
    )


def require_sound(plan: StudyPlan, *, where: str) -> ImagesOfPlan:
    """The images that a plan is judged by; PlanError, as `check_study`, where it is not sound."""
    faults = _FaultsOf(where)
    images = ImagesOfPlan(plan, faults)
    _check_names(plan, faults)
    _check_growth(plan, faults)
    for fault in find_noise_faults(plan, images.judged):
        faults.add(fault)
    faults.require_none()
    return images


class _FaultsOf(Faults):
    """Faults whose sentences begin with the plan's file."""

    def __init__(self, where: str) -> None:
        super().__init__()
        self.where = where

    def add(self, fault: str) -> None:
        """Keep a fault, once."""
        super().add(f"{self.where}: {fault}")


def _check_names(plan: StudyPlan, faults: Faults) -> None:
    for _, score in list_scores(plan):
        with faults.kept():
            require_askable(score)
    models = [one.settings.model for one in plan.experiments]
    for phase in plan.phases:
        models += map(str, phase.space["model"].values) if "model" in phase.space else []
        models += [phase.settings.model] if phase.settings.model else []
    for model in dict.fromkeys(models):
        with faults.kept():
            require_known_models([model])


def _check_growth(plan: StudyPlan, faults: Faults) -> None:
    variants = plan.growth.variants if plan.growth is not None else ()
    for split in {one.split or plan.split for one in plan.experiments if one.id in variants}:
        if is_folds(split):
            faults.add(
                f"[seeds] adds seeds on a single split, and {split} is made of folds: what these "
                "differ by no seed averages out. Name seeds = [0, 1, 2], or another split."
            )


def _count_folds(plan: StudyPlan) -> dict[Path, int]:
    named = {one.split or plan.split for one in plan.experiments}
    named |= {one.split or plan.split for one in plan.phases}
    return {split: len(read_folds(split).splits) for split in named if is_folds(split)}


def _find_warnings(plan: StudyPlan, num_bytes: int | None) -> Iterable[str]:
    if plan.build is None and plan.images is None and not plan.cache.exists():
        yield (
            f"{plan.cache} does not exist yet. Run `xlite cache-clahe`, or let the study build it: "
            '[cache] images = "data/images".'
        )
    if plan.build is not None and not plan.build.images.exists():
        yield f"{plan.build.images}, the radiographs of [cache], does not exist yet."
    folder = next(one for one in (plan.out, *plan.out.absolute().parents) if one.exists())
    free = shutil.disk_usage(folder).free
    if num_bytes is not None and num_bytes > free:
        yield (
            f"the runs may take {num_bytes / 1e9:.1f} GB, and {folder} has "
            f"{free / 1e9:.1f} GB free."
        )
    searched = [phase.id for phase in plan.phases if phase.method == "confirm"]
    if plan.phases and not searched and not plan.finish.test:
        yield (
            "the search ends with the trial that was best in it, whose score is too good. Confirm "
            'the best ones with fresh seeds: a last [[phase]] with method = "confirm".'
        )
