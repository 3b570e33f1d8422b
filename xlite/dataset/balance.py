"""Proof of balance: the algebra says what batches hold, and drawn batches have to agree.

N images, C classes, K distinct label sets, M batches. Nothing here opens an image.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import gammaincc

from xlite import console
from xlite.artifacts import atomic_path
from xlite.config import SamplerSettings
from xlite.dataset.exposure import Exposure, expected_exposure
from xlite.dataset.label_sets import LabelSets, find_label_sets
from xlite.dataset.sampler import EpochSampler
from xlite.dataset.weights import sampling_weights
from xlite.errors import CheckFailedError, InputError
from xlite.labels import has_no_finding

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from xlite.dataset.loader import RadiographDataset
    from xlite.dataset.manifest import Manifest

STARVED_BELOW = 0.1
"""A class is starved when its exposure is under this fraction of its natural one."""
COLLAPSED_NO_FINDING = 0.95
"""A sampler has collapsed when more than this share of its images is without a finding."""
COLLAPSED_ESS = 0.05
"""A sampler has collapsed when its effective sample size is under this fraction."""
CONTRADICTION_P = 1e-4
"""Draws contradict the algebra when they are less likely than this."""

LEAST_POSITIVES = 62
"""Expected positives of a class that a drawn share needs to be good to ±25 %: (1.96 / 0.25)²."""

DrawBatches = Callable[[EpochSampler, int], "Iterator[NDArray[np.int64]]"]
"""Gives the image rows of a number of batches of a sampler."""

_LEAST_EXPECTED = 5.0


@dataclass(frozen=True, eq=False)
class DrawnBatches:
    """What M batches of a sampler really held."""

    class_counts: NDArray[np.int64]
    """(M, C) positives of each batch."""
    no_finding_counts: NDArray[np.int64]
    """(M,) images without a finding of each batch."""
    set_counts: NDArray[np.int64]
    """(K,) draws of each label set over all batches."""
    num_images: int
    """Draws over all batches."""

    @property
    def share(self) -> NDArray[np.float64]:
        """(C,) each class's share of all drawn positives."""
        positives = self.class_counts.sum(axis=0)
        return np.asarray(positives / max(int(positives.sum()), 1))

    @property
    def no_finding_share(self) -> float:
        """The share of drawn images without a finding."""
        return float(self.no_finding_counts.sum() / self.num_images)


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
            "verdict": self.verdict,
            "reasons": list(self.reasons),
        }


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
) -> SamplingPlan:
    """The sampler of the settings over images with these label sets; one for all commands.

    patient_codes: (N,) integers from 0, to count the patients behind a class as well.
    """
    weights = sampling_weights(sets, settings, vocabulary=vocabulary)
    natural = expected_exposure(sets, None, patient_codes=patient_codes)
    return SamplingPlan(
        sampler=EpochSampler(
            sets.num_images,
            batch_size=batch_size,
            seed=seed,
            weights=weights,
            draw=settings.draw,
            drop_last=True,
        ),
        weights=weights,
        exposure=natural
        if weights is None
        else expected_exposure(sets, weights, patient_codes=patient_codes),
        natural=natural,
    )


def require_sound_sampling(plan: SamplingPlan, vocabulary: Sequence[str]) -> None:
    """Raise CheckFailedError for a sampler that has collapsed or starves a class."""
    faults = [] if plan.weights is None else find_faults(plan.exposure, plan.natural, vocabulary)
    if faults:
        raise CheckFailedError("the sampler is not fit to train with: " + " ".join(faults))


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
    p_value = fit_draws(drawn, sets, weights)
    return SamplerReport(
        name=settings.name,
        exposure=exposure,
        drawn=drawn,
        p_value=p_value,
        control_p_value=fit_draws(drawn, sets, wrong),
        reasons=tuple(
            find_faults(exposure, sampling.natural, vocabulary)
            or find_contradictions(
                exposure,
                vocabulary,
                p_value=p_value,
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
        pd.DataFrame(rows).to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")


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


def count_draws(
    batches: Iterator[NDArray[np.int64]], labels: NDArray[np.int8], sets: LabelSets
) -> DrawnBatches:
    """What batches, each an array of image rows, hold."""
    rows = list(batches)
    is_healthy = has_no_finding(labels)
    return DrawnBatches(
        class_counts=np.stack([(labels[batch] == 1).sum(axis=0) for batch in rows]),
        no_finding_counts=np.array([is_healthy[batch].sum() for batch in rows]),
        set_counts=np.bincount(sets.inverse[np.concatenate(rows)], minlength=len(sets.counts)),
        num_images=sum(len(batch) for batch in rows),
    )


def fit_draws(drawn: DrawnBatches, sets: LabelSets, weights: NDArray[np.float64] | None) -> float:
    """The p-value of Pearson's chi-square of the drawn label sets against the weights'.

    Sets are the most that can be told apart: if they fit, so do all classes and their
    co-occurrence. Those with fewer than 5 expected draws are pooled, commonest first. Draws
    without replacement vary less than the test assumes, so it errs towards agreement there.
    """
    w = np.ones(sets.num_images) if weights is None else weights
    mass = np.bincount(sets.inverse, weights=w, minlength=len(sets.counts))
    expected = mass / mass.sum() * drawn.num_images
    order = np.argsort(-expected, kind="stable")
    expected, observed = expected[order], drawn.set_counts[order].astype(np.float64)
    num_large = max(int((expected >= _LEAST_EXPECTED).sum()), 1)
    if expected[num_large:].sum() >= _LEAST_EXPECTED:
        edges = np.arange(num_large + 1)
    else:
        # The rest is too small to stand alone and joins the last large set.
        edges = np.arange(num_large)
    expected = np.add.reduceat(expected, edges)
    observed = np.add.reduceat(observed, edges)
    if len(expected) < 2:
        return 1.0
    statistic = float((np.square(observed - expected) / expected).sum())
    return float(gammaincc((len(expected) - 1) / 2, statistic / 2))


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
            "images are drawn over and over. Use a weaker sampler (--strength, --max-repeat)."
        )
    starved = (natural.positives_per_image > 0) & (
        exposure.positives_per_image < STARVED_BELOW * natural.positives_per_image
    )
    if starved.any():
        names = ", ".join(name for name, is_so in zip(vocabulary, starved, strict=True) if is_so)
        faults.append(f"starved: {names} appear less than a tenth as often as without sampling.")
    return faults


def find_contradictions(
    exposure: Exposure,
    vocabulary: Sequence[str],
    *,
    p_value: float,
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
    if p_value < CONTRADICTION_P:
        faults.append(
            f"contradiction: the drawn batches do not follow the weights (p = {p_value:.1e}). "
            "This is a defect of the loader; please report it."
        )
    return faults


def iterate_batches(sampler: EpochSampler, num_batches: int) -> Iterator[NDArray[np.int64]]:
    """The image rows of each of M batches, over as many epochs as they need."""

    def batches() -> Iterator[NDArray[np.int64]]:
        epoch = 0
        while True:
            sampler.set_epoch(epoch)
            for keys in sampler:
                yield np.array([key.row for key in keys])
            epoch += 1

    return islice(batches(), num_batches)


def decode_batches(dataset: RadiographDataset, *, num_workers: int) -> DrawBatches:
    """Batches that went through the loader, images decoded and augmented, as in training.

    Raises CheckFailedError when the labels that come with an image are not its own.
    """

    def batches(sampler: EpochSampler, num_batches: int) -> Iterator[NDArray[np.int64]]:
        from xlite.dataset.loader import build_loader

        loader = build_loader(dataset, sampler, num_workers=num_workers)
        num_given, epoch = 0, 0
        with console.progress_bar(num_batches, "decoding", "batch") as bar:
            while num_given < num_batches:
                sampler.set_epoch(epoch)
                for batch in islice(loader, num_batches - num_given):
                    rows: NDArray[np.int64] = batch.index.numpy()
                    if (batch.targets.numpy() != dataset.labels[rows]).any():
                        raise CheckFailedError(
                            "the loader pairs images with labels that are not theirs. This is a "
                            "defect of the loader; please report it."
                        )
                    bar.update()
                    num_given += 1
                    yield rows
                epoch += 1

    return batches


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


def _by_name(vocabulary: Sequence[str], values: NDArray[np.float64]) -> dict[str, float]:
    return {name: float(value) for name, value in zip(vocabulary, values, strict=True)}
