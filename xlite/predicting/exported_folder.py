"""An exported folder: what it holds, and whether it still is what was exported.

`export.json` is written last and has the SHA-256 of every other file but the card, in which people
may write.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from xlite.errors import CheckFailedError, InputError
from xlite.files import sha256_of_file
from xlite.records import Record
from xlite.results.export import QuantisationGate
from xlite.run_folder.records import ClaheRecord, Preprocessing

EXPORT_RECORD = "export.json"
"""What was exported, and the sum of each file; written last."""
EXPORT_MODEL = "model.onnx"
EXPORT_WEIGHTS = "model.safetensors"
"""The weights of the run's best epoch, as the run wrote them."""
EXPORT_TORCHSCRIPT = "model.torchscript.pt"
EXPORT_PREPROCESSING = "preprocessing.json"
EXPORT_FILM = "reference_film.png"
"""A synthetic film."""
EXPORT_INPUT = "reference_input.png"
"""What the film becomes before the model sees it."""
EXPORT_THRESHOLDS = "thresholds.json"
EXPORT_TYPICAL_FILMS = "typical_films.safetensors"
"""What the run keeps of the films of its training, to tell films that are unlike them."""
EXPORT_READER = "predict.py"
EXPORT_CARD = "README.md"
EXPORT_FILES = (
    EXPORT_MODEL,
    EXPORT_WEIGHTS,
    EXPORT_TORCHSCRIPT,
    EXPORT_PREPROCESSING,
    EXPORT_FILM,
    EXPORT_INPUT,
    EXPORT_THRESHOLDS,
    EXPORT_TYPICAL_FILMS,
    EXPORT_READER,
    EXPORT_CARD,
    EXPORT_RECORD,
)
"""All that an export may write."""

INPUT, OUTPUTS = "images", ("logits", "probs", "features")
"""What the model's input and outputs are called."""

Precision = Literal["fp32", "dynamic int8", "static int8"]

_REMEDY = "Export the run again."
_Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class SourceRun(Record):
    """The run that was exported."""

    name: str
    model: str
    fingerprint: str
    best_epoch: int
    weights_sha256: _Digest


class ExportRecord(Record):
    """`export.json`."""

    xlite: str
    """The version that exported it."""
    run: SourceRun
    precision: Precision
    opset: int
    """The version of ONNX's operators that a runtime has to know."""
    largest_logit_difference: float
    """Of `films` synthetic films, between the exported model and the run's in torch."""
    films: int
    gate: QuantisationGate | None = None
    """None for a model in float32."""
    files: dict[str, _Digest]
    """SHA-256 by name."""
    digest: str = ""
    """Of all that stands here beside it, so that an edit is seen."""

    @field_validator("files")
    @classmethod
    def _check_names(cls, files: dict[str, str]) -> dict[str, str]:
        outside = [name for name in files if Path(name).name != name or name in (".", "..")]
        if outside:
            raise ValueError(f"it names a file of another folder: {outside[0]!r}")
        absent = [
            name
            for name in (EXPORT_MODEL, EXPORT_WEIGHTS, EXPORT_PREPROCESSING)
            if name not in files
        ]
        if absent:
            raise ValueError(f"it lacks the SHA-256 of {absent[0]}")
        return files

    @model_validator(mode="after")
    def _check_digest(self) -> Self:
        if self.digest and self.digest != self.sum_up():
            raise ValueError("it was edited: its digest is not that of its content")
        return self

    def sum_up(self) -> str:
        """The SHA-256 of all but the digest itself."""
        content = self.model_dump(mode="json", exclude={"digest"})
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


class Reference(Record):
    """A film with what it becomes, for whoever prepares films with other tools."""

    film: str
    input: str
    input_sha256: _Digest
    """Of the S * S bytes, row by row."""
    logits: list[float]
    """(C,) of the model in `model.onnx`."""
    probs: list[float]
    tolerance: float
    """How far the logits may be off on another machine."""


class PreprocessingRecord(Record):
    """`preprocessing.json`: from a film's grey levels to the model's input, and what comes out."""

    newest_schema: ClassVar[int] = 1

    labels: list[str]
    """The C labels, in the order of the model's outputs."""
    clahe: ClaheRecord
    image_size: int = Field(ge=1)
    mean: list[float]
    """Subtracted inside the model, from values in [0, 1]."""
    std: list[float]
    dicom: str | None = None
    """How a DICOM file becomes grey; None where the run does not say."""
    steps: list[str]
    """The same in words."""
    reference: Reference

    @property
    def preprocessing(self) -> Preprocessing:
        """As a run describes it."""
        return Preprocessing(
            clahe=self.clahe,
            image_size=self.image_size,
            mean=self.mean,
            std=self.std,
            dicom=self.dicom,
        )


@dataclass(frozen=True)
class ExportedFolder:
    """An exported folder as its files tell of it."""

    path: Path

    @property
    def is_exported(self) -> bool:
        """Whether a run was exported to it."""
        return os.path.lexists(self.path / EXPORT_RECORD)

    @cached_property
    def record(self) -> ExportRecord:
        """What was exported; InputError where there is none, or where it is damaged or edited."""
        if not self.is_exported:
            raise InputError(
                f"{self.path} is no exported folder: it has no {EXPORT_RECORD}. Pass the folder "
                "that `xlite export RUN --out DIR` has written."
            )
        return ExportRecord.read(self.path / EXPORT_RECORD, remedy=_REMEDY)

    @cached_property
    def preprocessing_record(self) -> PreprocessingRecord:
        """How films are prepared; InputError where that is missing or damaged."""
        return PreprocessingRecord.read(self.path / EXPORT_PREPROCESSING, remedy=_REMEDY)

    @property
    def labels(self) -> tuple[str, ...]:
        """The C labels, in the order of the outputs."""
        return tuple(self.preprocessing_record.labels)

    @property
    def sizes(self) -> dict[str, int]:
        """The bytes of each file."""
        return {name: (self.path / name).stat().st_size for name in self.record.files}

    def require_unaltered(self) -> None:
        """Raise CheckFailedError, which names the files, unless each is as it was exported; and
        InputError where one is missing.
        """
        altered = []
        for name, wanted in self.record.files.items():
            path = self.path / name
            if not path.is_file():
                raise InputError(f"{path} does not exist. {_REMEDY}")
            if sha256_of_file(path) != wanted:
                altered.append(name)
        if altered:
            raise CheckFailedError(
                f"{self.path} was altered since it was exported: the SHA-256 of "
                f"{', '.join(altered)} is not that in {EXPORT_RECORD}. {_REMEDY}"
            )


def seal(record: ExportRecord) -> ExportRecord:
    """The record with its digest."""
    return record.model_copy(update={"digest": record.sum_up()})
