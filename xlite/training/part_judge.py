"""What a model that is no longer trained says of the parts of a run's data.

N images, C labels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from xlite.training.device import build_fabric
from xlite.training.loaders import RunLoaders, count_workers
from xlite.training.predict import Outputs, predict_logits

if TYPE_CHECKING:
    from xlite.models.ensemble import AnyClassifier
    from xlite.run_folder.folder import RunFolder
    from xlite.settings import Runtime
    from xlite.training.data import StudyData


class PartJudge:
    """The parts of a run's data, as the run was judged on them: its size, precision and batches."""

    def __init__(self, run: RunFolder, data: StudyData, runtime: Runtime) -> None:
        """Raises InputError for a device or a precision that is not there."""
        self.data = data
        self._fabric = build_fabric(runtime, run.settings.precision)
        has_gpu = self._fabric.device.type != "cpu"
        self._loaders = RunLoaders(
            run.settings,
            data,
            num_workers=count_workers(runtime, is_cached=data.is_cached, has_gpu=has_gpu),
            pin_memory=has_gpu,
        )

    def predict(self, model: AnyClassifier, part: str, *, title: str) -> Outputs:
        """Logits and targets (N, C) of a part's images, in its order."""
        # As in training, so that the same kernels compute.
        model.to(self._fabric.device).to(memory_format=torch.channels_last)
        outputs = predict_logits(
            model,
            self._loaders.build_in_order(part),
            fabric=self._fabric,
            description=f"{title} {part}",
        )
        assert outputs is not None, "nothing asks it to stop"
        return outputs
