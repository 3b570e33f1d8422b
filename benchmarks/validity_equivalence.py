"""Simulations of EQUIVALENT, NON-INFERIOR and of the chances beside them, with planted truth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from types import SimpleNamespace
from unittest import mock

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from benchmarks.fold_learners import draw_trial
from benchmarks.rates import Rate, Simulation
from benchmarks.validity_folds import judge_trials
from xlite.judging import paired_differences
from xlite.judging.evaluation import Resampling
from xlite.judging.labelled_predictions import LabelledPredictions
from xlite.judging.methods import Method
from xlite.judging.paired_differences import judge_methods
from xlite.judging.variant_verdict import judge_variant
from xlite.results.ablation import VariantVerdict

MARGIN = 0.01
SIZES = {"small": (1_000, 3), "large": (12_000, 5)}
"""Images, and seeds, of two validation sets."""
_STANDARD_ERRORS = {"small": 0.02, "large": 0.006}
"""Of the macro change, about."""
_EDGES = (0.0, 0.05, 0.2, 0.35, 0.65, 0.8, 0.95, 1.0)
_FEWEST = 30
"""Trials of a bin."""
_QUICK = Resampling(num_resamples=100)
_LABELS = ("A", "B")
_BASE = 0.80
_SEED_SPREAD = 0.03
_OF_RUN = float(np.sqrt(1 - 0.9**2 - 0.3**2))


def errors_of_equivalence() -> list[Rate]:
    """A verdict is given on a variant whose macro AUROC truly changes by so much."""
    rates = []
    for size, trials in (("small", 1000), ("large", 400)):
        images, seeds = SIZES[size]
        for change, words in ((-MARGIN, "exactly -0.01"), (0.0, "0")):
            decisions = [one.decision for one in draw_verdicts([change] * trials, images, seeds)]
            case = f"{images:,} images, {seeds} seeds, a true change of {words}"
            rates += _count_decisions(case, decisions, is_none=change == 0)
    return rates


def calibration_of_chances() -> list[Rate]:
    """It was true as often as the chance beside the verdict said."""
    rates = []
    for size, trials in (("small", 3000), ("large", 600)):
        images, seeds = SIZES[size]
        rng = np.random.default_rng(7)
        error = _STANDARD_ERRORS[size]
        reach = MARGIN + 4 * error
        case = f"{images:,} images, {seeds} seeds"
        changes = rng.uniform(-reach, reach, trials)
        rates += _calibrate_all(changes, size, f"{case}, changes of any size", is_wanted=True)
        changes = rng.normal(0, error, trials // 2)
        rates += _calibrate_all(changes, size, f"{case}, changes no larger than chance's")
    return rates


def equivalence_over_folds() -> list[Rate]:
    """A verdict is given over folds on a learner that is truly as much worse as the margin."""
    rng = np.random.default_rng(3)
    gain = -0.1
    margin = -find_gain(gain)
    decisions = [
        judge_trials(
            draw_trial(rng, num_images=300, gain=gain, seeds=2, seed_spread=0.1), margin
        ).decision
        for _ in range(400)
    ]
    case = f"5 folds, 300 images, 2 seeds, a true change of exactly -{margin:.3f}"
    return _count_decisions(case, decisions, is_none=False)


SIMULATIONS: dict[str, Simulation] = {
    "equivalence": errors_of_equivalence,
    "chances": calibration_of_chances,
    "equivalence-over-folds": equivalence_over_folds,
}
"""By the name that `python -m benchmarks.validity` knows them by."""


def draw_verdicts(
    changes: Iterable[float], num_images: int, seeds: int, *, seed: int = 0
) -> list[VariantVerdict]:
    """The verdict on a variant for each true change of the AUROC of both of two labels.

    Labels that 10 % of images have; images are patients. Scores are normal, so that the truth is
    that of endlessly many images and seeds: a seed moves all images with the finding alike, by
    0.03 standard deviations, about as far as 0.006 of AUROC.
    """
    rng = np.random.default_rng(seed)
    return [_draw_verdict(rng, change, num_images, seeds) for change in changes]


def _draw_verdict(
    rng: np.random.Generator, change: float, num_images: int, seeds: int
) -> VariantVerdict:
    targets = np.zeros((num_images, len(_LABELS)), dtype=np.int8)
    for column in range(len(_LABELS)):
        targets[rng.permutation(num_images)[: num_images // 10], column] = 1
    of_image = 0.9 * rng.normal(size=targets.shape)
    methods = []
    for name, auroc in (("base", _BASE), ("variant", _BASE + change)):
        of_method = 0.3 * rng.normal(size=targets.shape)
        cases = {}
        for seed in range(seeds):
            moved = _SEED_SPREAD * rng.normal(size=len(_LABELS))
            noise = of_image + of_method + _OF_RUN * rng.normal(size=targets.shape)
            # The moved seeds have the AUROC that is planted in the mean over seeds.
            shift = np.sqrt(2 + _SEED_SPREAD**2) * norm.ppf(auroc) + moved
            cases[seed] = _make_cases(targets, shift * targets + noise)
        methods.append(Method(name=name, predictions=cases))
    # Calls take four fifths of the time, and no part in a verdict on AUROC.
    with mock.patch.object(paired_differences, "crossfit_calls", _call_at_half):
        judged = judge_methods(methods, resampling=_QUICK)
    found = judged.difference("base", "variant", "auroc")
    return judge_variant(judged, "base", "variant", found, margin=MARGIN)


def _calibrate_all(
    changes: NDArray[np.float64], size: str, case: str, *, is_wanted: bool = False
) -> list[Rate]:
    found = draw_verdicts(changes, *SIZES[size], seed=7)
    happened = {
        "worse": changes < -MARGIN,
        "equivalent": np.abs(changes) <= MARGIN,
        "better": changes > MARGIN,
    }
    rates = []
    for name, is_true in happened.items():
        said = np.array([getattr(one, f"p_{name}") for one in found])
        rates += calibrate(said, is_true, f"{case}: P({name})", is_wanted=is_wanted)
    return rates


def calibrate(
    said: NDArray[np.float64], is_true: NDArray[np.bool_], case: str, *, is_wanted: bool
) -> list[Rate]:
    """How often it was true, by the chance that was said; wanted: the mean chance, nearly.

    Within two standard errors of the count in the bin, and 0.02 besides.
    """
    rates = []
    for low, high in pairwise(_EDGES):
        inside = (said >= low) & ((said < high) | (high == 1.0))
        if inside.sum() < _FEWEST:
            continue
        mean = float(said[inside].mean())
        slack = 2 * float(np.sqrt(mean * (1 - mean) / inside.sum())) + 0.02
        rates.append(
            Rate(
                case=f"{case} {100 * mean:.1f} %",
                rate=float(is_true[inside].mean()),
                trials=int(inside.sum()),
                least=max(0.0, round(mean - slack, 3)) if is_wanted else None,
                most=min(1.0, round(mean + slack, 3)) if is_wanted else None,
            )
        )
    return rates


def find_gain(gain: float, *, data_sets: int = 3000) -> float:
    """The true change of AUROC of a learner of this gain in `draw_trial`, over data sets."""
    rng = np.random.default_rng(11)
    changes = []
    for _ in range(data_sets):
        (trial,) = draw_trial(rng, num_images=300, gain=gain, seed_spread=0.1)
        changes.append(trial.differences.mean())
    return float(np.mean(changes))


def _count_decisions(case: str, decisions: Sequence[str], *, is_none: bool) -> list[Rate]:
    """is_none: whether the truth is no change, of which EQUIVALENT and NON-INFERIOR are right."""
    most = None if is_none else 0.05
    wanted = {
        "EQUIVALENT": (("EQUIVALENT",), most),
        "NON-INFERIOR": (("NON-INFERIOR",), most),
        "ADOPT": (("ADOPT",), 0.05),
        **({"ADOPT or REJECT": (("ADOPT", "REJECT"), 0.06)} if is_none else {}),
    }
    return [
        Rate(
            case=f"{case}: {name}",
            rate=float(np.mean([one in names for one in decisions])),
            trials=len(decisions),
            most=limit,
        )
        for name, (names, limit) in wanted.items()
    ]


def _call_at_half(labelled: LabelledPredictions, **_options: str) -> SimpleNamespace:
    return SimpleNamespace(targets=labelled.targets, is_called=labelled.probs >= 0.5)


def _make_cases(targets: NDArray[np.int8], logits: NDArray[np.float64]) -> LabelledPredictions:
    ids = np.arange(len(targets))
    return LabelledPredictions(
        name="",
        image_ids=ids,
        patient_ids=ids,
        targets=targets,
        probs=1 / (1 + np.exp(-logits)),
        vocabulary=_LABELS,
        columns={},
    )
