"""The positives' weight in the loss, by named schemes, and the operating point that it implies.

C classes. This module is free of torch, so that the command line can list names and check weights
before anything heavy is imported.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from xlite import console
from xlite.errors import InputError
from xlite.losses.label_counts import (
    count_labels,
    effective_number,
    name_classes,
    require_one_a_label,
)
from xlite.settings import LossName, LossSettings, PosWeightScheme

LOSS_NAMES: tuple[str, ...] = get_args(LossName)
"""The losses that `xlite.losses.training_loss.build_training_loss` knows."""

POS_WEIGHT_SCHEMES: tuple[str, ...] = get_args(PosWeightScheme)
"""The schemes that `pos_weight_by_scheme` knows."""

EXTREME_OPERATING_POINT = 0.9
"""Above it, a class counts as one that the loss wants called positive without evidence."""

DOUBLE_OPERATING_POINT = 2 / 3
"""Above it, under sampling and loss weights together, a class counts as corrected twice."""


def choose_pos_weight(
    settings: LossSettings, labels: NDArray[np.int8], vocabulary: Sequence[str]
) -> NDArray[np.float64]:
    """The checked pos_weight, (C,), of a training part with labels (N, C).

    A class without positives or without negatives gets 1, with a warning: nothing can be
    learned of it, and there is nothing to weigh. Raises InputError as `check_pos_weight` does.
    """
    counts = count_labels(labels, vocabulary)
    counts.warn_of_unlearnable("its pos_weight is 1")
    is_learnable = counts.is_learnable
    names = [name for name, ok in zip(vocabulary, is_learnable, strict=True) if ok]
    pos_weight = np.ones(len(vocabulary))
    if isinstance(settings.pos_weight, tuple):
        require_one_a_label("--pos-weight", settings.pos_weight, vocabulary)
        pos_weight[is_learnable] = np.array(settings.pos_weight)[is_learnable]
    else:
        pos_weight[is_learnable] = pos_weight_by_scheme(
            counts.positives[is_learnable],
            counts.negatives[is_learnable],
            settings.pos_weight,
            labels=names,
            power=settings.power,
            smoothing=settings.smoothing,
            beta=settings.beta,
        )
    check_pos_weight(
        pos_weight[is_learnable],
        counts.prevalence[is_learnable],
        names,
        allow_extreme=settings.allow_extreme,
    )
    return pos_weight


def pos_weight_by_scheme(
    positives: NDArray[np.int64],
    negatives: NDArray[np.int64],
    scheme: str,
    *,
    labels: Sequence[str],
    power: float,
    smoothing: float,
    beta: float,
) -> NDArray[np.float64]:
    """The pos_weight of each class, (C,), from its known positives and negatives, (C,) counts.

    - "neg-over-pos": N⁻/N⁺, which weighs both sides of a class alike.
    - "sqrt": √(N⁻/N⁺), half of that correction on the scale of log-odds.
    - "inverse": 1/(N⁺ + smoothing)^power, scaled to a mean of 1 over the classes. It moves
      emphasis from common to rare classes, and weighs positives of common ones under 1.
    - "effective-number": E(N⁻)/E(N⁺) with E(n) = (1 - βⁿ)/(1 - β), the effective number of
      samples of Cui et al. 2019 (arXiv:1901.05555). They weigh a class by 1/E and scale the
      weights to sum to the number of classes; here each label is a problem of two classes, and in
      the ratio of their two weights that scale cancels. β → 1 gives N⁻/N⁺, β = 0 gives 1.

    `power` and `smoothing` (both >= 0) concern "inverse" only, `beta` (0 <= β < 1)
    "effective-number" only. Raises InputError on an unknown scheme, a parameter out of range, and
    on classes without positives or without negatives, which it names.

    >>> counts = np.array([10, 50]), np.array([90, 50])
    >>> options = {"labels": ("Hernia", "Mass"), "power": 1.0, "smoothing": 1.0, "beta": 0.999}
    >>> pos_weight_by_scheme(*counts, "neg-over-pos", **options)
    array([9., 1.])
    """
    if scheme not in POS_WEIGHT_SCHEMES:
        raise InputError(
            f"unknown pos_weight scheme {scheme!r}. Choose one of: {', '.join(POS_WEIGHT_SCHEMES)}."
        )
    _require_counts(positives, labels, side="positives")
    _require_counts(negatives, labels, side="negatives")
    if scheme == "inverse":
        if not (0 <= power < np.inf and 0 <= smoothing < np.inf):
            raise InputError(
                f"pos_weight scheme 'inverse' has power {power} and smoothing {smoothing}. "
                "Pass finite values of 0 or more."
            )
        # A power of the ratio to the mean count, not of the count, can't underflow to 0.
        smoothed = positives + smoothing
        inverse = (smoothed.mean() / smoothed) ** power
        return np.asarray(inverse / inverse.mean(), dtype=np.float64)
    if scheme == "effective-number":
        return effective_number(negatives, beta) / effective_number(positives, beta)
    ratio: NDArray[np.float64] = negatives / positives
    return np.sqrt(ratio) if scheme == "sqrt" else ratio


def implied_operating_point(
    pos_weight: NDArray[np.float64], prevalence: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The prob, (C,) in [0, 1], that the loss wants for an image that could be anyone's.

    pos_weight: (C,), w > 0. prevalence: (C,), π in [0, 1]. An image about which the model knows
    nothing is positive with probability π; weighted BCE expects of a prob p for it the loss

        L(p) = -w π log p - (1 - π) log(1 - p),
        L'(p) = -w π / p + (1 - π) / (1 - p) = 0   at   p* = w π / (w π + 1 - π).

    w = 1 gives p* = π, and w = N⁻/N⁺ gives 1/2. The log-odds of every prob move by log w alike, so
    a p* near 1 means that a threshold of 0.5 calls nearly everything positive.

    >>> implied_operating_point(np.array([1.0, 9.0, 999.0]), np.array([0.1, 0.1, 0.1])).round(3)
    array([0.1  , 0.5  , 0.991])
    """
    weighted = pos_weight * prevalence
    return weighted / (weighted + (1.0 - prevalence))


def check_pos_weight(
    pos_weight: NDArray[np.float64],
    prevalence: NDArray[np.float64],
    labels: Sequence[str],
    *,
    allow_extreme: bool = False,
) -> None:
    """Raise InputError on weights that can't be used, or that none would use knowingly.

    pos_weight, prevalence, labels: (C,). Weights have to be finite and above 0. Unless
    `allow_extreme`, the implied operating point of most classes (more than half) has to stay at or
    under 0.9.
    """
    if not pos_weight.shape == prevalence.shape == (len(labels),):
        raise InputError(
            f"{len(labels)} labels need as many loss weights and prevalences, got "
            f"{pos_weight.size} and {prevalence.size}. Pass one weight a label, in their order."
        )
    unusable = ~(np.isfinite(pos_weight) & (pos_weight > 0))
    if unusable.any():
        raise InputError(
            f"the loss weights of {name_classes(unusable, labels)} are not finite numbers above "
            f"0. Use a named scheme: --pos-weight {'|'.join(POS_WEIGHT_SCHEMES)}."
        )
    points = implied_operating_point(pos_weight, prevalence)
    is_extreme = points > EXTREME_OPERATING_POINT
    if allow_extreme or 2 * is_extreme.sum() <= len(labels):
        return
    raise InputError(
        f"the loss weights (mean {pos_weight.mean():,.4g}) put the implied operating point "
        f"w·π/(w·π+1-π) of {is_extreme.sum()} of {len(labels)} classes over "
        f"{EXTREME_OPERATING_POINT}: {name_classes(is_extreme, labels, points)}. "
        "A classifier that knows nothing would call everything positive. "
        f"Use a named scheme (--pos-weight {'|'.join(POS_WEIGHT_SCHEMES)}), or pass "
        "--allow-extreme to train with these weights all the same."
    )


@dataclass(frozen=True, eq=False)
class LossEmphasis:
    """What loss weights do, alone and on top of a sampler; all (C,)."""

    pos_weight: NDArray[np.float64]
    operating_point: NDArray[np.float64]
    """Implied by the weights at the prevalence as found."""
    joint_operating_point: NDArray[np.float64]
    """The same at the prevalence among drawn images."""
    emphasis: NDArray[np.float64]
    """Share of the class in the expected weight of all drawn positives, w e / Σ w e."""
    is_double: NDArray[np.bool_]
    """Corrected by both (`find_double_corrections`)."""


def measure_emphasis(
    pos_weight: NDArray[np.float64],
    prevalence: NDArray[np.float64],
    sampled_prevalence: NDArray[np.float64],
) -> LossEmphasis:
    """The emphasis of loss weights (C,) under the prevalences (C,) as found and as drawn.

    >>> point = measure_emphasis(np.array([9.0]), np.array([0.1]), np.array([0.5]))
    >>> point.operating_point, point.joint_operating_point, point.is_double
    (array([0.5]), array([0.9]), array([ True]))
    """
    weight = pos_weight * sampled_prevalence
    return LossEmphasis(
        pos_weight=pos_weight,
        operating_point=implied_operating_point(pos_weight, prevalence),
        joint_operating_point=implied_operating_point(pos_weight, sampled_prevalence),
        emphasis=weight / weight.sum(),
        is_double=find_double_corrections(pos_weight, prevalence, sampled_prevalence),
    )


def find_double_corrections(
    pos_weight: NDArray[np.float64],
    prevalence: NDArray[np.float64],
    sampled_prevalence: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Whether sampler and loss weights correct a class twice: (C,) bool.

    prevalence, sampled_prevalence: (C,) in [0, 1], as found and among drawn images. Both
    corrections raise the class, and together they put the implied operating point over 2/3: its
    positives then outweigh all its negatives by more than two to one.

    >>> w, natural, sampled = np.array([9.0, 9.0]), np.array([0.1, 0.1]), np.array([0.1, 0.3])
    >>> find_double_corrections(w, natural, sampled)
    array([False,  True])
    """
    is_raised_twice = (pos_weight > 1) & (sampled_prevalence > prevalence)
    point = implied_operating_point(pos_weight, sampled_prevalence)
    return is_raised_twice & (point > DOUBLE_OPERATING_POINT)


def warn_about_double_corrections(
    pos_weight: NDArray[np.float64],
    prevalence: NDArray[np.float64],
    sampled_prevalence: NDArray[np.float64],
    labels: Sequence[str],
) -> None:
    """Warn of classes that sampler and loss weights both correct (`find_double_corrections`)."""
    is_double = find_double_corrections(pos_weight, prevalence, sampled_prevalence)
    if is_double.any():
        points = implied_operating_point(pos_weight, sampled_prevalence)
        console.warn(
            f"corrected twice, by the sampler and by the loss (implied operating point): "
            f"{name_classes(is_double, labels, points)}. Use one of the two: --loss bce with "
            "the sampler, or --sampler none with the loss weights."
        )


def _require_counts(counts: NDArray[np.int64], labels: Sequence[str], *, side: str) -> None:
    if counts.shape != (len(labels),):
        raise ValueError(f"{len(labels)} labels need as many counts of {side}, got {counts.shape}")
    is_empty = counts <= 0
    if is_empty.any():
        raise InputError(
            f"no {side} in the training part, so no pos_weight: "
            f"{name_classes(is_empty, labels)}. Leave these classes out of the label table, or "
            "train without class weights (--loss bce)."
        )
