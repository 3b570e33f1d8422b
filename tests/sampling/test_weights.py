from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from xlite.errors import InputError
from xlite.sampling.exposure import expected_exposure
from xlite.sampling.label_sets import find_label_sets
from xlite.sampling.weights import SAMPLER_NAMES, sampling_weights
from xlite.settings import TARGET_SAMPLERS, SamplerSettings

# Ten images: n = (6, 3, 1), one healthy, one open.
LABELS = np.array(
    [
        *([[1, 0, 0]] * 4),
        *([[1, 1, 0]] * 2),
        [0, 1, 0],
        [0, 0, 1],
        [0, 0, 0],
        [0, -1, 0],
    ],
    dtype=np.int8,
)
RECIPES = [name for name in SAMPLER_NAMES if name not in ("none", *TARGET_SAMPLERS)]
ONE, BOTH, TWO, THREE, HEALTHY, OPEN = 0, 4, 6, 7, 8, 9


def weigh(**values: object) -> np.ndarray:
    weights = sampling_weights(LABELS, SamplerSettings(**values))
    assert weights is not None
    return weights


@pytest.mark.parametrize(
    ("combine", "both"),
    [("mean", (1 / 7 + 1 / 4) / 2), ("max", 1 / 4), ("sum", 1 / 7 + 1 / 4)],
)
def test_inverse_frequency_is_its_formula(combine: str, both: float) -> None:
    weights = weigh(name=f"inverse-{combine}")
    expected = np.array([1 / 7] * 4 + [both] * 2 + [1 / 4, 1 / 2, 1 / 7, 1 / 7])
    np.testing.assert_allclose(weights, expected / expected.mean())


def test_power_and_smoothing_are_read() -> None:
    weights = weigh(name="inverse-mean", power=0.5, smoothing=3)
    assert weights[THREE] / weights[ONE] == pytest.approx((9 / 4) ** 0.5)
    weights = weigh(name="inverse-mean", power=0)
    np.testing.assert_allclose(weights, 1)


@pytest.mark.parametrize("name", RECIPES)
def test_no_finding_rules_hold_for_every_scheme(name: str) -> None:
    for rule, share in [("natural", 0.1), ("share:0.3", 0.3), ("share:0", 0.0)]:
        exposure = expected_exposure(LABELS, weigh(name=name, no_finding=rule))
        assert exposure.no_finding_share == pytest.approx(share), rule
    smallest = weigh(name=name, no_finding="smallest")
    assert smallest[HEALTHY] == pytest.approx(smallest[ONE])
    # An open image is not known to be healthy, and does not follow the rule.
    number = weigh(name=name, no_finding=0.0)
    assert number[HEALTHY] == 0
    assert number[OPEN] == pytest.approx(number[ONE])


def test_a_number_is_on_the_scale_of_the_class_weights() -> None:
    weights = weigh(name="inverse-mean", no_finding="0.5")
    assert weights[HEALTHY] == pytest.approx(weights[THREE])


def test_class_aware_is_a_uniform_class_then_a_uniform_image() -> None:
    exposure = weigh(name="class-aware", no_finding="share:0")[:HEALTHY]
    rng = np.random.default_rng(0)
    draws = np.zeros(HEALTHY)
    for label in rng.integers(0, 3, size=20_000):
        draws[rng.choice(np.flatnonzero(LABELS[:, label] == 1))] += 1
    np.testing.assert_allclose(draws / draws.sum(), exposure / exposure.sum(), atol=0.01)


def test_repeat_factor_is_its_formula() -> None:
    weights = weigh(name="repeat-factor", threshold=0.4)
    expected = np.array([1] * 4 + [(4 / 3) ** 0.5] * 3 + [2, 1, 1])
    np.testing.assert_allclose(weights, expected / expected.mean())
    np.testing.assert_allclose(weigh(name="repeat-factor", threshold=0.1), 1)


def test_distribution_balanced_is_its_formula() -> None:
    def smooth(r: float) -> float:
        return 0.1 + 1 / (1 + np.exp(-10 * (r - 0.2)))

    drawn = 1 / 6 + 1 / 3
    both = drawn * (smooth(1 / 6 / drawn) + smooth(1 / 3 / drawn)) / 2
    alone = np.array([1 / 6, 1 / 3, 1]) * smooth(1)
    expected = np.array([alone[0]] * 4 + [both] * 2 + [alone[1], alone[2], alone[0], alone[0]])
    weights = weigh(name="distribution-balanced")
    np.testing.assert_allclose(weights, expected / expected.mean())
    aware = weigh(name="class-aware")
    assert weights[BOTH] / weights[TWO] < aware[BOTH] / aware[TWO]


@given(seed=st.integers(0, 2**32), name=st.sampled_from(SAMPLER_NAMES))
@settings(max_examples=120, deadline=None)
def test_weights_depend_on_the_label_set_alone_and_have_mean_one(seed: int, name: str) -> None:
    rng = np.random.default_rng(seed)
    # Each label also stands alone, so that the target of equal shares is feasible.
    alone = np.repeat(np.eye(4, dtype=np.int8), 3, axis=0)
    labels = np.vstack([alone, rng.choice([-1, 0, 0, 0, 1], size=(30, 4)).astype(np.int8)])
    weights = sampling_weights(labels, SamplerSettings(name=name))
    if name == "none":
        assert weights is None
        return
    assert weights is not None
    assert weights.mean() == pytest.approx(1)
    assert (weights > 0).all()
    sets = find_label_sets(labels)
    for number in range(len(sets.counts)):
        assert np.ptp(weights[sets.inverse == number]) == 0
    np.testing.assert_array_equal(weights, sampling_weights(sets, SamplerSettings(name=name)))
    order = rng.permutation(len(labels))
    permuted = sampling_weights(labels[order], SamplerSettings(name=name))
    np.testing.assert_allclose(permuted, weights[order], rtol=1e-7)


@pytest.mark.parametrize("name", RECIPES)
def test_a_class_without_positives_is_passed_over(name: str) -> None:
    empty = np.zeros((len(LABELS), 1), dtype=np.int8)
    weights = sampling_weights(np.hstack([LABELS, empty]), SamplerSettings(name=name))
    np.testing.assert_allclose(weights, weigh(name=name))


@pytest.mark.parametrize("name", [n for n in SAMPLER_NAMES if n != "none"])
def test_a_table_without_findings_or_without_healthy_images_is_explained(name: str) -> None:
    with pytest.raises(InputError, match="nothing to balance"):
        sampling_weights(np.zeros((3, 2), dtype=np.int8), SamplerSettings(name=name))
    findings = np.eye(2, dtype=np.int8)
    with pytest.raises(InputError, match="there are none"):
        sampling_weights(findings, SamplerSettings(name=name, no_finding="share:0.3"))
    weights = sampling_weights(findings, SamplerSettings(name=name, no_finding="natural"))
    np.testing.assert_allclose(weights, 1)


@pytest.mark.parametrize(
    "values",
    [
        {"name": "unknown"},
        {"power": -1},
        {"power": 5},
        {"smoothing": -1},
        {"threshold": 0},
        {"strength": 1.1},
        {"min_ess": 0},
        {"max_repeat": 1},
        {"min_repeat": 1},
        {"min_repeat": -0.1},
        {"name": "inverse-mean", "no_finding": "largest"},
        {"name": "inverse-mean", "no_finding": "share:1"},
        {"name": "inverse-mean", "no_finding": "share:x"},
        {"name": "inverse-mean", "no_finding": "nan"},
        {"name": "inverse-mean", "no_finding": -0.1},
        {"name": "max-entropy", "no_finding": "smallest"},
        {"name": "max-entropy", "no_finding": 1.0},
        {"name": "max-ess", "no_finding": "smallest"},
        {"unknown": 1},
    ],
)
def test_wrong_settings_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SamplerSettings(**values)


def test_settings_survive_json_and_spell_the_share_one_way() -> None:
    chosen = SamplerSettings(name="max-entropy", no_finding="share:0.30", min_ess=0.5)
    assert SamplerSettings.model_validate_json(chosen.model_dump_json()) == chosen
    assert chosen.no_finding == "share:0.3"
    assert chosen.no_finding_share == 0.3
