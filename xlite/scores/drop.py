"""What a score loses from one site to another, taken apart: prevalence, mix of views, the rest.

N images, C classes, V views, R resamples. From the other site to one's own in three steps, each a
weighting of images and so a score of its own:

    here                     the other site as it is
    + prevalence             those with the finding and those without weigh as much as at home
    + mix of views           within both, views weigh as at home
    + the rest               one's own site

The first is label shift by known labels, which leaves AUROC, sensitivity and specificity as they
are; the second re-weights by view within either side; the rest is what the model loses on images of
the same view and finding. As in Cai, Namkoong and Yadlowsky 2023 (arXiv:2303.02011), what only one
site has can't be compared, so the last step is made on the views that both have, and what the
others did to either score counts as their mix. Prevalence goes first: where a view is filmed of the
more ill, more of that view is more of the finding, and counts as that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xlite.scores.bootstrap import macro_reach
from xlite.scores.resampling import Weights, draw_weights
from xlite.scores.reweighted import REWEIGHTED, Counts, SiteCalls

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from xlite.scores.ranking import PerClass

PARTS = ("own", "here", "drop", "prevalence", "view_mix", "rest")
"""The scores of the two sites, their difference, and what it is made of."""
FEWEST_PATIENTS = 5
"""A view is compared where both sites have the finding, and its absence, in so many patients."""

_DROP = PARTS.index("drop")
_OF_NO_PREVALENCE = [REWEIGHTED.index(name) for name in ("auroc", "recall", "specificity")]


@dataclass(frozen=True, kw_only=True, eq=False)
class Drop:
    """The parts of each score's drop, for C classes."""

    values: NDArray[np.float64]
    """(6, 7, C): PARTS of REWEIGHTED; NaN where undefined."""
    drawn: NDArray[np.float64]
    """(6, 7, R, C) in resamples of both sites' patients."""
    freedom: PerClass
    """(C,) patients with the finding, at the site with fewer, less one; of those that weights for
    another mix of views make unequal as many as tell as much (Kish 1965)."""
    shared: NDArray[np.bool_]
    """(C, V) the views that are compared."""

    def limit(
        self, part: str, score: str, classes: Sequence[int], *, level: float
    ) -> tuple[float, float, float]:
        """The mean of a part over some classes, and its interval; those where the score is
        undefined at either site are left out of all parts.
        """
        row, column = PARTS.index(part), REWEIGHTED.index(score)
        kept = [c for c in classes if not np.isnan(self.values[_DROP, column, c])]
        values, drawn = self.values[row, column, kept], self.drawn[row, column][:, kept]
        if not kept or np.isnan(values).all():
            return float("nan"), float("nan"), float("nan")
        # A class whose views can't be compared has all of its drop in the other parts.
        drawn, values = np.where(np.isnan(values), 0.0, drawn), np.nan_to_num(values)
        mean, reach = macro_reach(values, drawn, self.freedom[kept], level=level)
        if not self.freedom[kept].any():  # of one patient
            return mean, float("nan"), float("nan")
        lowest = 0.0 if row < _DROP else -1.0
        return mean, max(mean - reach, lowest), min(mean + reach, 1.0)


def take_drop_apart(
    own: SiteCalls,
    here: SiteCalls,
    *,
    views: int,
    unknown_view: int | None = None,
    seed: int = 0,
    num_resamples: int = 1000,
) -> Drop:
    """What the scores of `own` are above those of `here`, in parts, with resamples of both.

    views: V. unknown_view: the number that images without a view have, which are never alike.
    """
    num_classes = own.targets.shape[1]
    shared = np.zeros((num_classes, views), dtype=np.bool_)
    sites = [list(site.count_classes(views)) for site in (own, here)]
    for column in range(num_classes):
        shared[column] = _find_shared(own, here, column, views)
    if unknown_view is not None:
        shared[:, unknown_view] = False
    values = np.full((len(PARTS), len(REWEIGHTED), num_classes), np.nan)
    drawn = np.full((*values.shape[:2], num_resamples, num_classes), np.nan)
    whole = [np.ones((site.num_patients, 1)) for site in (own, here)]
    for column in range(num_classes):
        at_home, away = (site[column].draw(one) for site, one in zip(sites, whole, strict=True))
        values[:, :, column] = _split_drop(at_home, away, shared[column])[:, :, 0]
    streams = np.random.default_rng(seed).spawn(2)
    resamples = zip(
        *(
            draw_weights(site.num_patients, num_resamples, stream)
            for site, stream in zip((own, here), streams, strict=True)
        ),
        strict=True,
    )
    for (chunk, first), (_, second) in resamples:
        for column in range(num_classes):
            at_home, away = sites[0][column].draw(first), sites[1][column].draw(second)
            drawn[:, :, chunk, column] = _split_drop(at_home, away, shared[column])
    fewest = np.minimum(_count_patients(own, 1), _count_patients(here, 1))
    for column in range(num_classes):
        fewest[column] = min(fewest[column], _count_effective(own, here, column, shared[column]))
    return Drop(values=values, drawn=drawn, freedom=np.maximum(fewest - 1.0, 0.0), shared=shared)


def _split_drop(own: Counts, here: Counts, shared: NDArray[np.bool_]) -> NDArray[np.float64]:
    """PARTS of REWEIGHTED, (6, 7, R)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = _shares(own)
        at_home = own.score(np.ones_like(own.with_finding), np.ones_like(own.without))
        away = here.score(np.ones_like(here.with_finding), np.ones_like(here.without))
        moved = here.score(
            *(_spread(share, side) for share, side in zip(shares, _sides(here), strict=True))
        )
        # Equal but for rounding: a weight for all of a side leaves them as they are.
        moved[_OF_NO_PREVALENCE] = away[_OF_NO_PREVALENCE]
        compared = _keep(shares, _sides(own), _sides(own), shared)
        own_shared = own.score(*compared)
        here_shared = here.score(*_keep(shares, _sides(own), _sides(here), shared))
    prevalence, drop = moved - away, at_home - away
    if not shared.any():
        unknown = np.full_like(drop, np.nan)
        return np.stack([at_home, away, drop, prevalence, unknown, at_home - moved])
    view_mix = (here_shared - moved) + (at_home - own_shared)
    return np.stack([at_home, away, drop, prevalence, view_mix, own_shared - here_shared])


def _sides(counts: Counts) -> tuple[Weights, Weights]:
    return counts.with_finding, counts.without


def _shares(counts: Counts) -> tuple[Weights, Weights]:
    """(R,) share of the images with the finding, and of those without."""
    present, absent = (side.sum(axis=0) for side in _sides(counts))
    return present / (present + absent), absent / (present + absent)


def _spread(share: Weights, side: Weights) -> Weights:
    """(V, R) the weight of an image of a side that has `share` of all."""
    return np.broadcast_to(share / side.sum(axis=0), side.shape)


def _keep(
    shares: tuple[Weights, Weights],
    mix: tuple[Weights, Weights],
    sides: tuple[Weights, Weights],
    shared: NDArray[np.bool_],
) -> list[Weights]:
    """(V, R) weights of both sides: the shared views as common in each as `mix` has them."""
    weights = []
    for share, wanted, side in zip(shares, mix, sides, strict=True):
        kept = np.where(shared[:, np.newaxis], wanted, 0.0)
        weight = np.where(side > 0, share * kept / kept.sum(axis=0) / side, np.nan)
        weights.append(np.where(kept > 0, weight, 0.0))
    return weights


def _find_shared(own: SiteCalls, here: SiteCalls, column: int, views: int) -> NDArray[np.bool_]:
    """(V,) whether both sites have enough of a view with the finding and without."""
    is_shared = np.ones(views, dtype=np.bool_)
    for site in (own, here):
        for code in (0, 1):
            rows = site.targets[:, column] == code
            pairs = np.unique(np.stack([site.views[rows], site.patients[rows]]), axis=1)
            is_shared &= np.bincount(pairs[0], minlength=views) >= FEWEST_PATIENTS
    return is_shared


def _count_patients(site: SiteCalls, code: int) -> NDArray[np.float64]:
    return np.array(
        [np.unique(site.patients[column == code]).size for column in site.targets.T], dtype=float
    )


def _count_effective(
    own: SiteCalls, here: SiteCalls, column: int, shared: NDArray[np.bool_]
) -> float:
    """How many patients with the finding, of equal weight, tell as much as those of the other site
    do with the weights of the own mix of views.
    """
    if not shared.any():
        return float("inf")
    rows = [site.targets[:, column] == 1 for site in (own, here)]
    wanted, there = (
        np.where(shared, np.bincount(site.views[one], minlength=len(shared)), 0)
        for site, one in zip((own, here), rows, strict=True)
    )
    weights = np.divide(wanted, there, out=np.zeros(len(shared)), where=there > 0)
    by_patient = np.bincount(here.patients[rows[1]], weights[here.views[rows[1]]])
    return float(by_patient.sum() ** 2 / np.square(by_patient).sum())
