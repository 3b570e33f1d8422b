"""An exported folder that predicts, by onnxruntime and without torch.

B batch, C classes, D features, S image side.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xlite.errors import InputError
from xlite.predicting.exported_folder import (
    EXPORT_MODEL,
    EXPORT_THRESHOLDS,
    EXPORT_TYPICAL_FILMS,
    INPUT,
    ExportedFolder,
)
from xlite.predicting.predictor import PredictedBatch
from xlite.run_folder.thresholds_file import read_thresholds
from xlite.run_folder.typical_films_file import read_typical_films

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.run_folder.records import Preprocessing
    from xlite.scores.fitted_thresholds import FittedThresholds
    from xlite.scores.typical_films import TypicalFilms

_CPU, _CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"


class ExportedModel:
    """An exported folder as a `Predictor`. Built by `open_exported`."""

    def __init__(
        self, folder: ExportedFolder, session: Any, *, thresholds: FittedThresholds | None
    ) -> None:
        self.folder = folder
        self.thresholds = thresholds
        self._session = session

    @property
    def name(self) -> str:
        """The name of the folder."""
        return self.folder.path.resolve().name

    @property
    def labels(self) -> tuple[str, ...]:
        """The C labels."""
        return self.folder.labels

    @property
    def preprocessing(self) -> Preprocessing:
        """How an image becomes an input."""
        return self.folder.preprocessing_record.preprocessing

    @property
    def typical_films(self) -> TypicalFilms | None:
        """What is kept of the films of training; None where nothing is, or of another precision."""
        path = self.folder.path / EXPORT_TYPICAL_FILMS
        if not path.is_file():
            return None
        return read_typical_films(path, remedy="Export the run again.")

    def predict(self, images: NDArray[np.uint8]) -> PredictedBatch:
        """The logits and features of images (B, 1, S, S)."""
        return run_session(self._session, images)


def open_exported(
    path: Path, *, thresholds: FittedThresholds | None = None, device: str = "auto"
) -> ExportedModel:
    """The model in an exported folder, unaltered since it was exported.

    thresholds: others than the folder's. device: auto and cuda take a GPU where onnxruntime has
    one. Raises InputError for a folder that is none or is damaged, and without onnxruntime;
    CheckFailedError for one that was altered.
    """
    folder = ExportedFolder(path)
    folder.require_unaltered()
    own = path / EXPORT_THRESHOLDS
    if thresholds is None and own.is_file():
        fitted, _ = read_thresholds(own)
        thresholds = fitted.select(folder.labels)
    return ExportedModel(
        folder, open_session(path / EXPORT_MODEL, device=device), thresholds=thresholds
    )


def open_session(path: Path, *, device: str = "cpu") -> Any:
    """An onnxruntime session of a model; InputError where there is no onnxruntime, or where it
    can't read the model.
    """
    if importlib.util.find_spec("onnxruntime") is None:
        raise InputError("an exported model needs onnxruntime. Install it: pip install onnxruntime")
    import onnxruntime

    wanted = [_CPU] if device == "cpu" else [_CUDA, _CPU]
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # Its warnings are for those who write graphs.
    providers = [name for name in wanted if name in onnxruntime.get_available_providers()]
    try:
        return onnxruntime.InferenceSession(path, options, providers=providers)
    except Exception as error:  # noqa: BLE001  (its errors share no base but this one)
        fault = str(error).splitlines()[0]
        raise InputError(f"onnxruntime can't read {path} ({fault}). Update onnxruntime.") from None


def run_session(session: Any, images: NDArray[np.uint8]) -> PredictedBatch:
    """What a session says of images (B, 1, S, S)."""
    logits, features = session.run(["logits", "features"], {INPUT: np.ascontiguousarray(images)})
    return PredictedBatch(logits, features)
