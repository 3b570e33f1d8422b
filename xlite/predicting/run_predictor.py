"""A run that predicts: the weights of its best epoch, and what its folder says of them.

B batch, C classes, D features, S image side.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from xlite.predicting.predictor import PredictedBatch
from xlite.predicting.preprocessing import find_preprocessing
from xlite.settings import Runtime
from xlite.training.device import build_fabric
from xlite.training.predict import PartedForward
from xlite.training.trained_model import load_trained_model

if TYPE_CHECKING:
    import numpy as np
    from lightning_fabric import Fabric
    from numpy.typing import NDArray

    from xlite.models.ensemble import AnyClassifier
    from xlite.run_folder.folder import RunFolder
    from xlite.run_folder.records import Preprocessing
    from xlite.scores.fitted_thresholds import FittedThresholds


class RunPredictor:
    """A finished run as a `Predictor`. Built by `open_run_predictor`."""

    def __init__(
        self,
        run: RunFolder,
        model: AnyClassifier,
        *,
        fabric: Fabric,
        preprocessing: Preprocessing,
        thresholds: FittedThresholds | None,
    ) -> None:
        self.run, self.model = run, model
        self.preprocessing = preprocessing
        self.thresholds = thresholds
        self.device = f"{fabric.device.type}, {run.settings.precision}"
        """Where it computes, and how finely: its bytes depend on both."""
        self._forward = PartedForward(model.see, fabric)

    @property
    def name(self) -> str:
        """The name of the run's folder."""
        return self.run.name

    @property
    def labels(self) -> tuple[str, ...]:
        """The C labels of the run."""
        return self.run.labels

    def predict(self, images: NDArray[np.uint8]) -> PredictedBatch:
        """The logits and features of images (B, 1, S, S)."""
        return PredictedBatch(*self._forward(torch.from_numpy(images)))


def open_run_predictor(
    run: RunFolder,
    *,
    thresholds: FittedThresholds | None = None,
    cache_dir: Path | None = None,
    runtime: Runtime | None = None,
) -> RunPredictor:
    """The run with its model on the device, in evaluation mode, in the precision of its training.

    thresholds: of the run's labels, as `find_thresholds` finds them. cache_dir: the cache of a run
    of version 0.1, as `find_preprocessing` takes it. Raises InputError for an unfinished run, and
    for one that is damaged.
    """
    run.require_scores()
    runtime = runtime or Runtime()
    fabric = build_fabric(runtime, _choose_precision(run.settings.precision, runtime.device))
    model = load_trained_model(run, fabric.device)
    model.eval()
    return RunPredictor(
        run,
        model,
        fabric=fabric,
        preprocessing=find_preprocessing(run, model, cache_dir=cache_dir),
        thresholds=thresholds,
    )


def _choose_precision(precision: str, device: str) -> str:
    """That of the run's training; fp32 where this device has no fp16, which only training needs."""
    has_fp16 = device != "cpu" and torch.cuda.is_available()
    return "fp32" if precision == "fp16" and not has_fp16 else precision
