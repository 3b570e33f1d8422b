"""XL016: labels that the sampler and the loss both correct in full.

C labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from xlite.judging.checks.check import Check, Issue, NotApplicable, Observation, Passed
from xlite.judging.checks.run_weighting import exposure_of, natural_prevalence
from xlite.judging.examined.run import ExaminedRun
from xlite.losses.class_weights import (
    DOUBLE_OPERATING_POINT,
    find_double_corrections,
    implied_operating_point,
)
from xlite.losses.label_counts import name_classes

if TYPE_CHECKING:
    from numpy.typing import NDArray


def look(run: ExaminedRun) -> Observation:
    """What the sampler draws is computed exactly from its settings and the training part. A label
    is corrected twice where both the sampler and the loss raise it, and together they put its
    operating point over 2/3: its positives then outweigh all its negatives by more than 2 to 1.
    """
    pos_weight = run.folder.config.pos_weight
    sampler = run.settings.sampler.name
    if pos_weight is None or sampler == "none":
        what = "sampler" if pos_weight is not None else "weight of positives"
        return NotApplicable(f"the run has no {what}, so that nothing is corrected twice")
    exposure = exposure_of(run)
    if exposure is None:
        return NotApplicable("its split is not at hand, so that what it drew is not known")
    return look_at_both_corrections(
        np.array(pos_weight),
        natural_prevalence(run),
        exposure.drawn.positives_per_image,
        run.folder.labels,
    )


def look_at_both_corrections(
    pos_weight: NDArray[np.float64],
    prevalence: NDArray[np.float64],
    sampled_prevalence: NDArray[np.float64],
    labels: Sequence[str],
) -> Observation:
    """Whether sampler and loss weights both raise a label until positives outweigh 2 to 1.

    All (C,): prevalence as found and among drawn images.
    """
    is_double = find_double_corrections(pos_weight, prevalence, sampled_prevalence)
    points = implied_operating_point(pos_weight, sampled_prevalence)
    numbers = {"labels": float(len(labels)), "double": float(is_double.sum())}
    if points.size:
        numbers["largest_operating_point"] = float(points.max())
    if not is_double.any():
        return Passed(
            f"no label that both raise has an operating point over {DOUBLE_OPERATING_POINT:.2f}",
            numbers,
        )
    return Issue(
        f"{is_double.sum()} of {len(labels)} labels are raised by the sampler and by the loss, to "
        f"operating points over {DOUBLE_OPERATING_POINT:.2f}: "
        f"{name_classes(is_double, labels, points)}.",
        numbers,
    )


CHECK = Check(
    code="XL016",
    title="imbalance corrected twice",
    severity="warning",
    subject=ExaminedRun,
    look=look,
    consequence="Rare labels are called where nothing is: probs are far too high, calibration and "
    "precision suffer, and neither correction can be judged by such a run.",
    remedy="Use one of the two: --loss bce with the sampler, or --sampler none with the loss "
    "weights.",
)
