"""A run as a folder that predicts without xlite, and whether such a folder does what it should."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from xlite import __version__
from xlite.errors import ArgumentError, InputError
from xlite.exporting.agreement import NUM_FILMS, find_logit_difference, require_agreement
from xlite.exporting.films import draw_films
from xlite.exporting.folder_writer import require_our_export, require_room
from xlite.exporting.model_files import (
    FILE_MEANINGS,
    ROUNDING,
    list_findings,
    write_preprocessing,
    write_reader,
    write_record,
    write_thresholds_file,
    write_typical_films_file,
    write_weights_file,
)
from xlite.exporting.quantised import QUANTISINGS, Quantising
from xlite.exporting.served_model import (
    ServedModel,
    require_export_tools,
    serve,
    write_onnx,
    write_torchscript,
)
from xlite.files import sha256_of_file, write_text
from xlite.inputs import MEBIBYTE, read_bytes
from xlite.judging.judged_predictions import find_run
from xlite.predicting.exported_folder import (
    EXPORT_CARD,
    EXPORT_FILES,
    EXPORT_MODEL,
    EXPORT_RECORD,
    EXPORT_TORCHSCRIPT,
    ExportedFolder,
    ExportRecord,
    Precision,
    SourceRun,
)
from xlite.predicting.exported_model import open_session
from xlite.predicting.preprocessing import find_preprocessing
from xlite.predicting.run_thresholds import FoundThresholds, find_thresholds
from xlite.results.export import Export, QuantisationGate
from xlite.run_folder import RunFolder, read_run
from xlite.training.trained_model import load_trained_model
from xlite.whole_folder import written_whole
from xlite.workflows.export_card import make_export_card
from xlite.workflows.export_quantised import open_judged_films, quantise

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from xlite.run_folder.records import Preprocessing

_COPIES = 4
"""The room that exporting takes, in sizes of the weights: ONNX, safetensors, and two on the way."""

_PRECISIONS: dict[Quantising | None, Precision] = {
    None: "fp32",
    "dynamic": "dynamic int8",
    "static": "static int8",
}


@dataclass(frozen=True, eq=False)
class _Exported:
    """A run that is being exported."""

    run: RunFolder
    model: ServedModel
    preprocessing: Preprocessing
    films: NDArray[np.uint8]
    """(N, 1, S, S) that the exported model is held against the run's by."""

    def find_difference(self, folder: Path) -> float:
        """The largest difference in logits from the run's of the model in a folder."""
        session = open_session(folder / EXPORT_MODEL)
        return find_logit_difference(self.model, session, self.films)


def export(
    run: str | Path,
    *,
    out: str | Path,
    quantize: Quantising | None = None,
    torchscript: bool = False,
    thresholds: str | Path | None = None,
    split: str | Path | None = None,
    cache: str | Path | None = None,
    images: str | Path | None = None,
    overwrite: bool = False,
) -> Export:
    """What was written to the folder `out`: a finished run as ONNX with all that predicting needs.

    run: a folder, or its name in `experiments/runs`.

    The program takes uint8 images (B, 1, S, S), any B, and gives logits, probs and features; over
    32 synthetic films its logits are the run's to 1e-4. quantize: "dynamic" or "static", for int8;
    refused unless it is NON-INFERIOR to float32 on the run's validation films by 0.005 of macro
    AUROC. thresholds: a file of `evaluate`'s instead of the run's own. split, cache, images: where
    the run's data lie, if not where it was trained from. torchscript: a file of that, too.
    overwrite: replace the export of another run.

    Raises InputError for a run that is unfinished or damaged, a folder that is not ours, a full
    disk, and without onnx, onnxscript and onnxruntime; CheckFailedError where the exported model is
    not the run's, or is refused. Nothing is left then.
    """
    source, folder = read_run(find_run(Path(run))), Path(out)
    if quantize is not None and quantize not in QUANTISINGS:
        raise ArgumentError(f"quantize is {' or '.join(QUANTISINGS)}, not {quantize!r}.")
    source.require_scores()
    require_our_export(folder)
    _require_same_run(folder, source, overwrite)
    require_export_tools()
    require_room(folder, _COPIES * source.find_weights().stat().st_size)
    places = [None if path is None else Path(path) for path in (split, cache, images)]
    data = None if quantize is None else open_judged_films(source, *places)
    found = find_thresholds(
        source, file=None if thresholds is None else Path(thresholds), split_dir=places[0]
    )
    exported = _prepare(source, places[1])
    with written_whole(folder, record=EXPORT_RECORD, names=EXPORT_FILES) as scratch:
        opset = _write_model(scratch, exported, torchscript=torchscript)
        gate, largest = None, exported.find_difference(scratch)
        require_agreement(largest, NUM_FILMS)
        if quantize is not None and data is not None:
            gate, fitted = quantise(scratch / EXPORT_MODEL, quantize, data)
            largest = exported.find_difference(scratch)
            found = found if thresholds is not None else fitted
        record = _write_files(
            scratch,
            exported,
            found,
            gate=gate,
            precision=_PRECISIONS[quantize],
            opset=opset,
            largest=largest,
        )
        _write_card(scratch, folder, source, record, found)
    return _describe(folder, record, found)


def _require_same_run(folder: Path, run: RunFolder, overwrite: bool) -> None:
    earlier = ExportedFolder(folder)
    if overwrite or not earlier.is_exported:
        return
    exported = earlier.record.run
    if exported.weights_sha256 != sha256_of_file(run.find_weights()):
        raise InputError(
            f"{folder} holds the export of another run, {exported.name}. Pass another --out, or "
            "--overwrite."
        )


def _prepare(run: RunFolder, cache_dir: Path | None) -> _Exported:
    classifier = load_trained_model(run, torch.device("cpu"))
    preprocessing = find_preprocessing(run, classifier, cache_dir=cache_dir)
    films = draw_films(NUM_FILMS, preprocessing)
    return _Exported(run, serve(classifier), preprocessing, films)


def _write_model(scratch: Path, exported: _Exported, *, torchscript: bool) -> int:
    """The opset of the program; the weights are written, too."""
    side = exported.preprocessing.image_size
    write_weights_file(scratch, exported.run, exported.preprocessing)
    if torchscript:
        write_torchscript(exported.model, scratch / EXPORT_TORCHSCRIPT, image_size=side)
    return write_onnx(
        exported.model, scratch / EXPORT_MODEL, image_size=side, labels=exported.run.labels
    )


def _write_files(
    scratch: Path,
    exported: _Exported,
    found: FoundThresholds,
    *,
    gate: QuantisationGate | None,
    precision: Precision,
    opset: int,
    largest: float,
) -> ExportRecord:
    run = exported.run
    write_preprocessing(
        scratch,
        open_session(scratch / EXPORT_MODEL),
        labels=run.labels,
        preprocessing=exported.preprocessing,
        tolerance=ROUNDING if gate is None else max(ROUNDING, largest),
    )
    if found.fitted is not None and found.fitted_on is not None:
        write_thresholds_file(scratch, found.fitted, found.fitted_on)
    # Quantised, a model's features are others, and so are the distances of ordinary films.
    if gate is None:
        write_typical_films_file(scratch, run)
    write_reader(scratch)
    return write_record(
        scratch,
        xlite=__version__,
        run=SourceRun(
            name=run.name,
            model=run.settings.model,
            fingerprint=run.config.fingerprint,
            best_epoch=run.require_scores().best_epoch,
            weights_sha256=sha256_of_file(run.find_weights()),
        ),
        precision=precision,
        opset=opset,
        largest_logit_difference=largest,
        films=NUM_FILMS,
        gate=gate,
    )


def _write_card(
    scratch: Path, folder: Path, run: RunFolder, record: ExportRecord, found: FoundThresholds
) -> None:
    """Write the card; what people wrote in an earlier one stays."""
    earlier = folder / EXPORT_CARD
    old = None
    if os.path.lexists(earlier):
        old = read_bytes(earlier, max_bytes=MEBIBYTE, what="card").decode("utf-8", "replace")
    contents = [(name, FILE_MEANINGS[name]) for name in sorted([*record.files, EXPORT_RECORD])]
    card = make_export_card(
        run, thresholds=found, contents=contents, checks=list_findings(record), old=old
    )
    write_text(scratch / EXPORT_CARD, card)


def _describe(folder: Path, record: ExportRecord, found: FoundThresholds) -> Export:
    return Export(
        folder=str(folder),
        run=record.run.name,
        precision=record.precision,
        opset=record.opset,
        largest_logit_difference=record.largest_logit_difference,
        films=record.films,
        gate=record.gate,
        has_thresholds=found.fitted is not None,
        sizes=ExportedFolder(folder).sizes,
        notes=() if found.fitted is not None else (found.source,),
    )
