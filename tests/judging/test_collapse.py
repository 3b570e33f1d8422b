from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from xlite.judging.collapse import (
    ALWAYS_CALLED,
    ALWAYS_CALLED_AT_HALF,
    CONSTANT,
    NEVER_FOUND,
    RunFacts,
    detect_collapses,
    explain_collapse,
    find_collapses,
)
from xlite.judging.labelled_predictions import LabelledPredictions
from xlite.judging.thresholding import crossfit_calls
from xlite.settings import LossSettings, TrainSettings

RNG = np.random.default_rng(0)
N = 400


def cases_of(probs: Any, *, prevalence: float = 0.1) -> LabelledPredictions:
    targets = np.zeros((N, 1), dtype=np.int8)
    targets[: int(prevalence * N)] = 1
    return LabelledPredictions(
        name="run",
        image_ids=np.array([f"{i}.png" for i in range(N)]),
        patient_ids=np.array([f"p{i}" for i in range(N)]),
        targets=targets,
        probs=np.clip(np.asarray(probs(targets[:, 0]), dtype=float).reshape(N, 1), 0, 1),
        vocabulary=("Mass",),
        columns={},
    )


def good(y: Any) -> Any:
    return 0.2 + 0.5 * y + 0.1 * RNG.random(N)


def kind_of(cases: LabelledPredictions, **changes: Any) -> str | None:
    calls = crossfit_calls(cases, method="f1", calibration="none")
    return detect_collapses(cases, replace(calls, **changes)).get(0)


def test_a_model_that_ranks_has_not_collapsed_whatever_its_scale() -> None:
    assert kind_of(cases_of(good)) is None
    assert kind_of(cases_of(lambda y: good(y) / 50)) is None


def test_the_same_prob_for_all_is_constant() -> None:
    assert kind_of(cases_of(lambda y: np.full(N, 0.3))) == CONSTANT
    assert kind_of(cases_of(lambda y: 0.3 + 1e-5 * good(y))) is None


def test_no_hit_at_the_fitted_threshold_is_never_found() -> None:
    cases = cases_of(good)
    nothing = np.zeros((N, 1), dtype=np.bool_)
    assert kind_of(cases, is_called=nothing) == NEVER_FOUND
    one = nothing.copy()
    one[0] = True
    assert kind_of(cases, is_called=one) is None


@pytest.mark.parametrize(("num_spared", "expected"), [(0, ALWAYS_CALLED), (100, None)])
def test_calling_everything_is_a_collapse(num_spared: int, expected: str | None) -> None:
    calls = np.ones((N, 1), dtype=np.bool_)
    calls[N - num_spared :] = False
    assert kind_of(cases_of(good), is_called=calls) == expected


def test_calling_everything_at_half_is_told_apart() -> None:
    assert kind_of(cases_of(lambda y: 0.6 + good(y) / 4)) == ALWAYS_CALLED_AT_HALF


def test_a_class_without_positives_is_not_judged() -> None:
    assert kind_of(cases_of(lambda y: np.full(N, 0.3), prevalence=0)) is None


def facts(**changes: Any) -> RunFacts:
    plain = RunFacts(
        settings=TrainSettings(model="test_resnet", loss=LossSettings(name="bce"), lr=1e-3),
        train_positives=np.array([500]),
        prevalence=np.array([0.1]),
        pos_weight=None,
        exposure=None,
        losses=(0.7, 0.4, 0.3),
    )
    return replace(plain, **changes)


def focal(alpha: float | str) -> TrainSettings:
    return TrainSettings(model="test_resnet", loss=LossSettings(name="focal", focal_alpha=alpha))


@pytest.mark.parametrize(
    ("kind", "changes", "words"),
    [
        (CONSTANT, {"losses": (0.7, 2.0)}, "0.001 is too high"),
        (NEVER_FOUND, {"losses": (0.7, float("nan"))}, "too high"),
        (ALWAYS_CALLED_AT_HALF, {"pos_weight": np.array([5606.0])}, "operating point"),
        (ALWAYS_CALLED_AT_HALF, {"pos_weight": np.array([2.0])}, "not learnt"),
        (NEVER_FOUND, {"exposure": np.array([0.1])}, "starves"),
        (NEVER_FOUND, {"exposure": np.array([0.9])}, "not learnt"),
        (ALWAYS_CALLED_AT_HALF, {"exposure": np.array([8.0])}, "raises the prevalence"),
        (NEVER_FOUND, {"settings": focal(0.25)}, "α of 0.25"),
        (NEVER_FOUND, {"settings": focal(0.5)}, "not learnt"),
        (NEVER_FOUND, {"settings": focal("balanced")}, "not learnt"),
        (NEVER_FOUND, {"losses": (0.7, 0.7, 0.699)}, "hardly fell in 3 epochs"),
        (NEVER_FOUND, {"train_positives": np.array([0])}, "no training image"),
        (NEVER_FOUND, {"train_positives": np.array([29])}, "fewer than 30"),
        (CONSTANT, {}, "saturated"),
        (NEVER_FOUND, {"losses": ()}, "not learnt"),
    ],
)
def test_the_likely_cause(kind: str, changes: dict[str, Any], words: str) -> None:
    assert words in explain_collapse(kind, 0, facts(**changes))


def test_a_collapse_has_label_kind_and_cause() -> None:
    cases = cases_of(lambda y: np.full(N, 0.3))
    calls = crossfit_calls(cases, method="f1", calibration="none")
    (found,) = find_collapses(cases, calls, facts(losses=(0.7, 2.0)))
    assert (found.label, found.kind) == ("Mass", CONSTANT)
    assert "too high" in found.cause
    assert "same prob" in found.meaning
