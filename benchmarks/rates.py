"""Rates that simulations measure, and what they ought to be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt


@dataclass(frozen=True, kw_only=True)
class Rate:
    """How often something happened in simulated trials."""

    case: str
    """What was simulated, in a few words."""
    rate: float
    """The share of trials, in [0, 1]."""
    trials: int
    """What the rate was counted over."""
    least: float | None = None
    """The rate ought to be at least this; None where any is as good."""
    most: float | None = None
    """The rate ought to be at most this; None where any is as good."""
    is_amount: bool = False
    """Whether it is a mean amount of a score, in its units, and no share of the trials."""

    @property
    def standard_error(self) -> float:
        """How far chance moves the rate in this many trials."""
        return sqrt(self.rate * (1 - self.rate) / self.trials)

    @property
    def is_met(self) -> bool:
        """Whether the rate is within its limits."""
        return (self.least is None or self.rate >= self.least) and (
            self.most is None or self.rate <= self.most
        )


Simulation = Callable[[], list[Rate]]
"""A simulation with planted truth; its docstring's first line is its title."""
