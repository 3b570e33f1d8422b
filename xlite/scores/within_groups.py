"""AUROC within groups of images: each positive against the negatives of its own group alone.

N images, C classes, G groups, R resamples. Targets are (N, C) int8: 1 present, 0 absent, -1
unknown.

A model that tells two views apart ranks films of those lying down above others, who are less ill,
and is right without having seen a finding. The covariate-adjusted AUROC of Janes and Pepe (2009,
Biometrika 96:371) asks how often a positive outranks a negative *of the same group*:

    A_w = Σ_g w_g A_g,   w_g the share of positives that group g has

over the groups that have both. Its interval combines the limits of the groups' by MOVER (Zou and
Donner 2008, Statist. Med. 27:1693), with w as it is; a patient with images in several groups, who
makes these vary together, enters by what resampled patients say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtri

from xlite.labels import UNKNOWN
from xlite.scores.auroc_interval import AurocInterval, auroc_interval, macro_auroc_interval
from xlite.scores.bootstrap import resample_scores

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.scores.ranking import PerClass, Probs, Targets


@dataclass(frozen=True, eq=False, kw_only=True)
class WithinGroups:
    """AUROC within groups, by class and macro, with limits."""

    classes: AurocInterval
    macro: tuple[float, float, float]
    """The mean over defined classes, and its limits."""


def auroc_within_groups(
    targets: Targets,
    probs: Probs,
    groups: NDArray[Any],
    patients: NDArray[Any],
    *,
    seed: int,
    num_resamples: int = 1000,
    level: float = 0.95,
) -> WithinGroups:
    """AUROC of pairs within one group, (C,), with intervals; NaN where no group has both.

    groups: (N,) texts, "" where unknown: such images are left out. patients: (N,) ids.

    >>> targets = np.array([[1], [0], [1], [0]], dtype=np.int8)
    >>> probs, views = np.array([[0.9], [0.8], [0.3], [0.4]]), np.array(["AP", "AP", "PA", "PA"])
    >>> found = auroc_within_groups(targets, probs, views, np.arange(4), seed=0)
    >>> found.classes.auroc.tolist()
    [0.5]
    """
    names = [name for name in np.unique(groups) if name != ""]
    weights, limits, drawn = [], [], []
    for name in names:
        # The others count as unknown, so that all groups see the same resamples of patients.
        own = np.where((groups == name)[:, None], targets, np.int8(UNKNOWN)).astype(np.int8)
        limits.append(auroc_interval(own, probs, patients=patients, level=level))
        weights.append((own == 1).sum(axis=0))
        resampled = resample_scores(
            own,
            [probs],
            patients,
            rng=np.random.default_rng(seed),
            num_resamples=num_resamples,
        )
        drawn.append(resampled["auroc"][0])
    if not names:
        nothing = np.full(targets.shape[1], np.nan)
        empty = AurocInterval(auroc=nothing, low=nothing, high=nothing)
        return WithinGroups(classes=empty, macro=(np.nan, np.nan, np.nan))
    auroc = np.array([one.auroc for one in limits])
    shares = np.where(np.isnan(auroc), 0.0, np.array(weights, dtype=np.float64))
    total = shares.sum(axis=0)
    shares = np.divide(shares, total, out=np.zeros_like(shares), where=total > 0)
    together = [
        shares[g] * np.where(np.isnan(drawn[g]), auroc[g], drawn[g]) for g in range(len(names))
    ]
    combined = np.where(np.isnan(np.array(together)), 0.0, np.array(together))
    classes = _combine(shares, limits, combined, level)
    means = np.where(total > 0, combined.sum(axis=0), np.nan)
    defined = ~np.isnan(classes.auroc)
    mean = float(classes.auroc[defined].mean()) if defined.any() else float("nan")
    return WithinGroups(
        classes=classes, macro=(mean, *macro_auroc_interval(classes, means, level=level))
    )


def _combine(
    shares: NDArray[np.float64],
    limits: list[AurocInterval],
    drawn: NDArray[np.float64],
    level: float,
) -> AurocInterval:
    """The weighted mean over groups with its limits; drawn: (G, R, C) weighted resampled AUROC."""
    auroc, low, high = (
        np.array([np.nan_to_num(getattr(one, name)) for one in limits])
        for name in ("auroc", "low", "high")
    )
    mean: PerClass = np.where(shares.sum(axis=0) > 0, (shares * auroc).sum(axis=0), np.nan)
    apart = drawn.var(axis=1, ddof=1).sum(axis=0)
    added = ndtri(0.5 + level / 2) ** 2 * (drawn.sum(axis=0).var(axis=0, ddof=1) - apart)
    below, above = (
        np.sqrt(np.maximum(np.square(shares * (limit - auroc)).sum(axis=0) + added, 0.0))
        for limit in (low, high)
    )
    return AurocInterval(
        auroc=mean, low=np.maximum(mean - below, 0.0), high=np.minimum(mean + above, 1.0)
    )
