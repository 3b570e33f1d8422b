"""The options of sampling, shared by the commands that train or judge a sampler."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from xlite.cli.generated_options import SamplerSettingsFields
from xlite.cli.option_values import read_fields

if TYPE_CHECKING:
    from xlite.settings import SamplerSettings


@dataclass(frozen=True)
class SamplerOptions(SamplerSettingsFields):
    """The settings of the sampler, but for its name."""

    def to_settings(self, name: str) -> SamplerSettings:
        """Validated settings of the sampler called `name`."""
        from xlite.settings import SamplerSettings

        return SamplerSettings.parse(name=name, **read_fields(self, SamplerSettings))
