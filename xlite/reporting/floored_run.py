"""A run with what its scores are worth without the image, as page and card show it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xlite.results.shortcut_floor import ShortcutFloor, WithinView


@dataclass(frozen=True, kw_only=True)
class FlooredRun:
    """What was found under the validation scores of one run."""

    name: str
    labels: tuple[str, ...]
    floor: ShortcutFloor | None
    within: WithinView | None
