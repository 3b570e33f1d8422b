"""A few films of a table on which every label, if it can, has both values.

N images, C classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xlite.labels import UNKNOWN

if TYPE_CHECKING:
    from numpy.typing import NDArray


def choose_covering(labels: NDArray[np.int8], num_images: int) -> NDArray[np.int64]:
    """The rows of `num_images` images, ascending, in which labels are present and absent.

    labels: (N, C), 1, 0 or -1 (unknown). Greedy: next is the image that brings most of what is
    still missing, a label's presence or its absence, rare ones first; the places that are left go
    to images spread evenly over the table. All rows where there are no more than that.

    >>> choose_covering(np.array([[0, 0], [0, 0], [1, 0], [0, 1]], dtype=np.int8), 2)
    array([2, 3])
    """
    sides = np.concatenate([labels == 1, labels == 0], axis=1) & (np.tile(labels, 2) != UNKNOWN)
    counts = sides.sum(axis=0)
    # A rare side outweighs any number of those that most images have.
    worth = np.divide(1.0, counts, where=counts > 0, out=np.zeros(len(counts)))
    chosen: list[int] = []
    missing = counts > 0
    while missing.any() and len(chosen) < min(num_images, len(labels)):
        best = int(np.argmax(sides[:, missing] @ worth[missing]))
        chosen.append(best)
        missing &= ~sides[best]
    others = np.setdiff1d(np.arange(len(labels)), chosen)
    num_others = min(max(num_images - len(chosen), 0), len(others))
    spread = np.linspace(0, len(others) - 1, num_others).round().astype(np.int64)
    return np.sort(np.concatenate([np.array(chosen, dtype=np.int64), others[spread]]))
