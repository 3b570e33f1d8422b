"""Patient-disjoint, stratified assignment of images to the parts of a split. No files, no text.

N images, P patients, C labels, K parts of positive ratio.

Patients with a rare label are reserved so that each part gets one; the others are sampled
systematically in stratified order; exchanges of patients then even out what is left. This carries
the aim of iterative stratification (Sechidis, Tsoumakas & Vlahavas 2011, ECML PKDD,
doi:10.1007/978-3-642-23808-6_10) over to groups. We deviate from its greedy filling, label by
label, because whole patients (up to 184 images in NIH's table) do not fit what room is left.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from xlite.errors import InputError
from xlite.labels import has_no_finding
from xlite.splitting.patient_exchange import MAX_ROUNDS, exchange_patients

# A label expected in this many patients of the smallest part needs no reservation.
_COMMON_PATIENTS = 10
_RESERVATION_DRAWS = 32


class Deviation(NamedTuple):
    """How far the parts of a split are from the whole, in percentage points."""

    max_pp: float
    """The largest absolute entry of `table_pp`."""
    table_pp: NDArray[np.float64]
    """(parts, C + 1): prevalence in the part minus that in the whole; last, no finding."""


def assign_patients(
    labels: NDArray[np.int8],
    patient_codes: NDArray[np.integer],
    *,
    ratios: Sequence[float],
    seed: int,
    strata: NDArray[np.bool_] | None = None,
    rounds: int = MAX_ROUNDS,
) -> NDArray[np.int64]:
    """The part of each image, (N,) in 0 … len(ratios) - 1; a patient's images share one part.

    labels: (N, C), of which only 1 counts as positive. patient_codes: (N,) integers; their
    order, not that of the rows, keys the randomness, so sorted codes give the same patients the
    same part however the table is ordered. ratios: shares of the images, normalised to sum 1.
    strata: (N, S) what is stratified over besides the labels, as a label would be. rounds: of
    exchanges, at most.

    Balanced are, over the images and over the patients, every label, no finding, and the total.
    A part of ratio 0 stays empty; any other gets at least one patient. A label gets one positive
    patient in each part as far as they go (largest part first) and no other label needs them
    elsewhere, then follows the ratios. The result depends on the arguments only. Raises
    InputError for ratios that can't be used and for fewer patients than parts.

    >>> labels = np.array([[1], [1], [0], [0], [1], [1], [0], [0]], dtype=np.int8)
    >>> part = assign_patients(labels, np.arange(8) // 2, ratios=(0.5, 0.5), seed=42)
    >>> np.bincount(part, weights=labels[:, 0])
    array([2., 2.])
    """
    shares, active = _normalise_ratios(ratios)
    if labels.ndim != 2 or len(labels) != len(patient_codes):
        raise ValueError(f"labels {labels.shape} and {len(patient_codes)} patient codes don't pair")
    patients, patient_of_row = np.unique(patient_codes, return_inverse=True)
    if len(patients) < max(len(active), 1):
        raise InputError(
            f"{len(patients)} patient(s) with {len(labels)} images can't fill {len(active)} parts: "
            "a patient's images stay together. Use fewer parts, or check that the patient column "
            "holds patients and not, say, the hospital."
        )
    rng = np.random.Generator(np.random.Philox(key=seed))
    counts = count_by_patient(labels, patient_of_row, len(patients), strata)
    reserved = _reserve_rare(counts, shares, rng)
    part = sample_systematically(counts, shares, rng)
    part = np.where(reserved >= 0, reserved, part)
    exchange_patients(part, counts, shares, reserved < 0, rng, rounds=rounds)
    return active[part][patient_of_row]


def choose_subset(
    labels: NDArray[np.int8],
    patient_codes: NDArray[np.integer],
    *,
    fraction: float,
    seed: int,
) -> NDArray[np.bool_]:
    """Which images belong to a stratified subset of whole patients: (N,) bool.

    fraction: the share of the images to keep, in (0, 1]; raises InputError outside it.

    >>> labels = np.array([[1], [0], [1], [0]], dtype=np.int8)
    >>> int(choose_subset(labels, np.arange(4), fraction=0.5, seed=1) @ labels[:, 0])
    1
    """
    if not 0 < fraction <= 1:
        raise InputError(f"a subset of {fraction} is none: pass a fraction above 0 and up to 1.")
    ratios = (fraction, 1 - fraction)
    part = assign_patients(labels, patient_codes, ratios=ratios, seed=seed)
    is_chosen: NDArray[np.bool_] = part == 0
    return is_chosen


def measure_deviation(labels: NDArray[np.int8], part: NDArray[np.integer]) -> Deviation:
    """The prevalence of each label and of no finding in each part against the whole.

    labels: (N, C); part: (N,) from 0. Prevalence is positives / images, in percentage points;
    an empty part's row is NaN and does not enter the maximum.

    >>> labels = np.array([[1], [0], [0], [0]], dtype=np.int8)
    >>> measure_deviation(labels, np.array([0, 0, 1, 1])).table_pp
    array([[ 25., -25.],
           [-25.,  25.]])
    """
    num_parts = int(part.max()) + 1
    positives = count_by_patient(labels, part, num_parts)
    num_images = positives[:, -1:].astype(np.float64)
    num_images[num_images == 0] = np.nan
    whole = positives[:, :-1].sum(axis=0) / len(labels)
    table = 100 * (positives[:, :-1] / num_images - whole)
    return Deviation(float(np.nanmax(np.abs(table))), table)


def _normalise_ratios(ratios: Sequence[float]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The (K,) shares of the parts that are not left empty, and the positions of those parts."""
    values = np.asarray(ratios, dtype=np.float64)
    total = math.fsum(ratios)
    if not (np.isfinite(values).all() and (values >= 0).all() and total > 0):
        raise InputError(
            f"the ratios {tuple(ratios)} can't be used: each has to be 0 or more, and one above 0, "
            "for example 0.7,0.15,0.15."
        )
    active = np.flatnonzero(values)
    return values[active] / total, active


def count_by_patient(
    labels: NDArray[np.int8],
    patient_of_row: NDArray[np.integer],
    num_patients: int,
    strata: NDArray[np.bool_] | None = None,
) -> NDArray[np.int64]:
    """(P, C + S + 2) images of each patient with each label, in each stratum, without a finding,
    and in all."""
    every_row = np.ones(len(labels), dtype=np.bool_)
    has = [
        *(labels == 1).T,
        *(() if strata is None else strata.T),
        has_no_finding(labels),
        every_row,
    ]
    counts = np.empty((num_patients, len(has)), dtype=np.int64)
    for column, rows in enumerate(has):
        counts[:, column] = np.bincount(patient_of_row[rows], minlength=num_patients)
    return counts


def _reserve_rare(
    counts: NDArray[np.int64], shares: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """(P,) the part kept for a patient who brings a rare label to it; -1 for all others.

    Patients with several rare labels can get in each other's way; the best of a few draws is
    taken, the first without a conflict as a rule.
    """
    best, fewest = _draw_reservation(counts, shares, rng)
    for _ in range(_RESERVATION_DRAWS - 1):
        if fewest == 0:
            break
        reserved, num_unmet = _draw_reservation(counts, shares, rng)
        if num_unmet < fewest:
            best, fewest = reserved, num_unmet
    return best


def _draw_reservation(
    counts: NDArray[np.int64], shares: NDArray[np.float64], rng: np.random.Generator
) -> tuple[NDArray[np.int64], int]:
    """One draw of `_reserve_rare`, and how many parts lack a label that could have reached them.

    Rarest label first, but where there are few patients one goes to each part before all else, so
    that none stays empty; in different parts, these are in no single label's way.
    """
    reserved = np.full(len(counts), -1, dtype=np.int64)
    largest_first = np.lexsort((rng.random(len(shares)), -shares))
    num_positive = np.count_nonzero(counts, axis=0)
    num_unmet = 0
    is_label = np.arange(counts.shape[1]) < counts.shape[1] - 1
    for column in np.lexsort((num_positive, is_label)):
        if num_positive[column] * shares.min() >= _COMMON_PATIENTS:
            continue
        patients = np.flatnonzero(counts[:, column])
        missing = largest_first[~np.isin(largest_first, reserved[patients])]
        free = rng.permutation(patients[reserved[patients] < 0])[: len(missing)]
        # Of the patients drawn, the one with most images suits the part with most room.
        free = free[np.argsort(-counts[free, -1], kind="stable")]
        reserved[free] = missing[: len(free)]
        num_covered = len(shares) - len(missing) + len(free)
        num_unmet += min(len(patients), len(shares)) - num_covered
    return reserved, num_unmet


def sample_systematically(
    counts: NDArray[np.int64], shares: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """(P,) parts such that similar patients are spread over the parts in the right shares.

    The patients are sorted by the labels they have, rarest first, then by number of images, and
    the golden-ratio sequence (i·φ + u) mod 1 is cut at the cumulative shares: any run of
    neighbours is divided by `shares` up to O(log n) patients, and, u being uniform, each patient
    has exactly probability `shares[k]` of part k.
    """
    has_label = counts[:, :-2] > 0
    rarest_first = np.argsort(has_label.sum(axis=0), kind="stable")
    packed = np.packbits(has_label[:, rarest_first], axis=1)
    padding = np.zeros((len(counts), -packed.shape[1] % 8), dtype=np.uint8)
    words = np.hstack([packed, padding]).view(">u8").astype(np.uint64)
    order = rng.permutation(len(counts))
    keys = (counts[order, -1], *words[order].T[::-1])
    order = order[np.lexsort(keys)]
    # Shuffled among near neighbours: else those with a rare pattern, who are never tied, would
    # keep their distance in the sequence, and so go together, for every seed.
    order = order[np.argsort(np.arange(len(order)) // 16 + rng.random(len(order)))]
    golden = (math.sqrt(5) - 1) / 2
    position = (np.arange(len(order)) * golden + rng.random()) % 1
    part = np.empty(len(order), dtype=np.int64)
    part[order] = np.searchsorted(np.cumsum(shares)[:-1], position, side="right")
    return part
