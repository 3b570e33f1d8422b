"""Simulations of the intervals of scores, with planted truth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import norm

from benchmarks.rates import Rate, Simulation
from xlite.scores.auroc_interval import auroc_interval, macro_auroc_interval
from xlite.scores.bootstrap import macro_interval, resample_scores
from xlite.scores.delong import compare_aurocs
from xlite.scores.precision_interval import precision_intervals
from xlite.scores.reliability import brier_score
from xlite.scores.resampling import count_freedom
from xlite.scores.thresholded import count_at_thresholds, f1

_LEVEL = 0.95
_SIZES = {180: 300, 600: 300, 1500: 200, 6000: 100}
"""Images of a sample, and samples of that many."""
_SHIFTS = {"random scores": 0.0, "AUROC 0.76": 1.0, "AUROC 0.90": 1.8}
"""How far normal scores of positives lie above those of negatives."""
_PREVALENCES = (
    *(0.0020, 0.0128, 0.0150, 0.0205, 0.0224, 0.0248, 0.0302),
    *(0.0416, 0.0473, 0.0516, 0.0565, 0.1031, 0.1188, 0.1774),
)
"""Of the 14 labels of NIH ChestX-ray14, rarest first."""
_THRESHOLD = 0.9
_MACRO_LIMITS = {"least": 0.92, "most": 0.98}
_LEAST_PATIENTS = 10
"""Of fewer an interval may be too wide, but not too short."""


def auroc_of_a_label() -> list[Rate]:
    """Intervals of a label's AUROC hold the truth."""
    return [
        cover_auroc(positives, true, num_negatives=1000, trials=2000, seed=positives)
        for positives in (5, 10, 20, 50, 200)
        for true in (0.6, 0.75, 0.85, 0.95)
    ]


def auroc_of_unequal_spread() -> list[Rate]:
    """Intervals of a label's AUROC where positives spread more, or less, than negatives."""
    return [
        cover_auroc(positives, true, num_negatives=1000, trials=1000, seed=positives, spread=spread)
        for spread in (0.7, 1.4)
        for positives in (10, 50, 200)
        for true in (0.75, 0.95)
    ]


def auroc_of_patients() -> list[Rate]:
    """Intervals of a label's AUROC where each patient has one to six alike images."""
    return [
        cover_auroc(
            *(patients, true),
            num_negatives=1000,
            trials=1000,
            seed=patients,
            images_a_patient=(1, 1, 2, 2, 3, 6),
        )
        for patients in (5, 10, 20, 50)
        for true in (0.6, 0.75, 0.85, 0.95)
    ]


def macro_precision_180() -> list[Rate]:
    """Intervals of the macro average precision of 14 labels hold the truth, 180 images."""
    return _cover_precision(180)


def macro_precision_600() -> list[Rate]:
    """Intervals of the macro average precision of 14 labels hold the truth, 600 images."""
    return _cover_precision(600)


def macro_precision_1500() -> list[Rate]:
    """Intervals of the macro average precision of 14 labels hold the truth, 1,500 images."""
    return _cover_precision(1500)


def macro_precision_6000() -> list[Rate]:
    """Intervals of the macro average precision of 14 labels hold the truth, 6,000 images."""
    return _cover_precision(6000)


def other_macros() -> list[Rate]:
    """Intervals of the macro AUROC, F1 at fixed thresholds and Brier score hold the truth."""
    return [
        cover_macro(score, size, skill, trials=_SIZES[size], seed=size, clustered=True)
        for score in ("auroc", "f1", "brier")
        for size in (180, 600, 1500)
        for skill in ("random scores", "AUROC 0.90")
    ]


def paired_delong() -> list[Rate]:
    """Equal models are told apart by the paired test of a label's AUROC at 0.05."""
    return [
        _reject_equal(positives, true, trials=3000, seed=positives)
        for positives in (3, 5, 8, 12, 20, 50)
        for true in (0.6, 0.8, 0.95)
    ]


def cover_auroc(
    num_patients: int,
    true: float,
    *,
    num_negatives: int,
    trials: int,
    seed: int,
    spread: float = 1.0,
    images_a_patient: Sequence[int] = (1,),
) -> Rate:
    """How often the interval holds the AUROC of normal scores, positives `spread` times as wide.

    `num_patients` have the label; half of the variance of a score is its patient's where patients
    have several images, whose numbers repeat in the order given.
    """
    rng = np.random.default_rng(seed)
    targets, groups = _lay_out(num_patients, num_negatives, images_a_patient)
    shift = norm.ppf(true) * np.sqrt(1 + spread**2)
    num_held = 0
    for size in _in_parts(trials, len(targets)):
        scores = _draw_noise(rng, groups, size, shared=0.5 if len(images_a_patient) > 1 else 0.0)
        is_positive = targets == 1
        scores[is_positive] = shift + spread * scores[is_positive]
        found = auroc_interval(
            np.repeat(targets[:, None], size, axis=1), scores, patients=groups, level=_LEVEL
        )
        num_held += int(((found.low <= true) & (true <= found.high)).sum())
    unit = "positives" if len(images_a_patient) == 1 else "patients"
    wider = f", spread × {spread:g}" if spread != 1 else ""
    return Rate(
        case=f"{num_patients} {unit}, AUROC {true:g}{wider}",
        rate=num_held / trials,
        trials=trials,
        least=0.925,
        most=0.975 if num_patients >= _LEAST_PATIENTS else None,
    )


def _cover_precision(num_images: int) -> list[Rate]:
    return [
        cover_macro(
            *("average_precision", num_images, skill),
            trials=_SIZES[num_images],
            seed=num_images,
            clustered=clustered,
            num_resamples=200,
        )
        for skill in _SHIFTS
        for clustered in (False, True)
    ]


def cover_macro(
    score: str,
    num_images: int,
    skill: str,
    *,
    trials: int,
    seed: int,
    clustered: bool,
    num_resamples: int = 300,
) -> Rate:
    """How often the interval of a macro mean over 14 labels holds the mean of their true scores.

    Normal scores, labels as common as NIH's. Clustered: one to some ten images a patient, who
    share half of the variance of labels and scores.
    """
    rng = np.random.default_rng(seed)
    truths = _true_scores(score, _SHIFTS[skill])
    num_held = 0
    for _ in range(trials):
        targets, probs, groups = _draw_labels(rng, num_images, _SHIFTS[skill], clustered=clustered)
        has_both = (targets == 1).any(axis=0) & (targets == 0).any(axis=0)
        truth = truths[has_both if score != "brier" else slice(None)].mean()
        low, high = _macro_limits(score, targets, probs, groups, rng, num_resamples)
        num_held += int(low <= truth <= high)
    grouped = ", several images a patient" if clustered else ""
    name = "" if score == "average_precision" else f"{score}, "
    return Rate(
        case=f"{name}{num_images:,} images, {skill}{grouped}",
        rate=num_held / trials,
        trials=trials,
        **_MACRO_LIMITS,
    )


def _macro_limits(
    score: str,
    targets: np.ndarray,
    probs: np.ndarray,
    groups: np.ndarray,
    rng: np.random.Generator,
    num_resamples: int,
) -> tuple[float, float]:
    if score == "average_precision":
        found = precision_intervals(
            targets, probs, groups, rng=rng, num_resamples=num_resamples, level=_LEVEL
        )
        return found.macro_low, found.macro_high
    thresholds = np.full(targets.shape[1], _THRESHOLD)
    drawn = resample_scores(
        targets,
        [probs],
        groups,
        rng=rng,
        num_resamples=num_resamples,
        scores=(score,),  # type: ignore[arg-type]
        thresholds=[thresholds],
    )[score][0]
    if score == "auroc":
        interval = auroc_interval(targets, probs, patients=groups, level=_LEVEL)
        return macro_auroc_interval(interval, drawn, level=_LEVEL)
    values = {
        "f1": lambda: f1(count_at_thresholds(targets, probs, thresholds)),
        "brier": lambda: brier_score(targets, probs),
    }[score]()
    rests_on = targets >= 0 if score == "brier" else targets == 1
    return macro_interval(values, drawn, count_freedom(rests_on, groups), level=_LEVEL)


def _draw_labels(
    rng: np.random.Generator, num_images: int, shift: float, *, clustered: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(N, C) targets and probs in (0, 1), and (N,) patients."""
    sizes = rng.geometric(1 / 3, num_images) if clustered else np.ones(num_images, dtype=int)
    groups = np.repeat(np.arange(num_images), sizes)[:num_images]
    size, shared = len(_PREVALENCES), 0.5 if clustered else 0.0
    targets = norm.cdf(_draw_noise(rng, groups, size, shared=shared)) < _PREVALENCES
    scores = _draw_noise(rng, groups, size, shared=shared) + shift * targets
    return targets.astype(np.int8), norm.cdf(scores), groups


def _true_scores(score: str, shift: float) -> np.ndarray:
    """(C,) scores of endlessly many images."""
    # Sensitivity from 0 to 1, each as common among positives, and 1 - specificity at it.
    sensitivity = (np.arange(200_000) + 0.5) / 200_000
    false_alarms = norm.sf(shift - norm.ppf(sensitivity))
    prevalence = np.array(_PREVALENCES)
    if score == "auroc":
        return np.full(len(prevalence), norm.cdf(shift / np.sqrt(2)))
    if score == "average_precision":
        found = [p * sensitivity for p in prevalence]
        rest = [(1 - p) * false_alarms for p in prevalence]
        return np.array([(f / (f + r)).mean() for f, r in zip(found, rest, strict=True)])
    if score == "f1":
        at = norm.ppf(_THRESHOLD)
        found, called = prevalence * norm.sf(at - shift), (1 - prevalence) * norm.sf(at)
        return np.asarray(2 * found / (found + called + prevalence))
    levels = norm.ppf(sensitivity)
    present = np.square(1 - norm.cdf(levels + shift)).mean()
    absent = np.square(norm.cdf(levels)).mean()
    return np.asarray(prevalence * present + (1 - prevalence) * absent)


def _reject_equal(num_positives: int, true: float, *, trials: int, seed: int) -> Rate:
    rng = np.random.default_rng(seed)
    targets, groups = _lay_out(num_positives, 500, (1,))
    num_rejected = 0
    for size in _in_parts(trials, len(targets)):
        shared = _draw_noise(rng, groups, size) * np.sqrt(0.4)
        shared += (norm.ppf(true) * np.sqrt(2) * targets)[:, None]
        models = [shared + np.sqrt(0.6) * _draw_noise(rng, groups, size) for _ in range(2)]
        repeated = np.repeat(targets[:, None], size, axis=1)
        num_rejected += int((compare_aurocs(repeated, *models).p < 1 - _LEVEL).sum())
    return Rate(
        case=f"{num_positives} positives, AUROC {true:g}",
        rate=num_rejected / trials,
        trials=trials,
        most=0.06,
    )


def _lay_out(
    num_patients: int, num_negatives: int, images_a_patient: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """(N,) targets and patients: those with the label first."""
    sizes = np.resize(images_a_patient, num_patients)
    num_positives = int(sizes.sum())
    rest = np.resize(images_a_patient, num_negatives)
    groups = np.repeat(np.arange(num_patients + num_negatives), np.append(sizes, rest))
    targets = np.zeros(num_positives + num_negatives, dtype=np.int8)
    targets[:num_positives] = 1
    return targets, groups[: len(targets)]


def _draw_noise(
    rng: np.random.Generator, groups: np.ndarray, size: int, *, shared: float = 0.0
) -> np.ndarray:
    """(N, size) standard normal noise, `shared` of its variance the patient's."""
    own = rng.normal(size=(len(groups), size))
    if not shared:
        return own
    of_patient = rng.normal(size=(int(groups.max()) + 1, size))[groups]
    return np.sqrt(1 - shared) * own + np.sqrt(shared) * of_patient


def _in_parts(trials: int, num_rows: int) -> list[int]:
    """The trials in parts whose scores take up to 16 MB."""
    most = max(1, 2_000_000 // num_rows)
    return [min(most, trials - start) for start in range(0, trials, most)]


SIMULATIONS: dict[str, Simulation] = {
    "auroc": auroc_of_a_label,
    "auroc-spread": auroc_of_unequal_spread,
    "auroc-patients": auroc_of_patients,
    "delong": paired_delong,
    "macro-ap-180": macro_precision_180,
    "macro-ap-600": macro_precision_600,
    "macro-ap-1500": macro_precision_1500,
    "macro-ap-6000": macro_precision_6000,
    "macro-others": other_macros,
}
"""The simulations of this module by name."""
