"""A piece of a study's work that one process does at a time, named so that any process knows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from xlite.settings import TrainSettings

Kind = Literal["cache", "train", "judge", "look", "finish"]


@dataclass(frozen=True, kw_only=True)
class WorkItem:
    """What is to be done; the id alone tells it apart, and stands in the ledger."""

    id: str
    kind: Kind
    subject: str
    """What it belongs to: an experiment's id, a trial as `PHASE/NUMBER`, a shard as `2/16`, or, of
    kind `finish`, what is to be done: a field of `Finally`, or, of kind `look`, the seeds."""
    name: str = ""
    """Of kind `train`: what tables call the run, where the plan says."""
    settings: TrainSettings | None = None
    """Of kind `train`, its seed in it."""
    fold: int | None = None
    """Of kind `train`, where the split is made of folds."""
    until_epoch: int | None = None
    """Of kind `train`: pause after so many finished epochs; None for the last."""
    split: Path | None = None
    """Of kinds `train`, `judge` and `look`: not the study's split, but this."""
    weights: Path | None = None
    warm_start: Path | None = None
    has_fixed_budget: bool = False
    has_open_budget: bool = False
    runs: tuple[str, ...] = ()
    """Of kind `judge`: the run folders, from the experiments folder, one a seed (and fold)."""
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Of kind `look`: the run folders, from the experiments folder, by variant, the baseline
    first."""
    scores: tuple[str, ...] = ()
    """Of kind `judge`: the names of the scores that are asked for."""
    winner: str | None = None
    """Of kind `finish`: the id of the experiment, or the trial, that won; None if nothing did."""

    @property
    def label(self) -> str:
        """What messages call it."""
        return self.name or self.id
