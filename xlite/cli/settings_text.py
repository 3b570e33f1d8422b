"""The options of a command as a settings file, with where each came from."""

from __future__ import annotations

from collections.abc import Mapping

import typer

from xlite.cli.known_options import OF_COMMAND_LINE, GivenSetting
from xlite.cli.option_values import parameter_name
from xlite.settings.names import PARTS, setting_places
from xlite.settings.settings_text import toml_value


def render_settings(context: typer.Context, settings: Mapping[str, GivenSetting] | None) -> str:
    """The TOML of all options of a command but those that say where they come from.

    Behind each value stands whether it is the default, or whence it is. Options without a value
    are named in comments.
    """
    tables: dict[str, list[str]] = {"": [], **{name: [] for name in PARTS}}
    for option in context.command.params:
        parameter, value = option.name or "", context.params.get(option.name or "")
        if parameter in OF_COMMAND_LINE:
            continue
        table, key = _place_of(option.opts[0])
        origin = _origin_of(parameter, context, settings or {})
        tables[table].append(
            f"# {key} is not set"
            if value in (None, [], ())
            else f"{key} = {toml_value(value)}  # {origin}"
        )
    return "\n".join(
        line
        for table, lines in tables.items()
        if lines
        for line in ([f"\n[{table}]"] if table else []) + lines
    )


def _place_of(option: str) -> tuple[str, str]:
    """The table of an option, "" for none, and its key there.

    >>> _place_of("--sampler-power"), _place_of("--batch-size")
    (('sampler', 'power'), ('', 'batch_size'))
    """
    part, field = setting_places().get(option.lstrip("-"), (None, ""))
    return (part, field) if part is not None else ("", parameter_name(option))


def _origin_of(parameter: str, context: typer.Context, settings: Mapping[str, GivenSetting]) -> str:
    source = context.get_parameter_source(parameter)
    if source is not None and source.name == "COMMANDLINE":
        return "option"
    return settings[parameter].origin.replace("\n", " ") if parameter in settings else "default"
