"""The base of all settings: frozen, validated, with a JSON form and a fingerprint."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from xlite.errors import InputError, did_you_mean

LARGEST_SEED = 4_294_967_295
"""NumPy's, scikit-learn's and torch's generators all take it; larger ones not all of them do."""


@dataclass(frozen=True)
class Shown:
    """How a field appears among the options of a command, where that is not as most do."""

    option: str | None = None
    """The option's name, where it is not the field's."""
    former_option: str | None = None
    """What the option was called before, which is still read."""
    panel: str | None = None
    """The panel of the help, where it is not that of the class."""
    is_common: bool = False
    """Whether most people need it, so that `--help` shows it and not `--help-all` alone."""
    is_unset: bool = False
    """Whether the option has no default of its own: a command can tell whether it was given."""


class Settings(BaseModel):
    """Base of all settings: frozen, and an unknown field is an error.

    The docstring under a field is the help of its option, which is generated with its type,
    default and range (`python -m xlite.cli.generate_options`).
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        # No command uses all of the settings; their validators are made when first used.
        defer_build=True,
    )

    panel: ClassVar[str] = ""
    """The panel of the help in which the options stand."""

    @classmethod
    def shown(cls, field: str) -> Shown:
        """How a field appears among the options of a command."""
        info = cls.model_fields.get(field)
        found = [one for one in info.metadata if isinstance(one, Shown)] if info else []
        return found[0] if found else Shown()

    @classmethod
    def option(cls, field: str) -> str:
        """The option of a field, or of a name that is none: `--focal-gamma`."""
        return cls.shown(field).option or f"--{field.replace('_', '-')}"

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
                option = cls.option(field)
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
