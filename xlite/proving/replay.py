"""A record of a bundle and what it comes to once all that can be is recomputed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlite.proving.project import BundledProject

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """A record as it is found again."""

    found: dict[str, Any]
    """Plain values: recomputed, or as they were stated where no bundle can tell."""
    stated: tuple[str, ...] = ()
    """The keys whose values were taken as they are."""
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    """The tables that lie beside the record, by file name."""


Replay = Callable[[BundledProject, Path, dict[str, Any]], Replayed]
"""From the unpacked bundle, the file and its content; raises InputError where it can't be told."""


def keep(stated: dict[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    """Those of the keys that a record has, with their values as they are."""
    return {key: stated[key] for key in keys if key in stated}
