"""The tables of a plan file, read strictly: each key once, of its type, and none that is unknown.

A fault is kept and reading goes on, so that a person mends a plan in one round.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from xlite import console
from xlite.errors import InputError, did_you_mean
from xlite.settings import LARGEST_SEED
from xlite.settings.typed_values import is_number, show_value
from xlite.studies.study_plan import END, ScoreName

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+=,-]{0,99}")
ID_FORM: Final = "letters, digits and ._+=,- after the first, at most 100"


class PlanError(InputError):
    """A plan that can't be used, with everything that is wrong with it, a line each."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__("\n".join(faults))


@dataclass
class Faults:
    """What has been found to be wrong, in the order of the file."""

    found: list[str] = field(default_factory=list)

    def add(self, fault: str) -> None:
        """Keep a fault, once and in one line, whatever is in the names that it quotes."""
        line = console.plain(fault, is_one_line=True)
        if line not in self.found:
            self.found.append(line)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Within the block, an InputError is a fault like others."""
        try:
            yield
        except PlanError as error:
            self.found += error.faults
        except InputError as error:
            self.add(str(error))

    def require_none(self) -> None:
        """Raise PlanError when there are any."""
        if self.found:
            raise PlanError(self.found)


def is_id(text: str) -> bool:
    """Whether a text may be the id of a part of a plan."""
    return _ID.fullmatch(text) is not None and text != END


@dataclass
class Table:
    """A table of the file. What is of a wrong type is a fault, and reads as if it were absent."""

    values: Mapping[str, Any]
    where: str
    """How a fault begins: the file and the table."""
    faults: Faults
    asked: list[str] = field(default_factory=list)

    def take(self, key: str) -> Any:
        """The value of a key, also where it is written with dashes; None where it is absent."""
        self.asked.append(key)
        spelled = [name for name in self.values if name.replace("-", "_") == key]
        if len(spelled) > 1:
            self.faults.add(f"{self.where}: {spelled[1]} is there already, as {spelled[0]}.")
        return self.values[spelled[0]] if spelled else None

    def wrong(self, key: str, form: str, value: Any) -> None:
        """Keep the fault that a key takes another form."""
        self.faults.add(f"{self.where}: {key} takes {form}, not {show_value(value)}.")

    def text(self, key: str, default: str = "") -> str:
        """Text that is not empty."""
        value = self.take(key)
        if value is None:
            return default
        if isinstance(value, str) and value.strip():
            return value.strip()
        self.wrong(key, "text", value)
        return default

    def choice(self, key: str, names: tuple[str, ...], default: str) -> str:
        """One of several names."""
        value = self.take(key)
        if value is None or value in names:
            return default if value is None else str(value)
        hint = did_you_mean(value, names) if isinstance(value, str) else ""
        self.faults.add(
            f"{self.where}: {key} is one of {', '.join(names)}, not {show_value(value)}.{hint}"
        )
        return default

    def flag(self, key: str, default: bool = False) -> bool:
        """A truth value."""
        value = self.take(key)
        if isinstance(value, bool):
            return value
        if value is not None:
            self.wrong(key, "true or false", value)
        return default

    def number(
        self, key: str, default: float | None = None, *, low: float = 0, high: float = 1
    ) -> float | None:
        """A number from `low` to `high`."""
        value = self.take(key)
        if value is None:
            return default
        if is_number(value) and low <= value <= high:
            return float(value)
        self.wrong(key, f"a number from {low:g} to {high:g}", value)
        return default

    def whole(self, key: str, default: int, *, low: int = 0, high: int = 1_000_000) -> int:
        """A whole number from `low` to `high`."""
        value = self.take(key)
        if value is None:
            return default
        if isinstance(value, int) and is_number(value) and low <= value <= high:
            return value
        self.wrong(key, f"a whole number from {low:,} to {high:,}", value)
        return default

    def pair(self, key: str, *, low: float = 0, high: float = 1) -> tuple[float, float] | None:
        """Two numbers in their order, from `low` to `high`."""
        value = self.take(key)
        if value is None:
            return None
        is_pair = isinstance(value, list) and len(value) == 2 and all(map(is_number, value))
        if is_pair and low <= value[0] <= value[1] <= high:
            return float(value[0]), float(value[1])
        self.wrong(key, f"two numbers from {low:g} to {high:g}, the smaller first", value)
        return None

    def names(self, key: str) -> tuple[str, ...]:
        """Texts in a list, none twice, or one text alone."""
        value = self.take(key)
        if value is None:
            return ()
        several = [value] if isinstance(value, str) else value
        if not isinstance(several, list) or not all(isinstance(one, str) for one in several):
            self.wrong(key, "a list of texts", value)
            return ()
        for name in dict.fromkeys(several):
            if several.count(name) > 1:
                self.faults.add(f"{self.where}: {key} names {name!r} more than once.")
        return tuple(dict.fromkeys(several))

    def seeds(self, key: str, default: tuple[int, ...]) -> tuple[int, ...]:
        """Seeds in a list, none twice."""
        value = self.take(key)
        if value is None:
            return default
        several = value if isinstance(value, list) else []
        are_seeds = all(
            isinstance(one, int) and is_number(one) and 0 <= one <= LARGEST_SEED for one in several
        )
        if several and are_seeds and len(set(several)) == len(several):
            return tuple(several)
        self.wrong(key, f"a list of different whole numbers from 0 to {LARGEST_SEED}", value)
        return default

    def path(self, key: str, default: Path | None = None) -> Path | None:
        """A path as text."""
        text = self.text(key)
        if "\0" in text:
            self.wrong(key, "a path", text)
            return default
        return Path(text) if text else default

    def score(self, key: str, default: ScoreName | None = None) -> ScoreName:
        """The name of a score."""
        default = default or ScoreName("val", "auroc")
        text = self.text(key)
        if text:
            with self.faults.kept():
                return ScoreName.parse(text, where=f"{self.where}: {key}")
        return default

    def table(self, key: str) -> Table | None:
        """A table within; None where it is absent."""
        value = self.take(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            self.wrong(key, "a table", value)
            return None
        return Table(value, f"{self.where}: {key}", self.faults)

    def end(self) -> None:
        """Keep as faults the keys that nothing asked for."""
        for key in self.values:
            if key.replace("-", "_") not in self.asked:
                known = f" Known: {', '.join(self.asked)}."
                hint = did_you_mean(key, self.asked) or known
                self.faults.add(f"{self.where}: there is no key {key!r} here.{hint}")
