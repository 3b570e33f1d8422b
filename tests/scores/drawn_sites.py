"""Two sites with planted differences, as arrays."""

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
    """A model's logits, 1.8 apart for those with a finding; nearer by `loss`, and by `view_gap` on
    AP films. ap_of_ill: how much likelier those with a finding are filmed AP.
    """
    patients = np.unique(np.sort(rng.integers(images * 2 // 3, size=images)), return_inverse=True)[
        1
    ]
    targets = (rng.random((images, labels)) < prevalence).astype(np.int8)
    views = (rng.random(images) < share_of_ap + ap_of_ill * targets[:, 0]).astype(np.intp)
    apart = 1.8 - view_gap * views[:, np.newaxis] - loss
    # Films of one patient are alike.
    moved = rng.normal(size=images)[patients][:, np.newaxis] * 0.5
    logits = rng.normal(size=targets.shape) + moved + apart * targets - 1.5
    probs = 1 / (1 + np.exp(-logits))
    return SiteCalls(
        targets=targets,
        probs=probs,
        said=probs,
        is_called=probs >= 0.4,
        called_targets=targets,
        patients=patients.astype(np.intp),
        views=views,
    )
