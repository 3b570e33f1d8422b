"""Our weights and our sampler in somebody's own loop: a data set and a loader that we never saw."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, WeightedRandomSampler

from xlite.sampling.exposure import expected_exposure
from xlite.sampling.sampler import EpochSampler
from xlite.sampling.weights import max_entropy_weights

NAMES = ["Hernia", "Mass", "Edema"]
PREVALENCE = np.array([0.03, 0.2, 0.12])
LABELS = pd.DataFrame(
    (np.random.default_rng(5).random((3000, 3)) < PREVALENCE).astype(int), columns=NAMES
)
NUM_EPOCHS = 20


class Studies(Dataset[dict[str, Any]]):
    """Somebody's data set: it knows nothing of us, and its items are dicts."""

    def __init__(self, labels: pd.DataFrame) -> None:
        self.labels = torch.tensor(labels.to_numpy())

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, row: int) -> dict[str, Any]:
        return {"row": row, "labels": self.labels[row], "name": f"{row}.png"}


def share_of(drawn: list[torch.Tensor]) -> np.ndarray:
    positives = torch.cat(drawn).sum(dim=0).numpy()
    return np.asarray(positives / positives.sum())


@pytest.mark.parametrize("num_workers", [0, 2])
def test_anybodys_loader_takes_our_sampler_as_batch_sampler(num_workers: int) -> None:
    sampler = EpochSampler(len(LABELS), batch_size=64, seed=1, weights=max_entropy_weights(LABELS))
    loader: Any = DataLoader(Studies(LABELS), batch_sampler=sampler, num_workers=num_workers)
    drawn = []
    for epoch in range(2 if num_workers else NUM_EPOCHS):
        sampler.set_epoch(epoch)
        assert len(loader) == len(sampler) == 47
        batches = list(loader)
        rows = torch.cat([batch["row"] for batch in batches]).numpy()
        assert rows.tolist() == sampler.drawn_indices(epoch).tolist()
        drawn += [batch["labels"] for batch in batches]
    if not num_workers:
        # Some 7,000 positives a label: a share of a third has a standard error of 0.004.
        assert share_of(drawn) == pytest.approx(1 / 3, abs=0.016)
        # The meaningful part: as found the rarest label has a twelfth.
        assert expected_exposure(LABELS, None).share.min() < 0.1


def test_torchs_own_sampler_takes_our_weights() -> None:
    weights = max_entropy_weights(LABELS)
    assert expected_exposure(LABELS, weights).share == pytest.approx(1 / 3)
    sampler = WeightedRandomSampler(
        weights, num_samples=NUM_EPOCHS * len(LABELS), generator=torch.Generator().manual_seed(0)
    )
    loader: Any = DataLoader(Studies(LABELS), batch_size=500, sampler=sampler)
    assert share_of([batch["labels"] for batch in loader]) == pytest.approx(1 / 3, abs=0.016)
