"""Methods side by side: ranked with ties by a paired test, and one of them chosen.

Only validation scores rank and choose, over folds those of out-of-fold predictions. The test part
never does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xlite.files import atomic_path, write_json, write_table
from xlite.judging.all_pairs import AllPairs, compare_all_pairs, shrink_scores
from xlite.judging.compared_folds import FoldGroups
from xlite.judging.compared_runs import RunGroups
from xlite.judging.comparison_verdicts import (
    ComparisonRule,
    describe_comparison_rule,
    judge_against_best,
)
from xlite.judging.folded_methods import list_fold_tests
from xlite.judging.paired_differences import JudgedMethods
from xlite.judging.ranking import TIE_BREAKERS, Place, choose_method, rank_methods
from xlite.judging.winner import correct_winner
from xlite.results.ablation import VariantVerdict
from xlite.results.comparison import Comparison, GrownMethods, LookAtTest, MethodRow
from xlite.results.fold_tests import OUT_OF_FOLD
from xlite.studies.progress import current_time

COMPARISON = "comparison.csv"
COMPARISON_RECORD = "comparison.json"

_CHANCES = ("p_worse", "p_equivalent", "p_better")


def compare_methods(
    judged: JudgedMethods,
    order: Sequence[str],
    *,
    rule: ComparisonRule | None = None,
    runs: RunGroups | None = None,
    fold_runs: FoldGroups | None = None,
    grown: GrownMethods | None = None,
    test: Sequence[LookAtTest] | None = None,
    command: str = "",
) -> Comparison:
    """The methods in the order of their ranking, and the one that `order` chooses.

    order: of `parse_order`. rule: that of the verdicts on all others against the best. runs,
    fold_runs: the run folders of those methods that are ours, without folds or with. grown: those
    that were looked at after each seed. test: what a look at the test part has shown, which chooses
    nothing. command: what asked for it, as it is noted.
    """
    rule = rule or ComparisonRule()
    pairs = compare_all_pairs(judged, order[0])
    places = rank_methods(judged, order[0], pairs)
    names = [place.name for place in places]
    verdicts = judge_against_best(judged, names, order[0], pairs, rule)
    choice = choose_method(judged, order, places)
    labelled = judged.reference
    return Comparison(
        command=command,
        time=current_time(),
        part="val" if judged.folds is None else OUT_OF_FOLD,
        images=len(labelled),
        patients=len(np.unique(labelled.patient_ids)),
        labels=tuple(labelled.vocabulary),
        macro_labels=tuple(labelled.vocabulary[column] for column in judged.macro_columns),
        level=judged.resampling.level,
        resamples=judged.resampling.num_resamples,
        order=tuple(f"val.{name}" for name in order),
        best=places[0].name,
        chosen=choice.name,
        margins=dict(rule.margins),
        safety_margin=rule.safety_margin,
        rule=describe_comparison_rule(judged, order[0], rule),
        verdict=verdicts,
        steps=choice.steps,
        rows=tuple(_build_rows(judged, order[0], places, pairs, verdicts, chosen=choice.name)),
        per_class={place.name: _score_classes(judged, place.name) for place in places},
        runs={
            name: {seed: run_dir.name for seed, run_dir in by_seed.items()}
            for name, by_seed in (runs or {}).items()
        },
        grown=grown,
        test=None if test is None else tuple(test),
        fold_runs=None if fold_runs is None else _name_runs(fold_runs),
        over_folds=list_fold_tests(judged, names[0], names[1:], order[:1]),
        winner=correct_winner(judged, order[0], seed_variance=pairs.seed_variance),
    )


def write_comparison(out: Path, comparison: Comparison) -> tuple[Path, Path]:
    """Write comparison.csv, a row a method, and comparison.json; returns their paths."""
    path, record = out / COMPARISON, out / COMPARISON_RECORD
    with atomic_path(path) as temporary:
        write_table(temporary, comparison.to_frame())
    write_json(record, comparison.to_json())
    return path, record


def _name_runs(groups: FoldGroups) -> dict[str, dict[int, dict[int, str]]]:
    return {
        name: {
            seed: {fold: run_dir.name for fold, run_dir in runs.items()}
            for seed, runs in seeds.items()
        }
        for name, seeds in groups.items()
    }


def _build_rows(
    judged: JudgedMethods,
    score: str,
    places: Sequence[Place],
    pairs: AllPairs,
    verdicts: Mapping[str, VariantVerdict],
    *,
    chosen: str,
) -> list[MethodRow]:
    leader = places[0].name
    macros = np.array([judged.macro(place.name, score) for place in places])
    expected = shrink_scores(macros, pairs.noise).tolist()
    rows = []
    for place, value in zip(places, expected, strict=True):
        scores: dict[str, Any] = {name: judged.macro(place.name, name) for name in TIE_BREAKERS}
        scores[f"{score}_expected"] = value
        change: dict[str, Any] = {}
        if place.name != leader:
            change = _describe_change(judged, leader, place.name, score, pairs)
            verdict = verdicts[place.name]
            change |= {name: getattr(verdict, name) for name in _CHANCES}
        rows.append(
            MethodRow(
                rank=place.rank,
                name=place.name,
                chosen=place.name == chosen,
                seeds=len(judged.rows(place.name)),
                **scores,
                **change,
            )
        )
    return rows


def _describe_change(
    judged: JudgedMethods, leader: str, name: str, score: str, pairs: AllPairs
) -> dict[str, Any]:
    """The fields of a row that are against the leader."""
    found = judged.difference(leader, name, score)
    macro = found.macro
    return {
        "change": float(macro.difference),
        "change_low": float(macro.low),
        "change_high": float(macro.high),
        "p": float(macro.p),
        "p_all_pairs": pairs.p[frozenset((leader, name))],
        "covers": found.covers,
        "seeds_compared": found.num_seeds,
        "seeds_left_out": found.missing_seeds,
    }


def _score_classes(judged: JudgedMethods, name: str) -> dict[str, dict[str, float]]:
    scores = judged.mean_scores(name)
    return {
        label: {score: float(values[column]) for score, values in scores.items()}
        for column, label in enumerate(judged.reference.vocabulary)
    }
