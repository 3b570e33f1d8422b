from __future__ import annotations

from xlite.cli import generate_options
from xlite.cli.clahe_options import ClaheOptions
from xlite.cli.loss_options import LossOptions
from xlite.cli.policy_options import TrainingPolicyOptions
from xlite.cli.running_options import RunningOptions
from xlite.cli.sampler_options import SamplerOptions
from xlite.cli.training_options import TrainingOptions
from xlite.settings import (
    ClaheSettings,
    LossSettings,
    PolicySettings,
    Runtime,
    SamplerSettings,
    TrainSettings,
)


def test_the_generated_options_are_those_of_the_fields() -> None:
    written = generate_options.PATH.read_text(encoding="utf-8")
    assert written == generate_options.render(), "run python -m xlite.cli.generate_options"


def test_the_help_of_an_option_is_the_docstring_of_its_field_with_its_range() -> None:
    text = generate_options.render()
    assert '"Learning rate of AdamW. Above 0."' in text
    assert '"Strength of augmentation: none, light, medium or strong."' in text


def test_the_options_defaults_are_those_of_the_settings() -> None:
    loss, sampler = LossSettings(), SamplerSettings()
    assert LossOptions().to_settings(loss.name) == loss
    assert SamplerOptions().to_settings(sampler.name) == sampler
    assert ClaheOptions().to_settings() == ClaheSettings()
    policy = TrainingPolicyOptions().to_settings()
    assert policy == PolicySettings()
    expected = TrainSettings(model="resnet18", loss=loss, sampler=sampler)
    running = RunningOptions(precision="fp32")
    settings = TrainingOptions().to_settings(
        running,
        model="resnet18",
        loss=loss,
        sampler=sampler,
        policy=policy,
        seed=expected.seed,
    )
    assert settings == expected
    assert running.to_runtime(is_cached=True) == Runtime()


def test_every_setting_of_a_run_has_an_option() -> None:
    options = {*TrainingOptions.__dataclass_fields__, *RunningOptions.__dataclass_fields__}
    elsewhere = {"model", "loss", "sampler", "policy", "seed", "initial_weights"}
    assert set(TrainSettings.model_fields) - elsewhere <= options
