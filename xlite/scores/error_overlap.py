"""Whether a model errs on several classes of an image at once.

N images, C classes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def correlate_errors(
    is_error: NDArray[np.bool_], is_known: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """The correlation of errors of each pair of classes, (C, C) in [-1, 1].

    is_error, is_known: (N, C); a pair is judged on images where both classes are known. It is the
    φ coefficient, Pearson's of two binary variables. Independent errors give 0; above 0 the same
    images go wrong for both classes, as films of poor quality or confused findings do. NaN where a
    class has no errors, or nothing else, among those images.

    >>> errors = np.array([[True, True], [True, True], [False, False], [False, True]])
    >>> correlate_errors(errors, np.ones((4, 2), dtype=bool)).round(3).tolist()
    [[1.0, 0.577], [0.577, 1.0]]
    """
    known = is_known.astype(np.float64)
    wrong = (is_error & is_known).astype(np.float64)
    count = known.T @ known
    both = wrong.T @ wrong
    # Errors of the row's class among images where the column's is known, and the reverse.
    of_row = wrong.T @ known
    of_column = of_row.T
    covariance = count * both - of_row * of_column
    variance = of_row * (count - of_row) * of_column * (count - of_column)
    correlation = np.full(count.shape, np.nan)
    np.divide(covariance, np.sqrt(variance), out=correlation, where=variance > 0)
    return correlation
