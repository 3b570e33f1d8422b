"""The sampler that is verified where none was asked for: as equal as the table's labels allow.

N images, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from xlite.sampling.contradictions import LEAST_POSITIVES
from xlite.sampling.draw_limits import FEWEST_BATCHES, MOST_DRAWS
from xlite.sampling.sampling_plan import find_faults, find_starved, plan_sampling
from xlite.settings import SamplerSettings

if TYPE_CHECKING:
    from xlite.sampling.label_sets import LabelSets
    from xlite.sampling.sampling_plan import SamplingPlan

_STEP = 0.05
_MISSED = 1e-4
"""Class shares that are further off than this are said."""
_NUM_NAMED = 3


def choose_sampler(
    sets: LabelSets, vocabulary: Sequence[str]
) -> tuple[SamplerSettings, str | None]:
    """max-entropy with equal class shares, or the nearest that can be met, and what was given up.

    Where equal shares would starve a class or let the effective sample size collapse, it has the
    strongest strength, in steps of 0.05, that does not. None is said where equal shares are met.
    Raises InputError where there is nothing to balance.
    """
    strongest = _plan(sets, vocabulary, 1.0)
    plan, strength = strongest, 1.0
    # From 0.95 on by bisection over the steps: a weaker sampler has fewer faults.
    low, high = 0, round(1 / _STEP)
    while find_faults(strongest.exposure, strongest.natural, vocabulary) and high - low > 1:
        middle = (low + high) // 2
        tried = _plan(sets, vocabulary, middle * _STEP)
        if find_faults(tried.exposure, tried.natural, vocabulary):
            high = middle
        else:
            low, plan, strength = middle, tried, round(middle * _STEP, 2)
    settings = _settings(strength)
    if strength < 1:
        return settings, _describe_lowered(strongest, plan, vocabulary, strength)
    return settings, _describe_missed(plan, vocabulary)


def count_batches(plan: SamplingPlan, batch_size: int) -> int:
    """The batches that tell the drawn share of the rarest class to ±25 %, 500 at least."""
    exposure = plan.exposure.positives_per_image
    shown = exposure[exposure > 0]
    if plan.weights is None or not shown.size:
        return FEWEST_BATCHES
    needed = int(np.ceil(LEAST_POSITIVES / float(shown.min()) / batch_size))
    return max(FEWEST_BATCHES, min(needed, MOST_DRAWS // batch_size))


def _settings(strength: float) -> SamplerSettings:
    return SamplerSettings(name="max-entropy", strength=strength, nearest_feasible=True)


def _plan(sets: LabelSets, vocabulary: Sequence[str], strength: float) -> SamplingPlan:
    return plan_sampling(sets, _settings(strength), vocabulary, batch_size=1, seed=0)


def _describe_lowered(
    strongest: SamplingPlan, plan: SamplingPlan, vocabulary: Sequence[str], strength: float
) -> str:
    starved = find_starved(strongest.exposure, strongest.natural, vocabulary)
    named = ", ".join(starved[:_NUM_NAMED]) + (", …" if len(starved) > _NUM_NAMED else "")
    verb = "class" if len(starved) == 1 else "classes"
    cost = f", and starve {len(starved)} {verb} ({named})" if starved else ""
    share = plan.exposure.share[plan.exposure.share > 0]
    return (
        "no sampler was asked for, and equal class shares would leave an effective sample size of "
        f"{strongest.exposure.ess:.3f} of the images{cost}. Verified is max-entropy of strength "
        f"{strength:g}, the strongest in steps of {_STEP:g} that is sound: class shares from "
        f"{share.min():.2%} to {share.max():.2%}, effective sample size {plan.exposure.ess:.3f}. "
        f"Train with it by --sampler max-entropy --sampler-strength {strength:g} "
        "--nearest-feasible."
    )


def _describe_missed(plan: SamplingPlan, vocabulary: Sequence[str]) -> str | None:
    wanted = 1 / max(int((plan.natural.positives_per_image > 0).sum()), 1)
    share = plan.exposure.share
    distance = np.abs(np.where(plan.natural.positives_per_image > 0, share - wanted, 0.0))
    order = np.argsort(-distance, kind="stable")
    missed = [c for c in order if distance[c] > _MISSED]
    if not missed:
        return None
    named = "; ".join(f"{vocabulary[c]} {share[c]:.3%}" for c in missed[:_NUM_NAMED])
    more = f"; {len(missed) - _NUM_NAMED} more" if len(missed) > _NUM_NAMED else ""
    return (
        "no sampler was asked for, and class shares that are all equal can't be met by this "
        f"table's labels. Verified are the nearest that can: {named} instead of {wanted:.3%}{more}."
        " Train with them by --sampler max-entropy --nearest-feasible."
    )
