from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from xlite.errors import InputError
from xlite.judging.evaluation import Resampling
from xlite.judging.labelled_predictions import LabelledPredictions
from xlite.judging.subgroups import assign_groups, judge_subgroups

FEW = Resampling(num_resamples=200)


def make_cases(*, gap: float = 0.0, seed: int = 0, num_images: int = 1200) -> LabelledPredictions:
    """Two labels; `gap` is by how much less the first is told apart on AP films."""
    rng = np.random.default_rng(seed)
    targets = (rng.random((num_images, 2)) < 0.3).astype(np.int8)
    view = rng.choice(["AP", "PA"], num_images).astype(object)
    strength = np.full(targets.shape, 1.5)
    strength[view == "AP", 0] -= gap
    logits = rng.normal(size=targets.shape) + strength * targets
    return LabelledPredictions(
        name="model",
        image_ids=np.arange(num_images).astype(str).astype(object),
        patient_ids=(np.arange(num_images) // 2).astype(str).astype(object),
        targets=targets,
        probs=1 / (1 + np.exp(-logits)),
        vocabulary=("Mass", "Edema"),
        columns={"view": view, "age": rng.uniform(0, 95, num_images)},
    )


def test_groups_are_judged_like_their_images_alone() -> None:
    cases = make_cases()
    groups = judge_subgroups(cases, "view", resampling=FEW)
    assert [group.group for group in groups] == ["AP", "PA"]
    for group in groups:
        rows = cases.columns["view"] == group.group
        assert group.images == rows.sum()
        for c, label in enumerate(cases.vocabulary):
            row = group.per_class[label]
            expected = roc_auc_score(cases.targets[rows, c], cases.probs[rows, c])
            assert row.auroc == pytest.approx(expected)
            assert row.auroc_low < expected < row.auroc_high
            assert row.positives == cases.targets[rows, c].sum()
    first, second = (group.macro for group in groups)
    assert first.difference == pytest.approx(-second.difference)
    assert first.p_holm == second.p_holm


def test_a_real_difference_is_flagged_where_it_is() -> None:
    groups = judge_subgroups(make_cases(gap=1.2), "view", resampling=FEW)
    for group in groups:
        assert group.per_class["Mass"].differs
        assert not group.per_class["Edema"].differs
        assert group.macro.differs
    assert groups[0].per_class["Mass"].difference_high < 0


def test_chance_is_seldom_flagged() -> None:
    flags = [
        row.differs
        for seed in range(40)
        for row in judge_subgroups(make_cases(seed=seed, num_images=600), "view", resampling=FEW)[
            0
        ].per_class.values()
    ]
    # Holm keeps the chance of any false flag in a column at 5 %: 2 of 40 are expected.
    assert sum(flags) <= 6


def test_a_handful_of_positives_is_not_tested() -> None:
    cases = make_cases()
    cases.targets[:, 0] = 0
    cases.targets[np.flatnonzero(cases.columns["view"] == "AP")[:3], 0] = 1
    cases.targets[np.flatnonzero(cases.columns["view"] == "PA")[:3], 0] = 1
    groups = judge_subgroups(cases, "view", resampling=FEW)
    for group in groups:
        row = group.per_class["Mass"]
        assert row.few_positives
        assert not row.differs
        assert np.isnan(row.p)
        assert group.macro.num_tested == 1
        # What can't be tested is no reason to call the others' difference one of Mass.
        assert group.macro.difference == group.per_class["Edema"].difference


def test_ages_come_in_bands_and_unknown_is_a_group() -> None:
    cases = make_cases()
    cases.columns["age"][:10] = np.nan
    groups = judge_subgroups(cases, "age", resampling=FEW)
    names = [group.group for group in groups]
    assert names == ["0-17", "18-39", "40-59", "60-79", "80+", "unknown"]
    assert sum(group.images for group in groups) == len(cases)
    assert groups[-1].is_small
    assert not groups[1].is_small


def test_columns_that_make_no_groups_are_refused() -> None:
    cases = make_cases()
    for values, message in (
        (np.arange(1200).astype(str).astype(object), "1200 values"),
        (np.full(1200, "", dtype=object), "empty for every image"),
    ):
        with pytest.raises(InputError, match=message):
            assign_groups(replace(cases, columns={"site": values}), "site")
    with pytest.raises(InputError, match="no column 'site'.*view, age"):
        assign_groups(cases, "site")


def test_one_group_has_no_rest_to_differ_from() -> None:
    cases = replace(make_cases(), columns={"site": np.full(1200, "A", dtype=object)})
    [group] = judge_subgroups(cases, "site", resampling=FEW)
    assert np.isnan(group.macro.difference)
    assert not group.macro.differs
