"""How far a verdict is to be trusted: what studies like the one judged would have said.

Decisions are those of `Verdict.decision`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from xlite.results import Number, Result

_RAREST = 3


@dataclass(frozen=True, kw_only=True)
class Found(Result):
    """With what chance a difference would be found, as far as the study's seeds can tell."""

    chance: float
    """The mean over all that its seeds may do."""
    low: float
    """With seeds that move scores further than nine tenths of what is likely."""
    high: float
    """With seeds that move scores less than nine tenths of what is likely."""

    @property
    def sentence(self) -> str:
        """The chance and its range in percent, as "34 % (12 to 61)"."""
        return f"{100 * self.chance:.0f} % ({100 * self.low:.0f} to {100 * self.high:.0f})"


@dataclass(frozen=True, kw_only=True)
class VerdictAudit(Result):
    """A study's own error and power, from simulated studies like it with planted truth.

    Chances are in [0, 1], by decision; a decision that was never given is left out.
    """

    left_out: ClassVar[frozenset[str]] = frozenset({"withheld"})

    trials: int
    """Simulated studies."""
    nominal: float
    """The chance of a wrong verdict that the rule is made for."""
    margin: float
    """The difference that is planted."""
    if_equal: dict[str, float]
    """When there is no difference."""
    if_gained: dict[str, float]
    """When every label has gained the margin."""
    if_lost: dict[str, float]
    """When every label has lost the margin."""
    harmed_label: str
    """The label whose harm is overlooked most often."""
    if_harmed: dict[str, float]
    """When it has lost the safety margin, and every other label has gained as much."""
    adopted: Found
    """ADOPT when every label has gained the margin."""
    rejected: Found
    """REJECT when every label has lost the margin."""
    smallest_seen: dict[str, Number]
    """The loss of AUROC of each label judged that would have been called one in 8 of 10 studies,
    the label of the fewest patients first; NaN where a loss of all of it would not."""
    withheld: str | None = None
    """The decision that is not given, since it is wrong too often; None where it is given."""

    @property
    def error(self) -> float:
        """The chance of ADOPT, REJECT or TRADE-OFF although there is no difference."""
        return sum(self.if_equal.get(name, 0.0) for name in ("ADOPT", "REJECT", "TRADE-OFF"))

    def find_error(self, decision: str) -> tuple[float, float] | None:
        """How often a decision is wrong, and how often it may be; the worst if in several ways.

        None of UNDECIDED, which claims nothing.
        """
        if decision in ("REJECT", "TRADE-OFF"):
            return self.error, self.nominal
        if decision == "ADOPT":
            harmed, may = self.if_harmed.get(decision, 0.0), self.nominal / 2
            errors = ((self.error, self.nominal), (harmed, may))
            return max(errors, key=lambda one: one[0] / one[1])
        if decision in ("EQUIVALENT", "NON-INFERIOR"):
            return self.if_lost.get(decision, 0.0), self.nominal
        return None

    def is_wrong_too_often(self, decision: str) -> bool:
        """Whether a decision's error is above what it may be, beyond what chance can count."""
        found = self.find_error(decision)
        return found is not None and exceeds(*found, self.trials)

    @property
    def sentences(self) -> tuple[str, ...]:
        """What the audit has found, in words."""
        equal = ", ".join(
            f"{name} {100 * self.if_equal.get(name, 0.0):.1f} %" for name in ("ADOPT", "REJECT")
        )
        rare = [
            f"{label} {loss:.2f}" if loss == loss else f"{label} none"
            for label, loss in list(self.smallest_seen.items())[:_RAREST]
        ]
        sentences = [
            f"Of {self.trials:,} simulated studies like this one: without a difference {equal} "
            f"(may be wrong in {100 * self.nominal:.2g} %); with {self.harmed_label} harmed ADOPT "
            f"{100 * self.if_harmed.get('ADOPT', 0.0):.1f} %."
        ]
        if self.margin > 0:
            sentences.append(
                f"With each label {self.margin:g} better ADOPT {self.adopted.sentence}, "
                f"{self.margin:g} worse REJECT {self.rejected.sentence}."
            )
        sentences.append(f"Smallest losses that 8 of 10 would have seen: {', '.join(rare)}.")
        return tuple(sentences)


def exceeds(rate: float, nominal: float, trials: int) -> bool:
    """Whether a rate that was counted in so many trials is above the nominal by 3 standard errors.

    >>> exceeds(0.055, 0.05, 4000), exceeds(0.065, 0.05, 4000)
    (False, True)
    """
    return rate > nominal + 3 * math.sqrt(nominal * (1 - nominal) / trials)
