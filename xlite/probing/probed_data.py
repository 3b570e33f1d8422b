"""The films that heads are fitted to and judged on, and the cache that they lie in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from xlite.clahe_cache.store import ClaheCache
from xlite.errors import InputError
from xlite.places import VALIDATION
from xlite.splitting.split_folder import Split
from xlite.tables.manifest import Manifest
from xlite.training.folded_data import FoldedData, require_judgeable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xlite.splitting.fold_splits import FoldSplits
    from xlite.training.folded_data import AnyData


@dataclass(frozen=True, eq=False, kw_only=True)
class ProbedData:
    """Films in one CLAHE cache."""

    cache: ClaheCache
    folds: FoldSplits | None
    """Each fold's films in two parts, train and test; None for a split."""
    train: Manifest
    """Of a split; over folds all films."""
    judged: Manifest
    """Of a split its validation part; over folds all films."""

    @property
    def image_ids(self) -> list[str]:
        """Every film once, sorted: the order must not tell of how they were dealt to folds."""
        return sorted({*map(str, self.train.image_ids), *map(str, self.judged.image_ids)})


def choose_films(data: AnyData) -> ProbedData:
    """The films of folds, or of a split without its test part, which no ranking may look at.

    Over folds the validation part of each is fitted to as well: a head chooses within what it is
    fitted to. Raises InputError for a split without validation.
    """
    require_judgeable(data)
    first = data.folds[0] if isinstance(data, FoldedData) else data
    if not isinstance(first.source, ClaheCache):
        raise InputError("a probe takes its films from a CLAHE cache. Pass --cache DIR.")
    if not isinstance(data, FoldedData):
        parts = data.parts
        return ProbedData(
            cache=first.source, folds=None, train=parts["train"], judged=parts[VALIDATION]
        )
    folds = _without_validation(data.splits)
    return ProbedData(cache=first.source, folds=folds, train=folds.images, judged=folds.images)


def _without_validation(folds: FoldSplits) -> FoldSplits:
    splits = []
    for split in folds.splits:
        fitted = [part for name, part in split.parts.items() if name != "test"]
        parts = {"train": _join(fitted), "test": split.parts["test"]}
        splits.append(Split(parts=parts, sha256=split.sha256))
    return type(folds)(splits=tuple(splits), num_folds=folds.num_folds)


def _join(parts: Sequence[Manifest]) -> Manifest:
    """The films of several parts as one."""
    return Manifest(
        table=pd.concat([part.table for part in parts], ignore_index=True),
        labels=np.concatenate([part.labels for part in parts]),
        vocabulary=parts[0].vocabulary,
    )
