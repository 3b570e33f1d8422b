"""Claims that nothing is lost, against planted truth."""

from __future__ import annotations

import numpy as np

from benchmarks.validity_equivalence import MARGIN, calibrate, draw_verdicts


def test_a_variant_that_loses_the_margin_is_seldom_called_as_good() -> None:
    lost = draw_verdicts([-MARGIN] * 40, 1000, 3)
    # At 5 % seven of 40 have a chance of 0.3 %.
    assert sum(one.decision in ("EQUIVALENT", "NON-INFERIOR") for one in lost) < 7
    gained = draw_verdicts([0.06] * 10, 1000, 3)
    # Ensure that this was a meaningful test.
    assert np.mean([one.p_worse for one in gained]) < 0.05
    assert np.mean([one.p_worse for one in lost]) > 0.3


def test_chances_that_say_too_much_are_seen() -> None:
    rng = np.random.default_rng(0)
    said = rng.random(4000)
    is_true = rng.random(4000) < said
    assert all(rate.is_met for rate in calibrate(said, is_true, "", is_wanted=True))
    bold = calibrate(
        np.where(said < 0.5, said / 3, 1 - (1 - said) / 3), is_true, "", is_wanted=True
    )
    assert not all(rate.is_met for rate in bold)
