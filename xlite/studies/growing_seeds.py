"""The seeds of a study that gets one after the other until its verdicts are known."""

from __future__ import annotations

from collections.abc import Sequence

from xlite.errors import InputError
from xlite.scores.anytime import MOST_SEEDS
from xlite.settings import LARGEST_SEED

DEFAULT_FIRST = 3
"""Seeds before the first look: of two, whose spread has one degree of freedom, nothing is told."""
DEFAULT_MOST = 12
"""A change that takes more than a dozen seeds to be seen is within what seeds do anyway.

Each look that may still come widens the limits of all.
"""


def list_growing_seeds(begun: Sequence[int], most: int) -> tuple[int, ...]:
    """The seeds that may be trained with: those to begin with, and the numbers after the largest.

    Raises InputError for less than two to begin with, and for a `most` that leaves no second look.

    >>> list_growing_seeds((0, 7), 5)
    (0, 7, 8, 9, 10)
    """
    if len(begun) < 2:
        raise InputError(
            "one seed can't decide: begin with two or more, as in --seeds 0,1,2, or leave --seeds "
            "out."
        )
    if not len(begun) < most <= MOST_SEEDS:
        raise InputError(
            f"--max-seeds {most}: the most seeds are more than the {len(begun)} to begin with, and "
            f"{MOST_SEEDS} at most."
        )
    last = max(begun) + most - len(begun)
    if last > LARGEST_SEED:
        raise InputError(f"--max-seeds {most}: seeds would go up to {last}. Begin with lower ones.")
    return (*begun, *range(max(begun) + 1, last + 1))
