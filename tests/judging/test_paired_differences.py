from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import t as student
from sklearn.metrics import roc_auc_score

from benchmarks.generated_studies import Design, draw_study
from xlite.errors import InputError
from xlite.judging.ablation import judge_variant
from xlite.judging.evaluation import Resampling
from xlite.judging.labelled_predictions import LabelledPredictions
from xlite.judging.methods import Method, align_methods
from xlite.judging.paired_difference import IMAGES_ONLY, SEEDS_AND_IMAGES
from xlite.judging.paired_differences import (
    JudgedMethods,
    judge_methods,
)
from xlite.scores.delong import compare_aurocs
from xlite.scores.finding_patients import count_finding_patients
from xlite.scores.thresholded import crossfit_f1

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
            cases[training] = LabelledPredictions(
                name=f"{name}:s{training}",
                image_ids=np.array([f"{i}.png" for i in range(num_images)], dtype=object),
                patient_ids=np.array([f"p{i // 2}" for i in range(num_images)]),
                targets=targets,
                probs=1 / (1 + np.exp(-logits)),
                vocabulary=LABELS,
                columns={},
            )
        methods.append(Method(name=name, predictions=cases))
    return methods


def judge(*arguments: object, **options: object) -> JudgedMethods:
    return judge_methods(simulate(*arguments, **options), resampling=QUICK)  # type: ignore[arg-type]


def test_scores_are_those_of_the_references_for_each_seed() -> None:
    methods = simulate(1, {"a": 0, "b": 0.3})
    judged = judge_methods(methods, resampling=QUICK)
    for method in methods:
        for seed, row in judged.rows(method.name).items():
            cases = method.predictions[seed]
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
    there, back = judged.difference("a", "b", score), judged.difference("b", "a", score)
    np.testing.assert_allclose(there.change, -back.change)
    np.testing.assert_allclose(there.low, -back.high, atol=1e-12)
    np.testing.assert_allclose(there.p, back.p, atol=1e-12)
    assert there.macro.difference == pytest.approx(-back.macro.difference)
    assert there.macro.difference == pytest.approx(
        judged.macro("b", score) - judged.macro("a", score)
    )
    assert there.macro.low <= there.macro.difference <= there.macro.high
    assert there.covers == (IMAGES_ONLY if len(seeds) == 1 else SEEDS_AND_IMAGES)
    assert (there.p_holm >= there.p).all()
    assert (there.p_holm > there.p).any()


def test_seeds_are_paired_by_their_number_whatever_their_order() -> None:
    methods = simulate(3, {"a": 0.0, "b": 0.2})
    turned = Method(name="b", predictions=dict(reversed(methods[1].predictions.items())))
    one = judge_methods(methods, resampling=QUICK).difference("a", "b", "auroc")
    other = judge_methods([methods[0], turned], resampling=QUICK).difference("a", "b", "auroc")
    np.testing.assert_allclose(one.low, other.low)
    assert one.macro.p == pytest.approx(other.macro.p)


def test_only_seeds_in_common_count_and_the_others_are_named() -> None:
    methods = simulate(3, {"a": 0.0, "b": 0.2})
    for kept, covers in (((0, 2), SEEDS_AND_IMAGES), ((2,), IMAGES_ONLY)):
        fewer = Method(
            name="b", predictions={s: c for s, c in methods[1].predictions.items() if s in kept}
        )
        found = judge_methods([methods[0], fewer], resampling=QUICK).difference("a", "b", "auroc")
        assert (found.num_seeds, found.covers) == (len(kept), covers)
        assert found.left_out == {"a": tuple(s for s in (0, 1, 2) if s not in kept), "b": ()}
        same = [
            Method(name=m.name, predictions={s: m.predictions[s] for s in kept}) for m in methods
        ]
        alone = judge_methods(same, resampling=QUICK).difference("a", "b", "auroc")
        np.testing.assert_array_equal(found.change, alone.change)
        np.testing.assert_array_equal(found.low, alone.low)


def test_identical_predictions_under_fewer_seeds_are_no_difference() -> None:
    # Seeds that differ as widely as this would show their own spread, unpaired.
    methods = simulate(3, {"a": 0.0})
    strong = simulate(3, {"a": 1.0})[0].predictions
    baseline = Method(name="a", predictions={**methods[0].predictions, 1: strong[1]})
    means = [float(np.mean(c.probs[c.targets == 1])) for c in baseline.predictions.values()]
    assert max(means) - min(means) > 0.1, "ensure that unpaired means differ"
    for kept in ((0,), (0, 2)):
        same = Method(name="b", predictions={seed: baseline.predictions[seed] for seed in kept})
        judged = judge_methods([baseline, same], resampling=QUICK)
        assert judged.is_identical("a", "b")
        for score in ("auroc", "average_precision", "f1"):
            found = judged.difference("a", "b", score)
            np.testing.assert_array_equal(found.change, 0.0)
            macro = found.macro
            assert (macro.difference, macro.low, macro.high, macro.p) == (0, 0, 0, 1)


def test_without_a_seed_in_common_there_is_no_difference_to_speak_of() -> None:
    methods = simulate(3, {"a": 0.0, "b": 0.2})
    moved = Method(
        name="b", predictions={seed + 5: c for seed, c in methods[1].predictions.items()}
    )
    found = judge_methods([methods[0], moved], resampling=QUICK).difference("a", "b", "auroc")
    assert found.num_seeds == 0
    assert np.isnan([found.macro.difference, found.macro.low, found.macro.p]).all()
    assert np.isnan(found.p).all()
    # Predictions of an unknown seed stand beside one run, the first.
    alone = Method(name="b", predictions={None: methods[1].predictions[0]})
    found = judge_methods([methods[0], alone], resampling=QUICK).difference("a", "b", "auroc")
    assert (found.num_seeds, found.covers) == (1, IMAGES_ONLY)
    assert found.left_out == {"a": (1, 2), "b": ()}


def test_other_arms_tell_of_the_seeds_but_copies_do_not() -> None:
    methods = simulate(8, {"a": 0.0, "b": 0.0, "c": 0.0, "d": 0.0})
    pair = judge_methods(methods[:2], resampling=QUICK).difference("a", "b", "auroc").macro
    copy = Method(name="copy", predictions=methods[0].predictions)
    copied = judge_methods([*methods[:2], copy], resampling=QUICK)
    assert float(pair.noise.freedom) == 2
    assert copied.difference("a", "b", "auroc").macro.noise.variance == pair.noise.variance
    judged = judge_methods(methods, resampling=QUICK)
    freedoms = {float(judged.difference("a", n, "auroc").macro.noise.freedom) for n in "bcd"}
    assert freedoms <= {2, 6}
    assert 6 in freedoms


def test_one_seed_agrees_with_delong() -> None:
    methods = simulate(9, {"a": 0.0, "b": 0.3}, seeds=(0,))
    found = judge_methods(methods, resampling=Resampling(num_resamples=2000))
    found = found.difference("a", "b", "auroc")
    cases = methods[0].predictions[0]
    delong = compare_aurocs(
        cases.targets, cases.probs, methods[1].predictions[0].probs, patients=cases.patient_ids
    )
    np.testing.assert_allclose(found.change, delong.difference, atol=1e-12)
    common = slice(1, None)
    t = student.ppf(0.975, count_finding_patients(cases.targets, cases.patient_ids).freedom)
    np.testing.assert_allclose(
        (found.change - found.low)[common], (t * delong.standard_error)[common], rtol=0.1
    )


def limit_positives(methods: list[Method], sizes: list[int]) -> list[Method]:
    """The first class in `sizes` images of as many patients, each patient's images in a row."""
    cases = methods[0].predictions[0]
    targets = cases.targets.copy()
    targets[:, 0] = 0
    targets[: sum(sizes), 0] = 1
    patients = np.array([f"q{i}" for i in range(len(cases))], dtype=object)
    patients[: sum(sizes)] = np.repeat([f"p{i}" for i in range(len(sizes))], sizes)
    return [
        Method(
            name=m.name,
            predictions={
                s: replace(c, targets=targets, patient_ids=patients)
                for s, c in m.predictions.items()
            },
        )
        for m in methods
    ]


@pytest.mark.parametrize(
    ("sizes", "is_judged"), [([8], False), ([2] * 4, False), ([1] * 5, True), ([2] * 5, True)]
)
def test_a_class_is_judged_by_its_patients_not_by_its_images(
    sizes: list[int], is_judged: bool
) -> None:
    methods = limit_positives(simulate(4, {"a": 0.0, "b": 0.4}), sizes)
    judged = judge_methods(methods, resampling=QUICK)
    found = judged.difference("a", "b", "auroc")
    assert np.isfinite(found.p_holm[0]) == is_judged
    assert np.isfinite(found.p_holm[1:]).all()
    assert (0 in judged.macro_columns) == is_judged
    expected = found.change if is_judged else found.change[1:]
    assert found.macro.difference == pytest.approx(expected.mean())
    assert np.isfinite(found.macro.low)


def test_where_no_class_can_be_judged_there_is_a_mean_but_no_interval() -> None:
    methods = simulate(4, {"a": 0.0, "b": 0.4}, num_images=8)
    targets = np.zeros((8, 4), dtype=np.int8)
    targets[0] = 1
    few = [
        Method(
            name=m.name,
            predictions={s: replace(c, targets=targets) for s, c in m.predictions.items()},
        )
        for m in methods
    ]
    found = judge_methods(few, resampling=QUICK).difference("a", "b", "auroc")
    assert np.isfinite(found.macro.difference)
    assert np.isnan([found.macro.low, found.macro.high, found.macro.p]).all()


def test_the_limits_of_a_difference_stay_within_one() -> None:
    found = judge(5, {"a": 0.0, "b": 0.0}, num_images=60, seeds=(0, 1)).difference(
        "a", "b", "auroc"
    )
    low, high = found.low[~np.isnan(found.low)], found.high[~np.isnan(found.high)]
    assert (low >= -1).all()
    assert (high <= 1).all()


def test_identical_predictions_are_recognised() -> None:
    methods = simulate(6, {"a": 0.0, "b": 0.1})
    same = Method(name="same", predictions=methods[0].predictions)
    judged = judge_methods([*methods, same], resampling=QUICK)
    assert judged.is_identical("a", "same")
    assert not judged.is_identical("a", "b")
    found = judged.difference("a", "same", "auroc")
    assert found.macro.p == 1.0
    assert (found.macro.low, found.macro.high) == (0.0, 0.0)


def test_other_images_are_aligned_before_or_refused() -> None:
    methods = simulate(7, {"a": 0.0, "b": 0.1}, seeds=(0,))
    cases = methods[1].predictions[0]
    fewer = cases.select(np.arange(len(cases))[::-1][50:])
    other = Method(
        name="b",
        predictions={
            0: replace(
                fewer, vocabulary=LABELS[:3], targets=fewer.targets[:, :3], probs=fewer.probs[:, :3]
            )
        },
    )
    with pytest.raises(ValueError, match="same images"):
        judge_methods([methods[0], other])
    aligned, num_left_out = align_methods([methods[0], other])
    assert num_left_out == 50
    first, second = (method.predictions[0] for method in aligned)
    assert first.vocabulary == second.vocabulary == LABELS[:3]
    assert first.image_ids.tolist() == second.image_ids.tolist()
    np.testing.assert_array_equal(second.probs, cases.probs[: len(first), :3])
    stranger = replace(cases, image_ids=np.array([f"x{i}" for i in range(len(cases))]))
    with pytest.raises(InputError, match="no image is in all"):
        align_methods([methods[0], Method(name="x", predictions={0: stranger})])


def decide_often(gain: float, *, times: int, seeds: tuple[int, ...] = (0, 1, 2)) -> Counter[str]:
    decisions: Counter[str] = Counter()
    for repetition in range(times):
        judged = judge(100 + repetition, {"a": 0.0, "b": gain}, seeds=seeds, num_images=1200)
        contrast = judged.difference("a", "b", "auroc")
        decisions[judge_variant(judged, "a", "b", contrast).decision] += 1
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


def test_images_move_the_mean_weighted_by_root_positives_less_than_the_macro_mean() -> None:
    for trial in range(4):
        judged = judge_methods(simulate(trial, {"a": 0.0, "b": 0.2}), resampling=QUICK)
        difference = judged.difference("a", "b", "auroc")
        weighted, macro, columns = difference.weighted, difference.macro, judged.macro_columns
        assert weighted is not None
        assert weighted.between_image_sd < 0.95 * macro.between_image_sd
        weights = np.sqrt(judged.reference.positives)[columns]
        mean = np.average(difference.change[columns], weights=weights)
        assert float(weighted.difference) == pytest.approx(mean)


def test_the_weighted_change_stands_beside_the_verdict_and_decides_nothing() -> None:
    judged = judge_methods(simulate(3, {"a": 0.0, "b": 0.35}), resampling=QUICK)
    verdict = judge_variant(judged, "a", "b", judged.difference("a", "b", "auroc"))
    assert verdict.weighted is not None
    assert verdict.weighted.sentence in verdict.sentences
    assert verdict.weighted.low < verdict.weighted.change < verdict.weighted.high
    assert "weighted" in verdict.to_json()


def test_weighting_is_surer_of_a_change_of_all_labels_and_hardly_sees_that_of_rare_ones() -> None:
    design = Design(
        num_images=1000,
        images_a_patient=1,
        num_arms=2,
        num_seeds=3,
        prevalence=np.array([0.3, 0.2, 0.1, 0.02, 0.015, 0.012]),
        auroc=np.full(6, 0.75),
        of_arm=0.2,
        of_run=0.2,
        of_seed=0.01,
        of_label=0.02,
        margin=0.02,
    )
    rng = np.random.default_rng(0)

    def average(truth: NDArray[np.float64]) -> NDArray[np.float64]:
        """Change and width of the interval, of the weighted mean and then of the macro mean."""
        drawn = [draw_study(design, rng, truth).difference("0", "1", "auroc") for _ in range(12)]
        return np.mean(
            [
                [(mean.difference, mean.high - mean.low) for mean in (one.weighted, one.macro)]
                for one in drawn
                if one.weighted is not None
            ],
            axis=0,
        )

    (weighted, width), (macro, macro_width) = average(np.full(6, 0.02))
    assert (weighted, macro) == pytest.approx((0.02, 0.02), abs=0.01)
    assert width < 0.9 * macro_width
    (weighted, _), (macro, _) = average(np.repeat([0.0, -0.1], 3))
    assert macro == pytest.approx(-0.05, abs=0.012)
    assert macro < 1.5 * weighted < 0
