"""XL013: repeat factors that were rounded to whole numbers, so that most rare labels get none.

N images, C labels, K distinct label sets.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from xlite.judging.checks.check import Check, Issue, NotApplicable, Observation, Passed
from xlite.judging.checks.listed_images import count_draws
from xlite.judging.examined.run import ExaminedRun
from xlite.judging.examined.split import ExaminedSplit
from xlite.losses.label_counts import name_classes
from xlite.sampling.label_sets import LabelSets, find_label_sets

if TYPE_CHECKING:
    from numpy.typing import NDArray


def look(thing: ExaminedSplit | ExaminedRun) -> Observation:
    """A repeat factor is max(1, √(t/f)) for a label of frequency f under a threshold t. Rounded to
    a whole number it is 1 for every f above t/2.25, where most rare labels are. In a training list
    that repeats images, or a CSV beside it that counts them, it shows as follows: images with the
    same labels are repeated equally often, one threshold explains all repeats, and labels under it
    are not repeated. A run of xlite takes the factors as weights, unrounded.
    """
    if isinstance(thing, ExaminedRun):
        sampler = thing.settings.sampler
        if sampler.name != "repeat-factor":
            return NotApplicable(f"its sampler is {sampler.name}, which repeats no images")
        return Passed("the factors are weights, which are not rounded", {"t": sampler.threshold})
    counted = count_draws(thing)
    if counted is None:
        return NotApplicable("no image of training is listed or counted more than once")
    is_taken = counted.times > 0
    sets = find_label_sets(thing.labels("train")[counted.rows[is_taken]])
    return look_at_repeats(counted.times[is_taken], sets, thing.vocabulary)


def look_at_repeats(
    repeats: NDArray[np.int64], sets: LabelSets, labels: Sequence[str]
) -> Observation:
    """Whether images are repeated as rounded repeat factors would have it.

    repeats: (N,), how often each distinct image stands in the list. An image's factor is
    max(1, √(t / f)) over its labels of frequency f (Gupta et al. 2019, arXiv:1908.03195). Rounded
    to the nearest whole number it is 1 for every f above t / 2.25. So it shows in the list: images
    with the same labels are repeated equally often, some threshold t gives all of these numbers,
    and labels under t are not repeated.
    """
    repeated = _repeats_by_set(repeats, sets)
    if repeated is None:
        return Passed(
            "images with the same labels are repeated unequally often, as by drawing",
            {"largest_repeat": float(repeats.max())},
        )
    if repeated.max() == 1:
        return NotApplicable("no image stands in the list more than once")
    frequency = sets.class_counts / sets.num_images
    found = _fit_threshold(repeated, sets, frequency)
    numbers = {"largest_repeat": float(repeats.max())}
    if found is None:
        return Passed("repeats are whole numbers, but not those of rounded factors", numbers)
    low, high, factors = found
    # Of all thresholds that give these repeats the lowest: what is under it is under all of them.
    is_lost = (frequency > 0) & (frequency < low) & (factors == 1)
    is_repeated = factors > 1
    numbers |= {
        "threshold_from": low,
        "threshold_to": high,
        "labels_repeated": float(is_repeated.sum()),
        "labels_lost": float(is_lost.sum()),
    }
    if not is_lost.any():
        return Passed(
            f"all labels rarer than {low:.2%} of the images are repeated, {int(repeats.max())} "
            "times at most",
            numbers,
        )
    return Issue(
        f"repeats are the factors √(t/f) of a threshold t of {low:.2%} to {high:.2%}, rounded to "
        f"whole numbers: {is_repeated.sum()} of {len(labels)} labels are repeated, none that over "
        f"{frequency[is_repeated].max():.2%} of the images have, and "
        f"{name_classes(is_lost, labels)}, rarer than t too, not at all.",
        numbers,
    )


def _repeats_by_set(repeats: NDArray[np.int64], sets: LabelSets) -> NDArray[np.int64] | None:
    """(K,) how often each image of a set is repeated; None where images of a set differ."""
    least = np.full(len(sets.counts), np.iinfo(np.int64).max)
    most = np.zeros(len(sets.counts), dtype=np.int64)
    np.minimum.at(least, sets.inverse, repeats)
    np.maximum.at(most, sets.inverse, repeats)
    return most if (least == most).all() else None


def _fit_threshold(
    repeated: NDArray[np.int64], sets: LabelSets, frequency: NDArray[np.float64]
) -> tuple[float, float, NDArray[np.int64]] | None:
    """The thresholds, from and to, that give the sets' repeats, and each label's factor, (C,).

    A label's factor is the smallest repeat of the images that have it: others on an image can only
    raise that. None where no threshold gives them.
    """
    has = sets.patterns == 1
    factors = np.ones(len(frequency), dtype=np.int64)
    for column in np.flatnonzero(has.any(axis=0)):
        factors[column] = repeated[has[:, column]].min()
    expected = np.where(has, factors, 1).max(axis=1)
    if (expected != repeated).any():
        return None
    low, high = 0.0, math.inf
    for factor, share in zip(factors[frequency > 0], frequency[frequency > 0], strict=True):
        # r = round(√(t/f)), and 1 where that is less: t lies in [(r - ½)² f, (r + ½)² f].
        low = max(low, (factor - 0.5) ** 2 * share if factor > 1 else 0.0)
        high = min(high, (factor + 0.5) ** 2 * share)
    return (low, high, factors) if low <= high else None


CHECK = Check(
    code="XL013",
    title="repeat factors rounded away",
    severity="warning",
    subject=ExaminedSplit | ExaminedRun,
    look=look,
    consequence="Labels that are said to be repeated are not: with t = 1 % none that over 0.44 % "
    "of the images have. What is reported of the sampler is of hardly any sampler.",
    remedy="Take the factors as weights (--sampler repeat-factor does), or round each image's at "
    "random, up as often as its fraction says.",
)
