"""A terminal that is drawn anew while something goes on."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Protocol, TypeVar


class Picture(Protocol):
    """How things are at one moment."""

    @property
    def timeless(self) -> object:
        """What changes only when something happens."""


_Seen = TypeVar("_Seen", bound=Picture)


def follow(
    seen: _Seen,
    read: Callable[[], _Seen],
    draw: Callable[[_Seen], None],
    *,
    is_over: Callable[[_Seen], bool],
    interval: float,
) -> None:
    """Draw what `read` gives every `interval` seconds, until it is over or Ctrl-C comes.

    seen: what has been drawn already.
    """
    try:
        while not is_over(seen):
            time.sleep(interval)
            before, seen = seen, read()
            # A log need not hear every two seconds that two seconds have gone by.
            if sys.stdout.isatty() or seen.timeless != before.timeless:
                _clear_screen()
                draw(seen)
    except KeyboardInterrupt:
        return


def _clear_screen() -> None:
    """Clear the terminal, if standard output is one."""
    from rich.console import Console

    Console().clear()  # nothing where that is no terminal
