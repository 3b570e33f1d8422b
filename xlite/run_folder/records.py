"""What the JSON files of a run folder hold: the schemas that they are read against.

Version 1 is that of xlite 0.1: it kept the environment of the latest sitting in `config.json`, and
neither how images were made nor what the predictions' bytes were.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from xlite.console import nan_to_none
from xlite.files import write_json
from xlite.records import Record
from xlite.results import Number
from xlite.run_folder.combined_runs import CombinedRuns
from xlite.run_folder.file_names import RUN_CONFIG, RUN_SITTINGS
from xlite.run_folder.record_part import Part

_LARGEST_INTEGER = 2**63
_OF_VERSION_1 = {"environment", "runtime"}
"""Fields of `config.json` that moved to `sittings.json`."""

_MACRO = ("auroc", "average_precision", "f1")
"""The macro scores that every part has."""

_Scores = dict[str, int | Number]
"""By name: counts are whole numbers."""


class Environment(Part):
    """What a sitting ran on."""

    xlite: str
    torch: str
    python: str
    machine: str
    num_threads: int
    num_processes: int = 1
    device: str | None = None
    """Its name; None in version 1."""


class RunData(Part):
    """What a run was trained on."""

    images: dict[str, int]
    """Number of images of each part, without those that could not be read."""
    train_positives: list[int]
    split_sha256: dict[str, str]
    source: str
    """The fingerprint of the pixels."""
    split_dir: str | None = None
    """Where the split lay, as it was given; None where that is not known."""
    cache_dir: str | None = None
    images_dir: str | None = None
    """The folder of images that were equalised while loading, instead of a cache."""


class ClaheRecord(Part):
    """How the grey images were made."""

    size: int
    clip: float
    grid: int
    fit: str


class Preprocessing(Part):
    """What a model expects of an image, all of it."""

    clahe: ClaheRecord
    image_size: int
    """Side in pixels of what the model sees."""
    mean: list[float]
    """Of each colour channel, subtracted from values in [0, 1]."""
    std: list[float]
    """What the difference is divided by."""
    dicom: str | None = None
    """How stored values of DICOM films became grey, before CLAHE; None, and not written, where the
    version that began the run did not note it."""

    @model_serializer(mode="wrap")
    def _write(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        content: dict[str, Any] = write(self)
        if self.dicom is None:
            content.pop("dicom", None)
        return content

    def agrees_with(self, other: Preprocessing) -> bool:
        """Whether both say the same, as far as both say it."""
        is_silent = self.dicom is None or other.dicom is None
        return self == (other.model_copy(update={"dicom": self.dicom}) if is_silent else other)


class RunConfig(Record):
    """`config.json`: what a run is. Written once, when it is begun."""

    newest_schema: ClassVar[int] = 2

    fingerprint: str = ""
    settings: dict[str, Any]
    """As they were written: of another version, they may have other names."""
    out_dir: str | None = None
    """The experiments folder, as it was named; None in version 1."""
    has_fixed_budget: bool = False
    """Whether the number of epochs is part of what the run is, because it was varied."""
    labels: list[str]
    """The labels in the order of the model's outputs."""
    pos_weight: list[float] | None = None
    data: RunData
    preprocessing: Preprocessing | None = None
    combined: CombinedRuns | None = None
    """The runs that the folder was made of; None, and not written, of one that was trained. The
    settings are what they share, and the first one's seed."""
    environment: Environment | None = None
    """In version 1: that of the latest sitting."""
    runtime: dict[str, Any] | None = None
    """In version 1: that of the latest sitting."""

    @property
    def num_models(self) -> int:
        """The models that predict as one: several of a folder that combines runs."""
        return 1 if self.combined is None else self.combined.num_models

    def latest_sitting(self, *, epochs: int) -> tuple[Sitting, ...]:
        """The one sitting that version 1 knows; none in a record of a later version."""
        if self.environment is None:
            return ()
        return (
            Sitting(
                started="",
                epochs=epochs,
                from_epoch=0,
                from_step=0,
                environment=self.environment,
                runtime=self.runtime or {},
            ),
        )

    @field_validator("settings")
    @classmethod
    def _check_settings(cls, settings: dict[str, Any]) -> dict[str, Any]:
        if not isinstance(settings.get("model"), str):
            raise ValueError('it has no text "model"')
        if _has_huge_integer(settings):
            raise ValueError("it has an integer of more than 64 bits")
        return settings

    @model_validator(mode="after")
    def _check_lengths(self) -> Self:
        counts = {len(self.data.train_positives)}
        if self.pos_weight is not None:
            counts.add(len(self.pos_weight))
        if counts != {len(self.labels)}:
            raise ValueError("the numbers by label are not as many as the labels")
        return self


class Sitting(Part):
    """One process that trained the run, from its start or a checkpoint."""

    started: str
    """ISO 8601, in UTC."""
    ended: str | None = None
    """None while it trains, and for ever when it was killed."""
    outcome: Literal["finished", "interrupted", "failed"] | None = None
    epochs: int = Field(ge=1)
    """The number of epochs that were asked for, which a later sitting may raise."""
    from_epoch: int = Field(ge=0)
    """Finished epochs when it began."""
    from_step: int = Field(ge=0)
    """Finished steps of the next one."""
    probe_losses: list[float] | None = None
    """Of each pass of the linear probe that it began with; None, and not written, without one."""
    environment: Environment
    working_dir: str | None = None
    """The folder that relative paths are seen from; None where that was not noted."""
    runtime: dict[str, Any] = Field(default_factory=dict)

    @model_serializer(mode="wrap")
    def _write(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        content: dict[str, Any] = write(self)
        if self.probe_losses is None:
            content.pop("probe_losses", None)
        return content


class Sittings(Record):
    """`sittings.json`: every sitting of a run, oldest first."""

    newest_schema: ClassVar[int] = 2

    sittings: list[Sitting]


class PartScores(Part):
    """The scores of one part of the split; an undefined one is NaN."""

    images: int | None = None
    patients: int | None = None
    f1_thresholds: str = ""
    macro: _Scores
    undefined: dict[str, list[str]] = Field(default_factory=dict)
    per_class: dict[str, _Scores]

    @field_validator("macro")
    @classmethod
    def _check_macro(cls, macro: _Scores) -> _Scores:
        absent = [name for name in _MACRO if name not in macro]
        if absent:
            raise ValueError(f"it has no {absent[0]!r}")
        return macro

    @field_validator("per_class")
    @classmethod
    def _check_classes(cls, per_class: dict[str, _Scores]) -> dict[str, _Scores]:
        absent = [label for label, row in per_class.items() if "auroc" not in row]
        if absent:
            raise ValueError(f"{absent[0]!r} has no 'auroc'")
        return per_class


class RunScores(Record):
    """`scores.json`: what a finished run has reached. Written last."""

    newest_schema: ClassVar[int] = 2

    run_id: str = ""
    """What its folder was called then."""
    model: str
    fingerprint: str = ""
    num_parameters: int = Field(ge=0)
    epochs: int = Field(ge=0)
    """Finished epochs."""
    best_epoch: int = Field(ge=0)
    """From 1."""
    stopped_early: bool
    accumulate: int | None = None
    seconds: float = Field(ge=0)
    val: PartScores | None
    """None where the split has no validation part."""
    files: dict[str, str] = Field(default_factory=dict)
    """SHA-256 of what belongs to the scores, by name: predictions, weights and, since they say what
    they are of, `config.json`; none in version 1."""

    @property
    def val_macro(self) -> _Scores:
        """The macro scores on validation by name; NaN each without one."""
        if self.val is None:
            return dict.fromkeys(_MACRO, math.nan)
        return self.val.macro

    def to_json(self) -> dict[str, Any]:
        """Plain values, as the file holds them: an undefined score is None."""
        content: dict[str, Any] = nan_to_none(self.model_dump(mode="json"))
        return content


def write_config(run_dir: Path, config: RunConfig) -> None:
    """Write `config.json`, atomically: the run is begun."""
    absent = _OF_VERSION_1 | ({"combined"} if config.combined is None else set())
    write_json(run_dir / RUN_CONFIG, config.model_dump(mode="json", exclude=absent))


def write_sittings(run_dir: Path, sittings: Sequence[Sitting]) -> None:
    """Write `sittings.json`, atomically: all sittings of the run, oldest first."""
    content = Sittings(schema_version=Sittings.newest_schema, sittings=list(sittings))
    write_json(run_dir / RUN_SITTINGS, content.model_dump(mode="json"))


def _has_huge_integer(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_huge_integer, value.values()))
    if isinstance(value, list):
        return any(map(_has_huge_integer, value))
    return isinstance(value, int) and abs(value) >= _LARGEST_INTEGER
