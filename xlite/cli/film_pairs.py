"""What commands print of images that are one film under two names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xlite import console

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xlite.results.near_duplicates import FilmPair

_MOST_SHOWN = 10


def print_pairs(pairs: Sequence[FilmPair]) -> None:
    """Print the first pairs, each with its parts, if any, and what was done to the second image."""
    # Here, since it loads pydantic, which no command needs to start.
    from xlite.results.near_duplicates import NearDuplicate

    for pair in pairs[:_MOST_SHOWN]:
        parts = f" ({pair.parts})" if isinstance(pair, NearDuplicate) else ""
        console.say(
            f"  {pair.first} and {pair.second}{parts}: {pair.describe_alteration()}, "
            f"correlation {pair.correlation:.2f}"
        )
    if len(pairs) > _MOST_SHOWN:
        console.say("  … --json names all of them")
