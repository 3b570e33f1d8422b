"""Sampling weights whose class shares meet a target: the target, and what stands in its way.

N images, C classes, K distinct label sets. Weights are ratios to uniform: their mean over
the images is 1, and N draws show an image as often, on average, as its weight says.

Of all weights with the wanted class shares p_c = e_c / sum(e) and share of images without a
finding, a solver picks one (`xlite.sampling.max_entropy`, `xlite.sampling.max_ess`). Shares are
free of scale: how many labels a drawn image has is left open, which costs less sample size
than fixing each e_c. The share without a finding separates off, since all those images have
one weight; what remains is E_w[y_c - p_c |y|] = 0 over the images with a finding.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xlite.errors import InputError
from xlite.sampling.label_sets import LabelSets
from xlite.sampling.solvers.nearest_shares import INSIDE, find_nearest_shares

if TYPE_CHECKING:
    from numpy.typing import NDArray

_STRENGTH_TOLERANCE = 1e-4
_NUM_NAMED = 5


@dataclass(frozen=True, eq=False)
class RatioTask:
    """What a solver is given; F sets have a finding, and ratios are to their mean weight."""

    features: NDArray[np.float64]
    """(F, C), y - |y| p: their mean under the ratios is to be 0."""
    base: NDArray[np.float64]
    """(F,), the distribution of the sets under uniform weights."""
    floor: float
    """The smallest ratio, in [0, 1)."""
    cap: float | None
    """The largest ratio, above 1."""
    start: NDArray[np.float64] | None
    """(C,) coefficients to start from, of a neighbouring task."""


RatioSolver = Callable[[RatioTask], tuple["NDArray[np.float64]", "NDArray[np.float64]"] | None]
"""Gives theta (C,) and the ratios (F,), or None when no ratios meet the task."""


@dataclass(frozen=True, eq=False)
class ShareFit:
    """Sampling weights and the class shares that they were fitted to."""

    set_weights: NDArray[np.float64]
    """(K,), the weight of an image of each label set; their mean over the N images is 1."""
    coefficients: NDArray[np.float64]
    """(C,) beta, those of the labels in the ratio of a set, or in its logarithm."""
    requested_share: NDArray[np.float64]
    """(C,), the target for `strength`."""
    share: NDArray[np.float64]
    """(C,), the target that is met: the requested one, or the nearest feasible."""
    strength: float
    """lambda: as asked for, or the largest that `min_ess` allows."""
    ess: float
    """(sum w)^2 / (N sum w^2)."""


def fit_shares(
    sets: LabelSets,
    solve: RatioSolver,
    *,
    sampler: str,
    strength: float,
    no_finding_share: float | None,
    min_ess: float | None,
    min_repeat: float,
    max_repeat: float | None,
    nearest_feasible: bool,
    vocabulary: Sequence[str] | None,
) -> ShareFit:
    """The weights that `solve` picks among those with class shares ∝ n_c^(1 - strength).

    sampler: its name, for messages. min_repeat: the least weight of an image with a finding. The
    others are `fit_max_entropy`'s, which says what is raised.
    """
    names = vocabulary or [f"class {c}" for c in range(sets.patterns.shape[1])]
    problem = _build_problem(
        sets,
        solve,
        no_finding_share=no_finding_share,
        min_repeat=min_repeat,
        max_repeat=max_repeat,
    )
    if strength > 0 and not nearest_feasible:
        _require_positives(sets, names, sampler)
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


def _require_positives(sets: LabelSets, names: Sequence[str], sampler: str) -> None:
    empty = np.flatnonzero(sets.class_counts == 0)
    if empty.size:
        named = ", ".join(names[c] for c in empty[:_NUM_NAMED])
        rest = f" and {empty.size - _NUM_NAMED} more" if empty.size > _NUM_NAMED else ""
        raise InputError(
            f"the {sampler} sampler can't raise the share of classes without a positive image: "
            f"{named}{rest}. Leave them out of the label table, or pass --nearest-feasible to "
            "balance the others."
        )


@dataclass(frozen=True, eq=False)
class _Problem:
    """What stays the same for every strength; F sets have a finding."""

    sets: LabelSets
    solve: RatioSolver
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
    floor: float
    """The smallest weight of an image with a finding, relative to the mean of those."""
    cap: float | None
    """The largest, likewise."""

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
    ) -> ShareFit | None:
        requested = share = self.target(strength)
        solution = self.solve(self._task(share, start))
        if solution is None and nearest_feasible:
            share = self._find_nearest(requested)
            solution = self.solve(self._task(share, start))
        if solution is None:
            return None
        theta, ratio = solution
        weights = np.full(len(self.sets.counts), self.mean_weight)
        weights[self.sets.no_finding] = self.no_finding_weight
        weights[self.has_finding] *= ratio
        return ShareFit(
            set_weights=weights,
            # theta . (y - |y| p) is linear in y.
            coefficients=theta - share @ theta,
            requested_share=requested,
            share=share,
            strength=strength,
            ess=float(self.sets.num_images / (self.sets.counts @ np.square(weights))),
        )

    def _task(self, share: NDArray[np.float64], start: NDArray[np.float64] | None) -> RatioTask:
        features = self.present - self.present.sum(axis=1, keepdims=True) * share
        return RatioTask(features, self.base, self.floor, self.cap, start)

    def _find_nearest(self, share: NDArray[np.float64]) -> NDArray[np.float64]:
        return find_nearest_shares(self.present, self.base, share, floor=self.floor, cap=self.cap)

    def explain(self, strength: float, names: Sequence[str]) -> str:
        """Why the target of `strength` can't be met, and what to do."""
        wanted = self.target(strength)
        nearest = self._find_nearest(wanted)
        distance = np.abs(nearest - wanted)
        alone = self.present[self.present.sum(axis=1) == 1].any(axis=0)
        order = np.argsort(-distance, kind="stable")[:_NUM_NAMED]
        named = "; ".join(
            f"{names[c]}{'' if alone[c] else ', which never appears alone'} "
            f"(wanted {wanted[c]:.3%}, nearest {nearest[c]:.3%})"
            for c in order[distance[order] >= distance.max() / 2]
        )
        bounds, remedy = f"at least {INSIDE:.0%} of the mean weight", ""
        if self.floor > 0:
            bounds = f"at least {self.floor * self.mean_weight:g} draws an epoch"
            remedy = "lower --min-repeat, "
        if self.cap is not None:
            bounds += f" and at most {self.cap * self.mean_weight:g} repeats an epoch"
            remedy += "raise --max-repeat, "
        return (
            f"the class shares of --sampler-strength {strength:g} can't be met while every image "
            f"with a finding has {bounds}: {named}. Lower --sampler-strength, {remedy}or pass "
            "--nearest-feasible."
        )


def _build_problem(
    sets: LabelSets,
    solve: RatioSolver,
    *,
    no_finding_share: float | None,
    min_repeat: float,
    max_repeat: float | None,
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
    if mean_weight <= min_repeat:
        raise InputError(
            f"a share of {wanted:.1%} without a finding leaves each image with a finding "
            f"{mean_weight:.2f} draws an epoch on average, which --min-repeat {min_repeat:g} rules "
            "out. Lower it, or use --no-finding natural."
        )
    counts = sets.counts[has_finding]
    return _Problem(
        sets=sets,
        solve=solve,
        has_finding=has_finding,
        present=sets.patterns[has_finding].astype(np.float64),
        base=counts / counts.sum(),
        no_finding_weight=no_finding_weight,
        mean_weight=mean_weight,
        floor=min_repeat / mean_weight,
        cap=None if max_repeat is None else max_repeat / mean_weight,
    )
