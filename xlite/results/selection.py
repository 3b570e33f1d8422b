"""What has been chosen on a validation part, and what its score is worth for that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from xlite.results import Number, Result

ChoiceKind = Literal["look", "thresholds", "comparison", "ablation"]


@dataclass(frozen=True, kw_only=True)
class SelectedScore(Result):
    """The score of the best of several, as measured and corrected for having been chosen."""

    name: str
    """What is best."""
    score: str
    """The score that chose it and is told: auroc, average_precision or f1, macro."""
    among: int
    """How many it was chosen from."""
    of: str
    """What these are, in the plural."""
    level: float
    covers: str
    """The sources of chance that the intervals cover."""
    measured: Number
    measured_low: Number
    measured_high: Number
    corrected: Number
    low: Number
    high: Number

    @property
    def sentence(self) -> str:
        """Both scores with their intervals in words, without a full stop."""
        return (
            f"{self.name}: {self.score} {self.measured:.3f} [{self.measured_low:.3f}, "
            f"{self.measured_high:.3f}] as measured; corrected for being the best of {self.among} "
            f"{self.of} {self.corrected:.3f} [{self.low:.3f}, {self.high:.3f}]"
        )


@dataclass(frozen=True, kw_only=True)
class SeedLook(Result):
    """A look at runs whose seeds are added one after the other, until all is decided."""

    seeds: int
    """How many there were."""
    max_seeds: int
    """The most that there may be: limits hold at all looks up to them."""
    runs: tuple[str, ...]
    """The folders of the runs that were looked at."""


@dataclass(frozen=True, kw_only=True)
class Choice(Result):
    """One look at a validation set, or one choice made by it."""

    left_out: ClassVar[frozenset[str]] = frozenset({"growth"})

    time: str
    """ISO 8601."""
    command: str
    kind: ChoiceKind
    val_set: str
    """The SHA-256 of its images and patients."""
    split_sha256: str | None = None
    """Of the table of the part; None where no split was named."""
    names: tuple[str, ...]
    """What was looked at, or chosen from."""
    chosen: str | None = None
    growth: SeedLook | None = None
    """Where seeds are added one after the other: at which it was; None for a fixed number."""

    @property
    def key(self) -> tuple[object, ...]:
        """What is the same where a command that is given again shows nothing new."""
        return self.kind, self.names, self.chosen, self.growth


@dataclass(frozen=True, kw_only=True)
class ChoiceLedger(Result):
    """All that commands have looked at and chosen, oldest first."""

    choices: tuple[Choice, ...]


@dataclass(frozen=True, kw_only=True)
class ValidationUse(Result):
    """How often a validation set has been looked at, and what it has chosen."""

    runs: int
    """Runs whose best epoch it chose."""
    epochs: int
    """All epochs of these, from which it chose."""
    thresholds: int
    """Files of thresholds that were fitted on it."""
    comparisons: int
    """Choices of one of several methods or variants: a repeated one counts once."""
    compared: int
    """The methods and variants that these chose from."""
    decisions: int
    """Of studies: trials kept and promoted, rules, winners."""
    looks: int
    """Commands that have shown scores on it."""

    @property
    def choices(self) -> int:
        """All choices."""
        return self.runs + self.thresholds + self.comparisons + self.decisions

    @property
    def sentence(self) -> str:
        """The counts in words, without a full stop."""
        parts = [
            f"the best epoch of {_count(self.runs, 'run')} (of {_count(self.epochs, 'epoch')})"
            if self.runs
            else "",
            f"the best of several {_count(self.comparisons, 'time')} (of {self.compared:,} in all)"
            if self.comparisons
            else "",
            f"thresholds {_count(self.thresholds, 'time')}" if self.thresholds else "",
            f"{_count(self.decisions, 'decision')} of studies" if self.decisions else "",
        ]
        made = "; ".join(part for part in parts if part)
        text = f"Choices made on this validation set: {self.choices:,}"
        looks = f"looks at it: {self.looks:,}"
        return f"{text} ({made}); {looks}" if made else f"{text}; {looks}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
