"""Predictions drawn at random beside their labels: three labels, two images a patient."""

from __future__ import annotations

import numpy as np

from xlite.judging.labelled_predictions import LabelledPredictions
from xlite.run_folder.thresholds_file import FittedOn

LABELS = ("Mass", "Edema", "Hernia")


def draw_predictions(
    seed: int = 0, *, num_images: int = 400, prefix: str = "i"
) -> LabelledPredictions:
    """Predictions of a model with some skill; `prefix` begins the ids of images and patients."""
    rng = np.random.default_rng(seed)
    targets = (rng.random((num_images, 3)) < (0.4, 0.2, 0.05)).astype(np.int8)
    logits = rng.normal(size=targets.shape) + 2 * targets - 1
    return LabelledPredictions(
        name="model",
        image_ids=np.array([f"{prefix}{k}.png" for k in range(num_images)], dtype=object),
        patient_ids=np.array([f"{prefix}{k // 2}" for k in range(num_images)], dtype=object),
        targets=targets,
        probs=1 / (1 + np.exp(-logits)),
        vocabulary=LABELS,
        columns={},
    )


def seen_by(labelled: LabelledPredictions, *, split_sha256: str | None = None) -> FittedOn:
    """What thresholds that are fitted on these images have seen."""
    return FittedOn.of(
        labelled.name, labelled.image_ids, labelled.patient_ids, split_sha256=split_sha256
    )
