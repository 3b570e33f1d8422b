"""Simulations of verdicts, rankings and plans, with planted truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from scipy.stats import t as student

from benchmarks.rates import Rate, Simulation
from xlite.judging.all_pairs import compare_all_pairs, shrink_scores
from xlite.judging.evaluation import Resampling
from xlite.judging.labelled_predictions import LabelledPredictions
from xlite.judging.methods import Method
from xlite.judging.paired_differences import JudgedMethods, judge_methods
from xlite.judging.variant_verdict import judge_variant
from xlite.scores.bootstrap import resample_scores
from xlite.scores.finding_patients import count_finding_patients
from xlite.scores.power import decision_power, estimate_need
from xlite.scores.ranking import ranking_scores
from xlite.scores.seed_variance import (
    SeedNoise,
    SeedVariance,
    combine_seeds,
    estimate_seed_noise,
)

_LEVEL = 0.05
_SOURCES = {
    "seeds dominate": (1, 0.05, 0.05),
    "seeds three times images": (1, 0.3, 0.3),
    "seeds as images": (1, 1, 0.5),
    "images dominate": (0.2, 1, 0.5),
}
"""Standard deviations of a difference by seeds, images and the two together."""
_QUICK = Resampling(num_resamples=200)


def errors_of_few_seeds() -> list[Rate]:
    """Equal variants are told apart by a macro change at 0.05."""
    rates = []
    for arms, seeds in ((2, 2), (2, 3), (2, 5), (4, 2), (4, 3)):
        for name, sources in _SOURCES.items():
            drawn = _draw_arms(arms, seeds, sources, trials=8000)
            rates.append(_reject(_judge(*drawn), f"{seeds} seeds of {arms} variants, {name}", 0.06))
    drawn = _draw_arms(4, 2, _SOURCES["seeds dominate"], trials=8000, spread=2.0)
    case = "2 seeds of 4 variants, seeds dominate and move one variant twice as far"
    rates.append(_reject(_judge(*drawn), case, 0.06))
    for seeds in (2, 3):
        drawn = _draw_arms(2, seeds, _SOURCES["seeds three times images"], trials=8000)
        case = f"for comparison: {seeds} seeds by Satterthwaite's degrees of freedom"
        rates.append(_reject(_satterthwaite(*drawn), case, None))
    return rates


def power_of_pooled_seeds() -> list[Rate]:
    """A macro change of 2.8 standard errors is found."""
    rates = []
    for seeds in (2, 3):
        for name in ("seeds dominate", "seeds as images"):
            seed, image, both = _SOURCES[name]
            change = 2.8 * np.sqrt((seed**2 + both**2) / seeds + image**2)
            drawn = _draw_arms(4, seeds, _SOURCES[name], trials=8000, change=change)
            for pooled, words in ((False, "its own seeds"), (True, "seeds of 4 variants pooled")):
                case = f"{seeds} seeds, {name}, {words}"
                rates.append(_reject(_judge(*drawn, is_pooled=pooled), case, None))
    return rates


def adoption() -> list[Rate]:
    """A variant is adopted."""
    others = dict.fromkeys("BCDEF", 0.04)
    words = "others gain 0.04, a label of 12 patients loses"
    rates = []
    for loss, seeds, trials in ((0.10, 3, 60), (0.05, 3, 40), (0.10, 5, 25)):
        rng = np.random.default_rng(0)
        found = [decide_planted({"A": -loss, **others}, 12, seeds, rng) for _ in range(trials)]
        case = f"{words} {loss:.2f}, {seeds} seeds"
        rates.append(_count(case, [decision == "ADOPT" for decision, _ in found], most=0.05))
        careless = [decision == "ADOPT" for _, decision in found]
        rates.append(_count(f"for comparison: {case}, without evidence of safety", careless))
    return rates


def labels_of_few_patients() -> list[Rate]:
    """Equal variants are told apart in one label at 0.05, three seeds."""
    rates = []
    for sizes in ([8], [4, 4], [2] * 4, [1] * 8, [8] + [1] * 7, [1] * 20, [3] * 10 + [1] * 10):
        tested, counted = _test_label(sizes, trials=400)
        images = f"{sum(sizes)} images of {len(sizes)} patients"
        rates.append(_count(images, tested, most=0.06))
        if len(sizes) == 1:
            rates.append(_count(f"for comparison: {images}, by the normal distribution", counted))
    return rates


def ten_equal_models() -> list[Rate]:
    """Any two of ten equal models are told apart at 0.05."""
    rates = []
    for seeds, trials in ((1, 200), (3, 100)):
        rng = np.random.default_rng(seeds)
        found = []
        for _ in range(trials):
            pairs = compare_all_pairs(_draw_models(rng, [0.0] * 10, seeds), "auroc")
            found.append(min(pairs.p.values()) < _LEVEL)
        rates.append(_count(f"{seeds} seed{'s' if seeds > 1 else ''}", found, most=0.06))
    return rates


def leaders_of_ten() -> list[Rate]:
    """The leader's score lies above its truth."""
    rates = []
    rng = np.random.default_rng(0)
    for spread in (0.0, 0.5, 1.0, 2.0):
        truth = 0.8 + 0.01 * spread * rng.normal(size=(4000, 10))
        scores = truth + 0.01 * rng.normal(size=truth.shape)
        best = (np.arange(len(scores)), scores.argmax(axis=1))
        shrunk = np.array([shrink_scores(one, 0.01**2) for one in scores])
        case = f"ten models, truth spread {spread:g} times as far as chance"
        rates.append(_count(f"{case}, as measured", list(scores[best] > truth[best])))
        rates.append(
            _count(f"{case}, shrunk", list(shrunk[best] > truth[best]), least=0.4, most=0.7)
        )
    return rates


def plans_of_pilots() -> list[Rate]:
    """A pilot's range of the seeds needed holds the truth."""
    rates = []
    rng = np.random.default_rng(1)
    needed = next(
        n for n in range(2, 99) if decision_power(1.0, _pilot(1.0, 0.0, 9), num_seeds=n) >= 0.8
    )
    for seeds in (2, 3, 5):
        spread = rng.normal(size=(600, seeds)).std(axis=1, ddof=1)
        plans = [estimate_need(_pilot(sd, 0.0, seeds), difference=1.0).num_seeds for sd in spread]
        held = [plan.low <= needed <= plan.high for plan in plans]
        rates.append(_count(f"a pilot of {seeds} seeds", held, least=0.75))
    return rates


def factors_that_do_not_exist() -> list[Rate]:
    """An image factor is given where no number of images suffices."""
    rates = []
    rng = np.random.default_rng(2)
    for seeds in (2, 3, 5):
        change = 2.0 / np.sqrt(seeds)
        seen = np.sqrt(rng.chisquare(seeds - 1, 400) / (seeds - 1))
        plans = [estimate_need(_pilot(sd, 0.3, seeds), difference=change) for sd in seen]
        given = [np.isfinite(plan.image_factor.high) for plan in plans]
        rates.append(_count(f"a pilot of {seeds} seeds", given, most=0.1))
    return rates


SIMULATIONS: Mapping[str, Simulation] = {
    "seeds": errors_of_few_seeds,
    "pooling": power_of_pooled_seeds,
    "adopt": adoption,
    "patients": labels_of_few_patients,
    "ten-models": ten_equal_models,
    "leader": leaders_of_ten,
    "plans": plans_of_pilots,
    "image-factor": factors_that_do_not_exist,
}
"""By the name that `python -m benchmarks.validity` knows them by."""


def _count(
    case: str, happened: Sequence[Any], *, least: float | None = None, most: float | None = None
) -> Rate:
    rate = float(np.mean(happened))
    return Rate(case=case, rate=rate, trials=len(happened), least=least, most=most)


def _draw_arms(
    arms: int,
    seeds: int,
    sources: tuple[float, float, float],
    *,
    trials: int,
    change: float = 0.0,
    spread: float = 1.0,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Scores (A, S, trials) and resamples (2, S, R, trials); the second arm is that which differs.

    spread: that of the second arm's seeds, relative to the others'.
    """
    rng = np.random.default_rng(arms * 10 + seeds)
    of_seed, of_image, of_both = (sd / np.sqrt(2) for sd in sources)
    shape, is_second = (arms, seeds, trials), (np.arange(arms) == 1)[:, None, None]
    scores = (
        of_seed * np.where(is_second, spread, 1.0) * rng.normal(size=shape)
        + of_image * rng.normal(size=(arms, 1, trials))
        + of_both * rng.normal(size=shape)
        + change * is_second
    )
    resampled = (
        scores[:2, :, None]
        + of_image * rng.normal(size=(2, 1, 100, trials))
        + of_both * rng.normal(size=(2, seeds, 100, trials))
    )
    return scores, resampled


def _judge(
    scores: NDArray[np.float64], resampled: NDArray[np.float64], *, is_pooled: bool = True
) -> NDArray[np.float64]:
    noise = estimate_seed_noise(scores if is_pooled else scores[:2])
    return combine_seeds(scores[1] - scores[0], resampled[1] - resampled[0], noise=noise).p


def _satterthwaite(
    scores: NDArray[np.float64], resampled: NDArray[np.float64]
) -> NDArray[np.float64]:
    found = combine_seeds(scores[1] - scores[0], resampled[1] - resampled[0])
    seeds = scores.shape[1]
    total = found.between_seed_sd**2 / seeds + found.between_image_sd**2
    freedom = (seeds - 1) * (total / (found.noise.variance / seeds)) ** 2
    return np.asarray(2 * student.sf(np.abs(found.difference) / np.sqrt(total), freedom))


def _reject(p: NDArray[np.float64], case: str, most: float | None) -> Rate:
    return _count(case, list(p < _LEVEL), most=most)


def decide_planted(
    changes: Mapping[str, float], rare: int, seeds: int, rng: np.random.Generator
) -> tuple[str, str]:
    """The verdict on a variant that truly changes AUROC so, and that without limits of safety.

    1,000 images of as many patients; `rare` have the first label, 100 each of the others.
    """
    base, num_images = 0.75, 1000
    targets = np.zeros((num_images, len(changes)), dtype=np.int8)
    for column in range(len(changes)):
        targets[rng.permutation(num_images)[: 100 if column else rare], column] = 1
    of_image = rng.normal(size=targets.shape)
    methods = []
    for name, shares in (("base", 0.0), ("variant", 1.0)):
        aurocs = base + shares * np.array(list(changes.values()))
        of_method = rng.normal(size=targets.shape)
        cases = {}
        for seed in range(seeds):
            noise = 0.8 * of_image + 0.45 * of_method + 0.4 * rng.normal(size=targets.shape)
            shift = np.sqrt(2 * (0.8**2 + 0.45**2 + 0.4**2)) * norm.ppf(aurocs)
            cases[seed] = _make_cases(targets, shift * targets + noise, tuple(changes))
        methods.append(Method(name=name, predictions=cases))
    judged = judge_methods(methods, resampling=_QUICK)
    contrast = judged.difference("base", "variant", "auroc")
    verdicts = [
        judge_variant(judged, "base", "variant", contrast, safety_margin=margin)
        for margin in (0.05, 2.0)
    ]
    return verdicts[0].decision, verdicts[1].decision


def _make_cases(
    targets: NDArray[np.int8], logits: NDArray[np.float64], labels: tuple[str, ...]
) -> LabelledPredictions:
    ids = np.arange(len(targets))
    return LabelledPredictions(
        name="",
        image_ids=ids,
        patient_ids=ids,
        targets=targets,
        probs=1 / (1 + np.exp(-logits)),
        vocabulary=labels,
        columns={},
    )


def _draw_models(rng: np.random.Generator, gains: Sequence[float], seeds: int) -> JudgedMethods:
    """Models of one label on 800 images; with several seeds each seed moves its run, too."""
    targets = np.zeros((800, 1), dtype=np.int8)
    targets[:200] = 1
    of_image = rng.normal(size=targets.shape)
    methods = []
    for number, gain in enumerate(gains):
        of_model = rng.normal(size=targets.shape)
        cases = {}
        for seed in range(seeds):
            signal = 1.2 + gain + (rng.normal(0, 0.1) if seeds > 1 else 0.0)
            noise = 0.8 * of_image + 0.4 * of_model + 0.4 * rng.normal(size=targets.shape)
            cases[seed] = _make_cases(targets, signal * targets + noise, ("A",))
        methods.append(Method(name=str(number), predictions=cases))
    return judge_methods(methods, resampling=_QUICK)


def _test_label(sizes: Sequence[int], *, trials: int) -> tuple[list[bool], list[bool]]:
    """Whether a label is told apart, by its patients and as if they were many.

    Images of a patient are alike to either of two equal models, in a way of its own.
    """
    rng = np.random.default_rng(len(sizes) + sum(sizes))
    targets = np.zeros((sum(sizes) + 200, 1), dtype=np.int8)
    targets[: sum(sizes)] = 1
    patients = np.concatenate(
        [np.repeat(np.arange(len(sizes)), sizes), len(sizes) + np.arange(200) // 2]
    )
    found = count_finding_patients(targets, patients)
    tested, counted = [], []
    for _ in range(trials):
        of_patient = rng.normal(size=(2, patients.max() + 1))[:, patients]
        common = rng.normal(size=len(targets))
        runs = np.repeat(of_patient, 3, axis=0) + 0.2 * rng.normal(size=(6, len(targets)))
        models = [(1.2 * targets[:, 0] + 0.6 * common + 0.8 * run)[:, None] for run in runs]
        scores = np.array([ranking_scores(targets, model)[0] for model in models])
        drawn = resample_scores(targets, models, patients, rng=rng, num_resamples=150)["auroc"]
        change, resampled = scores[3:] - scores[:3], drawn[3:] - drawn[:3]
        p = combine_seeds(change, resampled, image_freedom=found.freedom).p
        tested.append(bool((found.is_judged & (p < _LEVEL))[0]))
        counted.append(bool(combine_seeds(change, resampled).p[0] < _LEVEL))
    return tested, counted


def _pilot(seed_sd: float, image_sd: float, num_seeds: int) -> SeedVariance:
    """A pilot that saw this spread of the seeds, on images whose spread is known."""
    unknown = np.array(np.nan)
    return SeedVariance(
        num_seeds=num_seeds,
        difference=np.array(0.0),
        noise=SeedNoise(variance=np.array(seed_sd**2), freedom=np.array(num_seeds - 1.0)),
        between_image_sd=np.array(image_sd),
        interaction_sd=np.array(0.0),
        image_freedom=np.array(1e9),
        standard_error=np.sqrt(seed_sd**2 / num_seeds + image_sd**2),
        low=unknown,
        high=unknown,
        p=unknown,
    )
