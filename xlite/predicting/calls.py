"""What follows from probs: calibrated ones, calls, and which films are unlike those of training.

N films, C labels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from xlite.scores.fitted_thresholds import FittedThresholds
    from xlite.scores.typical_films import TypicalFilms

FALSE_ALARMS = 0.05
"""The share of ordinary films that may be marked; what is found at it: docs/predict.md."""


def tabulate_calls(
    image_ids: NDArray[Any],
    probs: NDArray[np.float64],
    fitted: FittedThresholds | None,
    p_values: NDArray[np.float64] | None,
    *,
    level: float,
) -> pd.DataFrame:
    """A row a film: `image_id`, then `calibrated_<label>` and `call_<label>` a label, then
    `unlike_training` and `p_like_training`, as far as there are thresholds and p values.

    A call is 1 or 0, and empty for a label without a threshold. level: films of a p value up to it
    are marked.
    """
    import pandas as pd

    columns: dict[str, Any] = {"image_id": image_ids}
    if fitted is not None:
        scaled = fitted.scale(probs)
        called = fitted.call(scaled)
        for column, label in enumerate(fitted.vocabulary):
            columns[f"calibrated_{label}"] = scaled[:, column]
        for column, label in enumerate(fitted.vocabulary):
            has_threshold = not np.isnan(fitted.thresholds[column])
            columns[f"call_{label}"] = (
                called[:, column].astype(np.int64) if has_threshold else [""] * len(image_ids)
            )
    if p_values is not None:
        columns["unlike_training"] = (p_values <= level).astype(np.int64)
        columns["p_like_training"] = p_values
    return pd.DataFrame(columns)


def settle_level(typical: TypicalFilms, false_alarms: float) -> float:
    """The level that is marked at: the one asked for, or the lowest that the films allow."""
    return max(false_alarms, typical.lowest_level)
