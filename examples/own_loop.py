"""Your own PyTorch loop with xlite's split, sampler and loss; nothing else of xlite is needed.

Draws synthetic radiographs, splits them by patient, weighs the images so that every finding is
shown equally often, trains a small network of your own for some epochs, and says how well it
ranks each finding, with intervals that count patients. About half a minute on two CPU cores.

    python examples/own_loop.py --out /tmp/own_loop
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset

import xlite


class Radiographs(Dataset):
    """Any map-style dataset will do: an index gives an image and its labels."""

    def __init__(self, folder: Path, image_ids: list[str], labels: np.ndarray) -> None:
        pictures = [Image.open(folder / name).convert("L").resize((64, 64)) for name in image_ids]
        self.images = torch.stack([torch.from_numpy(np.array(one)) for one in pictures])
        self.labels = torch.from_numpy(labels)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self.images[row][None].float() / 255 - 0.5, self.labels[row]


def main(out: Path, *, num_images: int, epochs: int, seed: int) -> None:
    """Train on two thirds of the patients, judge on the rest."""
    table = xlite.generate_synthetic(
        out / "raw", num_images=num_images, seed=seed, image_size=128, min_positives=15
    )
    manifest = xlite.read_labels(table)
    # Without `out` nothing is written: the rows of each part are all that is needed here.
    split = xlite.split_by_patient(manifest, ratios="60/20/20", seed=seed)
    train, val = (manifest.select(split.rows[part]) for part in ("train", "val"))

    weights = xlite.max_entropy_weights(train.labels, min_ess=0.3)
    before = xlite.expected_exposure(train.labels, None)
    after = xlite.expected_exposure(train.labels, weights)
    print(f"exposure of the findings, std/mean: {before.cv:.2f} as found, {after.cv:.2f} as drawn")
    print(f"effective sample size: {after.ess:.2f} of {len(train)} images")

    folder = table.parent / "images"
    data = Radiographs(folder, list(train.image_ids), train.labels)
    sampler = xlite.EpochSampler(len(data), batch_size=32, seed=seed, weights=weights)
    # The sampler gives batches of row numbers, as any DataLoader takes them.
    loader = DataLoader(data, batch_sampler=sampler)

    torch.manual_seed(seed)
    model = nn.Sequential(
        *(nn.Conv2d(1, 16, 5, stride=2), nn.BatchNorm2d(16), nn.ReLU()),
        *(nn.Conv2d(16, 32, 3, stride=2), nn.BatchNorm2d(32), nn.ReLU()),
        *(nn.Conv2d(32, 64, 3, stride=2), nn.BatchNorm2d(64), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(256, train.labels.shape[1])),
    )
    loss_of = xlite.build_loss("bce", train.labels)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    for epoch in range(epochs):
        # The order of an epoch is a function of (seed, epoch): any epoch can be drawn again.
        sampler.set_epoch(epoch)
        model.train()
        losses = []
        for images, targets in loader:
            loss = loss_of(model(images), targets, epoch=epoch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        print(f"epoch {epoch}: loss {np.mean(losses):.3f}")

    model.eval()
    held_out = Radiographs(folder, list(val.image_ids), val.labels)
    with torch.no_grad():
        probs = model(torch.stack([image for image, _ in held_out])).sigmoid()
    found = xlite.auroc_interval(val.labels, probs, patients=val.patient_ids)
    table_of_scores = found.to_frame().set_index(np.array(val.vocabulary))
    print(f"\nAUROC of {len(val)} images of other patients, with 95 % intervals:")
    print(table_of_scores.dropna().round(2).to_string())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("own_loop"))
    parser.add_argument("--num-images", type=int, default=600)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    main(
        arguments.out,
        num_images=arguments.num_images,
        epochs=arguments.epochs,
        seed=arguments.seed,
    )
