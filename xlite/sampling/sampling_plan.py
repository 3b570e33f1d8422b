"""The sampler that training uses, judged by the algebra before anything is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xlite.errors import CheckFailedError, InputError
from xlite.sampling.exposure import Exposure, expected_exposure
from xlite.sampling.label_sets import LabelSets
from xlite.sampling.sampler import EpochSampler
from xlite.sampling.weights import count_repeats, sampling_weights
from xlite.settings import SamplerSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

STARVED_BELOW = 0.1
"""A class is starved when its exposure is under this fraction of its natural one."""
COLLAPSED_NO_FINDING = 0.95
"""A sampler has collapsed when more than this share of its images is without a finding."""
COLLAPSED_ESS = 0.05
"""A sampler has collapsed when its effective sample size is under this fraction."""


@dataclass(frozen=True, eq=False)
class SamplingPlan:
    """The sampler that training uses, and what the algebra says of it."""

    sampler: EpochSampler
    weights: NDArray[np.float64] | None
    """(N,), None when each image is shown once an epoch."""
    exposure: Exposure
    natural: Exposure
    """The exposure without weights."""


def plan_sampling(
    sets: LabelSets,
    settings: SamplerSettings,
    vocabulary: Sequence[str],
    *,
    batch_size: int,
    seed: int,
    patient_codes: NDArray[np.int64] | None = None,
    rank: int = 0,
    world_size: int = 1,
) -> SamplingPlan:
    """The sampler of the settings over images with these label sets; one for all commands.

    batch_size: images of a rank's share of a batch. patient_codes: (N,) integers from 0, to count
    the patients behind a class as well.
    """
    weights = sampling_weights(sets, settings, vocabulary=vocabulary)
    natural = expected_exposure(sets, None, patients=patient_codes)
    num_draws = count_repeats(sets, settings) if settings.draw == "repeats" else sets.num_images
    return SamplingPlan(
        sampler=EpochSampler(
            sets.num_images,
            batch_size=batch_size,
            seed=seed,
            weights=weights,
            draw="systematic" if settings.draw == "repeats" else settings.draw,
            num_draws=num_draws,
            drop_last=True,
            rank=rank,
            world_size=world_size,
        ),
        weights=weights,
        exposure=natural
        if weights is None
        else expected_exposure(
            sets,
            weights,
            num_draws=num_draws,
            patients=patient_codes,
            is_systematic=settings.draw != "replacement",
        ),
        natural=natural,
    )


def require_sound_sampling(plan: SamplingPlan, vocabulary: Sequence[str]) -> None:
    """Raise CheckFailedError for a sampler that has collapsed or starves a class."""
    faults = [] if plan.weights is None else find_faults(plan.exposure, plan.natural, vocabulary)
    if faults:
        raise CheckFailedError("the sampler is not fit to train with: " + " ".join(faults))


def find_faults(exposure: Exposure, natural: Exposure, vocabulary: Sequence[str]) -> list[str]:
    """Why a sampler is not to be trained with: starved classes and collapse, by the algebra."""
    faults = []
    if exposure.no_finding_share > max(COLLAPSED_NO_FINDING, natural.no_finding_share):
        faults.append(
            f"collapsed: {exposure.no_finding_share:.2%} of the drawn images are without a "
            f"finding (as found: {natural.no_finding_share:.2%}). Their weight has to be on the "
            "scale of the class weights: use --no-finding smallest, natural or share:X."
        )
    if exposure.ess < COLLAPSED_ESS:
        faults.append(
            f"collapsed: the effective sample size is {exposure.ess:.3f} of the images; a few "
            "images are drawn over and over. Use a weaker sampler (--sampler-strength, "
            "--max-repeat)."
        )
    starved = ", ".join(find_starved(exposure, natural, vocabulary))
    if starved:
        faults.append(f"starved: {starved} appear less than a tenth as often as without sampling.")
    return faults


def find_starved(exposure: Exposure, natural: Exposure, vocabulary: Sequence[str]) -> list[str]:
    """The classes that are shown less than a tenth as often as without sampling."""
    starved = (natural.positives_per_image > 0) & (
        exposure.positives_per_image < STARVED_BELOW * natural.positives_per_image
    )
    return [name for name, is_so in zip(vocabulary, starved, strict=True) if is_so]


def trace_strengths(
    sets: LabelSets, vocabulary: Sequence[str], *, num_points: int = 21
) -> list[tuple[float, float, float]]:
    """(strength, CV, ESS) of max-entropy from shares as found to equal shares.

    Strengths whose target can't be met are left out.
    """
    points = []
    for strength in np.linspace(0, 1, num_points):
        settings = SamplerSettings(name="max-entropy", strength=float(strength))
        try:
            weights = sampling_weights(sets, settings, vocabulary=vocabulary)
        except InputError:
            continue
        exposure = expected_exposure(sets, weights)
        points.append((float(strength), exposure.cv, exposure.ess))
    return points
