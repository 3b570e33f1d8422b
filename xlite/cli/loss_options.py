"""The options of the training loss, shared by the commands that train or judge loss weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from xlite.cli.generated_options import LossSettingsFields
from xlite.cli.option_values import read_fields

if TYPE_CHECKING:
    from xlite.settings import LossSettings


@dataclass(frozen=True)
class LossOptions(LossSettingsFields):
    """The settings of the loss, but for its name."""

    def to_settings(self, name: str) -> LossSettings:
        """Validated settings of the loss called `name`."""
        from xlite.settings import LossSettings

        return LossSettings.parse(name=name, **read_fields(self, LossSettings))
