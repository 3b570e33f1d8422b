from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import auc

from xlite.scores.curves import trace_precision_recall, trace_roc
from xlite.scores.ranking import ranking_scores


@pytest.mark.parametrize("decimals", [1, 6], ids=["ties", "no ties"])
def test_the_areas_are_the_scores(decimals: int) -> None:
    rng = np.random.default_rng(2)
    targets = rng.integers(-1, 2, (300, 4)).astype(np.int8)
    probs = np.clip(0.2 * targets + rng.random((300, 4)), 0, 1).round(decimals)
    auroc, average_precision = ranking_scores(targets, probs)
    for column, curve in enumerate(trace_roc(targets, probs)):
        assert curve is not None
        assert (np.diff(curve) >= 0).all()
        assert auc(*curve) == pytest.approx(auroc[column])
        assert [c[end] for c in curve for end in (0, -1)] == [0, 1, 0, 1]
    for column, curve in enumerate(trace_precision_recall(targets, probs)):
        assert curve is not None
        recall, precision = curve
        area = (np.diff(recall) * precision[1:]).sum()
        assert area == pytest.approx(average_precision[column])


def test_a_class_without_a_side_has_no_curve() -> None:
    targets = np.array([[1, 0, -1], [1, 0, -1]], dtype=np.int8)
    probs = np.full((2, 3), 0.5)
    assert trace_roc(targets, probs) == [None, None, None]
    assert trace_precision_recall(targets, probs) == [None, None, None]
