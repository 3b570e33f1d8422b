"""A quantised model, judged on the run's validation films before it may take float32's place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xlite import console
from xlite.errors import InputError
from xlite.exporting.gate import judge_quantised, require_non_inferior
from xlite.exporting.quantised import Quantising, quantise_dynamic, quantise_static
from xlite.judging.labelled_predictions import LabelledPredictions, read_run_predictions
from xlite.judging.thresholding import fit_to_predictions
from xlite.loading.loader import resize_images
from xlite.places import VALIDATION
from xlite.predicting.exported_model import open_session, run_session
from xlite.predicting.run_thresholds import FoundThresholds
from xlite.results.export import QuantisationGate
from xlite.run_folder.folder import RunFolder
from xlite.run_folder.thresholds_file import RUN_CALIBRATION, RUN_METHOD, FittedOn
from xlite.splitting.split_folder import read_split
from xlite.training.predict import to_probs
from xlite.workflows.run_data import load_run_data

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.training.data import StudyData

_PURPOSE = "a quantised model is judged on the run's validation films"
_BATCH = 32
_NUM_CALIBRATION = 96
"""Films of the training part that set the scales of a static model."""


@dataclass(frozen=True, eq=False)
class JudgedFilms:
    """A run's films, as it was trained and validated on them."""

    run: RunFolder
    data: StudyData
    labelled: LabelledPredictions
    """What the run says of its validation part, and what is true."""

    def take(self, part: str, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Images (B, 1, S, S) of a part, as the model takes them."""
        source, names = self.data.source, self.data.parts[part].image_ids[rows]
        images = source.read_many(source.rows_of(names.tolist()))
        side = self.run.settings.image_size or self.data.image_size
        return (images if images.shape[1] == side else resize_images(images, side))[:, None]

    def batches(self) -> Iterator[NDArray[np.uint8]]:
        """The validation part, batch by batch."""
        for start in range(0, len(self.labelled), _BATCH):
            rows = np.arange(start, min(start + _BATCH, len(self.labelled)))
            yield self.take(VALIDATION, rows)

    def calibration_films(self) -> NDArray[np.uint8]:
        """Films of the training part, evenly spread over it."""
        num_films = len(self.data.parts["train"])
        chosen = np.linspace(0, num_films - 1, min(_NUM_CALIBRATION, num_films)).astype(np.int64)
        return self.take("train", chosen)


def open_judged_films(
    run: RunFolder, split: Path | None, cache: Path | None, images: Path | None
) -> JudgedFilms:
    """The films that a quantised model is judged on; by default where the run was trained from.

    Raises InputError where they are not there, or are not those of the run.
    """
    if run.require_scores().val is None:
        raise InputError(
            f"{run.path} had no validation part, on which a quantised model would be judged. Leave "
            "--quantize out."
        )
    data, found = load_run_data(run, split, cache, images, purpose=_PURPOSE)
    labelled = read_run_predictions(run.path, VALIDATION, read_split(found))
    return JudgedFilms(run, data, labelled)


def quantise(
    model: Path, quantising: Quantising, films: JudgedFilms
) -> tuple[QuantisationGate, FoundThresholds]:
    """How the quantised model was judged, and thresholds of its own; `model` is quantised now.

    Raises CheckFailedError where a loss of the margin is not ruled out.
    """
    target = model.with_name(f"quantised-{model.name}")
    console.detail(f"quantising: {quantising}")
    if quantising == "dynamic":
        quantise_dynamic(model, target)
    else:
        quantise_static(model, target, films.calibration_films())
    before, after = _predict(model, target, films)
    gate = judge_quantised(replace(films.labelled, probs=before), after)
    require_non_inferior(gate, quantising=quantising)
    target.replace(model)
    return gate, _fit(replace(films.labelled, probs=after), films.run)


def _predict(
    model: Path, target: Path, films: JudgedFilms
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The probs (N, C) of the validation films by either model, in the order of the labels."""
    sessions = [open_session(path) for path in (model, target)]
    said: list[list[Any]] = [[], []]
    number = -(-len(films.labelled) // _BATCH)
    with console.progress_bar(number, "judging int8", "batch") as bar:
        for images in films.batches():
            for probs, session in zip(said, sessions, strict=True):
                probs.append(to_probs(run_session(session, images).logits))
            bar.update()
    columns = [films.run.labels.index(label) for label in films.labelled.vocabulary]
    before, after = (np.concatenate(probs)[:, columns] for probs in said)
    return before, after


def _fit(labelled: LabelledPredictions, run: RunFolder) -> FoundThresholds:
    """Calibration and thresholds of what the quantised model says: the run's are of others."""
    fitted = fit_to_predictions(labelled, method=RUN_METHOD, calibration=RUN_CALIBRATION)
    fitted_on = FittedOn.of(
        run.name,
        labelled.image_ids,
        labelled.patient_ids,
        split_sha256=run.data.split_sha256.get(VALIDATION),
    )
    return FoundThresholds(fitted.select(run.labels), fitted_on, "fitted to the validation part")
