from __future__ import annotations

import pytest

from xlite.errors import InputError
from xlite.settings import TrainSettings
from xlite.studies.plan import plan_models

BASE = TrainSettings(model="test_resnet", seed=7)
MODELS = ["test_resnet", "test_resnet+mhsa"]


def test_every_model_is_trained_with_every_seed() -> None:
    plan = plan_models(BASE, MODELS, seeds=[0, 5])
    assert [(run.name, run.settings.model, run.settings.seed) for run in plan] == [
        (f"{model}:s{seed}", model, seed) for model in MODELS for seed in (0, 5)
    ]
    assert {run.settings.model_copy(update={"model": "", "seed": 0}) for run in plan} == {
        BASE.model_copy(update={"model": "", "seed": 0})
    }


@pytest.mark.parametrize(("seeds", "expected"), [([], 7), ([3], 3)])
def test_with_one_seed_a_run_has_its_models_name(seeds: list[int], expected: int) -> None:
    plan = plan_models(BASE, MODELS, seeds=seeds)
    assert [run.name for run in plan] == MODELS
    assert {run.settings.seed for run in plan} == {expected}


def test_a_repeated_seed_is_refused() -> None:
    with pytest.raises(InputError, match="--seeds names 1 more than once"):
        plan_models(BASE, MODELS, seeds=[1, 0, 1])
