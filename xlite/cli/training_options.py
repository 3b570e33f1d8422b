"""The options of training, shared by every command that trains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from xlite.cli.generated_options import TrainSettingsFields
from xlite.cli.option_values import read_fields

if TYPE_CHECKING:
    from xlite.cli.running_options import RunningOptions
    from xlite.settings import LossSettings, PolicySettings, SamplerSettings, TrainSettings


@dataclass(frozen=True)
class TrainingOptions(TrainSettingsFields):
    """How a model is trained; the defaults are the baseline experiment's."""

    def to_settings(
        self,
        running: RunningOptions,
        *,
        model: str,
        loss: LossSettings,
        sampler: SamplerSettings,
        policy: PolicySettings,
        seed: int,
    ) -> TrainSettings:
        """Validated settings of one run.

        An automatic precision is fp32 in them until `RunningOptions.settle_precision`, which needs
        torch: a wrong name should be refused in less time than its import takes.
        """
        from xlite.executors.power_safe import split_steps
        from xlite.settings import TrainSettings

        settings = TrainSettings.parse(
            model=model,
            loss=loss,
            sampler=sampler,
            policy=policy,
            seed=seed,
            **running.describe_weights(),
            precision="fp32" if running.precision == "auto" else running.precision,
            **read_fields(self, TrainSettings),
        )
        return split_steps(settings) if running.power_safe else settings
