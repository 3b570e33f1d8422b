"""Ways to more power at the same error, each beside the way that verdicts are judged.

Scores are drawn, not images. S seeds, C labels, T trials; all arrays end with the trials.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from benchmarks.rates import Rate, Simulation
from xlite.scores.multiplicity import adjust_holm
from xlite.scores.seed_variance import combine_seeds

_LEVEL = 0.05
_TRIALS, _RESAMPLES, _SEEDS = 4000, 60, 3
_POSITIVES = np.geomspace(20, 2000, 14)


def folds_of_seeds() -> list[Rate]:
    """A macro change is found at 0.05: all seeds on one validation part, or each on its own."""
    rates = []
    for name, image in (("images move it thrice as far as seeds", 3.0), ("as far", 1.0)):
        for change, truth in ((0.0, "no change"), (2.8 * np.sqrt((1 + image**2) / 3), "change")):
            for own, words in ((False, "one part"), (True, "each seed its own part")):
                rng = np.random.default_rng(0)
                of_image = image * rng.normal(size=(_SEEDS if own else 1, _TRIALS))
                seen = change + rng.normal(size=(_SEEDS, _TRIALS)) + of_image
                # Resamples of a part move all that is judged on it, and nothing else.
                runs = _SEEDS if own else 1
                moved = image * rng.normal(size=(runs, _RESAMPLES, _TRIALS))
                drawn = seen[:, np.newaxis] + np.broadcast_to(moved, (_SEEDS, _RESAMPLES, _TRIALS))
                p = combine_seeds(seen, drawn).p
                rates.append(_count(f"{name}, {truth}: {words}", p < _LEVEL, change == 0))
    return rates


def weighted_by_positives() -> list[Rate]:
    """A change of all labels is found at 0.05: by the macro mean, or weighted by √positives."""
    rates = []
    weights = {"macro mean": np.ones(14), "weighted by √positives": np.sqrt(_POSITIVES)}
    for seeds_move, of_seed in (("seeds hardly move it", 0.001), ("seeds move it", 0.004)):
        for change in (0.0, 0.012):
            truth = "each label better by 0.012" if change else "no change"
            for name, weight in weights.items():
                seen, drawn = _draw_labels(np.full(14, change), of_seed)
                share = weight / weight.sum()
                p = combine_seeds(
                    np.einsum("c,sct->st", share, seen), np.einsum("c,srct->srt", share, drawn)
                ).p
                rates.append(_count(f"{seeds_move}, {truth}: {name}", p < _LEVEL, change == 0))
    return rates


def shrunken_labels() -> list[Rate]:
    """A label of 20 positives that has lost is found: by itself, or shrunk towards the others."""
    rates = []
    for loss, gain in ((0.0, 0.0), (0.2, 0.0), (0.2, 0.04), (0.0, 0.04)):
        truth = np.full(14, gain)
        truth[0] = -loss
        seen, drawn = _draw_labels(truth, 0.004)
        found = combine_seeds(seen, drawn)
        alone = np.array([adjust_holm(p) for p in found.p.T]).T < _LEVEL
        case = f"loses {loss:g}, others gain {gain:g}"
        alone &= found.difference < 0
        shrunk = _shrink(found.difference, found.standard_error)
        rates.append(_count(f"{case}: by itself, Holm", alone[0], False, most=None))
        is_null = loss == 0
        rates.append(_count(f"{case}: shrunk", shrunk[0], is_null))
    return rates


SIMULATIONS: Mapping[str, Simulation] = {
    "parts-of-seeds": folds_of_seeds,
    "weighted": weighted_by_positives,
    "shrunken": shrunken_labels,
}
"""By the name that `python -m benchmarks.validity` knows them by."""


def _draw_labels(
    truth: NDArray[np.float64], of_seed: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Differences (S, C, T), and in each resample (S, R, C, T), images erring as 0.3 / √n."""
    rng = np.random.default_rng(0)
    of_image = (0.3 / np.sqrt(_POSITIVES))[:, np.newaxis]
    shape = (len(truth), 1000)
    seen = truth[:, np.newaxis] + of_image * rng.normal(size=shape)
    seen = seen + of_seed * rng.normal(size=(_SEEDS, 1, 1000))
    seen = seen + 2 * of_seed * rng.normal(size=(_SEEDS, *shape))
    moved = of_image * rng.normal(size=(_RESAMPLES, *shape))
    return seen, seen[:, np.newaxis] + moved


def _shrink(change: NDArray[np.float64], error: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether each label's normal posterior lies below 0, with labels spread around a common mean.

    The mean is weighted by precision, the spread between labels that of DerSimonian and Laird 1986.
    """
    weight = 1 / error**2
    mean = (weight * change).sum(axis=0) / weight.sum(axis=0)
    excess = (weight * (change - mean) ** 2).sum(axis=0) - (len(change) - 1)
    scale = weight.sum(axis=0) - (weight**2).sum(axis=0) / weight.sum(axis=0)
    between = np.maximum(excess / scale, 1e-12)
    kept = between / (between + error**2)
    center = mean + kept * (change - mean)
    # Corrected for 14 labels, as those judged by themselves are.
    return np.asarray(center + 2.91 * np.sqrt(kept) * error < 0)


def _count(
    case: str, happened: NDArray[np.bool_], is_null: bool, *, most: float | None = 0.06
) -> Rate:
    return Rate(
        case=case,
        rate=float(happened.mean()),
        trials=happened.size,
        most=most if is_null else None,
    )
