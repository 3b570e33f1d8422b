"""What a tracker is told: a run, or a study in words, as plain values and no tracker's types.

It is a pure function of our files, times included: told twice, it is the same.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from xlite.errors import InputError
from xlite.files import sha256_of_file

Plain = str | int | float | bool | None

_SAME = 1e-6
"""Relative: TensorBoard keeps 32 bits of a number."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """The numbers of an epoch."""

    number: int
    """From 1."""
    at: float
    """When it ended, in seconds since 1970; 0 where that is not known."""
    values: Mapping[str, float]
    """By name, as `val/auroc` and `val/auroc/Mass`; what is undefined is left out."""


@dataclass(frozen=True, kw_only=True)
class Tracked:
    """One entry of a tracker: a run folder, a study, an ablation or a comparison."""

    name: str
    kind: Literal["run", "study", "ablation", "comparison"]
    state: Literal["running", "finished", "stopped"]
    """`stopped`: unfinished, and nobody is at work on it."""
    started: float | None = None
    """Seconds since 1970."""
    ended: float | None = None
    settings: Mapping[str, Plain] = field(default_factory=dict)
    """By dotted name; they are what the run is, and never change."""
    facts: Mapping[str, Plain] = field(default_factory=dict)
    """What may change while it goes on."""
    steps: Sequence[Step] = ()
    """One a finished epoch, in order."""
    best: Step | None = None
    """The validation scores of a finished run, at its best epoch."""
    text: str = ""
    """Its record in words, as Markdown."""
    figures: Mapping[str, Path] = field(default_factory=dict)
    """PNG files by name: curves, never radiographs."""

    @property
    def all_steps(self) -> list[Step]:
        """The epochs, and then the scores of the best one, whose names are others."""
        return [*self.steps, *([] if self.best is None else [self.best])]

    @cached_property
    def digest(self) -> str:
        """The same for the same content, and only then."""
        content = [
            *(self.name, self.kind, self.state, self.started, self.ended, self.text),
            *(dict(self.settings), dict(self.facts)),
            [(step.number, step.at, dict(step.values)) for step in self.all_steps],
            {name: sha256_of_file(path) for name, path in self.figures.items()},
        ]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()


MACHINE = "machine/"
"""What names of values begin with that tell of the machine: a resumed run may have others."""

Known = Mapping[tuple[str, int], float]
"""What a tracker has: values by their name and their step."""


def find_missing(tracked: Tracked, known: Known, *, where: str) -> list[Step]:
    """The steps with those of their values that a tracker does not have, none twice.

    Raises InputError where it has another value: that of another training under the same name.
    """
    missing = []
    for step in tracked.all_steps:
        for name, value in step.values.items():
            there = known.get((name, step.number))
            if there is not None and not name.startswith(MACHINE) and not _is_same(there, value):
                raise InputError(
                    f"{where} has {tracked.name} with {name} = {there:.6g} at epoch {step.number}, "
                    f"where its folder says {value:.6g}: another training of that name was tracked "
                    "there. Remove it there, or pass another --out or --project."
                )
        values = {
            name: value for name, value in step.values.items() if (name, step.number) not in known
        }
        if values:
            missing.append(Step(number=step.number, at=step.at, values=values))
    return missing


def drop_undefined(values: Iterable[tuple[str, float]]) -> dict[str, float]:
    """The values that are numbers, by name.

    >>> drop_undefined([("val/auroc", 0.5), ("val/auroc/Hernia", float("nan"))])
    {'val/auroc': 0.5}
    """
    return {name: float(value) for name, value in values if math.isfinite(value)}


def _is_same(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=_SAME, abs_tol=1e-12)
