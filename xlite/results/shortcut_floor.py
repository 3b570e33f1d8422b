"""What scores are worth without the image: the floor under them, and the scores within views."""

from __future__ import annotations

from dataclasses import dataclass

from xlite.results import Number, Result


@dataclass(frozen=True, kw_only=True)
class Auroc(Result):
    """An AUROC with its interval; NaN where undefined."""

    auroc: Number
    auroc_low: Number
    auroc_high: Number


@dataclass(frozen=True, kw_only=True)
class FloorScores(Auroc):
    """What columns of the table reach alone, and what the image adds to them."""

    adds: Number
    """AUROC of table and image together minus that of the table, both for patients held out."""
    adds_low: Number
    adds_high: Number
    is_shown: bool
    """Whether the interval of what is added lies above 0."""


@dataclass(frozen=True, kw_only=True)
class ShortcutFloor(Result):
    """The AUROC of the table's own columns, without any pixel."""

    columns: tuple[str, ...]
    """What the table says of an image: age, sex, view, visit, …"""
    columns_left_out: dict[str, str]
    """Columns that tell nothing, and why."""
    fitted_on: str
    """In words: other patients, all of them or by cross-fitting."""
    macro: FloorScores
    per_class: dict[str, FloorScores]
    by_column: dict[str, Auroc]
    """The macro AUROC of each column alone."""
    equals: dict[str, str]
    """Columns that tell a label without error, and which."""


@dataclass(frozen=True, kw_only=True)
class WithinView(Result):
    """The model's AUROC over pairs of images of the same view."""

    views: dict[str, int]
    """Images of each view."""
    macro: Auroc
    per_class: dict[str, Auroc]
