"""What a function returns, a command prints and a file keeps: one tree of dataclasses each.

Undefined numbers are NaN in a result and null in JSON, as are infinite ones. Keys of JSON are the
names of the fields.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from xlite.errors import InputError
from xlite.records import describe_fault, read_validated


def read_undefined(value: Any) -> Any:
    """NaN for JSON's null, anything else as it is."""
    return math.nan if value is None else value


Number = Annotated[float, Field(allow_inf_nan=True), BeforeValidator(read_undefined)]
"""A float that may be NaN, which is null in JSON."""

NumberIfAny = Annotated[float | None, Field(allow_inf_nan=True), BeforeValidator(read_undefined)]
"""The same where JSON has the key; None where it has not."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Result:
    """Base of results, and of the parts that they are made of.

    >>> @dataclasses.dataclass(frozen=True, kw_only=True)
    ... class Score(Result):
    ...     auroc: Number
    >>> Score(auroc=math.nan).to_json()
    {'auroc': None}
    >>> Score.from_json({"auroc": 0.5})
    Score(auroc=0.5)
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(strict=True, extra="ignore")

    newest_schema: ClassVar[int] = 1
    """The newest `schema_version` of a file that this version reads."""

    left_out: ClassVar[frozenset[str]] = frozenset()
    """Fields that JSON has not at all where they are None, instead of as null."""

    def to_json(self) -> dict[str, Any]:
        """Plain values by the names of the fields, for `json.dumps`."""
        return {name: _plain(value) for name, value in self.to_dict().items()}

    def to_dict(self) -> dict[str, Any]:
        """The values by the names of the fields, without those that are left out."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {
            name: value
            for name, value in values.items()
            if value is not None or name not in self.left_out
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """The result that `to_json` made `content` of; other keys are left out.

        Raises InputError, which names the key, where one is missing or of a wrong type.
        """
        try:
            return cls._parse(json.dumps(_plain(content)))
        except ValidationError as error:
            raise InputError(f"the {cls.__name__.lower()} {describe_fault(error)}.") from None

    @classmethod
    def read(cls, path: Path, *, remedy: str) -> Self:
        """The result in the JSON file `path`; InputError where `read_validated` raises it."""
        return read_validated(path, cls._parse, newest_schema=cls.newest_schema, remedy=remedy)

    _adapter: ClassVar[TypeAdapter[Any]]

    @classmethod
    def _parse(cls, content: str | bytes) -> Self:
        # Made once a class: that takes 0.2 s of an evaluation.
        if "_adapter" not in cls.__dict__:
            cls._adapter = TypeAdapter(cls)
        found: Self = cls._adapter.validate_json(content)
        return found


def _plain(value: Any) -> Any:
    if isinstance(value, Result):
        return value.to_json()
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):  # numpy's arrays and scalars
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
