"""What a finished run says of images that are in no part of its split."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from xlite.errors import InputError
from xlite.loading.loader import RadiographDataset, build_loader
from xlite.loading.runtime_clahe import RuntimeClahe
from xlite.sampling.sampler import EpochSampler
from xlite.settings import ClaheSettings, Runtime
from xlite.training.device import build_fabric
from xlite.training.loaders import count_workers
from xlite.training.predict import predict_logits, to_probs
from xlite.training.trained_model import load_trained_model

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from xlite.run_folder.folder import RunFolder
    from xlite.tables.manifest import Manifest

_BATCH = 32


def predict_images(
    run: RunFolder, manifest: Manifest, *, runtime: Runtime | None = None
) -> NDArray[np.float64]:
    """The probs (N, C) of the N images of a located manifest, by the run's best weights.

    Images are equalised and reduced as the run's were, while they are loaded: each is needed once,
    so that a cache would be written for nothing. C are the run's labels. Raises InputError for an
    image that can't be read, and for a run of version 0.1, which does not say how its images were
    made.
    """
    runtime = runtime or Runtime()
    preprocessing = run.preprocessing
    if preprocessing is None:
        raise InputError(
            f"{run.path} was written by version 0.1, and does not say how its images were made. "
            "Train the run again."
        )
    source = RuntimeClahe([manifest], ClaheSettings.parse(**preprocessing.clahe.model_dump()))
    source.require_readable()
    fabric = build_fabric(runtime, _choose_precision(run.settings.precision, runtime.device))
    has_gpu = fabric.device.type != "cpu"
    dataset = RadiographDataset(manifest, source, image_size=preprocessing.image_size)
    loader = build_loader(
        dataset,
        EpochSampler(len(dataset), batch_size=_BATCH, seed=0, shuffle=False),
        num_workers=count_workers(runtime, is_cached=False, has_gpu=has_gpu),
        pin_memory=has_gpu,
    )
    model = load_trained_model(run, fabric.device)
    outputs = predict_logits(model, loader, fabric=fabric, description="predicting")
    assert outputs is not None, "nothing asks it to stop"
    return to_probs(outputs.logits)


def _choose_precision(precision: str, device: str) -> str:
    """That of the run's training; fp32 where this device has no fp16, which only training needs."""
    has_fp16 = device != "cpu" and torch.cuda.is_available()
    return "fp32" if precision == "fp16" and not has_fp16 else precision
