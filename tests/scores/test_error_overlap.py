from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import matthews_corrcoef

from xlite.scores.error_overlap import correlate_errors


def test_each_pair_is_the_correlation_over_images_where_both_are_known() -> None:
    rng = np.random.default_rng(0)
    errors = rng.random((500, 4)) < (0.1, 0.3, 0.5, 0.2)
    errors[:, 3] |= errors[:, 0]
    known = rng.random((500, 4)) < 0.8
    found = correlate_errors(errors, known)
    for a in range(4):
        for b in range(4):
            both = known[:, a] & known[:, b]
            expected = matthews_corrcoef(errors[both, a], errors[both, b])
            assert found[a, b] == pytest.approx(expected)
    assert found[0, 3] > 0.4 > abs(found[0, 1])


def test_a_class_without_errors_has_no_correlation() -> None:
    errors = np.array([[False, True], [False, False]])
    found = correlate_errors(errors, np.ones((2, 2), dtype=bool))
    assert np.isnan(found[0]).all()
    assert found[1, 1] == 1
