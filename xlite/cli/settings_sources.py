"""The values of options that are given by a settings file or by --set."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xlite.cli.known_options import GivenSetting, KnownOptions, Parameters
from xlite.run_folder.settings_file import read_settings_file

_EXCLUSIVE = (
    ("seed", "seeds"),
    ("loss", "losses"),
    ("sampler", "samplers"),
    ("weights", "pretrained"),
)
"""Options of which the one that wins displaces the other."""


def collect_settings(
    parameters: Parameters, options: Mapping[str, Sequence[str]], given: Mapping[str, Any]
) -> dict[str, GivenSetting]:
    """The value of each parameter that --set or the file gives, of both that of --set.

    parameters: of the command; options: of each parameter; given: raw values on the command line.
    Raises InputError for a file that can't be read, a name that no option has, and a value of
    another type; it names the file and the key, or the assignment.
    """
    known = KnownOptions(parameters, options)
    settings: dict[str, GivenSetting] = {}
    if given.get("config") is not None:
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
