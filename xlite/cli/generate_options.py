"""Writes `generated_options.py` from the fields of the settings.

    python -m xlite.cli.generate_options

Generated and kept, since importing pydantic would slow down every `--help`; a test writes it
again and compares.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from xlite.settings import (
    ClaheSettings,
    LossSettings,
    Runtime,
    SamplerSettings,
    Settings,
    TrainSettings,
)

PATH = Path(__file__).with_name("generated_options.py")

_KINDS: tuple[type[Settings], ...] = (
    TrainSettings,
    LossSettings,
    SamplerSettings,
    Runtime,
    ClaheSettings,
)
# A command has these in a form of its own: several models, a file instead of its hash, "auto".
_OF_COMMANDS = {
    TrainSettings: {"model", "initial_weights", "warm_start", "loss", "sampler", "precision"}
    | {"seed"},
    LossSettings: {"name"},
    SamplerSettings: {"name"},
    Runtime: {"contiguous_models"},
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
_FORMER = """

FORMER_OPTIONS = {
%s}
"""
_NAMES = """

%s_HELP = (
    %s
)
"""
_WIDTH = 100


def render() -> str:
    """The source of `generated_options.py`."""
    renamed = "".join(
        f'    "{former}": "{kind.option(field)}",\n'
        for kind in _KINDS
        for field in kind.model_fields
        if (former := kind.shown(field).former_option) is not None
    )
    names = _render_names("LOSS", LossSettings) + _render_names("SAMPLER", SamplerSettings)
    classes = "".join(_render_class(kind) for kind in _KINDS)
    return _HEAD + classes + _FORMER % renamed + names


def _render_names(title: str, kind: type[Settings]) -> str:
    """The help of the option for the name of a loss or sampler, which each command has its own."""
    members = _members(kind.model_fields["name"].annotation)
    text = _complete(_read_docstrings(kind)["name"], members, [])
    return _NAMES % (title, _quote(text, indent=4))


def _render_class(kind: type[Settings]) -> str:
    title = f"Options of `{kind.__name__}` by the names of the options."
    head = f'\n\n@dataclass(frozen=True)\nclass {kind.__name__}Fields:\n    """{title}"""\n\n'
    helps = _read_docstrings(kind)
    own = _OF_COMMANDS.get(kind, set())
    return head + "".join(
        _render_field(kind, field, helps[field]) for field in kind.model_fields if field not in own
    )


def _render_field(kind: type[Settings], field: str, text: str) -> str:
    info, shown, option = kind.model_fields[field], kind.shown(field), kind.option(field)
    members = _members(info.annotation)
    type_name = _type_name(members)
    if shown.is_unset or NoneType in members:
        type_name += " | None"
    default = None if shown.is_unset else info.default
    if type_name == "str" and default is not None:
        default = str(default)
    lines = [f'"{option}",']
    if Path in members:
        lines.append('metavar="FILE",')
    lines.append(f"help={_quote(_complete(text, members, info.metadata), indent=12)},")
    lines.append(f'rich_help_panel="{shown.panel or kind.panel}",')
    body = "\n".join(f"            {line}" for line in lines)
    rare = "" if shown.is_common else "        RARE,\n"
    name = option.removeprefix("--").replace("-", "_")
    written = f'"{default}"' if isinstance(default, str) else repr(default)
    return (
        f"    {name}: Annotated[\n        {type_name},\n        typer.Option(\n{body}\n        ),\n"
        f"{rare}    ] = {written}\n"
    )


def _members(annotation: Any) -> list[Any]:
    """The types that a value may have; an annotation's own constraints are left out."""
    if get_origin(annotation) in (Literal, tuple) or not get_args(annotation):
        return [annotation]
    if hasattr(annotation, "__metadata__"):
        return _members(get_args(annotation)[0])
    return [member for part in get_args(annotation) for member in _members(part)]


def _type_name(members: list[Any]) -> str:
    """The type of the option's value: text where the settings read more than one form of it."""
    plain = [member for member in members if member is not NoneType]
    is_simple = len(plain) == 1 and plain[0] in (bool, int, float, Path)
    return str(plain[0].__name__) if is_simple else "str"


def _complete(text: str, members: list[Any], constraints: list[Any]) -> str:
    """The help with what the type says: the names to choose from, the range of a number."""
    names = [
        name for member in members if get_origin(member) is Literal for name in get_args(member)
    ]
    if not text.endswith("."):
        text = f"{text}: {', '.join(names[:-1])} or {names[-1]}."
    limits = _describe_range(constraints)
    return f"{text} {limits}." if limits else text


def _describe_range(constraints: list[Any]) -> str:
    limits = {
        bound: getattr(constraint, bound)
        for constraint in constraints
        for bound in ("ge", "gt", "le", "lt")
        if hasattr(constraint, bound)
    }
    low = f"Above {limits['gt']:,}" if "gt" in limits else f"From {limits.get('ge', 0):,}"
    high = f" to {limits['le']:,}" if "le" in limits else ""
    high = f" to below {limits['lt']:,}" if "lt" in limits else high
    return low + high if limits else ""


def _read_docstrings(kind: type[Settings]) -> dict[str, str]:
    """The docstring under each field, on one line."""
    body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
    assert isinstance(body, ast.ClassDef)
    found = {}
    for statement, following in zip(body.body, body.body[1:], strict=False):
        is_field = isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
        if is_field and isinstance(following, ast.Expr):
            text = ast.literal_eval(following.value)
            found[statement.target.id] = " ".join(text.split())  # type: ignore[attr-defined]
    return found


def _quote(text: str, *, indent: int) -> str:
    """A string literal; a long one as several, one below the other."""
    assert '"' not in text
    assert "\\" not in text
    if indent + len(f'help="{text}",') <= _WIDTH:
        return f'"{text}"'
    lines = textwrap.wrap(text, _WIDTH - indent - 9, break_on_hyphens=False)
    parts = [f'"{line} "' for line in lines[:-1]] + [f'"{lines[-1]}"']
    return ("\n" + " " * indent).join(parts)


if __name__ == "__main__":
    PATH.write_text(render(), encoding="utf-8")
