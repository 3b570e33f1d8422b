"""Several rows an image, a box's or a reader's, folded into one by a stated rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xlite.tables.cells import ABSENT, PRESENT

if TYPE_CHECKING:
    from xlite.results.split import FoldRule


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How far the readers of the same images agree on a label."""

    images_of_any: int
    """Images that at least one reader says have the label."""
    images_of_all: int
    """Images that all of their readers say have it."""
    kappa: float
    """Fleiss' kappa over images with the same number of readers, at least two; NaN without."""


def fold_boxes(
    codes: NDArray[np.int8], owner: NDArray[np.intp], num_owners: int
) -> NDArray[np.int8]:
    """The (K, C) codes of K owners of (R, C) rows: what any of an owner's rows says is present.

    owner: (R,) from 0 to K - 1.
    """
    folded = np.full((num_owners, codes.shape[1]), ABSENT, dtype=np.int8)
    rows, labels = np.nonzero(codes == PRESENT)
    folded[owner[rows], labels] = PRESENT
    return folded


def fold_readers(
    codes: NDArray[np.int8],
    image: NDArray[np.intp],
    reader: NDArray[np.intp],
    *,
    rule: FoldRule,
) -> tuple[NDArray[np.int8], list[Agreement]]:
    """The (N, C) codes of N images from (R, C) rows of readers, and how far they agree by label.

    image, reader: (R,) from 0. A reader's rows of an image are taken together first.
    """
    readings, owner = np.unique(
        image.astype(np.int64) * (int(reader.max()) + 1) + reader, return_inverse=True
    )
    read = fold_boxes(codes, owner, len(readings))
    of_image = (readings // (int(reader.max()) + 1)).astype(np.intp)
    num_images = int(image.max()) + 1
    num_readers = np.bincount(of_image, minlength=num_images)
    says = np.zeros((num_images, codes.shape[1]), dtype=np.int64)
    rows, labels = np.nonzero(read == PRESENT)
    np.add.at(says, (of_image[rows], labels), 1)
    least = {
        "any": np.ones_like(num_readers),
        "majority": num_readers // 2 + 1,
        "all": num_readers,
    }[rule]
    folded = np.where(says >= least[:, None], PRESENT, ABSENT).astype(np.int8)
    return folded, [_measure(column, num_readers) for column in says.T]


def _measure(says: NDArray[np.int64], num_readers: NDArray[np.int64]) -> Agreement:
    is_compared = num_readers == pd.Series(num_readers).mode().iloc[0]
    return Agreement(
        images_of_any=int((says > 0).sum()),
        images_of_all=int((says == num_readers).sum()),
        kappa=_fleiss_kappa(says[is_compared], int(num_readers[is_compared][0])),
    )


def _fleiss_kappa(says: NDArray[np.int64], num_readers: int) -> float:
    """Fleiss 1971, of two answers: agreement of pairs of readers, beyond that of chance."""
    if num_readers < 2:
        return float("nan")
    pairs = num_readers * (num_readers - 1)
    others = num_readers - says
    observed = float(np.mean((says * (says - 1) + others * (others - 1)) / pairs))
    share = float(says.mean()) / num_readers
    by_chance = share**2 + (1 - share) ** 2
    return (observed - by_chance) / (1 - by_chance) if by_chance < 1 else float("nan")
