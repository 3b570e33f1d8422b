"""Why drawn batches prove nothing of a sampler, or prove the loader wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from xlite.sampling.draws import LabelFit
from xlite.sampling.exposure import Exposure

if TYPE_CHECKING:
    from xlite.results.balance import SourceBalance

CONTRADICTION_P = 1e-4
"""Draws contradict the algebra when they are less likely than this: half of it is for the test of
label sets, half for that of labels."""

CONTROL_P = 1e-3
"""Wrong weights have to be less likely than this, or the draws were too few to tell."""
CLEARLY_WEIGHTED_ESS = 0.95
"""Above this effective sample size weights are nearly uniform."""

LEAST_POSITIVES = 62
"""Expected positives of a class that a drawn share needs to be good to ±25 %: (1.96 / 0.25)²."""


def find_source_contradictions(sources: Mapping[str, SourceBalance]) -> list[str]:
    """Why drawn sources prove the loader wrong: one that is drawn too rarely or too often."""
    if not sources:
        return []
    fit = LabelFit(z=np.array([one.z for one in sources.values()]))
    if fit.p_value >= CONTRADICTION_P:
        return []
    name = list(sources)[fit.worst]
    way = "rarely" if fit.z[fit.worst] < 0 else "often"
    return [
        f"contradiction: the drawn batches show the source {name} too {way} (z = "
        f"{fit.z[fit.worst]:+.1f}, p = {fit.p_value:.1e} over all sources). This is a defect of "
        "the loader; please report it."
    ]


def find_contradictions(
    exposure: Exposure,
    vocabulary: Sequence[str],
    *,
    p_value: float,
    control_p_value: float,
    label_fit: LabelFit,
    num_batches: int,
    batch_size: int,
    is_weighted: bool,
) -> list[str]:
    """Why draws prove nothing, or prove the loader wrong.

    A drawn share whose 95 % interval is wider than ±25 % can't tell a balanced class from one
    that is not; unweighted epochs need no such proof, since each image is shown once.
    """
    faults = []
    num_draws = num_batches * batch_size
    shown = exposure.positives_per_image > 0
    if is_weighted and shown.any():
        rarest = int(np.argmin(np.where(shown, exposure.positives_per_image, np.inf)))
        per_image = float(exposure.positives_per_image[rarest])
        if num_draws * per_image < LEAST_POSITIVES:
            needed = int(np.ceil(LEAST_POSITIVES / per_image / batch_size))
            spread = 1.96 / np.sqrt(num_draws * per_image)
            faults.append(
                f"inconclusive: {num_batches} batches of {batch_size} are {num_draws} images with "
                f"{num_draws * per_image:.0f} expected positives of {vocabulary[rarest]}, so its "
                f"drawn share is good to ±{spread:.0%} only. Draw --batches {needed} or more."
            )
    if label_fit.p_value < CONTRADICTION_P / 2:
        worst = label_fit.worst
        way = "rarely" if label_fit.z[worst] < 0 else "often"
        faults.append(
            f"contradiction: the drawn batches show {vocabulary[worst]} too {way} (z = "
            f"{label_fit.z[worst]:+.1f}, p = {label_fit.p_value:.1e} over all labels). This is a "
            "defect of the loader; please report it."
        )
    elif p_value < CONTRADICTION_P / 2:
        faults.append(
            f"contradiction: the drawn batches do not follow the weights (p = {p_value:.1e}). "
            "This is a defect of the loader; please report it."
        )
    # Weights that hardly differ from uniform can't be told from it, and need not be.
    elif is_weighted and exposure.ess < CLEARLY_WEIGHTED_ESS and control_p_value > CONTROL_P:
        faults.append(
            f"inconclusive: the drawn batches fit wrong weights as well (p = {control_p_value:.3f}"
            "). Draw more --batches."
        )
    return faults
