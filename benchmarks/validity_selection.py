"""Simulations of the best of several, with planted truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from benchmarks.rates import Rate, Simulation
from xlite.scores.bootstrap import average_classes, resample_scores
from xlite.scores.ranking import auroc
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
    """The score of the best of several variants, as measured and corrected."""
    rates = []
    for count in (50, 2):
        case = f"{count} equal variants"
        rates += _try(np.full(count, _SIGNAL), _equal_correlation(count)).rate(case)
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
    "best-epoch": best_epoch,
}
"""What is simulated, by the name that the command line has for it."""


def _try(
    signals: NDArray[np.float64], correlation: NDArray[np.float64], *, trials: int = _TRIALS
) -> Trials:
    """Candidates (n,) of the signals on as many data sets, judged as `compare` judges."""
    rng = np.random.default_rng(0)
    factor = np.linalg.cholesky(correlation)
    truth = ndtr(signals / np.sqrt(2))
    said, true = [], []
    for _ in range(trials):
        targets = (rng.random((_IMAGES, len(_PREVALENCES))) < _PREVALENCES).astype(np.int8)
        noise = np.einsum("mk,kic->mic", factor, rng.normal(size=(len(signals), *targets.shape)))
        models = list(noise + signals[:, None, None] * targets)
        scores = np.array([auroc(targets, model).mean() for model in models])
        drawn = resample_scores(
            targets, models, np.arange(_IMAGES), rng=rng, num_resamples=_RESAMPLES
        )
        said.append(correct_best(scores, average_classes(drawn["auroc"]).T))
        true.append(truth[said[-1].place])
    return Trials(said, np.array(true))


def _equal_correlation(count: int) -> NDArray[np.float64]:
    return _ALIKE + (1 - _ALIKE) * np.eye(count)
