"""A run folder, and the one place that reads it.

A run is finished when it has `scores.json`, which is written last. Whatever is wrong with one of
its files becomes one sentence that names the file and says what to do. Nothing outside the folder
is asked for: one that was moved to another machine says all that it said before.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlite.errors import InputError
from xlite.files import sha256_of_file
from xlite.places import VALIDATION
from xlite.records import read_columns
from xlite.run_folder.file_names import (
    RUN_BEST,
    RUN_CONFIG,
    RUN_LAST,
    RUN_PREVIOUS,
    RUN_SCORES,
    RUN_SITTINGS,
    RUN_THRESHOLDS,
    RUN_TYPICAL_FILMS,
    predictions_name,
)
from xlite.run_folder.history import read_history
from xlite.run_folder.predictions import Predictions, read_predictions
from xlite.run_folder.records import (
    Preprocessing,
    RunConfig,
    RunData,
    RunScores,
    Sitting,
    Sittings,
)
from xlite.run_folder.saved_settings import parse_settings
from xlite.run_folder.weights import WeightsDescription, read_weights_description
from xlite.settings import TrainSettings

if TYPE_CHECKING:
    import pandas as pd


def read_run(path: str | os.PathLike[str]) -> RunFolder:
    """The run in a folder, wherever that lies and whichever version of xlite wrote it.

    Its settings, labels, preprocessing, sittings, history, scores, predictions and weights are
    there to ask for. Raises InputError for a folder that is none of a run, and for one whose
    records are damaged, do not fit together or are of a newer version.
    """
    run = RunFolder(Path(path))
    run.require_begun()
    run.check()
    return run


@dataclass(frozen=True)
class RunFolder:
    """A run as its folder tells of it; files are read when they are asked for, and once.

    Whatever reads one raises InputError where it is missing, damaged or of a newer version.
    """

    path: Path

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.name

    def require_begun(self) -> None:
        """Raise InputError for a folder that no run was begun in."""
        if not self.is_begun:
            raise InputError(
                f"{self.path} is no run folder: it has no {RUN_CONFIG}. Pass the folder of a run, "
                "such as experiments/runs/NAME."
            )

    @property
    def is_begun(self) -> bool:
        """Whether the folder says what the run is."""
        return os.path.lexists(self.path / RUN_CONFIG)

    @property
    def is_finished(self) -> bool:
        """Whether the folder is complete."""
        return os.path.lexists(self.path / RUN_SCORES)

    @cached_property
    def config(self) -> RunConfig:
        """What the run is.

        Raises InputError also where it was edited since the run was finished.
        """
        path = self.path / RUN_CONFIG
        config = RunConfig.read(path, remedy=self._remedy)
        if self.scores is not None:
            self._require_unchanged(path, remedy=self._remedy)
        return config

    @property
    def labels(self) -> tuple[str, ...]:
        """The C labels, in the order of the model's outputs."""
        return tuple(self.config.labels)

    @property
    def data(self) -> RunData:
        """What it was trained on: images of each part, sums of the split's files and the pixels."""
        return self.config.data

    @property
    def preprocessing(self) -> Preprocessing | None:
        """How an image becomes the model's input; None for a run that version 0.1 began."""
        return self.config.preprocessing

    @cached_property
    def sittings(self) -> tuple[Sitting, ...]:
        """Its sittings, oldest first; of version 0.1 the latest alone is known."""
        path = self.path / RUN_SITTINGS
        if os.path.lexists(path):
            return tuple(Sittings.read(path, remedy=self._remedy).sittings)
        epochs = parse_settings(self.config.settings, where=self.path).epochs
        return self.config.latest_sitting(epochs=epochs)

    @cached_property
    def settings_content(self) -> dict[str, Any]:
        """The settings as plain values, with the number of epochs that was asked for last."""
        settings = dict(self.config.settings)
        if self.sittings:
            settings["epochs"] = self.sittings[-1].epochs
        return settings

    @cached_property
    def settings(self) -> TrainSettings:
        """The settings; a field that the run does not know yet has its default.

        Raises InputError, which names the folder, for one that this version does not know.
        """
        return parse_settings(self.settings_content, where=self.path)

    @cached_property
    def scores(self) -> RunScores | None:
        """What the run has reached; None while it is unfinished."""
        if not self.is_finished:
            return None
        return RunScores.read(self.path / RUN_SCORES, remedy=self._remedy)

    def require_scores(self) -> RunScores:
        """What a finished run has reached; InputError for an unfinished one."""
        if self.scores is None:
            raise InputError(
                f"{self.path} is not finished.", resume="Train it to its end with --resume."
            )
        return self.scores

    @property
    def val_auroc(self) -> float:
        """Macro AUROC on validation; NaN while unfinished, where undefined, or without one."""
        return self.scores.val_macro["auroc"] if self.scores else math.nan

    @cached_property
    def history(self) -> list[dict[str, float]]:
        """A row a finished epoch, NaN for an empty cell; none before the first."""
        return read_history(self.path, remedy=self._remedy)

    def history_frame(self) -> pd.DataFrame:
        """The history as a table: a row a finished epoch, a column a score, loss or time."""
        import pandas as pd

        return pd.DataFrame(self.history)

    def predictions(self, part: str) -> Predictions:
        """What the model of the best epoch says of the images of one part of the split.

        part: val or test. Raises InputError as `find_predictions` does, and for a damaged file.
        """
        path = self.find_predictions(part)
        return read_predictions(path, self.labels, remedy=self._remedy)

    def has_predictions(self, part: str) -> bool:
        """Whether there is a file of predictions of one part of the split; it is not read."""
        return (self.path / predictions_name(part)).exists()

    def read_predicted_images(self, part: str) -> list[str]:
        """The images that the predictions of one part name; InputError where there are none."""
        return read_columns(self.path / predictions_name(part), ["image_id"], remedy="")[0]

    def find_predictions(self, part: str) -> Path:
        """The predictions of one part of the split, as the finished run wrote them.

        Raises InputError for an unfinished run, and when the file is gone or was changed since.
        """
        scores = self.require_scores()
        if part == VALIDATION and scores.val is None:
            raise InputError(
                f"{self.path} was trained on a split without a validation part, so that it has no "
                "predictions of one. `xlite evaluate RUN --part test` judges it; runs over folds "
                "are judged out of fold."
            )
        if self.config.combined is not None and predictions_name(part) not in scores.files:
            raise InputError(
                f"{self.path} combines runs of several splits, which have seen each other's films: "
                "it has no predictions. Judge its members out of fold, or it on other films."
            )
        return self._find_written(predictions_name(part))

    def find_thresholds(self) -> Path | None:
        """The thresholds of its validation, as the finished run wrote them; InputError as above.

        None for a run of an earlier version, and without a validation part.
        """
        return self._find_if_written(RUN_THRESHOLDS)

    def find_typical_films(self) -> Path | None:
        """What is kept of the films of its training; None for a run of an earlier version."""
        return self._find_if_written(RUN_TYPICAL_FILMS)

    def find_weights(self) -> Path:
        """The weights of the best epoch, as the finished run wrote them; InputError as above."""
        return self._find_written(RUN_BEST)

    @cached_property
    def weights_description(self) -> WeightsDescription | None:
        """What the weights are of: enough to build the model and to prepare images for it.

        Read from the metadata of the weights; those of an earlier version have none, and
        `config.json` is asked instead. None for a run that version 0.1 began, which does not say
        how its images were made. Raises InputError as `find_weights` does.
        """
        described = read_weights_description(self.find_weights(), remedy=self._remedy)
        if described is not None or self.preprocessing is None:
            return described
        return WeightsDescription.of(
            self.settings, self.labels, self.preprocessing, num_models=self.config.num_models
        )

    @property
    def last_checkpoint(self) -> Path:
        """Where the newest checkpoint is written."""
        return self.path / RUN_LAST

    @property
    def previous_checkpoint(self) -> Path:
        """Where the one before it is kept."""
        return self.path / RUN_PREVIOUS

    @property
    def checkpoints(self) -> list[Path]:
        """The checkpoints that are there, newest first."""
        both = (self.last_checkpoint, self.previous_checkpoint)
        return [path for path in both if path.exists()]

    def require_whole(self) -> None:
        """Raise InputError for a finished run of whose files one is missing."""
        for path in map(self.path.joinpath, self.require_scores().files):
            if not os.path.lexists(path):
                raise InputError(f"{path} does not exist.", resume=self.how_to_make_again)

    def check(self) -> None:
        """Read all of its records, and see whether its validation predictions are those of its
        scores. Raises InputError for the first that is damaged.
        """
        _ = self.settings, self.scores, self.history
        if self.scores is not None and predictions_name("val") in self.scores.files:
            self.find_predictions("val")

    def _find_if_written(self, name: str) -> Path | None:
        return self._find_written(name) if name in self.require_scores().files else None

    def _find_written(self, name: str) -> Path:
        path, _ = self.path / name, self.require_scores()
        if not path.is_file():
            raise InputError(f"{path} does not exist.", resume=self.how_to_make_again)
        self._require_unchanged(path, resume=self.how_to_make_again)
        return path

    def _require_unchanged(self, path: Path, *, remedy: str = "", resume: str = "") -> None:
        wanted = self.require_scores().files.get(path.name)
        if wanted is not None and sha256_of_file(path) != wanted:
            raise InputError(
                f"{path} is not what the run wrote: its SHA-256 is not that in {RUN_SCORES}. "
                f"{remedy}".rstrip(),
                resume=resume,
            )

    @property
    def how_to_make_again(self) -> str:
        """The sentence that says how to have predictions and weights written anew."""
        again = "combine its runs" if self.config.combined else "train with --resume"
        return f"Delete {self.path / RUN_SCORES}, and {again} to have it made again."

    @property
    def _remedy(self) -> str:
        return f"Restore it, or move {self.path} away and train the run again."
