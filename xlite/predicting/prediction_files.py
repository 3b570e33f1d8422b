"""Where predictions are written: a table of probs, one of calls, a record; chunks on the way."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xlite.errors import InputError
from xlite.files import atomic_path, sha256_of_file, write_json, write_table
from xlite.ownership import refuse_links, require_writable_folder
from xlite.predicting.chunks import ChunkFolder
from xlite.predicting.predicted_films import PredictedFilms, with_summary
from xlite.records import read_columns
from xlite.results.prediction import Prediction
from xlite.run_folder.folder import RunFolder
from xlite.run_folder.predictions import read_predictions, write_pooled_predictions

if TYPE_CHECKING:
    from xlite.predicting.open_predictor import OpenedPredictor

_DIGITS = "%.9g"


@dataclass(frozen=True)
class PredictionFiles:
    """The files of one prediction, all beside its table."""

    table: Path

    @property
    def calls(self) -> Path:
        """The table of calibrated probs, calls and marks."""
        return self.table.with_name(f"{self.table.stem}_calls.csv")

    @property
    def record(self) -> Path:
        """What the prediction came to; written last."""
        return self.table.with_suffix(".json")

    def open_chunks(self, identity: str) -> ChunkFolder:
        """The chunks of a request on its way to the table."""
        return ChunkFolder(self.table.with_name(f"{self.table.name}.chunks"), identity)

    def check_place(self) -> None:
        """Raise InputError where no predictions can be written."""
        if self.table.suffix.lower() != ".csv" or self.table.is_dir():
            raise InputError(f"--out {self.table} is no name of a table. Pass one in .csv.")
        require_writable_folder(self.table.parent)
        refuse_links([self.table, self.calls, self.record])
        if RunFolder(self.table.parent).is_begun:
            raise InputError(
                f"{self.table.parent} is the folder of a run, which holds what the run wrote. Pass "
                "another --out."
            )

    def find_same(self, identity: str) -> Prediction | None:
        """The record of the same request, where its tables are there as they were written."""
        if not self.record.is_file():
            return None
        try:
            kept = Prediction.read(self.record, remedy="")
        except InputError:
            return None
        beside = {name: self.table.with_name(name) for name in kept.sha256}
        is_whole = all(
            path.is_file() and sha256_of_file(path) == kept.sha256[name]
            for name, path in beside.items()
        )
        return kept if kept.identity == identity and is_whole else None

    def require_free(self, *, is_begun: bool, overwrite: bool) -> None:
        """Raise InputError where there is something that this request has not written.

        is_begun: there are chunks of it, so that a table beside them is its own.
        """
        taken = [p for p in (self.table, self.calls, self.record) if os.path.lexists(p)]
        if taken and not (is_begun or overwrite):
            raise InputError(
                f"{taken[0]} is there, of another model, other films or other options. Pass "
                "another --out, or --overwrite."
            )
        folders = [path for path in taken if path.is_dir()]
        if folders:
            raise InputError(f"{folders[0]} is a folder. Pass another --out.")

    def read_back(self, opened: OpenedPredictor, kept: Prediction) -> PredictedFilms:
        """What was written, by the record that `find_same` gave."""
        remedy = f"Delete {self.record}, and predict again."
        predictions = read_predictions(self.table, kept.labels, remedy=remedy)
        p_values = None
        if kept.unlike is not None:
            (cells,) = read_columns(self.calls, ["p_like_training"], remedy=remedy)
            p_values = np.array(cells, dtype=np.float64)
        return PredictedFilms(
            image_ids=predictions.image_ids,
            probs=predictions.probs,
            labels=kept.labels,
            thresholds=opened.thresholds.fitted,
            p_values=p_values,
            summary=kept,
        )

    def write(self, predicted: PredictedFilms) -> PredictedFilms:
        """Write all of it, the record last; the summary then names the tables."""
        write_pooled_predictions(self.table, predicted.predictions())
        written = {self.table.name: sha256_of_file(self.table)}
        calls = predicted.calls()
        has_calls = calls.shape[1] > 1
        if has_calls:
            with atomic_path(self.calls) as temporary:
                write_table(temporary, calls, float_format=_DIGITS)
            written[self.calls.name] = sha256_of_file(self.calls)
        else:
            self.calls.unlink(missing_ok=True)
        done = with_summary(
            predicted,
            predictions=str(self.table),
            calls=str(self.calls) if has_calls else None,
            sha256=written,
        )
        write_json(self.record, done.to_json())
        return done
