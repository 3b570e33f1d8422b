"""Whether an exported folder says here what it said where it was exported, and how fast."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from xlite.clahe_cache.radiograph import read_radiograph
from xlite.errors import CheckFailedError, InputError
from xlite.exporting.agreement import (
    NUM_CHECKED_FILMS,
    find_logit_difference,
    require_agreement,
    time_beside_torch,
)
from xlite.exporting.films import draw_films, prepare_film
from xlite.exporting.served_model import ServedModel, serve
from xlite.models.ensemble import build_joined
from xlite.models.weights_file import read_weights
from xlite.predicting.exported_folder import (
    EXPORT_MODEL,
    EXPORT_WEIGHTS,
    ExportedFolder,
)
from xlite.predicting.exported_model import open_session, run_session
from xlite.results.export import ExportCheck, Latency
from xlite.run_folder.weights import read_weights_description

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BATCHES = (1, 32)


def check_export(folder: str | Path) -> ExportCheck:
    """What was found of an exported folder, which needs neither its run nor its films.

    Every file but the card has to be as it was exported; the reference film has to become the same
    bytes and, within what it allows, the same logits; and in float32 the logits of ONNX have to be
    torch's to 1e-4 over 64 synthetic films. Latency is measured beside torch at batches of 1 and
    32, each with all cores. Raises InputError for a folder that is none or is damaged,
    CheckFailedError where one of these does not hold.
    """
    exported = ExportedFolder(Path(folder))
    exported.require_unaltered()
    session = open_session(exported.path / EXPORT_MODEL)
    reference = _check_reference(exported, session)
    model = _restore(exported)
    films = draw_films(NUM_CHECKED_FILMS, exported.preprocessing_record.preprocessing)
    difference = find_logit_difference(model, session, films)
    if exported.record.gate is None:
        require_agreement(difference, NUM_CHECKED_FILMS)
    return ExportCheck(
        folder=str(exported.path),
        precision=exported.record.precision,
        largest_logit_difference=difference,
        films=NUM_CHECKED_FILMS,
        reference_difference=reference,
        latency=tuple(_time(model, session, films[:batch]) for batch in _BATCHES),
        sizes=exported.sizes,
    )


def _check_reference(exported: ExportedFolder, session: Any) -> float:
    """How far the logits of the reference film are from those it had."""
    record = exported.preprocessing_record
    wanted = record.reference
    film = read_radiograph(exported.path / wanted.film)
    image = prepare_film(film, record.preprocessing)
    if hashlib.sha256(image.tobytes()).hexdigest() != wanted.input_sha256:
        raise CheckFailedError(
            f"the reference film of {exported.path} is prepared otherwise here than where it was "
            "exported. Another version of OpenCV may be why: films would be, too."
        )
    logits = run_session(session, image[None, None]).logits[0]
    difference = float(np.abs(logits - np.array(wanted.logits)).max())
    if not difference <= wanted.tolerance:
        raise CheckFailedError(
            f"the model in {exported.path} says something else here of the reference film: its "
            f"logits differ by {difference:.2g}, and {wanted.tolerance:g} is allowed. Try another "
            "version of onnxruntime."
        )
    return difference


def _restore(exported: ExportedFolder) -> ServedModel:
    """The model in torch, from the weights in the folder and what they say of themselves."""
    path = exported.path / EXPORT_WEIGHTS
    described = read_weights_description(path, remedy="Export the run again.")
    if described is None:
        raise InputError(f"{path} does not say what it is of. Export the run again.")
    classifier = build_joined(
        described, num_classes=len(described.labels), num_models=described.num_models
    )
    classifier.load_state_dict(read_weights(path))
    return serve(classifier)


def _time(model: ServedModel, session: Any, images: NDArray[np.uint8]) -> Latency:
    model.to(memory_format=torch.channels_last)  # As it is trained, and torch is quicker with.
    in_torch, in_onnx = time_beside_torch(model, session, images)
    return Latency(batch=len(images), torch=in_torch, onnx=in_onnx)
