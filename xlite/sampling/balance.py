"""Proof of balance: the algebra says what batches hold, and drawn batches have to agree.

N images, C classes, K distinct label sets, M batches. Nothing here opens an image.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xlite import console
from xlite.errors import InputError
from xlite.files import atomic_path, write_table
from xlite.results.balance import (
    ClassBalance,
    SamplerBalance,
    SourceBalance,
    Verdict,
    tabulate_classes,
)
from xlite.sampling.contradictions import find_contradictions, find_source_contradictions
from xlite.sampling.draws import (
    DrawBatches,
    DrawnBatches,
    LabelFit,
    count_draws,
    fit_counts,
    fit_draws,
    fit_labels,
    iterate_batches,
)
from xlite.sampling.exposure import Exposure
from xlite.sampling.label_sets import LabelSets, find_label_sets
from xlite.sampling.sampling_plan import find_faults, plan_sampling
from xlite.sampling.source_sets import count_by_source, source_exposure
from xlite.settings import SamplerSettings

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from xlite.tables.manifest import Manifest


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
    sources: Mapping[str, SourceBalance] | None
    """How often each source is drawn; None where the sampler has no shares of sources."""
    reasons: tuple[str, ...]
    """Why the verdict is not "balanced as claimed"; empty when it is."""

    @property
    def verdict(self) -> Verdict:
        """ "pass" or "fail"."""
        return "fail" if self.reasons else "pass"

    def summarise(self, vocabulary: Sequence[str]) -> SamplerBalance:
        """The same as plain values, classes by name."""
        exposure, drawn = self.exposure, self.drawn
        patients = exposure.patients_within_class
        return SamplerBalance(
            cv=exposure.cv,
            ess=exposure.ess,
            no_finding_share=exposure.no_finding_share,
            share=_by_name(vocabulary, exposure.share),
            positives_per_image=_by_name(vocabulary, exposure.positives_per_image),
            images_behind=_by_name(vocabulary, exposure.ess_within_class),
            patients_behind=None if patients is None else _by_name(vocabulary, patients),
            max_repeats=exposure.max_repeats,
            distinct_images=exposure.distinct_images,
            drawn_images=drawn.num_images,
            drawn_share=_by_name(vocabulary, drawn.share),
            drawn_no_finding_share=drawn.no_finding_share,
            p_value=self.p_value,
            control_p_value=self.control_p_value,
            label_p_value=self.label_fit.p_value,
            label_z=_by_name(vocabulary, self.label_fit.z),
            verdict=self.verdict,
            reasons=list(self.reasons),
        )


def verify_samplers(
    labels: NDArray[np.int8],
    vocabulary: Sequence[str],
    settings: SamplerSettings,
    *,
    others: Sequence[str] = (),
    batch_size: int,
    num_batches: int,
    seed: int,
    sets: LabelSets | None = None,
    patient_codes: NDArray[np.int64] | None = None,
    draw_batches: DrawBatches | None = None,
) -> dict[str, SamplerReport]:
    """The reports of "none", of the sampler of the settings, and of `others`, by name.

    The others are shown at their defaults; one whose target this table can't meet is left out,
    with a warning. `draw_batches` is for the sampler of the settings alone.
    """
    sets = find_label_sets(labels) if sets is None else sets
    reports = {}
    for name in dict.fromkeys(["none", settings.title, *others]):
        is_chosen = name == settings.title
        try:
            reports[name] = verify_sampler(
                labels,
                vocabulary,
                settings if is_chosen else SamplerSettings.parse(name=name),
                batch_size=batch_size,
                num_batches=num_batches,
                seed=seed,
                sets=sets,
                patient_codes=patient_codes,
                draw_batches=draw_batches if is_chosen else None,
            )
        except InputError as error:
            if is_chosen:
                raise
            console.warn(f"{name} is left out of the comparison: {error}")
    return reports


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
    sources = None if settings.source_shares is None else _judge_sources(sets, weights, drawn)
    return SamplerReport(
        name=settings.name,
        exposure=exposure,
        drawn=drawn,
        p_value=p_value,
        control_p_value=control_p_value,
        label_fit=label_fit,
        sources=sources,
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
            or find_source_contradictions(sources or {})
        ),
    )


def _judge_sources(
    sets: LabelSets, weights: NDArray[np.float64] | None, drawn: DrawnBatches
) -> dict[str, SourceBalance]:
    """Each source's images and draws, as they were found, as computed and as drawn."""
    counts = count_by_source(sets, drawn.set_counts)
    exact, found = source_exposure(sets, weights), source_exposure(sets, None)
    fit = fit_counts(counts, exact, drawn.num_images)
    return {
        name: SourceBalance(
            as_found=float(found[code]),
            exact=float(exact[code]),
            drawn=float(counts[code] / drawn.num_images),
            z=float(fit.z[code]),
        )
        for code, name in enumerate(sets.source_names)
    }


def tabulate_balance(
    manifest: Manifest, natural: SamplerReport, chosen: SamplerReport
) -> list[ClassBalance]:
    """One row a class, rarest first: counts, shares of the positives in percent, intervals."""
    uniform = 100 / len(manifest.vocabulary)
    baseline, drawn = 100 * natural.drawn.share, 100 * chosen.drawn.share
    error = 100 * _share_errors(chosen.drawn)
    patients, counts = chosen.exposure.patients_within_class, manifest.positives
    return [
        ClassBalance(
            label=manifest.vocabulary[c],
            count=int(counts[c]),
            original_pct=100 * float(natural.exposure.share[c]),
            baseline_batch_pct=float(baseline[c]),
            weighted_batch_pct=float(drawn[c]),
            baseline_distance_from_uniform=abs(float(baseline[c]) - uniform),
            weighted_distance_from_uniform=abs(float(drawn[c]) - uniform),
            closer_to_uniform=bool(abs(drawn[c] - uniform) < abs(baseline[c] - uniform)),
            exact_pct=100 * float(chosen.exposure.share[c]),
            weighted_batch_pct_low=float(drawn[c] - 1.96 * error[c]),
            weighted_batch_pct_high=float(drawn[c] + 1.96 * error[c]),
            images_behind=float(chosen.exposure.ess_within_class[c]),
            patients_behind=float("nan") if patients is None else float(patients[c]),
        )
        for c in np.argsort(counts, kind="stable")
    ]


def write_balance(path: Path, classes: list[ClassBalance]) -> None:
    """Write the rows of `tabulate_balance` as CSV, atomically."""
    with atomic_path(path) as temporary:
        write_table(temporary, tabulate_classes(classes))


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


def _by_name(vocabulary: Sequence[str], values: NDArray[np.float64]) -> dict[str, float]:
    return {name: float(value) for name, value in zip(vocabulary, values, strict=True)}
