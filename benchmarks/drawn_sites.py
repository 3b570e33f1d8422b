"""Two sites with planted differences, as arrays: a model's probs for films of several labels."""

from __future__ import annotations

import numpy as np

from xlite.scores.reweighted import SiteCalls


def draw_site(
    rng: np.random.Generator,
    images: int,
    *,
    labels: int = 3,
    prevalence: float = 0.2,
    share_of_ap: float = 0.4,
    loss: float = 0.0,
    view_gap: float = 0.6,
    ap_of_ill: float = 0.0,
) -> SiteCalls:
    """Films of patients who have 1.5 each, alike in findings and in what the model says of them.

    Logits of those with a finding lie 1.8 above those of the others, less `loss`, and less
    `view_gap` on AP films. ap_of_ill: how much likelier films with the first finding are AP.
    """
    patients = np.sort(rng.integers(images * 2 // 3, size=images))
    patients = np.unique(patients, return_inverse=True)[1].astype(np.intp)
    of_patient, of_film = (rng.random((images, labels)) < prevalence for _ in range(2))
    is_alike = rng.random((images, labels)) < 0.7
    targets = np.where(is_alike, of_patient[patients], of_film).astype(np.int8)
    views = (rng.random(images) < share_of_ap + ap_of_ill * targets[:, 0]).astype(np.intp)
    apart = 1.8 - view_gap * views[:, np.newaxis] - loss
    moved = 0.5 * rng.normal(size=images)[patients][:, np.newaxis]
    logits = rng.normal(size=targets.shape) + moved + apart * targets - 1.5
    probs = 1 / (1 + np.exp(-logits))
    return SiteCalls(
        targets=targets,
        probs=probs,
        said=probs,
        is_called=probs >= 0.4,
        called_targets=targets,
        patients=patients,
        views=views,
    )
