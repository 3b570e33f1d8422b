"""The files of an exported folder that say what the model is and how films are prepared for it.

C classes, S image side.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xlite.exporting.films import draw_reference_film, encode_png, prepare_film
from xlite.files import sha256_of_file, write_json
from xlite.predicting.exported_folder import (
    EXPORT_CARD,
    EXPORT_FILM,
    EXPORT_INPUT,
    EXPORT_MODEL,
    EXPORT_PREPROCESSING,
    EXPORT_READER,
    EXPORT_RECORD,
    EXPORT_THRESHOLDS,
    EXPORT_TORCHSCRIPT,
    EXPORT_TYPICAL_FILMS,
    EXPORT_WEIGHTS,
    ExportRecord,
    PreprocessingRecord,
    Reference,
    seal,
)
from xlite.predicting.exported_model import run_session
from xlite.run_folder.thresholds_file import FittedOn, write_thresholds
from xlite.run_folder.weights import (
    WeightsDescription,
    read_weights_description,
    save_weights,
)
from xlite.training.predict import to_probs

if TYPE_CHECKING:
    from xlite.run_folder.folder import RunFolder
    from xlite.run_folder.records import Preprocessing
    from xlite.scores.fitted_thresholds import FittedThresholds

FILE_MEANINGS = {
    EXPORT_MODEL: "the model as ONNX: uint8 images in; logits, probs and features out",
    EXPORT_WEIGHTS: "its weights, for torch",
    EXPORT_TORCHSCRIPT: "the same as TorchScript",
    EXPORT_PREPROCESSING: "how a film becomes its input, and what has to come out for a film",
    EXPORT_FILM: "a synthetic film to try that on",
    EXPORT_INPUT: "what the film becomes",
    EXPORT_THRESHOLDS: "calibration and thresholds of each label",
    EXPORT_TYPICAL_FILMS: "what films of training are like, to tell those that are unlike them",
    EXPORT_READER: "a program that predicts with numpy, OpenCV and onnxruntime alone",
    EXPORT_RECORD: "what was exported, and the SHA-256 of each file",
}
"""What each file is for, in the card."""

ROUNDING = 1e-3
"""How far the logits of float32 may be off on another machine, whose kernels add in another order:
ten times what torch and ONNX may differ by on one."""


def write_weights_file(folder: Path, run: RunFolder, preprocessing: Preprocessing) -> None:
    """Write the weights of the run's best epoch with what they are of as metadata: the run's own
    bytes, where it has metadata.
    """
    source = run.find_weights()
    if read_weights_description(source, remedy=run.how_to_make_again) is not None:
        shutil.copyfile(source, folder / EXPORT_WEIGHTS)
        return
    from xlite.models.weights_file import read_weights

    description = WeightsDescription.of(
        run.settings, run.labels, preprocessing, num_models=run.config.num_models
    )
    save_weights(folder / EXPORT_WEIGHTS, read_weights(source), description)


def write_preprocessing(
    folder: Path,
    session: Any,
    *,
    labels: tuple[str, ...],
    preprocessing: Preprocessing,
    tolerance: float,
) -> None:
    """Write how films are prepared, a film, what it becomes, and what the model says of it."""
    film = draw_reference_film()
    image = prepare_film(film, preprocessing)
    logits = run_session(session, image[None, None]).logits
    (folder / EXPORT_FILM).write_bytes(encode_png(film))
    (folder / EXPORT_INPUT).write_bytes(encode_png(image))
    record = PreprocessingRecord(
        labels=list(labels),
        clahe=preprocessing.clahe,
        image_size=preprocessing.image_size,
        mean=preprocessing.mean,
        std=preprocessing.std,
        dicom=preprocessing.dicom,
        steps=describe_steps(preprocessing),
        reference=Reference(
            film=EXPORT_FILM,
            input=EXPORT_INPUT,
            input_sha256=hashlib.sha256(image.tobytes()).hexdigest(),
            logits=logits[0].astype(np.float64).tolist(),
            probs=to_probs(logits)[0].tolist(),
            tolerance=tolerance,
        ),
    )
    write_json(folder / EXPORT_PREPROCESSING, record.model_dump(mode="json"))


def describe_steps(preprocessing: Preprocessing) -> list[str]:
    """What is done to a film, a sentence each; `predict.py` does it."""
    clahe, side = preprocessing.clahe, preprocessing.image_size
    reduced = {
        "pad": f"reduced by area until its longer edge has {clahe.size} pixels, in the middle of "
        "a black square",
        "crop": f"the square in its middle is reduced by area to {clahe.size} pixels",
        "stretch": f"reduced by area to {clahe.size} x {clahe.size} pixels, whatever its shape",
    }[clahe.fit]
    steps = [
        "Decode it as it is stored, 8 or 16 bits; colour becomes ITU-R BT.601 luma.",
        f"CLAHE at full resolution: clip limit {clahe.clip:g}, {clahe.grid} x {clahe.grid} tiles; "
        "16 bits are stretched from their own least to their own largest value before.",
        f"The film is {reduced}.",
    ]
    if side != clahe.size:
        steps.append(f"Then it is resized to {side} x {side} pixels.")
    return [
        *steps,
        f"The model takes it as uint8 (B, 1, {side}, {side}); three channels, mean and standard "
        "deviation are inside.",
    ]


def write_thresholds_file(folder: Path, fitted: FittedThresholds, fitted_on: FittedOn) -> None:
    """Write calibration and thresholds, without the marks of the images and patients that they
    have seen: whoever guesses an id could tell by its mark that it was among them.
    """
    unmarked = replace(fitted_on, marks=frozenset(), patient_marks=frozenset())
    write_thresholds(folder / EXPORT_THRESHOLDS, fitted, unmarked)


def write_typical_films_file(folder: Path, run: RunFolder) -> None:
    """Write what the run keeps of its films, where it does: a plane in the space of its features,
    the mean of at least 100 films in 256 pixels, and distances; no single film and no name.
    """
    kept = run.find_typical_films()
    if kept is not None:
        shutil.copyfile(kept, folder / EXPORT_TYPICAL_FILMS)


def write_reader(folder: Path) -> None:
    """Write the program that predicts without xlite."""
    source = files("xlite.exporting").joinpath(EXPORT_READER)
    (folder / EXPORT_READER).write_bytes(source.read_bytes())


def write_record(folder: Path, **content: Any) -> ExportRecord:
    """Write `export.json` with the sums of all other files but the card: the folder is whole."""
    sums = {
        path.name: sha256_of_file(path)
        for path in sorted(folder.iterdir())
        if path.name not in (EXPORT_CARD, EXPORT_RECORD)
    }
    record = seal(ExportRecord(files=sums, **content))
    write_json(folder / EXPORT_RECORD, record.model_dump(mode="json"))
    return record


def list_findings(record: ExportRecord) -> list[str]:
    """What was found when the exported model was held against the run's, a sentence each."""
    findings = [
        f"Exported by xlite {record.xlite} in {record.precision}, ONNX opset {record.opset}. Over "
        f"{record.films} synthetic films its logits differ from those of the run in torch by "
        f"{record.largest_logit_difference:.2g} at most."
    ]
    if record.gate is not None:
        findings.append(f"Judged against float32 before it was exported: {record.gate.sentence}")
    return findings
