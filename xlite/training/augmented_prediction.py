"""Test-time augmentation: the mean of what a run's model says of several views of each image.

The views are fixed, so that the same run gives the same probs. None is mirrored: that would move
the heart to the right side.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from xlite.errors import InputError
from xlite.loading.loader import RadiographDataset, build_loader
from xlite.run_folder.folder import RunFolder
from xlite.sampling.sampler import EpochSampler
from xlite.settings import Runtime
from xlite.training.device import build_fabric
from xlite.training.loaders import count_workers
from xlite.training.predict import predict_logits, to_probs
from xlite.training.trained_model import load_trained_model

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.training.data import StudyData

_BATCH = 64


@dataclass(frozen=True, kw_only=True)
class AugmentedView:
    """A small movement of the image, black where it moves in from outside."""

    degrees: float = 0.0
    """Rotation about the centre, anticlockwise."""
    shift: float = 0.0
    """To the right, as a fraction of the width."""
    scale: float = 1.0

    def __call__(self, image: NDArray[np.uint8], *, epoch: int, position: int) -> NDArray[np.uint8]:
        """The (S, S) uint8 image so moved; it depends on nothing else."""
        size = image.shape[0]
        centre = (size - 1) / 2
        matrix = cv2.getRotationMatrix2D((centre, centre), self.degrees, self.scale)
        matrix[0, 2] += self.shift * size
        moved = cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR)
        return np.asarray(moved, dtype=np.uint8)


VIEWS = (
    AugmentedView(),
    AugmentedView(degrees=4),
    AugmentedView(degrees=-4),
    AugmentedView(shift=0.03),
    AugmentedView(shift=-0.03),
    AugmentedView(scale=0.95),
    AugmentedView(scale=1.05),
)
"""As it is, and within what even light augmentation shows in training."""


def predict_with_views(
    run_dir: Path,
    part: str,
    data: StudyData,
    *,
    views: tuple[AugmentedView, ...] = VIEWS,
    runtime: Runtime | None = None,
) -> NDArray[np.float64]:
    """The mean prob of the views, (N, C), by a finished run's best weights, in the part's order.

    With the identity alone these are the probs that the run wrote, up to the device's rounding.
    Raises InputError when the cache holds other pixels than the run was trained on.
    """
    run = RunFolder(run_dir)
    if run.config.data.source != data.source_fingerprint:
        raise InputError(
            f"{run_dir} was trained on other pixels than the cache holds. Pass its cache with "
            "--cache DIR."
        )
    settings, runtime = run.settings, runtime or Runtime()
    fabric = build_fabric(runtime, settings.precision)
    model = load_trained_model(run, fabric.device)
    total = np.zeros((len(data.parts[part]), len(data.vocabulary)))
    has_gpu = fabric.device.type != "cpu"
    for number, view in enumerate(views, start=1):
        dataset = RadiographDataset(
            data.parts[part], data.source, image_size=settings.image_size, augmentation=view
        )
        loader = build_loader(
            dataset,
            EpochSampler(len(dataset), batch_size=_BATCH, seed=0, shuffle=False),
            num_workers=count_workers(runtime, is_cached=data.is_cached, has_gpu=has_gpu),
            pin_memory=has_gpu,
        )
        description = f"view {number}/{len(views)}"
        outputs = predict_logits(model, loader, fabric=fabric, description=description)
        assert outputs is not None, "nothing asks it to stop"
        total += to_probs(outputs.logits)
    return total / len(views)
