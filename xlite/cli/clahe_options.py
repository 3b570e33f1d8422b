"""The options of the pixels of a cache."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from xlite.cli.generated_options import ClaheSettingsFields
from xlite.cli.option_values import read_fields

if TYPE_CHECKING:
    from xlite.settings import ClaheSettings


@dataclass(frozen=True)
class ClaheOptions(ClaheSettingsFields):
    """How images become square, equalised and small."""

    def to_settings(self) -> ClaheSettings:
        """The validated settings."""
        from xlite.settings import ClaheSettings

        return ClaheSettings.parse(**read_fields(self, ClaheSettings))
