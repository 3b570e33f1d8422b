"""A variant under which a rare label truly loses is not adopted, however much others gain."""

from __future__ import annotations

import numpy as np

from benchmarks.validity_verdicts import decide_planted


def test_a_rare_label_that_loses_keeps_a_variant_from_being_adopted() -> None:
    rng = np.random.default_rng(0)
    changes = {"A": -0.10, **dict.fromkeys("BCDEF", 0.04)}
    found = [decide_planted(changes, 12, 3, rng) for _ in range(20)]
    # At 2.5 % three of 20 have a chance of 1 %.
    assert sum(decision == "ADOPT" for decision, _ in found) < 3
    careless = sum(decision == "ADOPT" for _, decision in found)
    assert careless >= 2, "without evidence of safety it is adopted in a quarter of trials"
