"""The rule of verdicts itself, of one study or of many simulated ones."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Decision = Literal["ADOPT", "REJECT", "TRADE-OFF", "EQUIVALENT", "NON-INFERIOR", "UNDECIDED"]


def apply_rule(
    *,
    is_lower: Any,
    is_higher: Any,
    has_gains: Any,
    has_losses: Any,
    is_safe: Any,
    is_not_worse: Any,
    is_not_better: Any,
) -> NDArray[Any]:
    """The decision (...), a `Decision` each, on what studies have found: all are (...) booleans.

    is_lower, is_higher: the interval of the macro change lies below, above 0. has_gains,
    has_losses: labels have gained, lost. is_safe: every label judged is. is_not_worse,
    is_not_better: a macro change by more than the margin is ruled out.

    >>> facts = dict(has_gains=False, has_losses=False, is_not_worse=True, is_not_better=False)
    >>> apply_rule(is_lower=False, is_higher=[True, False], is_safe=True, **facts).tolist()
    ['ADOPT', 'NON-INFERIOR']
    """
    has_traded = np.logical_or(is_higher, has_gains)
    is_equal = np.logical_and(is_not_worse, is_not_better) & ~np.asarray(has_gains)
    cases: list[tuple[Any, Decision]] = [
        (is_lower, "REJECT"),
        (np.logical_and(has_losses, has_traded), "TRADE-OFF"),
        (has_losses, "UNDECIDED"),
        (np.logical_and(is_higher, is_safe), "ADOPT"),
        (is_equal, "EQUIVALENT"),
        (np.logical_and(is_not_worse, is_safe), "NON-INFERIOR"),
    ]
    conditions = np.broadcast_arrays(*(condition for condition, _ in cases))
    return np.select(conditions, [name for _, name in cases], "UNDECIDED")
