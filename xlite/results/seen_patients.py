"""Scores on patients whom the model was trained on, apart from those whom it has never seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from xlite.results import Number, NumberIfAny, Result
from xlite.results.shortcut_floor import Auroc


@dataclass(frozen=True, kw_only=True)
class SeenScores(Result):
    """AUROC on both sides, and by how much it is higher on patients who were seen."""

    left_out: ClassVar[frozenset[str]] = frozenset({"gain", "gain_low", "gain_high"})

    seen: Auroc
    unseen: Auroc
    difference: Number
    """Seen minus unseen: memory, and whatever else tells these patients from those."""
    difference_low: Number
    difference_high: Number
    gain: NumberIfAny = None
    """The difference less that of the reference, a model that has seen none; None without one."""
    gain_low: NumberIfAny = None
    gain_high: NumberIfAny = None
    is_shown: bool
    """Whether the interval of the gain, or without a reference of the difference, is above 0."""


@dataclass(frozen=True, kw_only=True)
class SeenPatients(Result):
    """What a model scores on images of patients in its training table, and on those of others."""

    left_out: ClassVar[frozenset[str]] = frozenset({"reference"})

    seen_images: int
    unseen_images: int
    seen_patients: int
    unseen_patients: int
    reference: str | None = None
    """The predictions of a model that has seen none of these patients."""
    labels: tuple[str, ...]
    """Those with positives and negatives on both sides, whose mean macro is."""
    macro: SeenScores
    per_class: dict[str, SeenScores]
