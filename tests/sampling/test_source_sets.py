"""Shares of sources: met exactly, each source balanced by itself, and proven by what is drawn."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from xlite.errors import InputError
from xlite.sampling.balance import verify_sampler
from xlite.sampling.exposure import expected_exposure
from xlite.sampling.label_sets import find_label_sets
from xlite.sampling.sampler import EpochSampler
from xlite.sampling.source_sets import divide_by_source, source_exposure
from xlite.sampling.weights import sampling_weights
from xlite.settings import SamplerSettings, TrainSettings

NAMES = ("Mass", "Edema")


def two_sources() -> tuple[NDArray[np.int8], NDArray[np.object_]]:
    """600 films of one source, with few Masses, and 200 of another, with many."""
    rng = np.random.default_rng(0)
    north = rng.random((600, 2)) < (0.05, 0.4)
    south = rng.random((200, 2)) < (0.5, 0.2)
    sources = np.repeat(np.array(["north", "south"], dtype=object), [600, 200])
    order = rng.permutation(800)
    return np.concatenate([north, south]).astype(np.int8)[order], sources[order]


@pytest.mark.parametrize("name", ["none", "inverse-mean", "max-entropy", "max-ess"])
@pytest.mark.parametrize(
    ("asked", "share"), [("equal", 0.5), ("south:0.8/north:0.2", 0.2), ("north:0.9/south:0.1", 0.9)]
)
def test_shares_are_met_exactly_whatever_the_sampler(name: str, asked: str, share: float) -> None:
    labels, sources = two_sources()
    sets = divide_by_source(find_label_sets(labels), sources)
    settings = SamplerSettings.parse(name=name, source_shares=asked)
    weights = sampling_weights(sets, settings, vocabulary=NAMES)
    assert weights is not None
    assert weights.mean() == pytest.approx(1)
    assert weights[sources == "north"].sum() / weights.sum() == pytest.approx(share)
    assert source_exposure(sets, weights).tolist() == pytest.approx([share, 1 - share])
    # Each source's own images are weighed as if there were no others.
    plain = settings.model_copy(update={"source_shares": None})
    for one in ("north", "south"):
        rows = sources == one
        alone = sampling_weights(labels[rows], plain, vocabulary=NAMES)
        alone = np.ones(rows.sum()) if alone is None else alone
        np.testing.assert_allclose(weights[rows] / weights[rows].mean(), alone / alone.mean())


def test_equal_labels_within_each_source_tell_nothing_of_the_source() -> None:
    labels, sources = two_sources()
    sets = divide_by_source(find_label_sets(labels), sources)
    settings = SamplerSettings.parse(name="max-entropy", source_shares="equal")
    weights = sampling_weights(sets, settings, vocabulary=NAMES)
    assert expected_exposure(sets, weights).cv == pytest.approx(0, abs=1e-6)
    for one in ("north", "south"):
        rows = sources == one
        assert expected_exposure(labels[rows], weights[rows]).share.tolist() == pytest.approx(  # type: ignore[index]
            [0.5, 0.5]
        )


def test_draws_that_leave_sources_as_found_contradict_it() -> None:
    labels, sources = two_sources()
    sets = divide_by_source(find_label_sets(labels), sources)
    settings = SamplerSettings.parse(name="none", source_shares="equal")
    given = {"batch_size": 32, "num_batches": 400, "seed": 3, "sets": sets}
    report = verify_sampler(labels, NAMES, settings, **given)  # type: ignore[arg-type]
    assert report.reasons == ()
    assert report.sources is not None
    assert report.sources["north"].as_found == 0.75
    assert report.sources["north"].exact == pytest.approx(0.5)
    assert report.sources["north"].drawn == pytest.approx(0.5, abs=0.02)

    def as_found(sampler: EpochSampler, num_batches: int) -> Iterator[NDArray[np.int64]]:
        rng = np.random.default_rng(0)
        return iter([rng.integers(0, 800, 32) for _ in range(num_batches)])

    report = verify_sampler(labels, NAMES, settings, draw_batches=as_found, **given)  # type: ignore[arg-type]
    assert any("contradiction" in reason for reason in report.reasons)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("north:1.5/south:-0.5", "above 0 and below 1 for each source"),
        ("north:0.5/south:0.6", "add up to 1.1"),
        ("north", "it must be equal, or a share"),
        ("north:0.5/north:0.5", "it must be equal, or a share"),
        ("north:0.5/east:0.5", "names east, north, and the images are of north, south"),
    ],
)
def test_shares_that_cannot_be_are_refused(asked: str, message: str) -> None:
    labels, sources = two_sources()
    sets = divide_by_source(find_label_sets(labels), sources)
    with pytest.raises(InputError, match=message):
        sampling_weights(sets, SamplerSettings.parse(name="none", source_shares=asked))


def test_a_source_without_a_label_is_named_and_one_without_sources_refused() -> None:
    labels, sources = two_sources()
    labels[sources == "south", 0] = 0
    sets = divide_by_source(find_label_sets(labels), sources)
    settings = SamplerSettings.parse(name="max-entropy", source_shares="equal")
    with pytest.raises(InputError, match=r"source south: .*without a positive image: Mass"):
        sampling_weights(sets, settings, vocabulary=NAMES)
    near = SamplerSettings.parse(name="max-entropy", source_shares="equal", nearest_feasible=True)
    assert sampling_weights(sets, near, vocabulary=NAMES) is not None
    for nothing in (None, np.array([""] * 800, dtype=object)):
        with pytest.raises(InputError, match="is for a merged table"):
            divide_by_source(find_label_sets(labels), nothing)


def test_they_are_part_of_what_a_run_is() -> None:
    runs = [
        TrainSettings(model="m", sampler=SamplerSettings(name="none", source_shares=shares))
        for shares in (None, "equal", "b:0.25/a:0.75", "a:0.75/b:0.25")
    ]
    assert [run.changes() for run in runs] == [
        {"model": "m"},
        {"model": "m", "sampler.source_shares": "equal"},
        *[{"model": "m", "sampler.source_shares": "a:0.75/b:0.25"}] * 2,
    ]
