"""The parameters of a Weights & Biases sweep as fixed settings and as the space of a search."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from xlite.errors import InputError
from xlite.models.catalogue import require_listed
from xlite.settings import TrainSettings
from xlite.settings.by_name import change_settings, require_place
from xlite.settings.described import type_of_field
from xlite.settings.names import PARTS
from xlite.settings.typed_values import is_number, show_value
from xlite.studies.sweep_names import find_setting, find_value

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_MOST_STEPS = 50
_EXPONENTS = ("log_uniform", "q_log_uniform")
"""W&B's limits of these are exponents of e."""
_LOGARITHMIC = (*_EXPONENTS, "log_uniform_values", "q_log_uniform_values")
_EVEN = ("uniform", "q_uniform", "int_uniform")


@dataclass
class SweepParameters:
    """What has been read of a sweep's parameters, and what of it can't be said here."""

    settings: TrainSettings
    fixed: dict[str, Any] = field(default_factory=dict)
    """By the name of the setting; `pretrained` may be among them."""
    space: dict[str, tuple[str, list[Any]]] = field(default_factory=dict)
    """The kind of a distribution and its values or limits."""
    seeds: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def read(self, name: str, spec: Any) -> None:
        """Add a parameter, or a note why it is left out."""
        if isinstance(spec, Mapping) and isinstance(spec.get("parameters"), Mapping):
            for inner, one in spec["parameters"].items():
                self.read(f"{name}.{inner}", one)
            return
        setting = find_setting(name)
        if not isinstance(spec, Mapping):
            self.notes.append(f"{name} is left out: it is no parameter but {show_scalar(spec)}.")
        elif setting is None:
            self.notes.append(f"{name} is left out: there is no such setting.")
        elif setting in {*self.fixed, *self.space}:
            self.notes.append(f"{name} is left out: {setting} is there already.")
        elif "probabilities" in spec:
            self.notes.append(f"{name}: its probabilities are left out, each value is as likely.")
            self._read_known(name, setting, spec)
        else:
            self._read_known(name, setting, spec)

    def _read_known(self, name: str, setting: str, spec: Mapping[str, Any]) -> None:
        if "value" in spec:
            self._read_values(name, setting, [spec["value"]])
        elif isinstance(spec.get("values"), list):
            self._read_values(name, setting, spec["values"])
        elif setting in ("seed", "pretrained"):
            self.notes.append(f"{name} is left out: it takes values, no distribution.")
        else:
            self._read_range(name, setting, spec)

    def _read_values(self, name: str, setting: str, values: Sequence[Any]) -> None:
        if setting == "seed":
            seeds = [read_number(value) for value in values]
            self.seeds = [one for one in seeds if isinstance(one, int) and one >= 0]
            self.notes.append(f"{name}: each trial is trained with all of these seeds, as one.")
        elif setting == "pretrained":
            self.fixed[setting] = bool(values[0])
            if len(values) > 1:
                self.notes.append(f"{name} is not searched: its first value is taken.")
        else:
            kept = [one for value in values for one in self._keep(name, setting, value)]
            distinct = [one for place, one in enumerate(kept) if one not in kept[:place]]
            if len(distinct) == 1:
                self.fixed[setting] = distinct[0]
            elif distinct:
                self.space[setting] = ("values", distinct)

    def _keep(self, name: str, setting: str, value: Any) -> list[Any]:
        """The value as the setting takes it; none, and a note, where it does not."""
        try:
            if isinstance(value, dict | list) and not (
                isinstance(value, list) and all(map(is_number, value))
            ):
                raise InputError(f"{setting} takes a single value.")
            read = _as_type(setting, find_value(setting, value))
            change_settings(self.settings, {setting: read}, where=name)
            if setting == "model":
                require_listed(str(read))
        except InputError as error:
            self.notes.append(f"{name}: {show_scalar(value)} is left out. {error}")
            return []
        return [read]

    def _read_range(self, name: str, setting: str, spec: Mapping[str, Any]) -> None:
        low, high = (read_number(spec.get(key)) for key in ("min", "max"))
        named = spec.get("distribution")
        kind = named if isinstance(named, str) else _default_kind(low, high)
        if kind not in (*_LOGARITHMIC, *_EVEN):
            self.notes.append(f"{name} is left out: the distribution {kind} can't be said.")
            return
        try:
            if low is None or high is None:
                raise InputError("it has no numbers as min and max.")
            if kind in _EXPONENTS:
                low, high = math.exp(low), math.exp(high)
            if not low < high or (kind in _LOGARITHMIC and low <= 0):
                raise InputError(f"{low:g} to {high:g} is no range for {kind}.")
            self.space[setting] = self._distribute(name, setting, kind, low, high, spec.get("q"))
        except (InputError, OverflowError) as error:
            self.notes.append(f"{name} is left out: {error}")

    def _distribute(
        self, name: str, setting: str, kind: str, low: float, high: float, q: Any
    ) -> tuple[str, list[Any]]:
        is_log, step = kind in _LOGARITHMIC, read_number(q) if kind.startswith("q_") else None
        if _kind_of(setting) is int or kind == "int_uniform":
            if is_log:
                self.notes.append(f"{name}: whole numbers are drawn evenly, not by logarithm.")
            limits = [math.ceil(low), math.floor(high)]
            found: tuple[str, list[Any]] = ("int", [*limits, max(1, round(step or 1))])
        elif step and not is_log and (high - low) / step <= _MOST_STEPS:
            steps = range(math.floor((high - low) / step + 1e-9) + 1)
            found = ("values", [float(f"{low + place * step:.12g}") for place in steps])
        else:
            if kind.startswith("q_"):
                self.notes.append(f"{name}: it is not rounded to steps of {step or 1:g}.")
            found = ("log_uniform" if is_log else "uniform", [float(low), float(high)])
        for value in found[1][:2] if found[0] != "values" else found[1]:
            change_settings(self.settings, {setting: value}, where=name)
        return found


def show_scalar(value: Any) -> str:
    """A value for a message. A list or table is not spelled out: by aliases it may be endless."""
    return "a list or table" if isinstance(value, dict | list) else show_value(value)


def read_number(value: Any) -> int | float | None:
    """The number that a value is, or that its text is; None for others. To YAML 1e-4 is text.

    >>> read_number("1e-4"), read_number(5), read_number("5"), read_number("five")
    (0.0001, 5, 5, None)
    """
    if is_number(value):
        number: int | float = value
        return number if math.isfinite(number) else None
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        parse: Callable[[str], int | float] = int if value.strip().lstrip("+-").isdigit() else float
        return parse(value)
    return None


def _default_kind(low: Any, high: Any) -> str:
    return "int_uniform" if isinstance(low, int) and isinstance(high, int) else "uniform"


def _kind_of(setting: str) -> type:
    part, field_ = require_place((setting,), setting)
    return type_of_field(TrainSettings if part is None else PARTS[part], field_)[0]


def _as_type(setting: str, value: Any) -> Any:
    kind, number = _kind_of(setting), read_number(value)
    if kind in (int, float) and number is not None:
        return int(number) if number == int(number) and kind is int else number
    return value
