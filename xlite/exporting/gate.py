"""The gate for models of smaller numbers: NON-INFERIOR to float32 on validation, or not exported.

N images, C labels.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from xlite.errors import CheckFailedError
from xlite.judging.evaluation import Resampling
from xlite.judging.methods import Method
from xlite.judging.paired_differences import NUM_RESAMPLES, judge_methods
from xlite.results.export import QuantisationGate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.judging.labelled_predictions import LabelledPredictions

MARGIN = 0.005
"""The loss of macro AUROC that has to be ruled out."""
_LEVEL = 0.9
"""Of the interval whose lower limit is the one-sided test at 5 %, as in the verdicts' rule."""
_BEFORE, _AFTER = "float32", "int8"


def judge_quantised(labelled: LabelledPredictions, probs: NDArray[np.float64]) -> QuantisationGate:
    """What quantising changes in macro AUROC, with an interval over patients.

    labelled: what the model in float32 says of validation films. probs: (N, C) what the quantised
    one says of them. The mean is over the labels that enough patients have and lack to be judged.
    """
    judged = judge_methods(
        [
            Method(name=_BEFORE, predictions={None: labelled}),
            Method(name=_AFTER, predictions={None: replace(labelled, probs=probs)}),
        ],
        resampling=Resampling(num_resamples=NUM_RESAMPLES, level=_LEVEL),
    )
    found = judged.difference(_BEFORE, _AFTER, "auroc")
    is_identical = judged.is_identical(_BEFORE, _AFTER)
    low, high = (0.0, 0.0) if is_identical else (float(found.macro.low), float(found.macro.high))
    return QuantisationGate(
        images=len(labelled),
        patients=len(np.unique(labelled.patient_ids)),
        before=judged.macro(_BEFORE, "auroc"),
        change=float(found.macro.difference),
        low=low,
        high=high,
        level=_LEVEL,
        margin=MARGIN,
        num_judged=int(judged.patients.is_judged.sum()),
        labels=dict(zip(labelled.vocabulary, found.change.tolist(), strict=True)),
    )


def require_non_inferior(gate: QuantisationGate, *, quantising: str) -> None:
    """Raise CheckFailedError, with the numbers, unless a loss of the margin is ruled out."""
    # NaN compares as false: what can't be judged is not exported.
    if gate.low > -gate.margin:
        return
    raise CheckFailedError(
        f"--quantize {quantising} was refused: {gate.sentence} A loss of {gate.margin:g} is not "
        f"ruled out. {_advise(gate)} Nothing was written."
    )


def _advise(gate: QuantisationGate) -> str:
    if np.isnan(gate.low):
        return "Too few patients have or lack the labels to say."
    if gate.high > -gate.margin:
        return "More validation films may rule it out; or export without --quantize."
    return "Export without --quantize."
