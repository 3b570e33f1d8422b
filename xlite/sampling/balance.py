"""Proof of balance: the algebra says what batches hold, and drawn batches have to agree.

N images, C classes, K distinct label sets, M batches. Nothing here opens an image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xlite.files import atomic_path, write_table
from xlite.sampling.draws import (
    DrawBatches,
    DrawnBatches,
    LabelFit,
    count_draws,
    fit_draws,
    fit_labels,
    iterate_batches,
)
from xlite.sampling.exposure import Exposure
from xlite.sampling.label_sets import LabelSets, find_label_sets
from xlite.sampling.sampling_plan import find_faults, plan_sampling
from xlite.settings import SamplerSettings

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from xlite.tables.manifest import Manifest

CONTRADICTION_P = 1e-4
"""Draws contradict the algebra when they are less likely than this: half of it is for the test of
label sets, half for that of labels."""

CONTROL_P = 1e-3
"""Wrong weights have to be less likely than this, or the draws were too few to tell."""
CLEARLY_WEIGHTED_ESS = 0.95
"""Above this effective sample size weights are nearly uniform."""

LEAST_POSITIVES = 62
"""Expected positives of a class that a drawn share needs to be good to ±25 %: (1.96 / 0.25)²."""


@dataclass(frozen=True, eq=False)
class SamplerReport:
    """One sampler's exposure, its draws, and whether the two agree."""

    name: str
    exposure: Exposure
    drawn: DrawnBatches
    p_value: float
    """Goodness of fit of the draws to the algebra: chi-square over the label sets."""
    control_p_value: float
    """The same draws against weights that are not the sampler's: has to be rejected."""
    label_fit: LabelFit
    """Goodness of fit of each label alone."""
    reasons: tuple[str, ...]
    """Why the verdict is not "balanced as claimed"; empty when it is."""

    @property
    def verdict(self) -> str:
        """ "pass" or "fail"."""
        return "fail" if self.reasons else "pass"

    def to_dict(self, vocabulary: Sequence[str]) -> dict[str, Any]:
        """Plain values for JSON, classes by name."""
        exposure = self.exposure
        return {
            "cv": exposure.cv,
            "ess": exposure.ess,
            "no_finding_share": exposure.no_finding_share,
            "share": _by_name(vocabulary, exposure.share),
            "positives_per_image": _by_name(vocabulary, exposure.positives_per_image),
            "images_behind": _by_name(vocabulary, exposure.ess_within_class),
            "patients_behind": None
            if exposure.patients_within_class is None
            else _by_name(vocabulary, exposure.patients_within_class),
            "max_repeats": exposure.max_repeats,
            "distinct_images": exposure.distinct_images,
            "drawn_images": self.drawn.num_images,
            "drawn_share": _by_name(vocabulary, self.drawn.share),
            "drawn_no_finding_share": self.drawn.no_finding_share,
            "p_value": self.p_value,
            "control_p_value": self.control_p_value,
            "label_p_value": self.label_fit.p_value,
            "label_z": _by_name(vocabulary, self.label_fit.z),
            "verdict": self.verdict,
            "reasons": list(self.reasons),
        }


def verify_sampler(
    labels: NDArray[np.int8],
    vocabulary: Sequence[str],
    settings: SamplerSettings,
    *,
    batch_size: int,
    num_batches: int,
    seed: int,
    sets: LabelSets | None = None,
    patient_codes: NDArray[np.int64] | None = None,
    draw_batches: DrawBatches | None = None,
) -> SamplerReport:
    """What the sampler shows: computed exactly, then drawn as training draws it, then compared.

    labels: (N, C) int8. The batches come from the EpochSampler that training builds, over as
    many epochs as they need; `draw_batches` can send them through the loader as well.
    """
    sets = find_label_sets(labels) if sets is None else sets
    sampling = plan_sampling(
        sets,
        settings,
        vocabulary,
        batch_size=batch_size,
        seed=seed,
        patient_codes=patient_codes,
    )
    batches = (draw_batches or iterate_batches)(sampling.sampler, num_batches)
    drawn = count_draws(batches, labels, sets)
    weights, exposure = sampling.weights, sampling.exposure
    # Weights that differ clearly from the sampler's: those of the opposite habit.
    wrong = np.ones(len(labels))
    if weights is None:
        wrong += sets.num_present[sets.inverse]
    p_value, control_p_value = fit_draws(drawn, sets, weights), fit_draws(drawn, sets, wrong)
    label_fit = fit_labels(drawn, exposure.positives_per_image)
    return SamplerReport(
        name=settings.name,
        exposure=exposure,
        drawn=drawn,
        p_value=p_value,
        control_p_value=control_p_value,
        label_fit=label_fit,
        reasons=tuple(
            find_faults(exposure, sampling.natural, vocabulary)
            or find_contradictions(
                exposure,
                vocabulary,
                p_value=p_value,
                control_p_value=control_p_value,
                label_fit=label_fit,
                num_batches=num_batches,
                batch_size=batch_size,
                is_weighted=weights is not None,
            )
        ),
    )


def tabulate_balance(
    manifest: Manifest, natural: SamplerReport, chosen: SamplerReport
) -> list[dict[str, Any]]:
    """One row a class, rarest first: counts, shares of the positives in percent, intervals.

    `baseline_batch_pct` and `weighted_batch_pct` are drawn, without and with the sampler;
    `exact_pct` is the algebra's. The interval is drawn ± 1.96 standard errors over batches.
    """
    uniform = 100 / len(manifest.vocabulary)
    baseline, drawn = 100 * natural.drawn.share, 100 * chosen.drawn.share
    error = 100 * _share_errors(chosen.drawn)
    patients = chosen.exposure.patients_within_class
    rows = []
    for c in np.argsort(manifest.positives, kind="stable"):
        rows.append(
            {
                "label": manifest.vocabulary[c],
                "count": int(manifest.positives[c]),
                "original_pct": 100 * float(natural.exposure.share[c]),
                "baseline_batch_pct": float(baseline[c]),
                "weighted_batch_pct": float(drawn[c]),
                "baseline_distance_from_uniform": abs(float(baseline[c]) - uniform),
                "weighted_distance_from_uniform": abs(float(drawn[c]) - uniform),
                "closer_to_uniform": bool(abs(drawn[c] - uniform) < abs(baseline[c] - uniform)),
                "exact_pct": 100 * float(chosen.exposure.share[c]),
                "weighted_batch_pct_low": float(drawn[c] - 1.96 * error[c]),
                "weighted_batch_pct_high": float(drawn[c] + 1.96 * error[c]),
                "images_behind": float(chosen.exposure.ess_within_class[c]),
                "patients_behind": float("nan") if patients is None else float(patients[c]),
            }
        )
    return rows


def write_balance(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write the rows of `tabulate_balance` as CSV, atomically."""
    import pandas as pd

    with atomic_path(path) as temporary:
        write_table(temporary, pd.DataFrame(rows))


def _share_errors(drawn: DrawnBatches) -> NDArray[np.float64]:
    # A share is a ratio of two sums over batches: the delta method on the batches' residuals.
    counts = drawn.class_counts.astype(np.float64)
    totals = counts.sum(axis=1, keepdims=True)
    residuals = counts - drawn.share * totals
    num_batches = len(counts)
    if num_batches < 2:
        return np.full(counts.shape[1], np.nan)
    spread = residuals.std(axis=0, ddof=1) / np.sqrt(num_batches)
    return np.asarray(spread / max(float(totals.mean()), 1e-12))


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


def _by_name(vocabulary: Sequence[str], values: NDArray[np.float64]) -> dict[str, float]:
    return {name: float(value) for name, value in zip(vocabulary, values, strict=True)}
