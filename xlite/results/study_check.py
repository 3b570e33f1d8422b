"""What a plan comes to before anything is trained: its tree, its size, what it can tell."""

from __future__ import annotations

from dataclasses import dataclass

from xlite.results import Number, Result
from xlite.results.study import TreeNode


@dataclass(frozen=True, kw_only=True)
class PlannedThreshold(Result):
    """A threshold of the plan, and what its images and seeds can tell from it."""

    where: str
    """As in `experiment A: minimum`."""
    score: str
    on: str
    """What is held against it: point, or lower bound."""
    threshold: float
    images: int
    """Of the part that is judged; of folds all of them, pooled."""
    patients: int
    positives: int
    """Of the label; of a macro mean those of its rarest label with any."""
    seeds: int
    standard_error: Number
    """At the threshold, images and seeds together; NaN of a score that there is no formula for."""
    detectable: Number
    """The true distance from the threshold that is found with 80 % power, two-sided at 5 %."""


@dataclass(frozen=True, kw_only=True)
class PlannedChoice(Result):
    """A choice of the best among several, and by how much it is too good for being that."""

    where: str
    count: int
    """How many the best is chosen from, at most."""
    images: int
    standard_error: Number
    """Of one score, images and seeds together, at a score of 0.8."""
    too_good: Number
    """The expected excess of the best where all are equal but for noise; at most that much."""


@dataclass(frozen=True, kw_only=True)
class StudyCheck(Result):
    """A sound plan: what `check_study` returns and `xlite study check --json` prints."""

    schema_version: int = 1
    name: str
    question: str = ""
    tree: tuple[TreeNode, ...] = ()
    """What the plan may do, in the order in which it may."""
    starts: tuple[str, ...] = ()
    """What begins at once."""
    least_runs: int
    most_runs: int
    least_epochs: float
    most_epochs: float
    """Where no run stops early."""
    least_seconds: float | None = None
    """Of one run after the other; None where no earlier run tells of a model's speed."""
    most_seconds: float | None = None
    most_bytes: int | None = None
    """Weights, checkpoints and predictions of all runs."""
    unknown_models: tuple[str, ...] = ()
    """Of which no earlier run in the experiments folder tells the speed."""
    thresholds: tuple[PlannedThreshold, ...] = ()
    choices: tuple[PlannedChoice, ...] = ()
    finish: tuple[str, ...] = ()
    """What is done at the end."""
    warnings: tuple[str, ...] = ()
