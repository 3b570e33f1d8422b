"""The options of sampling, shared by the commands that train or judge a sampler."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import typer

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


def is_sampler_asked(context: typer.Context) -> bool:
    """Whether a sampler or anything about it was said, as an option or in a settings file."""
    names = ("sampler", *(field.name for field in fields(SamplerOptions)))
    sources = (context.get_parameter_source(name) for name in names)
    return any(source is not None and source.name != "DEFAULT" for source in sources)
