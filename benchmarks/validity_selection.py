"""Simulations of the best of several, with planted truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from benchmarks.rates import Rate, Simulation
from xlite.scores.auroc_interval import auroc_interval, macro_auroc_interval
from xlite.scores.selection import BestOfSeveral, correct_best

_TRIALS = 1000
_RESAMPLES = 500
_IMAGES = 300
_PREVALENCES = (0.15, 0.3)
_SIGNAL = 1.2
"""Of a positive, in standard deviations of the negatives: an AUROC of 0.80."""
_ALIKE = 0.7
"""The correlation of what two candidates say of an image."""
_BIAS = 0.003
_RNG_SEED = 2


@dataclass(frozen=True)
class Trials:
    """What was said of the best of several, and what is true of it: (T,) each."""

    said: Sequence[BestOfSeveral]
    truth: NDArray[np.float64]

    def rate(self, case: str) -> list[Rate]:
        """How often the intervals hold the truth, and by how much of AUROC the scores miss it."""
        pairs = list(zip(self.said, self.truth.tolist(), strict=True))
        held = {
            "as measured": [one.measured_low <= true <= one.measured_high for one, true in pairs],
            "corrected": [one.low <= true <= one.high for one, true in pairs],
        }
        missed = {
            "as measured": [one.measured - true for one, true in pairs],
            "corrected": [one.corrected - true for one, true in pairs],
        }
        is_asked = "truly" not in case
        rates = []
        for name in held:
            wanted = is_asked and name == "corrected"
            rates += [
                Rate(
                    case=f"{case}, {name}: interval holds the truth",
                    rate=float(np.mean(held[name])),
                    trials=len(self.said),
                    least=0.935 if wanted else None,
                    most=0.965 if wanted else None,
                ),
                Rate(
                    case=f"{case}, {name}: too good by, AUROC",
                    rate=float(np.mean(missed[name])),
                    trials=len(self.said),
                    least=-_BIAS if wanted else None,
                    most=_BIAS if wanted else None,
                    is_amount=True,
                ),
            ]
        return rates


def best_of_variants() -> list[Rate]:
    """The score of the best of several equal variants, as measured and corrected."""
    rates = []
    for count in (50, 2):
        case = f"{count} equal variants"
        rates += _try(np.full(count, _SIGNAL), _equal_correlation(count)).rate(case)
    return rates


def truly_best_variant() -> list[Rate]:
    """The score of the best of several, one of which is better, as measured and corrected."""
    rates = []
    for lead in (0.2, 0.4):
        signals = np.full(50, _SIGNAL)
        signals[0] += lead
        gain = float(ndtr(signals[0] / np.sqrt(2)) - ndtr(_SIGNAL / np.sqrt(2)))
        case = f"50 variants, one truly better by {gain:.3f}"
        rates += _try(signals, _equal_correlation(50)).rate(case)
    return rates


def best_epoch() -> list[Rate]:
    """The score of the best epoch of a training, as measured and corrected."""
    rates = []
    for count, rise, name in ((20, 3.0, "still rises"), (20, 20.0, "is soon flat")):
        epochs = np.arange(1, count + 1)
        signals = _SIGNAL * (1 - np.exp(-epochs * rise / count))
        # What an epoch says is much as what the ones beside it say.
        alike = 0.6 + 0.35 * 0.8 ** np.abs(epochs[:, None] - epochs) + 0.05 * np.eye(count)
        rates += _try(signals, alike).rate(f"best of {count} epochs, curve {name}")
    return rates


SIMULATIONS: dict[str, Simulation] = {
    "best-of-variants": best_of_variants,
    "truly-best-variant": truly_best_variant,
    "best-epoch": best_epoch,
}
"""What is simulated, by the name that the command line has for it."""


def _try(
    signals: NDArray[np.float64], correlation: NDArray[np.float64], *, trials: int = _TRIALS
) -> Trials:
    """Candidates (n,) of the signals on as many data sets, judged as `compare` judges."""
    rng = np.random.default_rng(_RNG_SEED)
    factor = np.linalg.cholesky(correlation)
    truth = ndtr(signals / np.sqrt(2))
    said, true = [], []
    for _ in range(trials):
        targets = (rng.random((_IMAGES, len(_PREVALENCES))) < _PREVALENCES).astype(np.int8)
        noise = factor @ rng.normal(size=(len(signals), targets.size))
        models = noise.reshape(-1, *targets.shape) + signals[:, None, None] * targets
        copies = rng.multinomial(_IMAGES, np.full(_IMAGES, 1 / _IMAGES), size=_RESAMPLES)
        # The data set itself is the first, each image of it once.
        found = weigh_auroc(targets, models, np.vstack([np.ones(_IMAGES), copies]))
        scores, drawn = found[:, 0].mean(axis=-1), found[:, 1:]
        best = int(scores.argmax())
        of_labels = auroc_interval(targets, models[best])
        limits = macro_auroc_interval(of_labels, drawn[best])
        said.append(correct_best(scores, drawn.mean(axis=-1).T, limits=limits))
        true.append(truth[said[-1].place])
    return Trials(said, np.array(true))


def weigh_auroc(
    targets: NDArray[np.int8], models: NDArray[np.float64], copies: NDArray[np.float64]
) -> NDArray[np.float64]:
    """AUROC of each model in each resample by label, (n, R, C), of models (n, N, C) without ties.

    copies: (R, N), how often a resample has each image. What `resample_scores` gives.
    """
    found = np.empty((len(models), len(copies), targets.shape[1]))
    weights = copies.astype(np.float32)
    for column, shown in enumerate(targets.T == 1):
        positives, negatives = weights[:, shown], weights[:, ~shown]
        pairs = positives.sum(axis=1) * negatives.sum(axis=1)
        for place, model in enumerate(models[..., column]):
            above = (model[shown][:, None] > model[~shown]).astype(np.float32)
            found[place, :, column] = ((positives @ above) * negatives).sum(axis=1) / pairs
    return found


def _equal_correlation(count: int) -> NDArray[np.float64]:
    return _ALIKE + (1 - _ALIKE) * np.eye(count)
