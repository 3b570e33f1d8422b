from __future__ import annotations

from xlite.cli.loss_options import LossOptions
from xlite.cli.running_options import RunningOptions
from xlite.cli.sampler_options import SamplerOptions
from xlite.cli.training_options import TrainingOptions
from xlite.settings import LossSettings, Runtime, SamplerSettings, TrainSettings


def test_the_options_defaults_are_those_of_the_settings() -> None:
    loss, sampler = LossSettings(), SamplerSettings()
    assert LossOptions().to_settings(loss.name) == loss
    assert SamplerOptions().to_settings(sampler.name) == sampler
    expected = TrainSettings(model="resnet18", loss=loss, sampler=sampler)
    running = RunningOptions(precision="fp32")
    settings = TrainingOptions().to_settings(
        running, model="resnet18", loss=loss, sampler=sampler, seed=expected.seed
    )
    assert settings == expected
    assert running.to_runtime(is_cached=True) == Runtime()


def test_every_setting_of_a_run_has_an_option() -> None:
    options = {*TrainingOptions.__annotations__, *RunningOptions.__annotations__}
    elsewhere = {"model", "loss", "sampler", "seed", "initial_weights"}
    assert set(TrainSettings.model_fields) - elsewhere <= options
