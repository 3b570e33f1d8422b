"""Repeat factors: each image ⌊r⌋ or ⌈r⌉ times an epoch, and r times on average."""

from __future__ import annotations

import numpy as np
import pytest

from xlite.errors import InputError
from xlite.sampling.balance import verify_sampler
from xlite.sampling.label_sets import find_label_sets
from xlite.sampling.sampler import EpochSampler
from xlite.sampling.sampling_plan import plan_sampling
from xlite.sampling.weights import count_repeats
from xlite.settings import SamplerSettings

VOCABULARY = ("Effusion", "Mass", "Hernia")
THRESHOLD = 0.3


def make_labels() -> np.ndarray:
    """1,000 images, 300 of them with findings: n = (240, 70, 12)."""
    labels = np.zeros((1000, 3), dtype=np.int8)
    labels[:240, 0], labels[230:300, 1], labels[294:306, 2] = 1, 1, 1
    return labels


def factors(labels: np.ndarray, name: str) -> np.ndarray:
    """By loops, as Gupta et al. have them, and as 1/n_c beside the commonest label's."""
    counts, found = labels.sum(axis=0), []
    for row in labels:
        of_labels = [
            max(1.0, (THRESHOLD * len(labels) / n) ** 0.5)
            if name == "repeat-factor"
            else counts.max() / n
            for n, is_present in zip(counts, row, strict=True)
            if is_present
        ]
        combine = max if name == "repeat-factor" else sum
        found.append(combine(of_labels) if of_labels else 1.0)
    return np.array(found)


def settings_of(name: str) -> SamplerSettings:
    return SamplerSettings(name=name, threshold=THRESHOLD, draw="repeats")


@pytest.mark.parametrize("name", ["repeat-factor", "class-aware"])
def test_each_image_is_shown_as_often_as_its_factor_rounded_up_or_down(name: str) -> None:
    labels = make_labels()
    plan = plan_sampling(
        find_label_sets(labels), settings_of(name), VOCABULARY, batch_size=16, seed=3
    )
    expected = factors(labels, name)
    assert plan.sampler.num_draws == np.ceil(expected.sum()) > 1000
    # The total is a whole number: each factor is off by less than a thousandth for it.
    scaled = expected * plan.sampler.num_draws / expected.sum()
    np.testing.assert_allclose(scaled, expected, rtol=1e-3)
    epochs = np.array(
        [np.bincount(plan.sampler.drawn_indices(epoch), minlength=1000) for epoch in range(300)]
    )
    assert ((epochs >= np.floor(scaled)) & (epochs <= np.ceil(scaled))).all()
    assert (epochs >= 1).all()
    fraction = scaled - np.floor(scaled)
    error = np.sqrt(fraction * (1 - fraction) / 300)
    assert (np.abs(epochs.mean(axis=0) - scaled) <= 5 * error + 0.005).all()
    assert (error > 0.01).any()
    assert (epochs[0] != epochs[1]).any()
    again = EpochSampler(
        1000,
        batch_size=16,
        seed=3,
        weights=plan.weights,
        draw="systematic",
        num_draws=plan.sampler.num_draws,
    )
    np.testing.assert_array_equal(again.drawn_indices(7), plan.sampler.drawn_indices(7))
    assert plan.exposure.distinct_images == pytest.approx(1000)
    assert plan.exposure.max_repeats == pytest.approx(scaled.max())
    shown = (expected @ labels) / expected.sum()
    np.testing.assert_allclose(plan.exposure.positives_per_image, shown)


def test_their_balance_is_proven_and_another_sampler_is_found_out() -> None:
    labels = make_labels()

    def verify(**options: object) -> object:
        return verify_sampler(
            labels,
            VOCABULARY,
            settings_of("repeat-factor"),
            batch_size=32,
            num_batches=500,
            seed=0,
            **options,  # type: ignore[arg-type]
        )

    assert verify().verdict == "pass"  # type: ignore[attr-defined]
    plain = EpochSampler(1000, batch_size=32, seed=0)
    from xlite.sampling.draws import iterate_batches

    found = verify(draw_batches=lambda _, number: iterate_batches(plain, number))
    assert found.verdict == "fail"  # type: ignore[attr-defined]


def test_a_factor_under_one_leaves_images_out_of_some_epochs() -> None:
    settings = settings_of("repeat-factor").model_copy(update={"no_finding": 0.25})
    labels = make_labels()
    expected = factors(labels, "repeat-factor")
    expected[labels.sum(axis=1) == 0] = 0.25
    assert count_repeats(labels, settings) == np.ceil(expected.sum())


@pytest.mark.parametrize(
    "values",
    [{"name": "none"}, {"name": "max-ess"}, {"name": "class-aware", "source_shares": "equal"}],
)
def test_weights_without_a_scale_of_their_own_are_refused(values: dict[str, str]) -> None:
    with pytest.raises(InputError, match="--sampler-draw repeats .*use systematic"):
        SamplerSettings.parse(**values, draw="repeats")
    plain = SamplerSettings(**values)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="--sampler-draw repeats"):
        count_repeats(make_labels(), plain.model_copy(update={"draw": "repeats"}))
