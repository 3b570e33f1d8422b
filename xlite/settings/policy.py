"""Which rows of a table count, and what becomes of cells that are neither present nor absent."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from xlite.settings.settings import Settings

Views = Literal["all", "frontal", "PA", "AP"]

IGNORE = "ignore"
_TARGETS = {"zeros": (0.0, 0.0), "ones": (1.0, 1.0)}
_SOFT = "soft:"
_FORMS = "ignore, zeros, ones, or soft:LOW-HIGH with shares from 0 to 1, as soft:0.55-0.85"


class RowSettings(Settings):
    """Which rows of a table count."""

    panel: ClassVar[str] = "Rows and uncertain labels"

    views: Views = "all"
    """Films of these views alone (frontal: PA and AP)"""
    one_per_patient: bool = False
    """The first film of each patient alone: by study date, or by the table's order."""
    min_age: float | None = Field(default=None, ge=0, le=150)
    """Patients of this age in years at the film, and older."""


class PolicySettings(RowSettings):
    """How the training part is read. What is judged is left as it is.

    Validation and test keep their rows, and an uncertain cell is never judged: runs that differ in
    a policy could not be compared otherwise.
    """

    uncertain: str = IGNORE
    """What is learnt of a finding that the table calls uncertain: ignore (nothing), zeros, ones,
    soft:0.55-0.85 (a target drawn evenly from there for each cell), or one for each label, as
    Edema=ones,Atelectasis=soft:0.55-0.85 or a TOML file of such lines; the other labels: ignore."""
    blank: Literal["table", "unknown", "absent"] = "table"
    """What is learnt of a finding whose cell is empty (table: as the split was made)"""

    @property
    def is_soft(self) -> bool:
        """Whether some cells get targets between 0 and 1."""
        return any(
            one and one not in _TARGETS.values() for one in parse_uncertain(self.uncertain).values()
        )

    @field_validator("uncertain")
    @classmethod
    def _read_uncertain(cls, value: str) -> str:
        return write_uncertain(parse_uncertain(value))


def parse_uncertain(text: str) -> dict[str | None, tuple[float, float] | None]:
    """The range of targets of each label's uncertain cells; that of None is for all labels.

    None for a range: nothing is learnt of them. Raises ValueError for what is no such policy.

    >>> parse_uncertain("soft:0.55-0.85")
    {None: (0.55, 0.85)}
    >>> parse_uncertain("Edema=ones, Mass=ignore")
    {'Edema': (1.0, 1.0), 'Mass': None}
    """
    if "=" not in text:
        return {None: _parse_range(text)}
    found: dict[str | None, tuple[float, float] | None] = {}
    for entry in next(csv.reader([text], skipinitialspace=True)):
        label, sign, policy = entry.rpartition("=")
        label = label.strip()
        if not sign or not label:
            raise ValueError(f"{entry!r} is no LABEL=POLICY")
        if label in found:
            raise ValueError(f"{label!r} is there twice")
        found[label] = _parse_range(policy)
    return found


def join_policies(policies: Mapping[str, object]) -> str:
    """The policies of labels by name, as one text; ValueError for one that is none.

    >>> join_policies({"Mass": "zeros", "Edema": "ones"})
    'Edema=ones,Mass=zeros'
    """
    return write_uncertain({label: _parse_range(str(one)) for label, one in policies.items()})


def write_uncertain(ranges: Mapping[Any, tuple[float, float] | None]) -> str:
    """The one way in which a policy is written: labels by name, those of no effect left out.

    >>> write_uncertain(parse_uncertain("Mass=zeros, Edema=soft:0.5-0.50, Hernia=ignore"))
    'Edema=soft:0.5-0.5,Mass=zeros'
    """
    if None in ranges:
        return _write_range(ranges[None])
    told = sorted((label, one) for label, one in ranges.items() if label is not None and one)
    if not told:
        return IGNORE
    file = io.StringIO()
    csv.writer(file, lineterminator="").writerow(
        [f"{label}={_write_range(one)}" for label, one in told]
    )
    return file.getvalue()


def _parse_range(text: str) -> tuple[float, float] | None:
    text = text.strip()
    if text == IGNORE:
        return None
    if text in _TARGETS:
        return _TARGETS[text]
    low, sign, high = text.removeprefix(_SOFT).partition("-")
    try:
        found = float(low), float(high)
    except ValueError:
        found = 1.0, 0.0
    if not (text.startswith(_SOFT) and sign and 0 <= found[0] <= found[1] <= 1):
        raise ValueError(f"it must be {_FORMS}, not {text!r}")
    return found


def _write_range(one: tuple[float, float] | None) -> str:
    if one is None:
        return IGNORE
    names = {ends: name for name, ends in _TARGETS.items()}
    return names.get(one) or f"{_SOFT}{one[0]!r}-{one[1]!r}"
