"""Max-entropy weights: the sampling closest to uniform whose class shares meet a target.

N images, C classes, K distinct label sets. Weights are ratios to uniform: their mean over
the images is 1, and N draws show an image as often, on average, as its weight says.

Among all weights with the wanted class shares p_c = e_c / sum(e) and share of images without
a finding, those with the largest entropy are w(y) ∝ exp(beta . y + phi [y = 0]). Shares are
free of scale: how many labels a drawn image has is left open, which costs less sample size
than fixing each e_c. The share without a finding separates off, since all those images have
one weight; what remains is E_w[y_c - p_c |y|] = 0 over the images with a finding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xlite.dataset.entropy_dual import DualPoint, solve_entropy_dual
from xlite.dataset.label_sets import LabelSets
from xlite.dataset.nearest_shares import SMALLEST_RATIO, find_nearest_shares
from xlite.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_STRENGTH_TOLERANCE = 1e-4
_NUM_NAMED = 5


@dataclass(frozen=True, eq=False)
class MaxEntropyFit:
    """Max-entropy weights and what they were fitted to."""

    set_weights: NDArray[np.float64]
    """(K,), the weight of an image of each label set; their mean over the N images is 1."""
    coefficients: NDArray[np.float64]
    """(C,) beta: below the cap, log w(y) - beta . y is the same for all sets with a finding."""
    requested_share: NDArray[np.float64]
    """(C,), the target for `strength`."""
    share: NDArray[np.float64]
    """(C,), the target that is met: the requested one, or the nearest feasible."""
    strength: float
    """lambda: as asked for, or the largest that `min_ess` allows."""
    ess: float
    """(sum w)^2 / (N sum w^2)."""


def fit_max_entropy(
    sets: LabelSets,
    *,
    strength: float = 1.0,
    no_finding_share: float | None = None,
    min_ess: float | None = None,
    max_repeat: float | None = None,
    nearest_feasible: bool = False,
    vocabulary: Sequence[str] | None = None,
) -> MaxEntropyFit:
    """The weights closest to uniform with class shares ∝ n_c^(1 - strength).

    strength: lambda in [0, 1], from shares as found to equal shares. no_finding_share: in
    [0, 1), the natural one by default. Images with an unknown and no present label keep their
    ratio to those with a finding. min_ess: in (0, 1], lowers lambda to the largest one, to
    within 1e-4, whose effective sample size is at least that. max_repeat: no weight exceeds
    it. nearest_feasible: when the target can't be met, take the nearest one that can
    (`find_nearest_shares`); classes without positives are left out of it.

    Raises InputError, with the classes by their names in `vocabulary`, when the target can't
    be met by positive weights: a class has no positives, or never appears without another, or
    has too few images for `max_repeat`; also when no strength reaches `min_ess`.

    >>> from xlite.dataset.label_sets import find_label_sets
    >>> sets = find_label_sets(np.array([[1, 0], [1, 0], [1, 0], [0, 1], [0, 0]], dtype=np.int8))
    >>> fit_max_entropy(sets).set_weights[sets.inverse].round(3).tolist()
    [0.667, 0.667, 0.667, 2.0, 1.0]
    """
    names = vocabulary or [f"class {c}" for c in range(sets.patterns.shape[1])]
    problem = _build_problem(sets, no_finding_share=no_finding_share, max_repeat=max_repeat)
    if strength > 0 and not nearest_feasible:
        _require_positives(sets, names)
    fit = problem.fit(strength, nearest_feasible=nearest_feasible)
    if min_ess is None:
        if fit is None:
            raise InputError(problem.explain(strength, names))
        return fit
    if fit is not None and fit.ess >= min_ess:
        return fit
    strongest = problem.fit(0.0)
    if strongest is None or strongest.ess < min_ess:
        raise InputError(
            f"no strength reaches an effective sample size of {min_ess:g}: the share of images "
            f"without a finding alone costs {1 - problem.ess_without_target:.3f}. Lower "
            "--min-ess, or use --no-finding natural."
        )
    too_strong = strength
    while too_strong - strongest.strength > _STRENGTH_TOLERANCE:
        middle = (strongest.strength + too_strong) / 2
        fit = problem.fit(middle, start=strongest.coefficients, nearest_feasible=nearest_feasible)
        if fit is not None and fit.ess >= min_ess:
            strongest = fit
        else:
            too_strong = middle
    return strongest


def _require_positives(sets: LabelSets, names: Sequence[str]) -> None:
    empty = np.flatnonzero(sets.class_counts == 0)
    if empty.size:
        named = ", ".join(names[c] for c in empty[:_NUM_NAMED])
        rest = f" and {empty.size - _NUM_NAMED} more" if empty.size > _NUM_NAMED else ""
        raise InputError(
            f"the max-entropy sampler can't raise the share of classes without a positive image: "
            f"{named}{rest}. Leave them out of the label table, or pass --nearest-feasible to "
            "balance the others."
        )


@dataclass(frozen=True, eq=False)
class _Problem:
    """What stays the same for every strength; F sets have a finding."""

    sets: LabelSets
    has_finding: NDArray[np.bool_]
    """(K,)"""
    present: NDArray[np.float64]
    """(F, C) patterns of the sets with a finding."""
    base: NDArray[np.float64]
    """(F,) their distribution under uniform weights."""
    no_finding_weight: float
    """The weight of each image without a finding."""
    mean_weight: float
    """The mean weight of the other images."""
    cap: float | None
    """The largest weight of an image with a finding, relative to the mean of those."""

    @property
    def ess_without_target(self) -> float:
        natural = self.sets.natural_no_finding_share
        squares = natural * self.no_finding_weight**2 + (1 - natural) * self.mean_weight**2
        return float(1 / squares)

    def target(self, strength: float) -> NDArray[np.float64]:
        counts = self.sets.class_counts.astype(np.float64)
        # A power of 0 would make 1 of a class without positives.
        powers = np.power(counts, 1 - strength, where=counts > 0, out=np.zeros_like(counts))
        return np.asarray(powers / powers.sum())

    def fit(
        self,
        strength: float,
        *,
        start: NDArray[np.float64] | None = None,
        nearest_feasible: bool = False,
    ) -> MaxEntropyFit | None:
        requested = share = self.target(strength)
        point = self._solve(share, start)
        if point is None and nearest_feasible:
            share = find_nearest_shares(self.present, self.base, requested, cap=self.cap)
            point = self._solve(share, start)
        if point is None:
            return None
        weights = np.full(len(self.sets.counts), self.mean_weight)
        weights[self.sets.no_finding] = self.no_finding_weight
        weights[self.has_finding] *= point.ratio
        return MaxEntropyFit(
            set_weights=weights,
            # theta . (y - |y| p) is linear in y.
            coefficients=point.theta - share @ point.theta,
            requested_share=requested,
            share=share,
            strength=strength,
            ess=float(self.sets.num_images / (self.sets.counts @ np.square(weights))),
        )

    def _solve(
        self, share: NDArray[np.float64], start: NDArray[np.float64] | None
    ) -> DualPoint | None:
        features = self.present - self.present.sum(axis=1, keepdims=True) * share
        return solve_entropy_dual(features, self.base, cap=self.cap, start=start)

    def explain(self, strength: float, names: Sequence[str]) -> str:
        """Why the target of `strength` can't be met, and what to do."""
        wanted = self.target(strength)
        nearest = find_nearest_shares(self.present, self.base, wanted, cap=self.cap)
        distance = np.abs(nearest - wanted)
        alone = self.present[self.present.sum(axis=1) == 1].any(axis=0)
        order = np.argsort(-distance, kind="stable")[:_NUM_NAMED]
        named = "; ".join(
            f"{names[c]}{'' if alone[c] else ', which never appears alone'} "
            f"(wanted {wanted[c]:.3%}, nearest {nearest[c]:.3%})"
            for c in order[distance[order] >= distance.max() / 2]
        )
        bounds = f"at least {SMALLEST_RATIO:.0%} of the mean weight"
        remedy = ""
        if self.cap is not None:
            bounds += f" and at most {self.cap * self.mean_weight:g} repeats an epoch"
            remedy = "raise --max-repeat, "
        return (
            f"the class shares of --strength {strength:g} can't be met while every image with a "
            f"finding has {bounds}: {named}. Lower --strength, {remedy}or pass "
            "--nearest-feasible."
        )


def _build_problem(
    sets: LabelSets, *, no_finding_share: float | None, max_repeat: float | None
) -> _Problem:
    has_finding = sets.num_present > 0
    if not has_finding.any():
        raise InputError("no image has a finding, so there is nothing to balance. Use 'none'.")
    natural = sets.natural_no_finding_share
    wanted = natural if no_finding_share is None else no_finding_share
    if natural == 0 and wanted > 0:
        raise InputError(
            f"{wanted:.1%} of the draws shall be images without a finding, and there are none. "
            "Use --no-finding natural."
        )
    no_finding_weight = wanted / natural if natural > 0 else 0.0
    mean_weight = (1 - wanted) / (1 - natural)
    if max_repeat is not None and max_repeat <= max(no_finding_weight, mean_weight):
        raise InputError(
            f"a share of {wanted:.1%} without a finding repeats images "
            f"{max(no_finding_weight, mean_weight):.2f} times on average, which --max-repeat "
            f"{max_repeat:g} rules out. Raise it, or use --no-finding natural."
        )
    counts = sets.counts[has_finding]
    return _Problem(
        sets=sets,
        has_finding=has_finding,
        present=sets.patterns[has_finding].astype(np.float64),
        base=counts / counts.sum(),
        no_finding_weight=no_finding_weight,
        mean_weight=mean_weight,
        cap=None if max_repeat is None else max_repeat / mean_weight,
    )
