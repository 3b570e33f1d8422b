"""An ablation judged: what each variant changes for each class, what it costs, and the verdict.

Everything is computed from the runs' predictions of the validation part, over folds from their
out-of-fold predictions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xlite.files import atomic_path, write_json, write_table
from xlite.judging.ablation_rows import list_rows
from xlite.judging.all_pairs import pool_seed_variance
from xlite.judging.collapsed_labels import gather_collapses
from xlite.judging.folded_methods import (
    judge_folded_methods,
    list_fold_tests,
    read_folded_method,
)
from xlite.judging.growth import Growth, follow_looks, list_looked_at
from xlite.judging.judged_chances import JudgedChances, judge_chances
from xlite.judging.labelled_predictions import read_run_predictions
from xlite.judging.margins import (
    DEFAULT_SAFETY_MARGIN,
    Margins,
    settle_margins,
)
from xlite.judging.methods import Method
from xlite.judging.paired_difference import PairedDifference
from xlite.judging.paired_differences import (
    TESTED,
    JudgedMethods,
    judge_methods,
)
from xlite.judging.self_audit import audit_verdict
from xlite.judging.variant_runs import VariantRuns, describe_variant
from xlite.judging.variant_verdict import judge_variant
from xlite.judging.verdict import describe_verdict_rule
from xlite.judging.winner import correct_winner
from xlite.places import ABLATION, ABLATION_RECORD
from xlite.results.ablation import Ablation, VariantVerdict
from xlite.results.fold_tests import OUT_OF_FOLD
from xlite.results.selection import SelectedScore
from xlite.splitting.split_folder import Split
from xlite.studies.progress import current_time
from xlite.training.folded_data import FoldedData, data_of, list_folds

if TYPE_CHECKING:
    from xlite.judging.evaluation import Resampling
    from xlite.studies.outcome import Outcome
    from xlite.training.folded_data import AnyData

PART = "val"


def judge_ablation(
    runs: Sequence[VariantRuns],
    data: AnyData,
    *,
    margin: Margins = None,
    safety_margin: float = DEFAULT_SAFETY_MARGIN,
    resampling: Resampling | None = None,
    growth: Growth | None = None,
    command: str = "",
    judged: JudgedMethods | None = None,
) -> Ablation | None:
    """The variants against the first of them, the baseline; None when no run of it finished.

    Variants without a finished run have neither rows nor a verdict; a variant is compared over the
    seeds that finished on both sides. margin: of AUROC, or by score. growth: how seeds are added
    until all is decided; limits and p then hold at all looks. judged: where they were before.
    """
    baseline, *others = runs
    if not baseline.finished:
        return None
    margins = settle_margins(margin)
    judged = judged or _judge(runs, data, resampling)
    # Of folds the first: what is known of a training part is much the same in each.
    some_data = data_of(data, list_folds(data)[0])
    name, labelled = baseline.variant.name, judged.reference
    options: dict[str, Any] = {"margin": margins["auroc"], "safety_margin": safety_margin}
    endings = {} if growth is None else follow_looks(judged, name, growth, **options)
    if growth is not None:
        judged = judged.take(list_looked_at(judged, name, endings))
    views = {one.variant.name: judged for one in others if one.finished}
    views |= {variant: ending.view for variant, ending in endings.items()}
    differences = _differ(views, name, growth)
    chances = _find_chances(views, name, differences, margins)
    ended = {variant: ending.verdict for variant, ending in endings.items()}
    verdicts = {
        variant: ended.get(variant) or _decide(judged, (name, variant), found["auroc"], options)
        for variant, found in differences.items()
    }
    return Ablation(
        command=command,
        time=current_time(),
        baseline=name,
        part=PART if judged.folds is None else OUT_OF_FOLD,
        images=len(labelled),
        patients=len(np.unique(labelled.patient_ids)),
        seeds=tuple(baseline.outcomes),
        max_seeds=None if growth is None else len(growth.seeds),
        level=judged.resampling.level,
        margins=margins,
        **options,
        resamples=judged.resampling.num_resamples,
        rule=_describe_rule(judged, growth, options),
        macro_labels=tuple(labelled.vocabulary[column] for column in judged.macro_columns),
        verdict=verdicts,
        variants=tuple(map(describe_variant, runs)),
        collapse=tuple(gather_collapses(judged, runs, some_data)),
        rows=tuple(list_rows(judged, differences, chances, some_data.parts["train"].positives)),
        over_folds=list_fold_tests(judged, name, list(differences)),
        winner=_correct_best(judged),
    )


def _differ(
    views: Mapping[str, JudgedMethods], baseline: str, growth: Growth | None
) -> dict[str, dict[str, PairedDifference]]:
    """How each variant differs from the baseline, by score; views: what it is judged from."""
    looks = None if growth is None else growth.looks
    return {
        variant: {score: view.difference(baseline, variant, score, looks=looks) for score in TESTED}
        for variant, view in views.items()
    }


def _find_chances(
    views: Mapping[str, JudgedMethods],
    baseline: str,
    differences: Mapping[str, Mapping[str, PairedDifference]],
    margins: Mapping[str, float],
) -> dict[str, dict[str, JudgedChances]]:
    return {
        variant: {
            score: judge_chances(views[variant], baseline, variant, one, margins[score])
            for score, one in found.items()
        }
        for variant, found in differences.items()
    }


def _describe_rule(judged: JudgedMethods, growth: Growth | None, options: Mapping[str, Any]) -> str:
    is_folded, level = judged.folds is not None, judged.resampling.level
    rule = describe_verdict_rule(level=level, over_folds=is_folded, **options)
    return rule if growth is None else f"{rule} {growth.describe_rule()}"


def _correct_best(judged: JudgedMethods) -> SelectedScore | None:
    """The variant of the best macro AUROC, the baseline among them, corrected for that choice."""
    of_seeds = pool_seed_variance(judged, "auroc")
    return correct_winner(judged, "auroc", seed_variance=of_seeds, of="variants")


def _decide(
    judged: JudgedMethods,
    pair: tuple[str, str],
    auroc: PairedDifference,
    options: Mapping[str, Any],
) -> VariantVerdict:
    """The verdict on the second of a pair, with its audit; options: margin and safety margin."""
    verdict = judge_variant(judged, *pair, auroc, **options)
    return audit_verdict(verdict, judged, auroc, pair=pair, **options)


def write_ablation(out: Path, ablation: Ablation) -> tuple[Path, Path]:
    """Write ablation.csv, a row a variant and label, and ablation.json; returns their paths."""
    path, record = out / ABLATION, out / ABLATION_RECORD
    with atomic_path(path) as temporary:
        write_table(temporary, ablation.to_frame())
    write_json(record, ablation.to_json())
    return path, record


def _judge(
    runs: Sequence[VariantRuns], data: AnyData, resampling: Resampling | None
) -> JudgedMethods:
    """The variants that have a finished run, each with the predictions of those."""
    finished = {one.variant.name: one.finished for one in runs if one.finished}
    if isinstance(data, FoldedData):
        splits = data.splits
        methods = [
            read_folded_method(name, {seed: _number(each) for seed, each in seeds.items()}, splits)
            for name, seeds in finished.items()
        ]
        return judge_folded_methods(methods, splits, resampling=resampling)[0]
    split = Split(parts=data.parts, sha256=data.split_sha256)
    return judge_methods(
        [
            Method(
                name=name,
                predictions={
                    seed: read_run_predictions(one.run_dir, PART, split)
                    for seed, (one,) in seeds.items()
                },
            )
            for name, seeds in finished.items()
        ],
        resampling=resampling,
    )


def _number(outcomes: Sequence[Outcome]) -> dict[int, Path]:
    return {fold: outcome.run_dir for fold, outcome in enumerate(outcomes)}
