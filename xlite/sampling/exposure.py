"""What a model is shown under sampling weights: computed exactly, without drawing an image.

N images, C classes, K distinct label sets. Image i is drawn with probability
q_i = w_i / sum(w); an epoch is `num_draws` independent draws.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from xlite.arrays import column_names, number_classes, read_count, read_patients, read_vector
from xlite.errors import ArgumentError
from xlite.sampling.label_sets import LabelSets, read_label_sets

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, eq=False)
class Exposure:
    """Expectations over the draws of an epoch; NaN where a quantity is undefined."""

    positives_per_image: NDArray[np.float64]
    """(C,) e_c, the expected share of drawn images on which a label is present."""
    share: NDArray[np.float64]
    """(C,) p_c = e_c / sum(e); 0 for a class without positives, NaN when no class has any."""
    cv: float
    """std(p) / mean(p) with the population's standard deviation; 0 is equal exposure."""
    no_finding_share: float
    """The share of drawn images on which every label is known to be absent."""
    ess: float
    """Kish's effective sample size as a fraction of N, (sum w)^2 / (N sum w^2), in (0, 1]."""
    num_draws: int
    """The draws of an epoch: with replacement under weights, each image in turn without."""
    distinct_images: float
    """The number of different images in an epoch: sum_i 1 - (1 - q_i)^num_draws of independent
    draws, sum_i min(1, q_i num_draws) of systematic ones."""
    max_repeats: float
    """The largest number of times that an image is drawn in an epoch, num_draws * max(q)."""
    co_occurrence: NDArray[np.float64]
    """(C, C), the share of drawn images on which both labels are present; e_c on the diagonal."""
    ess_within_class: NDArray[np.float64]
    """(C,), the effective number of images behind a class' exposure: (sum w)^2 / sum w^2 over
    its positives. NaN for a class that is never drawn."""
    patients_within_class: NDArray[np.float64] | None
    """(C,), the same for patients, each with the weight of all their positive images of the
    class; None when no patients were given."""
    labels: tuple[str, ...]
    """The C names."""

    def to_frame(self) -> pd.DataFrame:
        """A row a label: positives_per_image, share, ess_within_class, patients_within_class."""
        columns = {
            "positives_per_image": self.positives_per_image,
            "share": self.share,
            "ess_within_class": self.ess_within_class,
        }
        if self.patients_within_class is not None:
            columns["patients_within_class"] = self.patients_within_class
        return pd.DataFrame(columns, index=pd.Index(self.labels, name="label"))


def expected_exposure(
    labels: ArrayLike | LabelSets,
    weights: ArrayLike | None,
    *,
    num_draws: int | None = None,
    patients: ArrayLike | None = None,
    is_systematic: bool = False,
) -> Exposure:
    """The exposure of every class when images are drawn in proportion to `weights`.

    labels: (N, C), 1, 0 or -1 (unknown), (N,) for one class, or label sets. weights: (N,), finite,
    at least 0, not all 0, on any scale; None shows each image once, in turn. num_draws: N by
    default. patients: (N,) patient ids, or codes from 0. is_systematic: each image is drawn as
    often as is expected, rounded up or down, not independently of the others: an epoch then shows
    more of them. Raises ArgumentError where these are not met.

    >>> exposure = expected_exposure([[1, 0], [1, 0], [0, 1], [0, 0]], [1, 1, 2, 4])
    >>> exposure.share.tolist(), exposure.cv, exposure.no_finding_share
    ([0.5, 0.5], 0.0, 0.5)
    """
    sets = read_label_sets(labels)
    w = _checked_weights(weights, sets.num_images)
    draws = read_count(sets.num_images if num_draws is None else num_draws, "num_draws", at_least=1)

    num_sets = len(sets.counts)
    mass = np.bincount(sets.inverse, weights=w, minlength=num_sets)
    squares = np.bincount(sets.inverse, weights=w * w, minlength=num_sets)
    total = mass.sum()
    present = sets.patterns.astype(np.float64)
    # A weight sum of rounding errors would pass for exposure; 0 rows give an exact 0 here.
    class_mass = mass @ present
    all_mass = class_mass.sum()
    share = class_mass / all_mass if all_mass > 0 else np.full(len(class_mass), np.nan)
    q = w / total
    return Exposure(
        positives_per_image=class_mass / total,
        share=share,
        cv=float(share.std() / share.mean()),
        no_finding_share=float(mass[sets.no_finding].sum() / total),
        ess=float(total**2 / squares.sum() / sets.num_images),
        num_draws=draws,
        distinct_images=(
            float(min(draws, sets.num_images))
            if weights is None
            else float(np.minimum(draws * q, 1).sum())
            if is_systematic
            else _expected_distinct(q, draws)
        ),
        max_repeats=float(draws * q.max()),
        co_occurrence=present.T @ (mass[:, None] * present) / total,
        ess_within_class=_ratio(class_mass**2, squares @ present),
        patients_within_class=(
            None if patients is None else _effective_patients(sets, w, patients)
        ),
        labels=column_names(labels) or number_classes(len(class_mass)),
    )


def _checked_weights(weights: ArrayLike | None, num_images: int) -> NDArray[np.float64]:
    if weights is None:
        return np.ones(num_images)
    w = read_vector(weights, "weights")
    if w.shape != (num_images,):
        raise ArgumentError(f"weights must be ({num_images},), one an image, not {w.shape}")
    wrong = np.flatnonzero(~(np.isfinite(w) & (w >= 0)))
    if wrong.size:
        first = int(wrong[0])
        raise ArgumentError(
            f"{wrong.size} of {num_images} weights are negative or not finite "
            f"(first: {w[first]} for image {first}); weights must be finite and at least 0"
        )
    largest = w.max()
    if largest == 0:
        raise ArgumentError("all weights are 0, so that no image could be drawn")
    # Weights of 1e-200 are legal, and their squares would underflow.
    return np.asarray(w / largest)


def _expected_distinct(q: NDArray[np.float64], num_draws: int) -> float:
    with np.errstate(divide="ignore"):  # log1p(-1) = -inf is right: a sure image is drawn.
        return float(-np.expm1(num_draws * np.log1p(-q)).sum())


def _effective_patients(
    sets: LabelSets, w: NDArray[np.float64], patients: ArrayLike
) -> NDArray[np.float64]:
    ids = read_patients(patients, sets.num_images)
    # What pandas gives for an id that is missing.
    if ids.dtype.kind == "i" and ids.min() < 0:
        raise ArgumentError("patients have negative codes. Every image needs its patient's id.")
    codes, _ = pd.factorize(ids)
    effective = np.empty(sets.patterns.shape[1])
    for column in range(len(effective)):
        rows = sets.patterns[sets.inverse, column] == 1
        mass = np.bincount(codes[rows], weights=w[rows])
        effective[column] = _ratio(mass.sum() ** 2, np.square(mass).sum())
    return effective


def _ratio(
    numerator: NDArray[np.float64] | np.float64, denominator: NDArray[np.float64] | np.float64
) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):  # 0 / 0: a class that is never drawn is NaN.
        return np.asarray(np.divide(numerator, denominator))
