"""The promised power against how often simulated studies decide."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from xlite.scores.power import decision_power, estimate_need
from xlite.scores.seed_variance import SeedVariance, combine_seeds

NOTHING = np.array(np.nan)


def pilot_of(*, difference, num_seeds, seed_sd, image_sd, interaction_sd):
    """A pilot that knows the sources of error exactly."""
    image_variance = image_sd**2 + interaction_sd**2 / num_seeds
    return SeedVariance(
        num_seeds=num_seeds,
        difference=np.array(difference),
        between_seed_sd=np.array(seed_sd),
        between_image_sd=np.sqrt(image_variance),
        interaction_sd=np.array(interaction_sd),
        standard_error=np.sqrt(seed_sd**2 / num_seeds + image_variance),
        low=NOTHING,
        high=NOTHING,
        p=NOTHING,
    )


def simulate_power(rng, *, difference, num_seeds, seed_sd, image_sd, interaction_sd, factor=1.0):
    """The share of 3,000 studies, each with its own images, whose interval lies above 0."""
    image_sd, interaction_sd = image_sd / np.sqrt(factor), interaction_sd / np.sqrt(factor)
    shape = (num_seeds, 3000)
    differences = difference + (
        seed_sd * rng.normal(size=shape)
        + image_sd * rng.normal(size=(1, 3000))
        + interaction_sd * rng.normal(size=shape)
    )
    resampled = (
        differences[:, None]
        + image_sd * rng.normal(size=(1, 200, 3000))
        + interaction_sd * rng.normal(size=(num_seeds, 200, 3000))
    )
    return np.mean(combine_seeds(differences, resampled).low > 0)


SOURCES = [
    {"seed_sd": 1.0, "image_sd": 0.5, "interaction_sd": 0.5},
    {"seed_sd": 1.0, "image_sd": 0.05, "interaction_sd": 0.05},
    {"seed_sd": 0.2, "image_sd": 1.0, "interaction_sd": 0.4},
]


@pytest.mark.parametrize("sources", SOURCES)
@pytest.mark.parametrize("num_seeds", [3, 6])
def test_power_is_how_often_studies_decide(sources, num_seeds):
    pilot = pilot_of(difference=2.0, num_seeds=3, **sources)
    promised = decision_power(2.0, pilot, num_seeds=num_seeds)
    found = simulate_power(np.random.default_rng(0), difference=2.0, num_seeds=num_seeds, **sources)
    assert promised == pytest.approx(found, abs=0.06)
    assert 0.2 < found < 1.0


def test_more_images_raise_the_power_as_promised():
    sources = {"seed_sd": 0.3, "image_sd": 1.0, "interaction_sd": 0.5}
    pilot = pilot_of(difference=1.0, num_seeds=4, **sources)
    need = estimate_need(pilot, num_positives=50)
    assert need.power_now < 0.3
    assert need.num_positives == np.ceil(50 * need.image_factor)
    found = simulate_power(
        np.random.default_rng(1), difference=1.0, num_seeds=4, factor=need.image_factor, **sources
    )
    assert found == pytest.approx(0.8, abs=0.06)
    # The images are the obstacle here: another seed of the same images never decides.
    assert need.num_seeds == np.inf


def test_many_seeds_follow_the_textbook_formula():
    # n = (z_0.975 + z_0.8)² σ² / δ², which Student's quantile exceeds by little at n above 100.
    pilot = pilot_of(difference=0.2, num_seeds=3, seed_sd=1.0, image_sd=0.0, interaction_sd=0.0)
    expected = ((norm.ppf(0.975) + norm.ppf(0.8)) / 0.2) ** 2
    assert estimate_need(pilot).num_seeds == pytest.approx(expected, abs=4)
    assert estimate_need(pilot).image_factor == np.inf


def test_what_is_decided_already_needs_no_more_than_two_seeds_or_these_images():
    pilot = pilot_of(difference=9.0, num_seeds=3, seed_sd=0.1, image_sd=1.0, interaction_sd=0.1)
    need = estimate_need(pilot)
    assert need.power_now > 0.999
    assert (need.num_seeds, need.image_factor) == (2, 1)
    assert np.isnan(need.num_positives)


def test_the_sign_does_not_matter_and_a_smaller_difference_needs_more():
    sources = {"seed_sd": 1.0, "image_sd": 0.1, "interaction_sd": 0.1}
    down = estimate_need(pilot_of(difference=-1.0, num_seeds=3, **sources))
    up = estimate_need(pilot_of(difference=1.0, num_seeds=3, **sources))
    smaller = estimate_need(pilot_of(difference=1.0, num_seeds=3, **sources), difference=0.5)
    assert down.num_seeds == up.num_seeds < smaller.num_seeds


def test_no_difference_is_never_decided():
    pilot = combine_seeds(np.zeros(3), np.zeros((3, 50)))
    need = estimate_need(pilot)
    assert need.num_seeds == need.image_factor == np.inf
    assert need.power_now < 0.05


def test_one_seed_gives_no_plan():
    need = estimate_need(combine_seeds(np.array([0.1]), np.full((1, 50), 0.1)))
    assert np.isnan([need.power_now, need.num_seeds, need.image_factor]).all()


def test_a_pilot_of_several_classes_is_refused():
    with pytest.raises(ValueError, match="one difference"):
        estimate_need(combine_seeds(np.zeros((3, 2)), np.zeros((3, 9, 2))))
