"""How probable it is that a true change is worse, of no consequence, or better.

From the confidence distribution of the change: the probability that the truth lies below a limit is
the one-sided p of the test against that limit, so that every interval that stands beside it is one
of its central ones (Schweder and Hjort 2002, Scand. J. Statist. 29:309). Where one source of chance
alone is at work that is Student's t about the change, which is the posterior under a flat prior,
and over folds the Bayesian correlated t-test (Benavoli, Corani, Demšar and Zaffalon 2017, JMLR
18:77), whose correction is that of Nadeau and Bengio. The three words are theirs, and so is the
region of practical equivalence, within ± margin. P(worse) and P(better) are also the p values of
the two one-sided tests of equivalence (Schuirmann 1987, J. Pharmacokinet. Biopharm. 15:657).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]


class Change(Protocol):
    """A change that is known up to chance."""

    def chance_below(self, limit: float) -> Values:
        """The probability that the true change lies below the limit."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Chances:
    """Three probabilities that sum to 1; every array has shape (...), NaN where undefined."""

    worse: Values
    """P(true change < -margin)."""
    equivalent: Values
    """P(-margin ≤ true change ≤ margin)."""
    better: Values
    """P(true change > margin)."""

    def join(self, other: Chances) -> Chances:
        """The larger P(worse) and P(better) of two that know of different chance.

        What is left is P(equivalent). Should the two contradict each other so far that nothing is
        left, the larger tail gives way, as far as one half.

        >>> one = Chances(worse=np.array(0.1), equivalent=np.array(0.8), better=np.array(0.1))
        >>> other = Chances(worse=np.array(0.0), equivalent=np.array(0.7), better=np.array(0.3))
        >>> joined = one.join(other)
        >>> [float(one.round(3)) for one in (joined.worse, joined.equivalent, joined.better)]
        [0.1, 0.6, 0.3]
        """
        worse, better = (
            np.maximum(one, two)
            for one, two in ((self.worse, other.worse), (self.better, other.better))
        )
        smaller = np.minimum(np.minimum(worse, better), 0.5)
        is_worse_larger = worse > better
        larger = np.minimum(np.maximum(worse, better), 1 - smaller)
        return _complete(
            np.where(is_worse_larger, larger, smaller), np.where(is_worse_larger, smaller, larger)
        )

    def where(self, is_known: Any) -> Chances:
        """The same, and NaN where it is not known."""
        worse, equivalent, better = (
            np.where(is_known, values, np.nan)
            for values in (self.worse, self.equivalent, self.better)
        )
        return Chances(worse=worse, equivalent=equivalent, better=better)


UNKNOWN = Chances(worse=np.array(np.nan), equivalent=np.array(np.nan), better=np.array(np.nan))
"""The chances of one change of which nothing is known."""


def find_chances(change: Change, margin: float) -> Chances:
    """How probable it is that a change is worse, within ± margin (0 or more), or better."""
    return _complete(change.chance_below(-margin), 1 - change.chance_below(margin))


def _complete(worse: Values, better: Values) -> Chances:
    equivalent = np.maximum(1 - worse - better, 0.0)
    return Chances(worse=worse, equivalent=equivalent, better=better)
