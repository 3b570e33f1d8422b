"""What the fields of settings say of themselves: type, default, range, and the help under them."""

from __future__ import annotations

import ast
import inspect
import textwrap
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from xlite.settings.settings import Settings


@dataclass(frozen=True, kw_only=True)
class DescribedField:
    """A field as an option for it needs to be described."""

    field: str
    option: str
    """With its dashes."""
    help: str
    """The docstring, the names to choose from, and the range, as sentences."""
    type_name: str
    """bool, int, float, Path, or str, also where the settings read more than one form of text."""
    is_optional: bool
    default: Any
    """Text where the type is; None where the option is unset."""
    panel: str
    is_common: bool


def describe_fields(kind: type[Settings]) -> list[DescribedField]:
    """The fields of `kind` that have a docstring, in their order."""
    texts = _read_docstrings(kind)
    return [_describe(kind, field, texts[field]) for field in kind.model_fields if field in texts]


def _describe(kind: type[Settings], field: str, text: str) -> DescribedField:
    info, shown = kind.model_fields[field], kind.shown(field)
    members = _list_members(info.annotation)
    type_name = type_of_field(kind, field)[0].__name__
    default = None if shown.is_unset else info.default
    return DescribedField(
        field=field,
        option=kind.option(field),
        help=_complete(text, members, info.metadata),
        type_name=type_name,
        is_optional=shown.is_unset or NoneType in members,
        default=str(default) if type_name == "str" and default is not None else default,
        panel=shown.panel or kind.panel,
        is_common=shown.is_common,
    )


def type_of_field(kind: type[Settings], field: str) -> tuple[type, bool]:
    """The type of a field's option, None left out, and whether the field may be None.

    bool, int, float, Path, or str, also where the settings read more than one form of text.
    """
    members = _list_members(kind.model_fields[field].annotation)
    plain = [member for member in members if member is not NoneType]
    is_simple = len(plain) == 1 and plain[0] in (bool, int, float, Path)
    return plain[0] if is_simple else str, NoneType in members


def _list_members(annotation: Any) -> list[Any]:
    """The types that a value may have; an annotation's own constraints are left out."""
    if get_origin(annotation) in (Literal, tuple) or not get_args(annotation):
        return [annotation]
    if hasattr(annotation, "__metadata__"):
        return _list_members(get_args(annotation)[0])
    return [member for part in get_args(annotation) for member in _list_members(part)]


def _complete(text: str, members: list[Any], constraints: list[Any]) -> str:
    """The help with what the type says; a text without a full stop goes on with the names."""
    if not text.endswith("."):
        choices = [member for member in members if get_origin(member) is Literal]
        names = [name for choice in choices for name in get_args(choice)]
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
    """The docstring under each field, on one line; those of the classes it is built on first."""
    found: dict[str, str] = {}
    for one in reversed(kind.__mro__):
        if issubclass(one, Settings) and one is not Settings:
            found |= _read_own_docstrings(one)
    return found


def _read_own_docstrings(kind: type[Settings]) -> dict[str, str]:
    body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
    assert isinstance(body, ast.ClassDef)
    found = {}
    for statement, following in zip(body.body, body.body[1:], strict=False):
        target = statement.target if isinstance(statement, ast.AnnAssign) else None
        if isinstance(target, ast.Name) and isinstance(following, ast.Expr):
            found[target.id] = " ".join(ast.literal_eval(following.value).split())
    return found
