"""What a run's folder says of the run, and its file of weights of the model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from xlite.errors import InputError
from xlite.run_folder.records import ClaheRecord, Preprocessing, RunConfig, RunData
from xlite.run_folder.weights import WeightsDescription

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from xlite.models.classifier import Classifier
    from xlite.run_folder.folder import RunFolder
    from xlite.settings import TrainSettings
    from xlite.training.data import StudyData
    from xlite.training.identity import RunIdentity


def describe_run(
    identity: RunIdentity,
    data: StudyData,
    model: Classifier,
    *,
    pos_weight: NDArray[np.float64] | None,
    out_dir: Path,
) -> RunConfig:
    """What `config.json` holds: settings, data, and how an image becomes the model's input.

    pos_weight: (C,), None where the loss has none. out_dir: the experiments folder.
    """
    settings = identity.settings
    places = {name: None if path is None else str(path) for name, path in vars(data.places).items()}
    return RunConfig(
        schema_version=RunConfig.newest_schema,
        fingerprint=identity.fingerprint,
        settings=settings.model_dump(mode="json"),
        out_dir=str(out_dir),
        has_fixed_budget=identity.has_fixed_budget,
        labels=list(data.vocabulary),
        pos_weight=None if pos_weight is None else pos_weight.tolist(),
        data=RunData(
            images={name: len(part) for name, part in data.parts.items()},
            train_positives=data.parts["train"].positives.tolist(),
            split_sha256=data.split_sha256,
            source=data.source_fingerprint,
            **places,
        ),
        preprocessing=_describe_preprocessing(settings, data, model),
    )


def describe_weights(
    settings: TrainSettings, data: StudyData, model: Classifier
) -> WeightsDescription:
    """What the metadata of `best.safetensors` hold."""
    preprocessing = _describe_preprocessing(settings, data, model)
    return WeightsDescription.of(settings, data.vocabulary, preprocessing)


def require_true_description(run: RunFolder, data: StudyData) -> None:
    """Raise InputError where `config.json` says of the run's data what they are not: what is not
    part of the run's identity may have been edited, and would be believed for ever.
    """
    made = run.preprocessing
    faults = {
        "labels": list(run.labels) != list(data.vocabulary),
        "preprocessing.clahe": made is not None and made.clahe != _describe_clahe(data),
    }
    for key, is_wrong in faults.items():
        if is_wrong:
            raise InputError(
                f"the config.json of {run.path} was edited: its {key!r} is not that of the data. "
                f"Restore it, or move {run.path} away and train the run again."
            )


def _describe_clahe(data: StudyData) -> ClaheRecord:
    return ClaheRecord(**data.clahe.model_dump(mode="json"))


def _describe_preprocessing(
    settings: TrainSettings, data: StudyData, model: Classifier
) -> Preprocessing:
    return Preprocessing(
        clahe=_describe_clahe(data),
        image_size=settings.image_size or data.image_size,
        mean=list(model.backbone.mean),
        std=list(model.backbone.std),
        dicom=data.dicom,
    )
