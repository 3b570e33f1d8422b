"""Scores of one group of the images, held against those of all others."""

from __future__ import annotations

from dataclasses import dataclass

from xlite.results import Number, Result


@dataclass(frozen=True, kw_only=True)
class GroupLabelScores(Result):
    """One label in a group: AUROC, and its difference from the rest, both with intervals."""

    positives: int
    few_positives: bool
    auroc: Number
    auroc_low: Number
    auroc_high: Number
    difference: Number
    """Of the group minus the rest."""
    difference_low: Number
    difference_high: Number
    p: Number
    """Of no difference; NaN where too few positives or negatives are on either side."""
    p_holm: Number
    """The same, corrected for all labels and groups of the column."""
    differs: bool
    """Whether both the corrected p and the interval warrant a difference."""


@dataclass(frozen=True, kw_only=True)
class GroupMacroScores(Result):
    """The mean over labels in a group; the difference is over those that could be tested."""

    positives: int
    auroc: Number
    auroc_low: Number
    auroc_high: Number
    difference: Number
    difference_low: Number
    difference_high: Number
    p: Number
    num_tested: int
    """The labels that could be tested."""
    p_holm: Number
    """Corrected for all groups of the column."""
    differs: bool


@dataclass(frozen=True, kw_only=True)
class Subgroup(Result):
    """One group of a column."""

    column: str
    group: str
    images: int
    patients: int
    is_small: bool
    """Whether most labels have fewer than 30 positives in it."""
    macro: GroupMacroScores
    per_class: dict[str, GroupLabelScores]
