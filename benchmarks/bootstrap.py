"""1,000 resamples of macro AUROC of a validation set, clustered by patient."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from benchmarks.measure import Row, compare_rates, compare_with_limit, time_in_turns
from benchmarks.scores import draw_predictions
from xlite.errors import CheckFailedError
from xlite.scores.bootstrap import average_classes, resample_scores
from xlite.synthetic.label_draws import draw_series_lengths

_RESAMPLES = {"xlite": 1_000, "presorted": 100, "scikit-learn": 5}
"""How many are timed; the peers' rates do not depend on it."""
_LIMIT_SECONDS = 3.0
_EXACT = 1e-12
_TITLE = "bootstrap of macro AUROC by patient, 22,433 x 14"

Targets = NDArray[np.int8]
Probs = NDArray[np.float64]
Draws = Sequence[NDArray[np.int64]]
"""For each resample, (N,) how often each image is in it."""


def run() -> list[Row]:
    """The rows of 1,000 resamples. Raises CheckFailedError unless both peers agree."""
    targets, probs = draw_predictions()
    patients = np.repeat(*_patients(len(targets)))
    peers: dict[str, Callable[[Targets, Probs, Draws], list[float]]] = {
        "presorted": _score_presorted,
        "scikit-learn": _score_with_sklearn,
    }
    draws = {name: _draw_patients(patients, _RESAMPLES[name]) for name in peers}
    few = draws["scikit-learn"][:1]
    found = [score(targets, probs, few)[0] for score in peers.values()]
    if not abs(found[0] - found[1]) <= _EXACT:
        raise CheckFailedError(f"scikit-learn and presorted counts differ: {found}.")

    def resample() -> int:
        rng = np.random.default_rng(0)
        resampled = resample_scores(
            targets, [probs], patients, rng=rng, num_resamples=_RESAMPLES["xlite"]
        )
        return average_classes(resampled["auroc"]).size

    contenders: dict[str, Callable[[], int]] = {"xlite": resample}
    for name, score in peers.items():
        contenders[name] = lambda name=name, score=score: len(score(targets, probs, draws[name]))  # type: ignore[misc]
    seconds = time_in_turns(contenders)
    for_all = [_RESAMPLES["xlite"] * one for one in seconds["xlite"]]
    return [
        compare_with_limit(
            f"{_TITLE}, 1,000 resamples: seconds allowed", for_all, limit=_LIMIT_SECONDS, unit="s"
        ),
        *(
            compare_rates(
                f"{_TITLE}: {words}",
                seconds,
                ours="xlite",
                peer=name,
                target=None,
                unit="resamples/s",
            )
            for name, words in (
                ("presorted", f"presorted counts in numpy (rate of {_RESAMPLES['presorted']})"),
                ("scikit-learn", f"scikit-learn loop (rate of {_RESAMPLES['scikit-learn']})"),
            )
        ),
    ]


def _patients(num_images: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    lengths = draw_series_lengths(num_images, rng=np.random.default_rng(1))
    return np.arange(len(lengths)), lengths


def _draw_patients(patients: NDArray[np.int64], num_resamples: int) -> Draws:
    rng = np.random.default_rng(2)
    num_patients = int(patients.max()) + 1
    return [
        np.bincount(rng.integers(num_patients, size=num_patients), minlength=num_patients)[patients]
        for _ in range(num_resamples)
    ]


def _score_with_sklearn(targets: Targets, probs: Probs, draws: Draws) -> list[float]:
    scores = []
    for counts in draws:
        rows = np.repeat(np.arange(len(targets)), counts)
        pairs = zip(targets[rows].T, probs[rows].T, strict=True)
        scores.append(float(np.mean([roc_auc_score(truth, score) for truth, score in pairs])))
    return scores


def _score_presorted(targets: Targets, probs: Probs, draws: Draws) -> list[float]:
    # One sort a class for all resamples; a resample is two cumulative sums over its counts.
    ranked = []
    for column in range(targets.shape[1]):
        order = np.argsort(probs[:, column], kind="stable")
        starts = np.flatnonzero(np.diff(probs[order, column], prepend=-np.inf))
        ranked.append((order, starts, targets[order, column].astype(np.int64)))
    scores = []
    for counts in draws:
        areas = []
        for order, starts, truth in ranked:
            drawn = counts[order]
            positives = np.add.reduceat(drawn * truth, starts)
            negatives = np.add.reduceat(drawn * (1 - truth), starts)
            below = np.cumsum(negatives) - negatives / 2
            areas.append(positives @ below / (positives.sum() * negatives.sum()))
        scores.append(float(np.mean(areas)))
    return scores
