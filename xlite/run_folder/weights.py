"""`best.safetensors`: the weights of the best epoch, and what one needs to predict with them.

The file is enough by itself: its metadata name the model, the labels in the order of its outputs,
and how an image becomes its input.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from xlite.errors import InputError
from xlite.files import atomic_path
from xlite.inputs import open_regular
from xlite.records import Record, parse_validated
from xlite.run_folder.file_names import RUN_BEST
from xlite.run_folder.records import Preprocessing
from xlite.settings import CSRA_LAMBDA, TrainSettings

if TYPE_CHECKING:
    from torch import Tensor

# safetensors writes several keys in an order that differs from process to process, and a resumed
# run has to end with the same bytes: what there is to say is one JSON object under one key.
_KEY = "xlite"


class WeightsDescription(Record):
    """In the metadata of `best.safetensors`: enough to build the model, to prepare images for it
    and to name its outputs.
    """

    model: str
    """As `build_classifier` takes it."""
    labels: list[str]
    """In the order of the model's outputs."""
    dropout: float
    position_encoding: bool
    csra_lambda: float = CSRA_LAMBDA
    csra_temperature: float = 1.0
    csra_heads: int = 1
    preprocessing: Preprocessing
    num_models: int = Field(default=1, ge=1)
    """The models of this kind whose mean of logits is the output; not written where it is one."""

    @classmethod
    def of(
        cls,
        settings: TrainSettings,
        labels: Sequence[str],
        preprocessing: Preprocessing,
        *,
        num_models: int = 1,
    ) -> Self:
        """The description of a run's weights, or of those of several as one."""
        own = settings.model_dump(include=cls.model_fields.keys() - {"labels", "preprocessing"})
        return cls(**own, labels=list(labels), preprocessing=preprocessing, num_models=num_models)

    @model_serializer(mode="wrap")
    def _write(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without what the model has not, of a head or of several, as files of earlier versions."""
        content: dict[str, Any] = write(self)
        fields = type(self).model_fields
        return {
            name: value
            for name, value in content.items()
            if not name.startswith(("csra_", "num_")) or value != fields[name].default
        }


def write_weights(
    run_dir: Path, weights: Mapping[str, Tensor], description: WeightsDescription
) -> None:
    """Write the weights by name, atomically, with their description as metadata."""
    save_weights(run_dir / RUN_BEST, weights, description)


def save_weights(
    path: Path, weights: Mapping[str, Tensor], description: WeightsDescription
) -> None:
    """The same to a file that is called otherwise."""
    from safetensors.torch import save

    content = json.dumps(description.model_dump(mode="json"))
    # Not save_file: it writes through a temporary file of its own, which a kill would leave.
    with atomic_path(path) as temporary:
        temporary.write_bytes(save(dict(weights), {_KEY: content}))


def read_weights_description(path: Path, *, remedy: str) -> WeightsDescription | None:
    """What the metadata of a .safetensors file say of its weights; None for one that has none.

    Version 0.1 wrote none, and neither do others. Only the header is read, without torch. Raises
    InputError, which ends in `remedy`, for a file that is missing or damaged, of a newer schema, or
    whose description is not whole.
    """
    from safetensors import SafetensorError, safe_open

    with open_regular(path, what="weights file", remedy=remedy):
        try:
            with safe_open(path, framework="np") as file:
                metadata = file.metadata() or {}
        except SafetensorError as error:
            raise InputError(f"{path} is no whole .safetensors file ({error}). {remedy}") from None
    if _KEY not in metadata:
        return None
    return parse_validated(
        metadata[_KEY].encode(),
        WeightsDescription.model_validate_json,
        where=f"the description in {path}",
        newest_schema=WeightsDescription.newest_schema,
        remedy=remedy,
    )
