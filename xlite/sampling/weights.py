"""Sampling weights: how often each image is drawn, by named schemes.

N images, C classes, K distinct label sets; n_c images have label c, and f_c = n_c / N. An
image's weight depends on its label set alone, so schemes work on sets. Each gives an image
with a finding a weight made of its classes' weights; images without one follow `no_finding`,
which matters more than the scheme: they are half of a chest X-ray data set.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from xlite.arrays import column_names
from xlite.errors import InputError
from xlite.sampling.label_sets import LabelSets, read_label_sets
from xlite.sampling.max_entropy import fit_max_entropy
from xlite.sampling.max_ess import fit_max_ess
from xlite.sampling.source_sets import weigh_sources
from xlite.settings import TARGET_SAMPLERS, SamplerName, SamplerSettings

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

SAMPLER_NAMES: tuple[SamplerName, ...] = get_args(SamplerName)
"""The samplers that `sampling_weights` knows."""

# The smoothing map of Wu et al. 2020, as they set it for COCO-MLT.
_DB_ALPHA, _DB_BETA, _DB_MU = 0.1, 10.0, 0.2


@dataclass(frozen=True, eq=False)
class _SchemeWeights:
    """Weights on a scheme's own scale."""

    sets: NDArray[np.float64]
    """(K,), of an image of each set; of no meaning for sets without a finding."""
    smallest: float
    """The smallest weight of an image with a single label."""
    default: float
    """What `auto` gives to images without a finding, and what counts as being shown once."""


def sampling_weights(
    labels: ArrayLike | LabelSets,
    settings: SamplerSettings,
    *,
    vocabulary: Sequence[str] | None = None,
) -> NDArray[np.float64] | None:
    """The weight of each of N images, (N,) with mean 1, or None for the sampler "none".

    labels: (N, C), (N,) for one class, or label sets. vocabulary: the C names, for messages. An
    unknown label counts as not present. An image on which nothing is present and something
    unknown has the smallest class weight (TARGET_SAMPLERS: the mean weight of images with a
    finding), whatever `no_finding` says, since it is not known to be healthy. A class without
    positives has no image to weigh, so that all but TARGET_SAMPLERS pass over it. With
    `source_shares` the sets have to be told apart by source (`find_sampling_sets`).

    Raises InputError when no image has a finding, when `no_finding` asks for a share of images
    that do not exist, and when the target of TARGET_SAMPLERS can't be met.

    >>> labels = [[1, 0], [1, 0], [1, 0], [0, 1], [0, 0]]
    >>> settings = SamplerSettings(name="inverse-mean", smoothing=0, no_finding="share:0.2")
    >>> sampling_weights(labels, settings).round(3).tolist()
    [0.667, 0.667, 0.667, 2.0, 1.0]
    """
    if settings.source_shares is not None:
        weigh = partial(sampling_weights, vocabulary=vocabulary)
        return weigh_sources(read_label_sets(labels), settings, weigh)
    if settings.name == "none":
        return None
    sets = read_label_sets(labels)
    if settings.name in TARGET_SAMPLERS:
        weights = _fit_target(sets, settings, vocabulary)
    else:
        weights, _ = _weigh_sets(sets, settings)
        weights /= sets.counts @ weights / sets.num_images
    return np.asarray(weights[sets.inverse])


def count_repeats(labels: ArrayLike | LabelSets, settings: SamplerSettings) -> int:
    """The images of an epoch in which each is shown as often as its factor says: their rounded sum.

    A factor is the image's weight on the scheme's own scale, which is not that of a mean of 1: for
    `repeat-factor` max(1, √(t/f_c)), for the others what an image of the commonest label alone has
    being 1. Arguments and errors are those of `sampling_weights`; "none" and TARGET_SAMPLERS have
    no such scale, and are refused with `draw="repeats"`.

    >>> labels = [[1, 0]] * 90 + [[0, 1]] * 10
    >>> count_repeats(labels, SamplerSettings(name="repeat-factor", threshold=0.4, draw="repeats"))
    110
    """
    # A copy under another name, as an ablation makes, has not been validated.
    settings = SamplerSettings.parse(**settings.model_dump())
    sets = read_label_sets(labels)
    weights, unit = _weigh_sets(sets, settings)
    # Rounded up, so that no factor of 1 comes to less; but not for a rounding error.
    return max(1, math.ceil(float(sets.counts @ weights) / unit - 1e-6))


def _weigh_sets(sets: LabelSets, settings: SamplerSettings) -> tuple[NDArray[np.float64], float]:
    """The weight of an image of each set, (K,), on the scheme's scale, and what is 1 on it."""
    has_finding = sets.num_present > 0
    if not has_finding.any():
        raise InputError("no image has a finding, so there is nothing to balance. Use 'none'.")
    scheme = _SCHEMES[settings.name](sets, settings)
    weights = np.where(has_finding, scheme.sets, scheme.smallest)
    weights[sets.no_finding] = _no_finding_weight(sets, weights, scheme, settings)
    return weights, scheme.default


def max_entropy_weights(
    labels: ArrayLike | LabelSets,
    *,
    strength: float = 1.0,
    no_finding_share: float | None = None,
    min_ess: float | None = None,
    max_repeat: float | None = None,
    nearest_feasible: bool = False,
) -> NDArray[np.float64]:
    """The weight of each image, (N,) with mean 1: closest to uniform with equal class shares.

    labels: (N, C), 1, 0 or -1 (unknown), or (N,) for one class; names of columns are used in
    messages. strength: in [0, 1], from class shares as found to equal ones. no_finding_share: in
    [0, 1), the share of draws without a finding; as found by default. min_ess: in (0, 1], the
    effective sample size (as a fraction of N) that `strength` is lowered to keep. max_repeat:
    above 1, the largest weight. nearest_feasible: take the nearest shares that can be met
    (`fit_max_entropy`). Raises InputError for values outside these ranges and where the target
    can't be met, ArgumentError for labels that can't be used.

    >>> max_entropy_weights([[1, 0], [1, 0], [1, 0], [0, 1], [0, 0]]).round(3).tolist()
    [0.667, 0.667, 0.667, 2.0, 1.0]
    """
    settings = SamplerSettings.parse(
        name="max-entropy",
        no_finding="natural" if no_finding_share is None else f"share:{no_finding_share}",
        strength=strength,
        min_ess=min_ess,
        max_repeat=max_repeat,
        nearest_feasible=nearest_feasible,
    )
    sets = read_label_sets(labels)
    return np.asarray(_fit_target(sets, settings, column_names(labels))[sets.inverse])


def _fit_target(
    sets: LabelSets, settings: SamplerSettings, vocabulary: Sequence[str] | None
) -> NDArray[np.float64]:
    fit = (
        fit_max_entropy
        if settings.name == "max-entropy"
        else partial(fit_max_ess, min_repeat=settings.min_repeat)
    )
    return fit(
        sets,
        strength=settings.strength,
        no_finding_share=settings.no_finding_share,
        min_ess=settings.min_ess,
        max_repeat=settings.max_repeat,
        nearest_feasible=settings.nearest_feasible,
        vocabulary=vocabulary,
    ).set_weights


def _no_finding_weight(
    sets: LabelSets,
    weights: NDArray[np.float64],
    scheme: _SchemeWeights,
    settings: SamplerSettings,
) -> float:
    if isinstance(settings.no_finding, float):
        return settings.no_finding
    if settings.no_finding == "auto":
        return scheme.default
    if settings.no_finding == "smallest":
        return scheme.smallest
    natural = sets.natural_no_finding_share
    share = settings.no_finding_share
    wanted = natural if share is None else share
    if wanted == 0:
        return 0.0
    if natural == 0:
        raise InputError(
            f"{wanted:.1%} of the draws shall be images without a finding, and there are none. "
            "Use --no-finding natural."
        )
    others = (sets.counts * weights)[~sets.no_finding].sum()
    return float(wanted / (1 - wanted) * others / sets.counts[sets.no_finding].sum())


def _weigh_inverse(
    sets: LabelSets, settings: SamplerSettings, *, combine: Literal["mean", "max", "sum"]
) -> _SchemeWeights:
    """w_c = 1 / (n_c + smoothing)^power, combined over the labels of an image."""
    counts = sets.class_counts
    has_positives = counts > 0
    class_weights = np.zeros(len(counts))
    class_weights[has_positives] = (counts[has_positives] + settings.smoothing) ** -settings.power
    if combine == "max":
        weights = (sets.patterns * class_weights).max(axis=1)
    else:
        weights = sets.patterns @ class_weights
        if combine == "mean":
            weights /= np.maximum(sets.num_present, 1)
    smallest = float(class_weights[has_positives].min())
    return _SchemeWeights(weights, smallest, default=smallest)


def _weigh_class_aware(sets: LabelSets, settings: SamplerSettings) -> _SchemeWeights:
    """Draw a class uniformly, then an image of it (Shen et al. 2016, arXiv:1512.05830).

    An image is drawn through each of its labels: w = sum of 1/n_c over them. Images without a
    finding are no class of their own, which would tie their share to the number of labels;
    as in every scheme `no_finding` says how many there are.
    """
    as_found = settings.model_copy(update={"power": 1.0, "smoothing": 0.0})
    return _weigh_inverse(sets, as_found, combine="sum")


def _weigh_repeat_factor(sets: LabelSets, settings: SamplerSettings) -> _SchemeWeights:
    """r_c = max(1, sqrt(t / f_c)), the largest over an image's labels.

    Gupta et al. 2019 (arXiv:1908.03195), who take t = 0.001 for the 1,200 classes of LVIS;
    t = 0.05 repeats 9 of NIH's 14. They repeat images r times, rounded at random, as
    `--sampler-draw repeats` does; with the other draws r is a weight.
    """
    counts = sets.class_counts
    has_positives = counts > 0
    factors = np.zeros(len(counts))
    frequency = counts[has_positives] / sets.num_images
    factors[has_positives] = np.maximum(1, np.sqrt(settings.threshold / frequency))
    weights = (sets.patterns * factors).max(axis=1)
    return _SchemeWeights(weights, float(factors[has_positives].min()), default=1.0)


def _weigh_distribution_balanced(sets: LabelSets, settings: SamplerSettings) -> _SchemeWeights:
    """Class-aware sampling, corrected for the labels that come along with the drawn one.

    Wu et al. 2020 (arXiv:2007.09654) draw image x with P(x) ∝ sum of 1/n_c over its labels
    (class-aware) and weigh the loss of label c by a smoothed r_c = (1/n_c) / P(x), the share of
    x's draws that c itself asked for: alpha + sigmoid(beta (r_c - mu)). Here the correction
    joins the sampling weight, w = P(x) times its mean over the labels of x, so that an image
    of many labels is drawn less than class-aware sampling would.
    """
    from scipy.special import expit

    drawn = _weigh_class_aware(sets, settings)
    counts = np.maximum(sets.class_counts, 1)
    asked = sets.patterns / counts / np.where(drawn.sets > 0, drawn.sets, 1.0)[:, None]
    smoothed = (_DB_ALPHA + expit(_DB_BETA * (asked - _DB_MU))) * sets.patterns
    weights = drawn.sets * smoothed.sum(axis=1) / np.maximum(sets.num_present, 1)
    alone = _DB_ALPHA + float(expit(_DB_BETA * (1 - _DB_MU)))
    return _SchemeWeights(weights, drawn.smallest * alone, default=drawn.smallest * alone)


_SCHEMES: dict[str, Callable[[LabelSets, SamplerSettings], _SchemeWeights]] = {
    "inverse-mean": partial(_weigh_inverse, combine="mean"),
    "inverse-max": partial(_weigh_inverse, combine="max"),
    "inverse-sum": partial(_weigh_inverse, combine="sum"),
    "class-aware": _weigh_class_aware,
    "repeat-factor": _weigh_repeat_factor,
    "distribution-balanced": _weigh_distribution_balanced,
}
