"""XL015: a sampler that shows hardly any finding, or the same few images over and over.

N images, C labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from xlite.judging.checks.check import Check, Issue, NotApplicable, Observation, Passed
from xlite.judging.checks.listed_images import count_draws
from xlite.judging.checks.run_weighting import exposure_of
from xlite.judging.examined.run import ExaminedRun
from xlite.judging.examined.split import ExaminedSplit
from xlite.sampling.exposure import Exposure, expected_exposure
from xlite.sampling.label_sets import LabelSets, find_label_sets
from xlite.sampling.sampling_plan import find_faults

if TYPE_CHECKING:
    from numpy.typing import NDArray


def look(thing: ExaminedRun | ExaminedSplit) -> Observation:
    """Of a run, what is drawn is computed exactly from its sampler's settings and the training
    part; beside a split, it is counted in a CSV of images and how often each was drawn, or from
    images that train.csv lists more than once. A sampler has collapsed where over 95 % of the draws
    are without a finding (and more than as found), where the effective sample size is under 5 % of
    the images, or where a label appears less than a tenth as often as without it.
    """
    if isinstance(thing, ExaminedRun):
        sampler = thing.settings.sampler
        if sampler.name == "none" and sampler.source_shares is None:
            return NotApplicable("the run has no sampler: each image is shown once an epoch")
        exposure = exposure_of(thing)
        if exposure is None:
            return NotApplicable("its split is not at hand, so that what it drew is not known")
        return look_at_exposure(exposure.drawn, exposure.natural, thing.folder.labels)
    counted = count_draws(thing)
    if counted is None:
        return NotApplicable("nothing beside the split says how often its images are drawn")
    sets = find_label_sets(thing.labels("train")[counted.rows])
    return look_at_draws(counted.times.astype(np.float64), sets, thing.vocabulary)


def look_at_exposure(exposure: Exposure, natural: Exposure, labels: Sequence[str]) -> Observation:
    """Whether draws have collapsed onto images without a finding or onto a few, or starve a label.

    exposure: under the sampler. natural: of each image once.
    """
    faults = find_faults(exposure, natural, labels)
    numbers = {
        "no_finding_share": exposure.no_finding_share,
        "no_finding_share_as_found": natural.no_finding_share,
        "ess": exposure.ess,
        "cv": exposure.cv,
    }
    if not faults:
        return Passed(
            f"{exposure.no_finding_share:.1%} of the draws are without a finding (as found: "
            f"{natural.no_finding_share:.1%}), and the effective sample size is {exposure.ess:.2f} "
            "of the images",
            numbers,
        )
    return Issue(" ".join(faults), numbers)


def look_at_draws(
    draws: NDArray[np.float64], sets: LabelSets, labels: Sequence[str]
) -> Observation:
    """The same of how often each image was drawn, (N,), whatever drew it."""
    return look_at_exposure(expected_exposure(sets, draws), expected_exposure(sets, None), labels)


CHECK = Check(
    code="XL015",
    title="a sampler that has collapsed",
    severity="error",
    subject=ExaminedRun | ExaminedSplit,
    look=look,
    consequence="The model is trained on next to nothing of what it is said to be trained on; a "
    "weight left on another scale than the labels' is enough for it.",
    remedy="Let `xlite verify-balance` show what a sampler draws before it is used, and put images "
    "without a finding on the labels' scale: --no-finding smallest, natural or share:X.",
)
