"""The model of a finished run, as its folder describes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from xlite.models.ensemble import AnyClassifier, build_joined
from xlite.models.weights_file import read_weights, require_sound

if TYPE_CHECKING:
    from xlite.run_folder.folder import RunFolder


def load_trained_model(run: RunFolder, device: torch.device) -> AnyClassifier:
    """The model with the weights of the run's best epoch, in the memory format of its training.

    Raises InputError for a run that is unfinished, and for weights that are damaged.
    """
    settings = run.settings
    model = build_joined(settings, num_classes=len(run.labels), num_models=run.config.num_models)
    path = run.find_weights()
    weights = read_weights(path)
    require_sound(weights, path, option="weights")
    model.load_state_dict(weights)
    model.to(device)
    latest = run.sittings[-1].runtime if run.sittings else {}
    if settings.model not in latest.get("contiguous_models", ()):
        # As in training, so that the same kernels compute.
        model.to(memory_format=torch.channels_last)
    return model
