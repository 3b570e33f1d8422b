"""The base of all settings: frozen, validated, with a JSON form and a fingerprint."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from xlite.errors import InputError, did_you_mean

LARGEST_SEED = 4_294_967_295
"""NumPy's, scikit-learn's and torch's generators all take it; larger ones not all of them do."""


class Settings(BaseModel):
    """Base of all settings: frozen, and an unknown field is an error."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        # No command uses all of the settings; their validators are made when first used.
        defer_build=True,
    )

    options: ClassVar[dict[str, str]] = {}
    """The CLI option of each field whose option is not named after it."""

    @classmethod
    def parse(cls, **values: Any) -> Self:
        """Validated settings; InputError names each field that is wrong, as its CLI option."""
        try:
            return cls(**values)
        except ValidationError as error:
            faults: dict[str, str] = {}
            hints: dict[str, str] = {}
            for fault in error.errors():
                message = fault["msg"].removeprefix("Value error, ")
                message = message[:1].lower() + message[1:]
                if not fault["loc"]:  # of several fields together
                    faults.setdefault(message, message)
                    continue
                field = str(fault["loc"][0])
                option = cls.options.get(field, f"--{field.replace('_', '-')}")
                # A union of types gives a fault for each; the first is the one to read.
                faults.setdefault(option, f"{option}: {message} (given: {fault['input']!r})")
                if fault["type"] == "literal_error" and isinstance(fault["input"], str):
                    names = re.findall(r"'([^']+)'", fault["ctx"]["expected"])
                    hints.setdefault(option, did_you_mean(fault["input"], names))
            message = "; ".join(faults.values()) + "." + "".join(hints.values())
            raise InputError(message) from None

    def fingerprint(self) -> str:
        """The first 12 hexadecimal digits of the SHA-256 of the canonical JSON."""
        return fingerprint_of(self.model_dump(mode="json"))


def fingerprint_of(value: Any) -> str:
    """The first 12 hexadecimal digits of the SHA-256 of a value's canonical JSON.

    >>> fingerprint_of({"a": 1, "b": 2}) == fingerprint_of({"b": 2, "a": 1})
    True
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]
