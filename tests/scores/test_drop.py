"""The parts of a drop between two sites whose difference is planted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, f1_score, roc_auc_score

from benchmarks.drawn_sites import draw_site
from xlite.scores.drop import Drop, take_drop_apart
from xlite.scores.reweighted import REWEIGHTED

IMAGES = 4000
INVARIANT = ("auroc", "recall", "specificity")


def judge(**other: float) -> Drop:
    own, here = (
        draw_site(np.random.default_rng(k), IMAGES, **kw) for k, kw in ((1, {}), (2, other))
    )
    return take_drop_apart(own, here, views=2, num_resamples=200)


def part(drop: Drop, name: str, score: str, *, level: float = 0.95) -> tuple[float, float, float]:
    return drop.limit(name, score, range(3), level=level)


def is_none(drop: Drop, name: str, score: str) -> bool:
    _, low, high = part(drop, name, score, level=0.999)
    return low <= 0 <= high


def test_what_differs_in_prevalence_alone_is_all_prevalence() -> None:
    drop = judge(prevalence=0.06)
    for score in INVARIANT:
        assert part(drop, "prevalence", score) == (0.0, 0.0, 0.0)
    for score in ("average_precision", "f1", "precision"):
        assert part(drop, "prevalence", score)[1] > 0.15
        assert part(drop, "drop", score)[1] > 0.15
    for score in REWEIGHTED:
        assert is_none(drop, "view_mix", score), score
        assert is_none(drop, "rest", score), score


def test_what_differs_in_its_mix_of_views_alone_is_all_mix() -> None:
    drop = judge(share_of_ap=0.9)
    for score in ("auroc", "average_precision", "f1"):
        assert part(drop, "view_mix", score)[1] > 0.02
        assert is_none(drop, "prevalence", score), score
        assert is_none(drop, "rest", score), score


def test_a_real_loss_is_the_rest() -> None:
    drop = judge(loss=0.5)
    for score in ("auroc", "average_precision", "f1", "recall"):
        assert part(drop, "rest", score)[1] > 0.05
        assert is_none(drop, "prevalence", score), score
        assert abs(part(drop, "view_mix", score)[0]) < 0.02


def test_parts_add_up_to_the_drop() -> None:
    drop = judge(prevalence=0.1, share_of_ap=0.8, loss=0.3)
    _, _, whole, *parts = drop.values
    np.testing.assert_allclose(sum(parts), whole, atol=1e-12)
    _, _, whole, *parts = drop.drawn
    np.testing.assert_allclose(sum(parts), whole, atol=1e-12)


def test_scores_of_both_sites_are_those_of_scikit_learn() -> None:
    own, here = (draw_site(np.random.default_rng(k), 300) for k in (1, 2))
    here = replace(here, probs=here.probs.round(1))
    drop = take_drop_apart(own, here, views=2, num_resamples=10)
    for row, site in zip(drop.values[:2], (own, here), strict=True):
        for c in range(3):
            truth, probs, called = (a[:, c] for a in (site.targets, site.probs, site.is_called))
            assert row[0, c] == pytest.approx(roc_auc_score(truth, probs))
            assert row[1, c] == pytest.approx(average_precision_score(truth, probs))
            assert row[2, c] == pytest.approx(f1_score(truth, called))
            assert row[6, c] == pytest.approx(brier_score_loss(truth, site.said[:, c]))


def test_the_weighted_scores_are_those_of_copied_images() -> None:
    """Prevalence here is half of that at home: weights 2 to 1 are as films counted twice."""
    rng = np.random.default_rng(5)
    own = draw_site(rng, 900, labels=1)
    here = draw_site(rng, 900, labels=1)
    share = [float((site.targets == 1).mean()) for site in (own, here)]
    drop = take_drop_apart(own, here, views=2, num_resamples=10)
    weights = np.where(here.targets == 1, share[0] / share[1], (1 - share[0]) / (1 - share[1]))[
        :, 0
    ]
    moved = average_precision_score(here.targets[:, 0], here.probs[:, 0], sample_weight=weights)
    assert drop.values[3, 1, 0] == pytest.approx(moved - drop.values[1, 1, 0])


def test_a_view_that_one_site_lacks_counts_as_mix() -> None:
    """All of home is PA, half of here is AP, where the model is worse."""
    own = draw_site(np.random.default_rng(1), IMAGES, share_of_ap=0.0, view_gap=1.2)
    here = draw_site(np.random.default_rng(2), IMAGES, share_of_ap=0.5, view_gap=1.2)
    drop = take_drop_apart(own, here, views=2, num_resamples=200)
    assert drop.shared.tolist() == [[True, False]] * 3
    assert part(drop, "view_mix", "auroc")[1] > 0.03
    assert is_none(drop, "rest", "auroc")


def test_without_a_view_in_common_the_mix_is_undefined_and_the_rest_is_all() -> None:
    own, here = (draw_site(np.random.default_rng(k), 900) for k in (1, 2))
    drop = take_drop_apart(own, here, views=2, unknown_view=1, num_resamples=20)
    apart = take_drop_apart(
        replace(own, views=np.zeros_like(own.views)),
        replace(here, views=np.ones_like(here.views)),
        views=2,
        num_resamples=20,
    )
    assert not drop.shared[:, 1].any()
    assert np.isnan(part(apart, "view_mix", "auroc")).all()
    assert part(apart, "rest", "auroc")[0] == pytest.approx(part(apart, "drop", "auroc")[0])


def test_a_label_that_one_site_lacks_is_in_no_mean() -> None:
    own, here = (draw_site(np.random.default_rng(k), 900) for k in (1, 2))
    here = replace(here, targets=here.targets * np.array([1, 0, 1], dtype=np.int8))
    drop = take_drop_apart(own, here, views=2, num_resamples=20)
    assert np.isnan(drop.values[2, 0]).tolist() == [False, True, False]
    two = [drop.values[2, 0, c] for c in (0, 2)]
    assert part(drop, "drop", "auroc")[0] == pytest.approx(np.mean(two))
