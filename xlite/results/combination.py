"""Runs that became one model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from xlite.results import Number, Result


@dataclass(frozen=True, kw_only=True)
class SoupStep(Result):
    """One run that greedy averaging tried to add."""

    run: str
    auroc: Number
    """Macro AUROC on validation of the weights with it."""
    is_kept: bool


@dataclass(frozen=True, kw_only=True)
class Combination(Result):
    """A folder that holds several runs as one."""

    left_out: ClassVar[frozenset[str]] = frozenset({"steps", "val_auroc", "best_auroc"})

    folder: str
    kind: str
    """ensemble: the mean of the members' logits. soup: the mean of their weights."""
    members: tuple[str, ...]
    """The runs that it is made of."""
    num_parameters: int
    best_auroc: Number | None = None
    """Macro AUROC on validation of the best single run; None where runs were trained on other
    splits, each of which has seen the others' validation."""
    val_auroc: Number | None = None
    """The same of what was made of them."""
    steps: tuple[SoupStep, ...] | None = None
    """Of a soup: what was tried, in order."""
