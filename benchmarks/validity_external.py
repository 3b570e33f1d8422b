"""Simulations of a run at another site, with planted truth: parts of a drop, and calibration."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from scipy.special import expit, logit

from benchmarks.drawn_sites import draw_site
from benchmarks.rates import Rate, Simulation
from xlite.scores.calibration_interval import limit_calibration
from xlite.scores.drop import take_drop_apart
from xlite.scores.label_shift import estimate_prevalence, move_prevalence

_TRIALS, _IMAGES, _LABELS, _RESAMPLES = 200, 2000, 3, 200
_LARGE = 300_000


@dataclass(frozen=True)
class _Case:
    """What the other site differs in, which parts that plants, and of which scores they are."""

    name: str
    differs: dict[str, Any]
    planted: tuple[str, ...]
    scores: tuple[str, ...] = ("auroc", "average_precision")
    images: int = _IMAGES

    @property
    def counted(self) -> list[tuple[str, str]]:
        """Scores and their parts, without that of AUROC that is 0 by its making."""
        pairs = [(score, part) for score in self.scores for part in _PARTS]
        return [pair for pair in pairs if pair != ("auroc", "prevalence")]


_PARTS = ("prevalence", "view_mix", "rest")
_WORDS = {
    "auroc": "AUROC",
    "average_precision": "AP",
    "f1": "F1",
    "brier": "Brier",
    "prevalence": "by prevalence",
    "view_mix": "by view mix",
    "rest": "the rest",
}
_CASES = (
    _Case("alike", {}, ()),
    _Case("prevalence 20 % to 6 %", {"prevalence": 0.06}, ("prevalence",)),
    _Case("AP films 40 % to 90 %", {"share_of_ap": 0.9}, ("view_mix",)),
    _Case("a loss of 0.09 of AUROC", {"loss": 0.5}, ("rest",)),
    _Case(
        "all three",
        {"prevalence": 0.06, "share_of_ap": 0.9, "loss": 0.5},
        _PARTS,
        scores=("auroc", "average_precision", "f1", "brier"),
    ),
    _Case(
        "all three, 30 positives here",
        {"prevalence": 0.03, "share_of_ap": 0.7, "loss": 0.5},
        _PARTS,
        images=1000,
    ),
)


def parts_of_a_drop() -> list[Rate]:
    """Intervals of the parts of a drop from one site to another hold the planted truth."""
    return [rate for case in _CASES for rate in _count_case(case)]


def prevalence_is_all_of_it() -> list[Rate]:
    """Where two sites differ in prevalence alone, the drop of AP is called prevalence."""
    drop, prevalence, views, rest = (
        _draw_limits(1)["average_precision", part] for part in ("drop", *_PARTS)
    )
    is_blamed = [(one[:, 1] > 0) | (one[:, 2] < 0) for one in (views, rest)]
    return [
        Rate(
            case="share of the drop of AP, mean",
            rate=float((prevalence[:, 0] / drop[:, 0]).mean()),
            trials=_TRIALS,
            least=0.97,
            most=1.03,
            is_amount=True,
        ),
        Rate(
            case="views or the rest are called a part of it (two intervals of 95 %)",
            rate=float((is_blamed[0] | is_blamed[1]).mean()),
            trials=_TRIALS,
            most=0.12,
        ),
    ]


def calibration_elsewhere() -> list[Rate]:
    """Intervals of calibration and of the prevalence that probs tell hold the planted truth."""
    hits: dict[str, int] = {}
    errors: dict[str, list[float]] = {"as they are": [], "corrected": []}
    for trial in range(_TRIALS):
        rng = np.random.default_rng([trial, 15])
        targets, probs, patients = _draw_shifted(rng, 2000)
        before = np.array([0.2])
        limits = limit_calibration(targets, probs, patients, rng=rng, num_resamples=_RESAMPLES)
        told = estimate_prevalence(targets, probs, before, patients)
        moved = move_prevalence(probs, before, told.value)
        corrected = limit_calibration(targets, moved, patients, rng=rng, num_resamples=2)
        truths = {
            "the slope, truly 1": (limits.slope, 1.0),
            "the intercept": (limits.intercept, _shift(0.05, 0.2)),
            "calibration in the large": (limits.in_the_large, _shift(0.05, 0.2)),
            "ECE": (limits.ece, _true_error()),
            "the prevalence that probs tell": (told, 0.05),
        }
        for name, (one, truth) in truths.items():
            hits[name] = hits.get(name, 0) + bool(one.low[0] <= truth <= one.high[0])
        errors["as they are"].append(float(limits.ece.value[0]))
        errors["corrected"].append(float(corrected.ece.value[0]))
    rates = [
        Rate(case=f"{name} is in its interval", rate=count / _TRIALS, trials=_TRIALS, least=0.9)
        for name, count in hits.items()
    ]
    return rates + [
        Rate(
            case=f"mean ECE of probs {name}",
            rate=float(np.mean(values)),
            trials=_TRIALS,
            is_amount=True,
        )
        for name, values in errors.items()
    ]


def _count_case(case: _Case) -> list[Rate]:
    number = _CASES.index(case)
    truth, limits = _find_truth(number), _draw_limits(number)
    rates = []
    for score, part in case.counted:
        planted, (_, low, high) = truth[score, part], limits[score, part].T
        rates.append(
            Rate(
                case=f"{case.name}: {_WORDS[score]}, {_WORDS[part]} ({planted:+.3f})",
                rate=float(((low <= planted) & (planted <= high)).mean()),
                trials=_TRIALS,
                least=0.9,
            )
        )
    return rates


@cache
def _draw_limits(number: int) -> dict[tuple[str, str], np.ndarray]:
    """(T, 3) each score's drop and its parts, with their limits, in T trials."""
    case, found = _CASES[number], {}
    for trial in range(_TRIALS):
        own, here = (
            draw_site(np.random.default_rng([trial, stream]), images, labels=_LABELS, **differs)
            for stream, images, differs in ((1, _IMAGES, {}), (2, case.images, case.differs))
        )
        drop = take_drop_apart(own, here, views=2, seed=trial, num_resamples=_RESAMPLES)
        for score in case.scores:
            for part in ("drop", *_PARTS):
                limits = drop.limit(part, score, range(_LABELS), level=0.95)
                found.setdefault((score, part), []).append(limits)
    return {key: np.array(rows) for key, rows in found.items()}


@cache
def _find_truth(number: int) -> dict[tuple[str, str], float]:
    """The parts as they are on very many films; 0 where none was planted."""
    case = _CASES[number]
    own = draw_site(np.random.default_rng([0, 3]), _LARGE, labels=1)
    here = draw_site(np.random.default_rng([0, 4]), _LARGE, labels=1, **case.differs)
    drop = take_drop_apart(own, here, views=2, num_resamples=2)
    return {
        (score, part): drop.limit(part, score, [0], level=0.95)[0] if part in case.planted else 0.0
        for score, part in case.counted
    }


def _shift(prevalence: float, before: float) -> float:
    return float(logit(prevalence) - logit(before))


def _draw_shifted(
    rng: np.random.Generator, images: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probs that are right at a prevalence of 20 %, where it is 5 %; two films a patient."""
    patients = np.arange(images) // 2
    targets = (rng.random(images // 2) < 0.05).repeat(2)
    values = rng.normal(size=images // 2).repeat(2) * np.sqrt(0.5)
    values = values + rng.normal(size=images) * np.sqrt(0.5) + 1.5 * targets
    probs = expit(1.5 * values - 1.5**2 / 2 + logit(0.2))
    return targets[:, np.newaxis].astype(np.int8), probs[:, np.newaxis], patients


@cache
def _true_error() -> float:
    """The ECE of probs that are right at 20 %, where it is 5 %, in 15 bins."""
    targets, probs, _ = _draw_shifted(np.random.default_rng(0), 1_000_000)
    said = np.sort(probs[:, 0]).reshape(-1)
    order = np.argsort(probs[:, 0])
    bins = np.array_split(np.arange(said.size), 15)
    truth = targets[order, 0]
    gaps = [abs(truth[one].mean() - said[one].mean()) * len(one) / said.size for one in bins]
    return float(sum(gaps))


SIMULATIONS: dict[str, Simulation] = {
    "drop": parts_of_a_drop,
    "drop-prevalence": prevalence_is_all_of_it,
    "calibration-elsewhere": calibration_elsewhere,
}
