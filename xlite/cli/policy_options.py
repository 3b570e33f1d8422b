"""The options of what is learnt of uncertain and empty cells, and of which rows count."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xlite.cli.expansion import RARE
from xlite.cli.generated_options import PolicySettingsFields, RowSettingsFields
from xlite.cli.option_values import read_fields
from xlite.errors import InputError

if TYPE_CHECKING:
    from xlite.settings import PolicySettings
    from xlite.tables.table_format import TableFormat

_FILE = ".toml"
_REMEDY = 'Write a line for each label, as `Edema = "ones"`.'


@dataclass(frozen=True)
class RowOptions(RowSettingsFields):
    """Which rows of a table count."""

    def choose_rows(self, table_format: TableFormat) -> TableFormat:
        """The format that reads those rows alone."""
        from xlite.settings import RowSettings

        rows = RowSettings.parse(**read_fields(self, RowSettings))
        return replace(table_format, **rows.model_dump(exclude_defaults=True))


@dataclass(frozen=True)
class PolicyOptions(PolicySettingsFields):
    """How the training part is read, but for its empty cells."""

    def to_settings(self, *, blank: str | None = None) -> PolicySettings:
        """The validated policy; one for each label is taken out of its file.

        blank: what is learnt of an empty cell; None for what the table says.
        """
        from xlite.settings import PolicySettings

        values = read_fields(self, PolicySettings)
        if self.uncertain.endswith(_FILE):
            values["uncertain"] = _read_policies(Path(self.uncertain))
        return PolicySettings.parse(**({"blank": blank or "table"} | values))

    def beside(
        self, table_format: TableFormat, *, is_split: bool
    ) -> tuple[PolicySettings, TableFormat]:
        """The policy, and the format of the table that it is for.

        What an empty cell of a split means was said when it was made: here --blank is what is
        learnt of it, as in training.
        """
        if not is_split:
            return self.to_settings(), table_format
        return self.to_settings(blank=table_format.blank), replace(table_format, blank=None)


@dataclass(frozen=True)
class TrainingPolicyOptions(PolicyOptions):
    """How the training part is read."""

    blank: Annotated[
        str,
        typer.Option(
            help="What is learnt of a finding whose cell is empty: unknown, absent, or table, as "
            "the split was made.",
            rich_help_panel="Rows and uncertain labels",
        ),
        RARE,
    ] = "table"


def _read_policies(path: Path) -> str:
    """The policies in a file, a line a label, as the option has them."""
    from xlite.inputs import MEBIBYTE
    from xlite.records import read_own_bytes
    from xlite.run_folder.settings_file import decode_toml, parse_toml
    from xlite.settings.policy import join_policies

    content = read_own_bytes(path, max_bytes=MEBIBYTE, remedy=_REMEDY)
    try:
        return join_policies(parse_toml(decode_toml(content, path, remedy=_REMEDY), str(path)))
    except ValueError as error:
        raise InputError(f"{path}: {error}. {_REMEDY}") from None
