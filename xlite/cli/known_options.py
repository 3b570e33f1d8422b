"""The options of a command by every name that they have, and the values that are given for them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xlite.cli.settings_values import type_of
from xlite.errors import InputError, did_you_mean
from xlite.run_folder.settings_file import SettingsFile
from xlite.settings.by_name import option_name
from xlite.settings.names import current_name
from xlite.settings.typed_values import read_text, read_value

Parameters = Mapping[str, inspect.Parameter]

OF_COMMAND_LINE = ("config", "assignments", "show_config", "help_all", "context", "json")
"""What a file can't say: where settings come from, and how the result is printed."""


@dataclass(frozen=True)
class GivenSetting:
    """A value that is not on the command line, and whence it is."""

    value: Any
    origin: str
    """The file, or --set."""


@dataclass(frozen=True)
class KnownOptions:
    """The options of a command by every name that they have."""

    parameters: Parameters
    options: Mapping[str, Sequence[str]]

    def find(self, name: str) -> str | None:
        """The parameter that an option of this name, without dashes, sets."""
        found = [
            parameter
            for parameter, options in self.options.items()
            if f"--{name}" in options and parameter not in OF_COMMAND_LINE
        ]
        return found[0] if found else None

    def require(self, name: str, where: str) -> str:
        """The parameter of a name; InputError with suggestions for one that there is not."""
        parameter = self.find(name)
        if parameter is None:
            names = [
                option.lstrip("-")
                for one, options in self.options.items()
                for option in options
                if one not in OF_COMMAND_LINE
            ]
            hint = did_you_mean(name, names) or " `--help-all` shows the options of the command."
            raise InputError(f"{where}: there is no option {name!r} here.{hint}")
        return parameter

    def read_assignment(self, text: str) -> tuple[str, Any]:
        """The parameter and the value in a NAME=VALUE of --set; None for `none`."""
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not name:
            raise InputError(f"--set {text!r} is no NAME=VALUE, as in --set lr=3e-4.")
        parameter = self.require(current_name(name), f"--set {text}")
        if value == "none" and self.parameters[parameter].default is None:
            return parameter, None
        kind = type_of(self.parameters[parameter])
        return parameter, read_text(value, kind, f"--set {text}")

    def read_file(self, file: SettingsFile, given: Mapping[str, Any]) -> dict[str, GivenSetting]:
        """The settings in a file; of a run's record those that the command has."""
        for name in file.weights:
            if name in self.parameters and name not in given:
                raise InputError(
                    f"{file.path}: the run began with a file that is not in its record. Pass "
                    f"{self.options[name][0]} FILE."
                )
        settings: dict[str, GivenSetting] = {}
        for key, value in file.values.items():
            name = option_name(key)
            if file.is_record and self.find(name) is None:
                continue
            parameter = self.require(name, str(file.path))
            where = f"{file.path}: {'.'.join(key)}"
            if parameter in settings:
                raise InputError(f"{where} is there already, under another name. Keep one.")
            read = read_value(value, type_of(self.parameters[parameter]), where)
            settings[parameter] = GivenSetting(read, str(file.path))
        return settings
