"""What is known of each label in a training part, and the weights that follow from it.

C classes. Free of torch, as `class_weights` is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xlite import console
from xlite.errors import InputError

_NUM_NAMED = 5


@dataclass(frozen=True, eq=False)
class LabelCounts:
    """The known images of each label: positives and negatives, (C,) counts."""

    positives: NDArray[np.int64]
    negatives: NDArray[np.int64]
    vocabulary: tuple[str, ...]

    @property
    def is_learnable(self) -> NDArray[np.bool_]:
        """Whether a label has both sides: (C,) bool."""
        return np.asarray((self.positives > 0) & (self.negatives > 0))

    @property
    def prevalence(self) -> NDArray[np.float64]:
        """Share of positives among known images, (C,) in [0, 1]; 0 where nothing is known."""
        known = np.maximum(self.positives + self.negatives, 1)
        return np.asarray(self.positives / known, dtype=np.float64)

    def warn_of_unlearnable(self, consequence: str) -> None:
        """Warn of labels that lack a side, and say what becomes of them in the loss."""
        if not self.is_learnable.all():
            console.warn(
                f"{name_classes(~self.is_learnable, self.vocabulary)}: no positive or no negative "
                f"image in the training part, so the class can't be learned; {consequence}."
            )


def count_labels(labels: NDArray[np.int8], vocabulary: Sequence[str]) -> LabelCounts:
    """The counts of an (N, C) label array."""
    return LabelCounts((labels == 1).sum(axis=0), (labels == 0).sum(axis=0), tuple(vocabulary))


def effective_number(counts: NDArray[np.int64], beta: float) -> NDArray[np.float64]:
    """The effective number of samples of each count: E(n) = (1 - βⁿ)/(1 - β), from 1 to 1/(1 - β).

    Cui et al. 2019 (arXiv:1901.05555). β = 0 gives 1, β → 1 gives n. Raises InputError unless
    0 <= β < 1.

    >>> effective_number(np.array([1, 2, 10_000]), 0.99).round(2)
    array([  1.  ,   1.99, 100.  ])
    """
    if not 0 <= beta < 1:
        raise InputError(
            f"the effective number of samples has beta {beta}. "
            "Pass a value from 0 to under 1, such as 0.999."
        )
    return np.asarray((1.0 - beta**counts) / (1.0 - beta), dtype=np.float64)


def effective_number_weights(counts: NDArray[np.int64], beta: float) -> NDArray[np.float64]:
    """The weight of each count, of its shape: 1/E(n), scaled to a mean of 1 over counts above 0.

    Cui et al. 2019 (arXiv:1901.05555), who scale the weights to sum to the number of classes.
    A count of 0 has nothing to weigh and gets 1.

    >>> effective_number_weights(np.array([1, 3, 0]), 0.9999).round(2)
    array([1.5, 0.5, 1. ])
    """
    weights = np.ones(counts.shape)
    is_met = counts > 0
    if is_met.any():
        inverse = 1.0 / effective_number(counts[is_met], beta)
        weights[is_met] = inverse / inverse.mean()
    return weights


def margins_by_count(counts: NDArray[np.int64], largest: float) -> NDArray[np.float64]:
    """The margin of each count, of its shape: ∝ n^(-1/4), and `largest` for the smallest above 0.

    Cao et al. 2019 (arXiv:1906.07413). A count of 0 has no margin.

    >>> margins_by_count(np.array([1, 16, 10_000, 0]), 0.5)
    array([0.5 , 0.25, 0.05, 0.  ])
    """
    margins = np.zeros(counts.shape)
    is_met = counts > 0
    if is_met.any():
        margins[is_met] = largest * (counts[is_met].min() / counts[is_met]) ** 0.25
    return margins


def prior_log_odds(counts: LabelCounts) -> NDArray[np.float64]:
    """The log-odds of each label's prevalence, (C,): log(N⁺/N⁻), and 0 for one without a side.

    >>> prior_log_odds(LabelCounts(np.array([1, 0]), np.array([99, 5]), ("Hernia", "Mass")))
    array([-4.59511985,  0.        ])
    """
    log_odds = np.zeros(len(counts.vocabulary))
    met = counts.is_learnable
    log_odds[met] = np.log(counts.positives[met] / counts.negatives[met])
    return log_odds


def require_one_a_label(option: str, values: Sequence[float], vocabulary: Sequence[str]) -> None:
    """Raise InputError unless `values`, given with `option`, are as many as the labels."""
    if len(values) != len(vocabulary):
        raise InputError(
            f"{option} has {len(values)} numbers for {len(vocabulary)} labels. Pass one a label, "
            f"in this order: {', '.join(vocabulary)}."
        )


def name_classes(
    is_named: NDArray[np.bool_],
    labels: Sequence[str],
    points: NDArray[np.float64] | None = None,
) -> str:
    """The labels that `is_named`, (C,), picks, with their `points`; the first five by name.

    >>> name_classes(np.array([True, False, True]), ("Mass", "Edema", "Hernia"))
    'Mass, Hernia'
    """
    columns = np.flatnonzero(is_named)
    names = [
        labels[column] if points is None else f"{labels[column]} {points[column]:.3f}"
        for column in columns[:_NUM_NAMED]
    ]
    num_more = len(columns) - len(names)
    return ", ".join(names) + (f" and {num_more} more" if num_more else "")
