"""AUROC and average precision of a validation set against scikit-learn, torchmetrics and a sort."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from benchmarks.measure import Row, compare_rates, compare_times, time_in_turns
from xlite.errors import CheckFailedError
from xlite.labels import NIH_LABELS
from xlite.scores.ranking import ranking_scores

_NUM_IMAGES = 22_433
_EXACT = 1e-12
_TITLE = "AUROC and AP, 22,433 x 14"

Scores = tuple[NDArray[np.float64], NDArray[np.float64]]


def run() -> list[Row]:
    """The rows of one validation set. Raises CheckFailedError unless ours is exact to 1e-12."""
    targets, probs = draw_predictions()
    contenders: dict[str, Callable[[], Scores]] = {
        "xlite": lambda: ranking_scores(targets, probs),
        "scikit-learn": lambda: _score_with_sklearn(targets, probs),
        "one argsort a class": lambda: _score_with_argsort(targets, probs),
    }
    if importlib.util.find_spec("torchmetrics") is not None:
        contenders["torchmetrics"] = _prepare_torchmetrics(targets, probs)
    _check_agreement(contenders)

    def work_of(score: Callable[[], Scores]) -> Callable[[], int]:
        return lambda: len(score()[0]) // len(NIH_LABELS)

    seconds = time_in_turns({name: work_of(score) for name, score in contenders.items()}, rounds=9)
    limit = compare_times(
        f"{_TITLE}: one argsort a class",
        seconds,
        ours="xlite",
        peer="one argsort a class",
        target=1.5,
    )
    peers = [name for name in ("scikit-learn", "torchmetrics") if name in contenders]
    return [
        limit,
        *(
            compare_rates(
                f"{_TITLE}: {peer}", seconds, ours="xlite", peer=peer, target=None, unit="sets/s"
            )
            for peer in peers
        ),
    ]


def draw_predictions() -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    """(N, C) targets from 0.2 % to 18 % prevalence, and probs with three digits, so with ties."""
    rng = np.random.default_rng(0)
    prevalence = np.geomspace(0.002, 0.18, len(NIH_LABELS))
    targets = (rng.random((_NUM_IMAGES, len(NIH_LABELS))) < prevalence).astype(np.int8)
    logits = rng.normal(size=targets.shape) + 1.2 * targets + np.log(prevalence)
    return targets, np.round(1 / (1 + np.exp(-logits)), 3)


def _score_with_sklearn(targets: NDArray[np.int8], probs: NDArray[np.float64]) -> Scores:
    pairs = list(zip(targets.T, probs.T, strict=True))
    return (
        np.array([roc_auc_score(truth, score) for truth, score in pairs]),
        np.array([average_precision_score(truth, score) for truth, score in pairs]),
    )


def _score_with_argsort(targets: NDArray[np.int8], probs: NDArray[np.float64]) -> Scores:
    # What a class costs at least when its scores and targets are sorted together: both curves
    # are cumulative sums, taken where the score changes.
    roc, precision = np.empty(targets.shape[1]), np.empty(targets.shape[1])
    for column in range(targets.shape[1]):
        scores = np.ascontiguousarray(probs[:, column])
        order = np.argsort(scores)[::-1]
        scores = scores[order]
        ends = np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1)
        hits = np.cumsum(targets[order, column], dtype=np.int64)[ends]
        misses = ends + 1 - hits
        new_hits, new_misses = np.diff(hits, prepend=0), np.diff(misses, prepend=0)
        roc[column] = new_misses @ (hits - new_hits / 2) / (hits[-1] * misses[-1])
        precision[column] = new_hits @ (hits / (ends + 1)) / hits[-1]
    return roc, precision


def _prepare_torchmetrics(
    targets: NDArray[np.int8], probs: NDArray[np.float64]
) -> Callable[[], Scores]:
    import torch
    from torchmetrics.functional.classification import (
        multilabel_auroc,
        multilabel_average_precision,
    )

    truth, score = torch.from_numpy(targets.astype(np.int64)), torch.from_numpy(probs)
    settings: dict[str, Any] = {"num_labels": targets.shape[1], "average": "none"}

    def compute() -> Scores:
        roc = multilabel_auroc(score, truth, **settings)
        return roc.numpy(), multilabel_average_precision(score, truth, **settings).numpy()

    return compute


def _check_agreement(contenders: dict[str, Callable[[], Scores]]) -> None:
    expected = contenders["scikit-learn"]()
    for name in ("xlite", "one argsort a class"):
        found = contenders[name]()
        worst = max(float(np.abs(a - b).max()) for a, b in zip(found, expected, strict=True))
        if not worst <= _EXACT:
            raise CheckFailedError(
                f"the scores of {name} and scikit-learn differ by {worst:.1e}; a time means "
                "nothing before both compute the same."
            )
