"""The values of options that are given by a settings file or by --set."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xlite.cli.settings_file import SettingsFile, read_settings_file
from xlite.cli.settings_values import read_text, read_value, type_of
from xlite.errors import InputError, did_you_mean
from xlite.settings.names import PARTS, current_name

Parameters = Mapping[str, inspect.Parameter]

OF_COMMAND_LINE = ("config", "assignments", "show_config", "help_all", "context", "json")
"""What a file can't say: where settings come from, and how the result is printed."""

_EXCLUSIVE = (
    ("seed", "seeds"),
    ("loss", "losses"),
    ("sampler", "samplers"),
    ("weights", "pretrained"),
)
"""Options of which the one that wins displaces the other."""


@dataclass(frozen=True)
class GivenSetting:
    """A value that is not on the command line, and whence it is."""

    value: Any
    origin: str
    """The file, or --set."""


def collect_settings(
    parameters: Parameters, options: Mapping[str, Sequence[str]], given: Mapping[str, Any]
) -> dict[str, GivenSetting]:
    """The value of each parameter that --set or the file gives, of both that of --set.

    parameters: of the command; options: of each parameter; given: raw values on the command line.
    Raises InputError for a file that can't be read, a name that no option has, and a value of
    another type; it names the file and the key, or the assignment.
    """
    known = _Known(parameters, options)
    settings: dict[str, GivenSetting] = {}
    if given.get("config"):
        settings = known.read_file(read_settings_file(Path(given["config"])), given)
    for text in given.get("assignments") or ():
        name, value = known.read_assignment(text)
        _displace(name, settings)
        if value is None:
            settings.pop(name, None)
        else:
            settings[name] = GivenSetting(value, "--set")
    for name in given:
        _displace(name, settings)
    return settings


def name_origins(
    message: str, settings: Mapping[str, GivenSetting], options: Mapping[str, Sequence[str]]
) -> str:
    """The message, and after it whence the options in it have their values.

    >>> lr = GivenSetting(-1.0, "run.toml")
    >>> name_origins("--lr: it is below 0.", {"lr": lr}, {"lr": ["--lr"]})
    '--lr: it is below 0. --lr is from run.toml.'
    """
    notes = [
        f"{options[name][0]} is from {setting.origin}."
        for name, setting in settings.items()
        if any(re.search(rf"(?<![\w-]){option}(?![\w-])", message) for option in options[name])
    ]
    return " ".join([message, *notes])


def _displace(name: str, settings: dict[str, GivenSetting]) -> None:
    for pair in _EXCLUSIVE:
        if name in pair:
            settings.pop(pair[1 - pair.index(name)], None)


@dataclass(frozen=True)
class _Known:
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
            name = _option_name(key)
            if file.is_record and self.find(name) is None:
                continue
            parameter = self.require(name, str(file.path))
            where = f"{file.path}: {'.'.join(key)}"
            if parameter in settings:
                raise InputError(f"{where} is there already, under another name. Keep one.")
            read = read_value(value, type_of(self.parameters[parameter]), where)
            settings[parameter] = GivenSetting(read, str(file.path))
        return settings


def _option_name(key: tuple[str, ...]) -> str:
    """The name of the option for a key: in a table, the field's or the option's own."""
    *tables, name = key
    if not tables:
        return current_name(name)
    kind, field = PARTS[tables[0]], name.replace("-", "_")
    return kind.option(field).lstrip("-") if field in kind.model_fields else current_name(name)
