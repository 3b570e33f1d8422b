"""Writes `generated_options.py` from the fields of the settings.

    python -m xlite.cli.generate_options

Generated and kept, since importing pydantic would slow down every `--help`; a test writes it
again and compares.
"""

from __future__ import annotations

import textwrap
from pathlib import Path

from xlite.cli.option_values import parameter_name
from xlite.settings import (
    ClaheSettings,
    LossSettings,
    PolicySettings,
    RowSettings,
    Runtime,
    SamplerSettings,
    Settings,
    TrainSettings,
)
from xlite.settings.described import DescribedField, describe_fields
from xlite.settings.names import former_names

PATH = Path(__file__).with_name("generated_options.py")

# A command has these in a form of its own: several models, a file instead of its hash, "auto".
_OF_COMMANDS: dict[type[Settings], set[str]] = {
    TrainSettings: {"model", "initial_weights", "warm_start", "precision", "seed"},
    LossSettings: {"name"},
    SamplerSettings: {"name"},
    RowSettings: set(),
    PolicySettings: {"blank"},
    Runtime: {"contiguous_models"},
    ClaheSettings: set(),
}
_HEAD = '''"""The options of the settings, written by `python -m xlite.cli.generate_options`.

Change the fields of `xlite/settings/` instead. A command takes one of the classes built on these
(`TrainingOptions`, `LossOptions`, …) as a parameter; `expand_groups` makes options of its fields.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from xlite.cli.expansion import RARE
'''
_WIDTH = 100


def render() -> str:
    """The source of `generated_options.py`."""
    classes = "".join(_render_class(kind, own) for kind, own in _OF_COMMANDS.items())
    renamed = "".join(f'    "--{old}": "--{new}",\n' for old, new in former_names().items())
    names = "".join(_render_names(kind) for kind in (LossSettings, SamplerSettings))
    return f"{_HEAD}{classes}\n\nFORMER_OPTIONS = {{\n{renamed}}}\n{names}"


def _render_names(kind: type[Settings]) -> str:
    """The help of the option for the name of a loss or sampler, which each command has its own."""
    field = next(one for one in describe_fields(kind) if one.field == "name")
    title = f"{parameter_name(field.option).upper()}_HELP"
    return f"{title} = (\n    {_quote(field.help, indent=4)}\n)\n"


def _render_class(kind: type[Settings], own: set[str]) -> str:
    title = f"Options of `{kind.__name__}` by the names of the options."
    base = next((one for one in kind.__bases__ if one in _OF_COMMANDS), None)
    name = f"{kind.__name__}Fields({base.__name__}Fields)" if base else f"{kind.__name__}Fields"
    head = f'\n\n@dataclass(frozen=True)\nclass {name}:\n    """{title}"""\n\n'
    inherited = base.model_fields if base else {}
    fields = [field for field in describe_fields(kind) if field.field not in {*own, *inherited}]
    return head + "".join(map(_render_field, fields))


def _render_field(field: DescribedField) -> str:
    lines = [
        f'"{field.option}",',
        *(['metavar="FILE",'] if field.type_name == "Path" else []),
        f"help={_quote(field.help, indent=12)},",
        f'rich_help_panel="{field.panel}",',
    ]
    body = "\n".join(f"            {line}" for line in lines)
    optional = " | None" if field.is_optional else ""
    rare = "" if field.is_common else "        RARE,\n"
    is_text = isinstance(field.default, str)
    return (
        f"    {parameter_name(field.option)}: Annotated[\n"
        f"        {field.type_name}{optional},\n"
        f"        typer.Option(\n{body}\n        ),\n"
        f"{rare}    ] = {_quote(field.default, indent=4) if is_text else repr(field.default)}\n"
    )


def _quote(text: str, *, indent: int) -> str:
    """A string literal; a long one as several, one below the other."""
    assert not set('"\\') & set(text)
    if indent + len(f'help="{text}",') <= _WIDTH:
        return f'"{text}"'
    lines = textwrap.wrap(text, _WIDTH - indent - 9, break_on_hyphens=False)
    parts = [f'"{line} "' for line in lines[:-1]] + [f'"{lines[-1]}"']
    return ("\n" + " " * indent).join(parts)


if __name__ == "__main__":
    PATH.write_text(render(), encoding="utf-8")
