from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from xlite.errors import InputError
from xlite.scores.thresholded import crossfit_f1
from xlite.studies.ablation import judge_variant
from xlite.studies.cases import Cases
from xlite.studies.contrast import (
    IMAGES_ONLY,
    SEEDS_AND_IMAGES,
    JudgedMethods,
    Method,
    align_methods,
    judge_methods,
)
from xlite.studies.evaluation import Resampling

LABELS = ("Hernia", "Edema", "Mass", "Nodule")
PREVALENCE = np.array([0.02, 0.05, 0.1, 0.2])
QUICK = Resampling(num_resamples=300)


def simulate(
    seed: int,
    gains: Mapping[str, float],
    *,
    num_images: int = 600,
    seeds: tuple[int, ...] = (0, 1, 2),
) -> list[Method]:
    """Methods whose signal is 1.2 plus a gain, all shown the same hard and easy images."""
    rng = np.random.default_rng(seed)
    targets = (rng.random((num_images, 4)) < PREVALENCE).astype(np.int8)
    of_image = rng.normal(size=targets.shape)
    methods = []
    for name, gain in gains.items():
        cases = {}
        for training in seeds:
            signal = 1.2 + gain + rng.normal(0, 0.1, 4)
            logits = signal * targets + 0.8 * of_image + 0.6 * rng.normal(size=targets.shape) - 2
            cases[training] = Cases(
                name=f"{name}:s{training}",
                image_ids=np.array([f"{i}.png" for i in range(num_images)], dtype=object),
                patient_ids=np.array([f"p{i // 2}" for i in range(num_images)]),
                targets=targets,
                probs=1 / (1 + np.exp(-logits)),
                vocabulary=LABELS,
                columns={},
            )
        methods.append(Method(name=name, cases=cases))
    return methods


def judge(*arguments: object, **options: object) -> JudgedMethods:
    return judge_methods(simulate(*arguments, **options), resampling=QUICK)  # type: ignore[arg-type]


def test_scores_are_those_of_the_references_for_each_seed() -> None:
    methods = simulate(1, {"a": 0, "b": 0.3})
    judged = judge_methods(methods, resampling=QUICK)
    for method in methods:
        for seed, row in judged.rows(method.name).items():
            cases = method.cases[seed]
            for c in range(4):
                expected = roc_auc_score(cases.targets[:, c], cases.probs[:, c])
                assert judged.scores["auroc"][row, c] == pytest.approx(expected)
            f1 = crossfit_f1(cases.targets, cases.probs, cases.patient_ids)
            np.testing.assert_allclose(judged.scores["f1"][row], f1)
    assert len({row for m in methods for row in judged.rows(m.name).values()}) == 6


@pytest.mark.parametrize("score", ["auroc", "average_precision", "f1"])
@pytest.mark.parametrize("seeds", [(0,), (0, 1, 2)])
def test_a_contrast_turns_round_with_its_sides(score: str, seeds: tuple[int, ...]) -> None:
    judged = judge(2, {"a": 0.0, "b": 0.4}, seeds=seeds)
    there, back = judged.contrast("a", "b", score), judged.contrast("b", "a", score)
    np.testing.assert_allclose(there.change, -back.change)
    np.testing.assert_allclose(there.low, -back.high, atol=1e-12)
    np.testing.assert_allclose(there.p, back.p, atol=1e-12)
    assert there.macro_change == pytest.approx(-back.macro_change)
    mean = judged.mean_scores("b")[score].mean() - judged.mean_scores("a")[score].mean()
    assert there.macro_change == pytest.approx(mean)
    assert there.macro_low <= there.macro_change <= there.macro_high
    assert there.covers == (IMAGES_ONLY if len(seeds) == 1 else SEEDS_AND_IMAGES)
    assert (there.p_holm >= there.p).all()
    assert (there.p_holm > there.p).any()


def test_seeds_are_paired_by_their_number_whatever_their_order() -> None:
    methods = simulate(3, {"a": 0.0, "b": 0.2})
    turned = Method(name="b", cases=dict(reversed(methods[1].cases.items())))
    one = judge_methods(methods, resampling=QUICK).contrast("a", "b", "auroc")
    other = judge_methods([methods[0], turned], resampling=QUICK).contrast("a", "b", "auroc")
    np.testing.assert_allclose(one.low, other.low)
    assert one.macro_p == pytest.approx(other.macro_p)


def test_only_seeds_in_common_count() -> None:
    methods = simulate(3, {"a": 0.0, "b": 0.2})
    fewer = Method(name="b", cases={s: c for s, c in methods[1].cases.items() if s != 1})
    found = judge_methods([methods[0], fewer], resampling=QUICK).contrast("a", "b", "auroc")
    assert (found.num_seeds, found.covers) == (2, SEEDS_AND_IMAGES)
    alone = Method(name="b", cases={None: methods[1].cases[0]})
    found = judge_methods([methods[0], alone], resampling=QUICK).contrast("a", "b", "auroc")
    assert (found.num_seeds, found.covers) == (1, IMAGES_ONLY)


def test_a_class_with_fewer_than_five_positives_has_an_interval_but_no_test() -> None:
    methods = simulate(4, {"a": 0.0, "b": 0.4})
    for count, has_test in ((4, False), (5, True)):
        rare = methods[0].cases[0].targets.copy()
        rare[:, 0] = 0
        rare[:count, 0] = 1
        changed = [
            Method(name=m.name, cases={s: replace(c, targets=rare) for s, c in m.cases.items()})
            for m in methods
        ]
        found = judge_methods(changed, resampling=QUICK).contrast("a", "b", "auroc")
        assert np.isfinite(found.low[0])
        assert np.isfinite(found.p_holm[0]) == has_test
        assert np.isfinite(found.p_holm[1:]).all()


def test_the_limits_of_a_difference_stay_within_one() -> None:
    found = judge(5, {"a": 0.0, "b": 0.0}, num_images=60, seeds=(0, 1)).contrast("a", "b", "auroc")
    low, high = found.low[~np.isnan(found.low)], found.high[~np.isnan(found.high)]
    assert (low >= -1).all()
    assert (high <= 1).all()


def test_identical_predictions_are_recognised() -> None:
    methods = simulate(6, {"a": 0.0, "b": 0.1})
    same = Method(name="same", cases=methods[0].cases)
    judged = judge_methods([*methods, same], resampling=QUICK)
    assert judged.is_identical("a", "same")
    assert not judged.is_identical("a", "b")
    found = judged.contrast("a", "same", "auroc")
    assert found.macro_p == 1.0
    assert (found.macro_low, found.macro_high) == (0.0, 0.0)


def test_other_images_are_aligned_before_or_refused() -> None:
    methods = simulate(7, {"a": 0.0, "b": 0.1}, seeds=(0,))
    cases = methods[1].cases[0]
    fewer = cases.select(np.arange(len(cases))[::-1][50:])
    other = Method(
        name="b",
        cases={
            0: replace(
                fewer, vocabulary=LABELS[:3], targets=fewer.targets[:, :3], probs=fewer.probs[:, :3]
            )
        },
    )
    with pytest.raises(ValueError, match="same images"):
        judge_methods([methods[0], other])
    aligned, num_left_out = align_methods([methods[0], other])
    assert num_left_out == 50
    first, second = (method.cases[0] for method in aligned)
    assert first.vocabulary == second.vocabulary == LABELS[:3]
    assert first.image_ids.tolist() == second.image_ids.tolist()
    np.testing.assert_array_equal(second.probs, cases.probs[: len(first), :3])
    stranger = replace(cases, image_ids=np.array([f"x{i}" for i in range(len(cases))]))
    with pytest.raises(InputError, match="no image is in all"):
        align_methods([methods[0], Method(name="x", cases={0: stranger})])


def decide_often(gain: float, *, times: int, seeds: tuple[int, ...] = (0, 1, 2)) -> Counter[str]:
    decisions: Counter[str] = Counter()
    for repetition in range(times):
        judged = judge(100 + repetition, {"a": 0.0, "b": gain}, seeds=seeds)
        contrast = judged.contrast("a", "b", "auroc")
        decisions[judge_variant(judged, "a", "b", contrast, margin=0.01).decision] += 1
    return decisions


def test_a_planted_gain_is_adopted_and_a_planted_loss_rejected() -> None:
    assert decide_often(0.7, times=10)["ADOPT"] >= 9
    assert decide_often(-0.7, times=10)["REJECT"] >= 9


@pytest.mark.slow
def test_without_a_difference_a_verdict_is_rare() -> None:
    # At a level of 95 % about 2.5 of 50 are expected; 8 or more have a chance of 0.3 %.
    decisions = decide_often(0.0, times=50)
    assert decisions["UNDECIDED"] >= 43


def test_one_seed_never_decides_however_large_the_effect() -> None:
    assert decide_often(0.7, times=3, seeds=(0,)) == {"UNDECIDED": 3}
