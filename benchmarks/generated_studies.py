"""Whole studies with planted truth: predictions of every run, of different sizes and noises.

N images, C labels, A arms (the baseline, then the variant that is judged), S seeds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from xlite.judging.evaluation import Resampling
from xlite.judging.labelled_predictions import LabelledPredictions
from xlite.judging.methods import Method
from xlite.judging.paired_differences import JudgedMethods
from xlite.scores.finding_patients import count_finding_patients

_NAMES = "ABCDEFGHIJKLMN"


@dataclass(frozen=True, kw_only=True, eq=False)
class Design:
    """What a study is drawn from; sds are of logits, in which images of a label have sd 1."""

    num_images: int
    images_a_patient: int
    num_arms: int
    num_seeds: int
    prevalence: NDArray[np.float64]
    """(C,)"""
    auroc: NDArray[np.float64]
    """(C,) of the baseline, and of all arms where nothing is planted."""
    of_arm: float
    """How differently arms see an image."""
    of_run: float
    """How differently runs of an arm see an image."""
    of_seed: float
    """How far a seed moves all labels of a run."""
    of_label: float
    """How far it moves each label beside that."""
    margin: float

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the labels."""
        return tuple(_NAMES[: len(self.auroc)])


def draw_design(rng: np.random.Generator) -> Design:
    """A design of 200 to 900 images, 3 to 6 labels, 2 to 4 arms and seeds."""
    labels = int(rng.integers(3, 7))
    return Design(
        num_images=int(np.exp(rng.uniform(np.log(200), np.log(900)))),
        images_a_patient=int(rng.integers(1, 3)),
        num_arms=int(rng.integers(2, 5)),
        num_seeds=int(rng.integers(2, 5)),
        prevalence=np.exp(rng.uniform(np.log(0.03), np.log(0.3), labels)),
        auroc=rng.uniform(0.65, 0.9, labels),
        of_arm=rng.uniform(0.1, 0.5),
        of_run=rng.uniform(0.1, 0.5),
        of_seed=float(np.exp(rng.uniform(np.log(0.01), np.log(0.12)))),
        of_label=float(np.exp(rng.uniform(np.log(0.02), np.log(0.15)))),
        margin=float(rng.choice([0.02, 0.04])),
    )


def draw_study(
    design: Design,
    rng: np.random.Generator,
    truth: NDArray[np.float64] | None = None,
    *,
    num_resamples: int = 200,
) -> JudgedMethods:
    """A study in which the AUROC of the second arm truly differs by `truth`, (C,), or not at all.

    Methods are called "0", "1", ...; only AUROC is judged.
    """
    patients = np.arange(design.num_images) // design.images_a_patient
    shape = (design.num_images, len(design.labels))
    targets = (rng.random(shape) < design.prevalence).astype(np.int8)
    of_image = rng.normal(size=shape)
    spread = np.sqrt(2 * (1 + design.of_arm**2 + design.of_run**2))
    methods, runs = [], []
    for arm in range(design.num_arms):
        gain = truth if arm == 1 and truth is not None else 0.0
        shift = spread * norm.ppf(np.clip(design.auroc + gain, 0.01, 0.995))
        seen = of_image + design.of_arm * rng.normal(size=shape)
        cases = {}
        for seed in range(design.num_seeds):
            moved = shift + design.of_seed * rng.normal()
            moved = moved + design.of_label * rng.normal(size=len(shift))
            logits = moved * targets + seen + design.of_run * rng.normal(size=shape)
            runs.append(logits)
            cases[seed] = _make_cases(targets, logits, patients, design.labels)
        methods.append(Method(name=str(arm), predictions=cases))
    auroc, drawn = _resample_auroc(targets, np.array(runs), patients, num_resamples, rng)
    return JudgedMethods(
        methods=tuple(methods),
        resampling=Resampling(num_resamples=num_resamples),
        calls=(),
        # Whether two arms are one is asked of the Brier score; here the AUROC tells as well.
        scores={"auroc": auroc, "brier": auroc},
        resampled={"auroc": drawn},
        patients=count_finding_patients(targets, patients),
    )


def _resample_auroc(
    targets: NDArray[np.int8],
    runs: NDArray[np.float64],
    patients: NDArray[np.intp],
    num_resamples: int,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """AUROC of each run, (M, C), and in each resample of the patients, (M, R, C).

    To first order in how often patients are drawn, by the placements of DeLong 1988, a tenth of the
    work of `resample_scores`. runs: (M, N, C) without ties.
    """
    order = np.argsort(runs, axis=1)
    is_found = np.take_along_axis(np.broadcast_to(targets == 1, runs.shape), order, axis=1)
    positives, negatives = (targets == 1).sum(axis=0), (targets == 0).sum(axis=0)
    positives, negatives = np.maximum(positives, 1), np.maximum(negatives, 1)
    outranked = np.cumsum(~is_found, axis=1) / negatives
    outranking = 1 - np.cumsum(is_found, axis=1) / positives
    auroc = (is_found * outranked).sum(axis=1) / positives
    ordered = np.where(
        is_found,
        (outranked - auroc[:, np.newaxis]) / positives,
        (outranking - auroc[:, np.newaxis]) / negatives,
    )
    influence = np.empty_like(ordered)
    np.put_along_axis(influence, order, ordered, axis=1)
    count = int(patients.max()) + 1
    weights = rng.multinomial(count, np.full(count, 1 / count), num_resamples)[:, patients] - 1.0
    return auroc, auroc[:, np.newaxis] + np.einsum("rn,mnc->mrc", weights, influence, optimize=True)


def _make_cases(
    targets: NDArray[np.int8],
    logits: NDArray[np.float64],
    patients: NDArray[np.intp],
    labels: tuple[str, ...],
) -> LabelledPredictions:
    return LabelledPredictions(
        name="",
        image_ids=np.arange(len(targets)),
        patient_ids=patients,
        targets=targets,
        probs=1 / (1 + np.exp(-logits)),
        vocabulary=labels,
        columns={},
    )
