"""A run folder, and the one place that reads it.

A run is finished when it has `scores.json`, which is written last. Whatever is wrong with one of
its files becomes one sentence that names the file and says what to do.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from xlite.errors import InputError
from xlite.files import read_json, sha256_of_file
from xlite.run_folder.file_names import (
    RUN_BEST,
    RUN_CONFIG,
    RUN_LAST,
    RUN_PREVIOUS,
    RUN_SCORES,
    RUN_SITTINGS,
    RUNS,
    predictions_name,
)
from xlite.run_folder.history import read_history
from xlite.run_folder.records import RunConfig, RunScores, Sitting, Sittings
from xlite.settings import LossSettings, SamplerSettings, Settings, TrainSettings


@dataclass(frozen=True)
class RunFolder:
    """A run as its folder tells of it; files are read when they are asked for, and once."""

    path: Path

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.name

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
        """What the run is."""
        return RunConfig.read(self.path / RUN_CONFIG, remedy=self._remedy)

    @cached_property
    def sittings(self) -> tuple[Sitting, ...]:
        """Its sittings, oldest first; of version 0.1 the latest alone is known."""
        path = self.path / RUN_SITTINGS
        if os.path.lexists(path):
            return tuple(Sittings.read(path, remedy=self._remedy).sittings)
        if self.config.environment is None:
            return ()
        return (
            Sitting(
                started="",
                epochs=int(self.config.settings.get("epochs", 1)),
                from_epoch=0,
                from_step=0,
                environment=self.config.environment,
                runtime=self.config.runtime or {},
            ),
        )

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
            raise InputError(f"{self.path} is not finished. Train it to its end with --resume.")
        return self.scores

    def read_scores_content(self) -> dict[str, Any]:
        """The scores of a finished run as plain values, as `scores.json` holds them."""
        self.require_scores()
        return read_json(self.path / RUN_SCORES, remedy=self._remedy)

    @property
    def val_auroc(self) -> float:
        """Macro AUROC on validation; NaN while unfinished or where undefined."""
        value = self.scores.val.macro["auroc"] if self.scores else None
        return math.nan if value is None else value

    @cached_property
    def history(self) -> list[dict[str, float]]:
        """A row a finished epoch, NaN for an empty cell; none before the first."""
        return read_history(self.path, remedy=self._remedy)

    def find_predictions(self, part: str) -> Path:
        """The predictions of one part of the split, as the finished run wrote them.

        Raises InputError for an unfinished run, and when the file is gone or was changed since.
        """
        return self._find_written(predictions_name(part))

    def find_weights(self) -> Path:
        """The weights of the best epoch, as the finished run wrote them; InputError as above."""
        return self._find_written(RUN_BEST)

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

    def check(self) -> None:
        """Read all of its records, and see whether its validation predictions are those of its
        scores. Raises InputError for the first that is damaged.
        """
        _ = self.settings, self.scores, self.history
        if self.scores is not None and predictions_name("val") in self.scores.files:
            self.find_predictions("val")

    def _find_written(self, name: str) -> Path:
        path = self.path / name
        wanted = self.require_scores().files.get(name)
        again = f"Delete {self.path / RUN_SCORES}, and train with --resume to have it made again."
        if not path.is_file():
            raise InputError(f"{path} does not exist. {again}")
        if wanted is not None and sha256_of_file(path) != wanted:
            raise InputError(
                f"{path} is not what the run wrote: its SHA-256 is not that in {RUN_SCORES}. "
                f"{again}"
            )
        return path

    @property
    def _remedy(self) -> str:
        return f"Restore it, or move {self.path} away and train the run again."


def parse_settings(content: Mapping[str, Any], *, where: Path) -> TrainSettings:
    """The settings that another version may have written into the run folder `where`.

    Raises InputError, which names the folder and the setting, where this version knows none of
    that name or does not take its value.
    """
    parts: dict[str, type[Settings]] = {"loss": LossSettings, "sampler": SamplerSettings}
    strangers = [name for name in content if name not in TrainSettings.model_fields]
    for part, kind in parts.items():
        fields = content.get(part)
        names = fields if isinstance(fields, Mapping) else {}
        strangers += [f"{part}.{name}" for name in names if name not in kind.model_fields]
    if strangers:
        raise InputError(
            f"{where} was trained with the setting {strangers[0]!r}, which this version of xlite "
            "does not know. Use the version that trained it, or move the folder away."
        )
    try:
        return TrainSettings(**content)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in fault["loc"]) or "settings"
        message = fault["msg"].removeprefix("Value error, ")
        raise InputError(
            f"{where} was trained with a {name!r} that this version of xlite does not take: "
            f"{message[:1].lower()}{message[1:]}. Use the version that trained it, or move the "
            "folder away."
        ) from None


def find_run_folders(runs_dir: Path) -> list[RunFolder]:
    """The folders below `runs_dir` that say what they are, by name; nothing of them is read."""
    return [RunFolder(path.parent) for path in sorted(runs_dir.glob(f"*/{RUN_CONFIG}"))]


def list_runs(experiments_dir: Path) -> tuple[list[RunFolder], list[str]]:
    """The runs of an experiments folder by name, and a sentence for each that can't be read."""
    runs, faults = [], []
    folders = {
        path.parent
        for name in (RUN_CONFIG, RUN_SCORES)
        for path in (experiments_dir / RUNS).glob(f"*/{name}")
    }
    for folder in sorted(folders):
        run = RunFolder(folder)
        try:
            run.check()
        except InputError as error:
            faults.append(f"{folder.name} is left out: {error}")
        else:
            runs.append(run)
    return runs, faults
