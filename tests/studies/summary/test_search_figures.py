"""What is told of a search: the order at its rungs, and which settings mattered."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from xlite.results.study import Trial
from xlite.studies.summary.search_figures import rung_correlations, setting_importance


def trial(number: int, rungs: dict[int, float | None], **values: object) -> Trial:
    return Trial(number=number, settings=values, state="paused", rungs=rungs)


def test_rungs_are_correlated_over_the_trials_that_reached_both() -> None:
    scores = [
        (0.5, 0.6, None),
        (0.6, 0.8, 0.9),
        (0.7, 0.7, 0.8),
        (0.4, None, None),
        (0.8, 0.9, 0.95),
    ]
    trials = [
        trial(n, {e: s for e, s in zip((5, 15, 45), one, strict=True) if s is not None})
        for n, one in enumerate(scores)
    ]
    found = {(one.epochs, one.later_epochs): one for one in rung_correlations(trials)}
    assert {key: one.trials for key, one in found.items()} == {(5, 15): 4, (5, 45): 3, (15, 45): 3}
    expected = spearmanr([0.5, 0.6, 0.7, 0.8], [0.6, 0.8, 0.7, 0.9]).statistic
    assert found[5, 15].correlation == pytest.approx(expected)
    assert found[15, 45].correlation == pytest.approx(1.0)


def test_a_correlation_that_is_undefined_is_none() -> None:
    pairs = [trial(n, {5: 0.5, 15: 0.6 + n / 10}) for n in range(4)]
    assert [one.correlation for one in rung_correlations(pairs)] == [None]
    assert [one.correlation for one in rung_correlations(pairs[:2])] == [None]


def draw_trials(count: int) -> list[Trial]:
    """Scores that rest on the rate, a little on the model, and not on the dropout."""
    draws = np.random.default_rng(0)
    trials = []
    for number in range(count):
        rate = float(10 ** draws.uniform(-5, -2))
        model = str(draws.choice(["a", "b", "c"]))
        score = 0.9 - 0.05 * (np.log10(rate) + 3) ** 2 + 0.01 * (model == "b")
        values = {"lr": rate, "model": model, "dropout": float(draws.uniform()), "epochs": 9}
        # What was promoted has a higher score later on, which must not count.
        rungs: dict[int, float | None] = {5: float(score)} | ({15: 0.99} if number % 3 else {})
        trials.append(trial(number, rungs, **values))
    return trials


def test_the_setting_that_made_the_scores_differ_has_the_largest_share() -> None:
    trials = draw_trials(40)
    shares = setting_importance(trials)
    assert list(shares) == ["lr", "model", "dropout"]
    assert sum(share or 0.0 for share in shares.values()) == pytest.approx(1.0)
    assert (shares["lr"] or 0.0) > 0.8
    assert (shares["dropout"] or 0.0) < 0.05
    assert shares == setting_importance(trials)


def test_of_few_trials_no_share_is_told() -> None:
    assert setting_importance(draw_trials(9)) == dict.fromkeys(("lr", "model", "dropout"))
    assert setting_importance([]) == {}


def test_a_score_of_zero_counts() -> None:
    trials = [trial(n, {5: float(n >= 10)}, lr=0.1 * n) for n in range(20)]
    assert setting_importance(trials) == {"lr": 1.0}
