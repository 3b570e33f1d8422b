"""Parts around a test part that is given: training and validation of what is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xlite.errors import InputError
from xlite.splitting.patient_disjoint import assign_patients

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.splitting.strata import Strata

VAL = 0.15
"""Validation's share of the images outside the test part."""

NO_PART, TRAIN, VALIDATION, TEST = -1, 0, 1, 2
"""Where an image is: the latter three by their place in `SPLIT_PARTS`."""

# On NIH's rows a label's prevalence in validation is then off by 0.012 percentage points at most;
# ten times as many rounds would give 0.011, and take a second for each of the folds.
_ROUNDS = 300


def require_val_share(val: float | None) -> float | None:
    """The share of validation, None for no such part; InputError unless between 0 and 1."""
    if val is not None and not 0 < val < 1:
        raise InputError(
            f"--val {val} is no share between 0 and 1, such as 0.15. Pass --no-val for none."
        )
    return val


def carve_validation(
    labels: NDArray[np.int8],
    patient_codes: NDArray[np.integer],
    part: NDArray[np.int64],
    *,
    val: float | None,
    seed: int,
    strata: Strata | None = None,
) -> NDArray[np.int64]:
    """The (N,) parts with those of training divided into training and validation, by patient.

    val: validation's share of these images; None leaves all in training. Raises InputError where
    they are of fewer than two patients.
    """
    if val is None:
        return part
    is_rest = part == TRAIN
    if len(np.unique(patient_codes[is_rest])) < 2:
        raise InputError(
            "outside the test part there are images of one patient only, who can't be in training "
            "and in validation. Pass --no-val."
        )
    carved = part.copy()
    carved[is_rest] = assign_patients(
        labels[is_rest],
        patient_codes[is_rest],
        ratios=(1 - val, val),
        seed=seed,
        strata=None if strata is None else strata.select(is_rest).indicators,
        rounds=_ROUNDS,
    )
    return carved
