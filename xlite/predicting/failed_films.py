"""Films that could not be read: by name, and as what ends a command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from xlite.errors import CheckFailedError
from xlite.results.prediction import FailedFilm

if TYPE_CHECKING:
    from xlite.predicting.films import Films

_NUM_NAMED = 3


def name_failed(films: Films, failures: Mapping[int, str]) -> tuple[FailedFilm, ...]:
    """The films at the positions of `failures`, in order, with the reasons."""
    return tuple(
        FailedFilm(image=str(films.image_ids[at]), reason=failures[at]) for at in sorted(failures)
    )


def list_failed(failed: Sequence[FailedFilm]) -> str:
    """The first three with their reasons, and how many there are beside them."""
    named = "; ".join(f"{one.image}: {one.reason}" for one in failed[:_NUM_NAMED])
    more = len(failed) - _NUM_NAMED
    return f"{named} and {more:,} others" if more > 0 else named


def require_none_failed(failed: Sequence[FailedFilm], *, num_read: int, they: str) -> None:
    """Raise CheckFailedError where films could not be read; they: what follows for them."""
    if failed:
        raise CheckFailedError(
            f"{len(failed)} of {len(failed) + num_read} films could not be read, and {they}: "
            f"{list_failed(failed)}. Replace them, or pass --allow-failed."
        )
