"""Linear heads: against scikit-learn, and that nothing but the films of the fit is looked at."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from xlite.probing import linear_head
from xlite.probing.linear_head import fit_linear_head
from xlite.scores.ranking import auroc


def draw_films(num: int, *, views: int = 1, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Features (N, V, 6) of two stages, and two labels of which the first two features tell."""
    rng = np.random.default_rng(seed)
    films = rng.normal(size=(num, 6))
    logits = 2 * films[:, :2] + rng.logistic(size=(num, 2))
    features = films[:, None] + 0.3 * rng.normal(size=(num, views, 6))
    return features * [1, 2, 3, 100, 0.01, 1] + 5, (logits > 0.5).astype(np.int8)


@pytest.mark.parametrize("num", [60, 4])
def test_a_fit_is_that_of_scikit_learn(num: int) -> None:
    # Four films of six features are fitted in their own coordinates.
    rng = np.random.default_rng(1)
    rows, targets = rng.normal(size=(num, 6)), np.array([[0, 1], [1, 0]] * (num // 2), np.int8)
    for strength in (0.1, 10.0):
        (fitted,) = linear_head._fit_path(rows, targets, np.ones_like(targets) * 1.0, [strength])
        for label in range(2):
            theirs = LogisticRegression(C=strength, tol=1e-8, max_iter=1000)
            theirs.fit(rows, targets[:, label])
            ours = rows @ fitted[:-1, label] + fitted[-1, label]
            np.testing.assert_allclose(ours, theirs.decision_function(rows), atol=0.02)
        coordinates = linear_head._rotate(rows)
        np.testing.assert_allclose(coordinates @ coordinates.T, rows @ rows.T, atol=1e-9)


def test_an_unknown_label_is_as_if_its_film_were_not_there() -> None:
    rows, targets = np.random.default_rng(2).normal(size=(40, 6)), draw_films(40)[1]
    masked = targets.copy()
    masked[:10, 0] = -1
    (left_out,) = linear_head._fit_path(rows, masked, (masked >= 0) * 1.0, [1.0])
    (gone,) = linear_head._fit_path(rows[10:], targets[10:], np.ones((30, 2)), [1.0])
    np.testing.assert_allclose(left_out[:, 0], gone[:, 0], atol=2e-3)
    assert not np.allclose(left_out[:, 1], gone[:, 1], atol=2e-3)


def test_a_head_tells_new_films_apart_and_scales_by_those_of_its_fit_alone() -> None:
    features, targets = draw_films(300, views=2)
    train, new = features[:200], features[200:].copy()
    head = fit_linear_head(train, targets[:200], np.arange(200), widths=(2, 4))
    np.testing.assert_allclose(head.mean, train.reshape(400, 6).mean(axis=0))
    spread = train.reshape(400, 6).std(axis=0)
    np.testing.assert_allclose(head.scale, spread * np.sqrt([4, 4, 8, 8, 8, 8]))
    assert auroc(targets[200:], head.predict_logits(new)).min() > 0.85
    assert head.inner_auroc > 0.8
    # A film's logit does not depend on which others are judged with it.
    np.testing.assert_array_equal(head.predict_logits(new[:5]), head.predict_logits(new)[:5])


def test_inner_folds_hold_out_whole_patients_and_see_nothing_else(monkeypatch: Any) -> None:
    seen: list[np.ndarray] = []

    def assign(*arguments: Any, **options: Any) -> np.ndarray:
        seen.append(real(*arguments, **options))
        return seen[-1]

    real = linear_head.assign_folds
    monkeypatch.setattr(linear_head, "assign_folds", assign)
    features, targets = draw_films(90)
    patients = np.arange(90) // 3
    fit_linear_head(features, targets, patients, widths=(2, 4))
    (folds,) = seen
    assert len(folds) == 90
    assert all(len(set(folds[patients == one])) == 1 for one in range(30))
    assert len(set(folds)) == 5


def test_without_a_signal_the_penalty_stays_strong_and_with_one_it_gives_way() -> None:
    rng = np.random.default_rng(3)
    patients = np.arange(120)
    easy = rng.normal(size=(120, 1, 40))
    told = (easy[:, 0, :2] > 0.5).astype(np.int8)
    loose = fit_linear_head(easy, told, patients, widths=(40,)).choice
    assert loose.strength > 0.1
    assert loose.share == 0.0


def test_a_label_that_no_film_has_gets_one_logit_for_all() -> None:
    features, targets = draw_films(60)
    targets[:, 1] = 0
    head = fit_linear_head(features, targets, np.arange(60), widths=(6,))
    logits = head.predict_logits(features)
    assert np.isfinite(logits).all()
    own = logits[:, 1] - head.choice.share * logits.mean(axis=1) / (1 + head.choice.share)
    assert np.ptp(own) == pytest.approx(0, abs=1e-9)
