"""Marks on the borders of films that go with a label."""

from __future__ import annotations

from dataclasses import dataclass

from xlite.results import Number, Result


@dataclass(frozen=True, kw_only=True)
class BorderMark(Result):
    """A label that goes with marks, and the place that tells it best."""

    label: str
    place: str
    marked_positives: int
    positives: int
    marked_negatives: int
    negatives: int
    p: Number
    """Corrected for all places, signs and labels."""


@dataclass(frozen=True, kw_only=True)
class BorderProbe(Result):
    """What a probe of the border and corners of films has found; one film a patient."""

    films: int
    level: Number
    """The chance of any false alarm."""
    flagged: tuple[BorderMark, ...]
