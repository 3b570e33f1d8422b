"""Simulations of tests over folds, with planted truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import t as student

from benchmarks.fold_learners import Trial, draw_trial
from benchmarks.rates import Rate, Simulation
from xlite.judging.all_pairs import compare_all_pairs
from xlite.judging.evaluation import Resampling
from xlite.judging.folded_methods import FoldedMethod, judge_folded_methods
from xlite.judging.labelled_predictions import LabelledPredictions
from xlite.judging.paired_differences import JudgedMethods
from xlite.judging.variant_verdict import judge_variant
from xlite.results.ablation import VariantVerdict
from xlite.scores.bootstrap import resample_scores
from xlite.scores.fold_differences import FoldDifference, compare_folds
from xlite.splitting.fold_splits import FoldSplits
from xlite.splitting.split_folder import Split
from xlite.tables.read_labels import read_labels

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LEVEL = 0.05
_DESIGNS = ((5, 1), (5, 2), (5, 10), (10, 1), (10, 10), (3, 2))
"""Folds and repeats."""


def equal_learners() -> list[Rate]:
    """Equal learners are told apart over folds at 0.05."""
    rates = []
    for num_folds, repeats in _DESIGNS:
        trials = _draw(600 if repeats == 10 else 2000, num_folds=num_folds, repeats=repeats)
        case = f"{num_folds} folds, {repeats} {'repeat' if repeats == 1 else 'repeats'}"
        tests: dict[str, tuple[Callable[[Trial], float], float | None]] = {
            "corrected": (_corrected, 0.06),
            "naive": (_naive, None),
            **({"corrected, on F - 1 degrees of freedom": (_freer, None)} if repeats > 1 else {}),
        }
        for name, (find_p, most) in tests.items():
            rates.append(_reject(trials, find_p, f"{case}: {name}", most))
    trials = _draw(1000, num_folds=5, repeats=1)
    case = "5 folds, 1 repeat: patients of the pooled predictions alone"
    return [*rates, _reject(trials, _resample_pooled, case, None)]


def better_learners() -> list[Rate]:
    """A learner that is 0.14 of AUROC better is found over folds."""
    rates = []
    for num_folds, repeats in ((5, 1), (5, 2), (10, 1)):
        trials = _draw(1000, num_folds=num_folds, repeats=repeats, gain=0.2)
        case = f"{num_folds} folds, {repeats} {'repeat' if repeats == 1 else 'repeats'}: corrected"
        rates.append(_reject(trials, _corrected, case, None))
    return rates


def verdicts_on_equal_learners() -> list[Rate]:
    """Equal learners are adopted or rejected over folds, or ranked apart."""
    rates = []
    for repeats, spread in ((1, 0.0), (1, 0.1), (2, 0.1)):
        rng = np.random.default_rng(1)
        options: dict[str, Any] = {"repeats": repeats, "seeds": 2, "seed_spread": spread}
        judged = [_judge(draw_trial(rng, **options)) for _ in range(400)]
        case = f"5 folds, {repeats} {'repeat' if repeats == 1 else 'repeats'}, 2 seeds"
        case += " that move them" if spread else " that are alike"
        for name, column, most in (
            ("verdict of both tests", 0, 0.06),
            ("rank of both tests", 1, 0.06),
            ("verdict of patients and seeds alone", 2, None),
            ("naive over folds", 3, None),
        ):
            rate = float(np.mean([row[column] for row in judged]))
            rates.append(Rate(case=f"{case}: {name}", rate=rate, trials=len(judged), most=most))
    return rates


SIMULATIONS: dict[str, Simulation] = {
    "folds-of-equal-learners": equal_learners,
    "folds-of-better-learners": better_learners,
    "verdicts-over-folds": verdicts_on_equal_learners,
}
"""What is simulated, by the name that the command line has for it."""


def _draw(count: int, *, num_folds: int, repeats: int, gain: float = 0.0) -> list[Trial]:
    rng = np.random.default_rng(0)
    return [draw_trial(rng, num_folds=num_folds, repeats=repeats, gain=gain) for _ in range(count)]


def _reject(
    trials: list[Trial], find_p: Callable[[Trial], float], case: str, most: float | None
) -> Rate:
    found: NDArray[np.float64] = np.array([find_p(trial) for trial in trials])
    return Rate(case=case, rate=float((found < _LEVEL).mean()), trials=len(trials), most=most)


def _corrected(trial: Trial) -> float:
    return float(_compare(trial).p)


def _naive(trial: Trial) -> float:
    return float(_compare(trial).p_naive)


def _compare(trial: Trial) -> FoldDifference:
    num_folds = int(trial.folds.max()) + 1
    return compare_folds(
        trial.differences, repeats=len(trial.folds), test_per_train=1 / (num_folds - 1)
    )


def _freer(trial: Trial) -> float:
    """By Bouckaert and Frank's degrees of freedom: those of all folds of all repeats, less one."""
    found = _compare(trial)
    statistic = abs(float(found.difference / found.standard_error))
    return float(2 * student.sf(statistic, len(trial.differences) - 1))


def _resample_pooled(trial: Trial) -> float:
    """By resampled patients of the pooled predictions, the models taken as they are."""
    drawn = resample_scores(
        trial.targets[:, None],
        [1 / (1 + np.exp(-scores[0][:, None])) for scores in trial.scores],
        np.arange(len(trial.targets)),
        rng=np.random.default_rng(0),
        num_resamples=200,
        scores=("auroc",),
    )["auroc"][..., 0]
    change = drawn[1] - drawn[0]
    return float(2 * student.sf(abs(change.mean()) / change.std(ddof=1), trial.targets.sum() - 1))


def judge_trials(trials: list[Trial], margin: float) -> VariantVerdict:
    """The verdict on the second of two learners, a trial a seed."""
    judged = _judge_methods(trials)
    found = judged.difference("first", "second", "auroc")
    return judge_variant(judged, "first", "second", found, margin=margin)


def _judge_methods(trials: list[Trial]) -> JudgedMethods:
    folds = _split(trials[0])
    methods = [
        FoldedMethod(
            name=name,
            predictions={
                seed: [_label(trial, learner, repeat) for repeat in range(len(trial.folds))]
                for seed, trial in enumerate(trials)
            },
        )
        for learner, name in enumerate(("first", "second"))
    ]
    judged, _ = judge_folded_methods(methods, folds, resampling=Resampling(num_resamples=200))
    return judged


def _judge(trials: list[Trial]) -> tuple[bool, bool, bool, bool]:
    """Whether the second of two learners is told from the first, by each of the ways to tell."""
    judged = _judge_methods(trials)
    auroc = judged.difference("first", "second", "auroc")
    decisions = [
        judge_variant(one, "first", "second", auroc).decision in ("ADOPT", "REJECT", "TRADE-OFF")
        for one in (judged, replace(judged, folds=None))
    ]
    naive = judged.difference_over_folds("first", "second", "auroc")
    assert naive is not None
    rank = compare_all_pairs(judged, "auroc").p[frozenset(("first", "second"))]
    return decisions[0], rank < _LEVEL, decisions[1], float(naive.macro.p_naive) < _LEVEL


def _split(trial: Trial) -> FoldSplits:
    table = read_labels(trial.targets[:, None], patients=list(map(str, range(len(trial.targets)))))
    splits = [
        Split(
            parts={"train": table.select(dealt != fold), "test": table.select(dealt == fold)},
            sha256={},
        )
        for dealt in trial.folds
        for fold in np.unique(dealt)
    ]
    return FoldSplits(splits=tuple(splits), num_folds=len(splits) // len(trial.folds))


def _label(trial: Trial, learner: int, repeat: int) -> LabelledPredictions:
    patients = np.array(list(map(str, range(len(trial.targets)))), dtype=object)
    return LabelledPredictions(
        name="",
        image_ids=read_labels(trial.targets[:, None], patients=list(patients)).image_ids,
        patient_ids=patients,
        targets=trial.targets[:, None],
        probs=1 / (1 + np.exp(-trial.scores[learner, repeat][:, None])),
        vocabulary=("Finding",),
        columns={},
    )
