"""The value of an option as a settings file or --set has it, in the option's type."""

from __future__ import annotations

import inspect
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin

from xlite.errors import InputError

_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
_FORMS: dict[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    Path: "a path as text",
    str: "text, a number or a list of them",
    list: "text or a list of texts",
}


def type_of(parameter: inspect.Parameter) -> type:
    """The type of a command's parameter, None left out; one that `read_value` knows.

    >>> def train(*, lr: float | None = None) -> None: ...
    >>> type_of(inspect.signature(train, eval_str=True).parameters["lr"])
    <class 'float'>
    """
    annotation = parameter.annotation
    if hasattr(annotation, "__metadata__"):
        annotation = get_args(annotation)[0]
    members = [annotation] if get_origin(annotation) is list else get_args(annotation)
    annotation = next((one for one in members if one is not NoneType), annotation)
    found: type = get_origin(annotation) or annotation
    return found


def read_value(value: Any, kind: type, where: str) -> Any:
    """A value of a file as an option of type `kind` takes it; InputError for another type.

    Several names or numbers become the text that a command line has, with commas between them.
    """
    items = value if isinstance(value, list) else [value]
    has_form = {
        bool: isinstance(value, bool),
        int: isinstance(value, int) and _is_number(value),
        float: _is_number(value),
        Path: isinstance(value, str),
        str: all(isinstance(one, str) or _is_number(one) for one in items),
        list: all(isinstance(one, str) for one in items),
    }
    if not has_form[kind]:
        raise InputError(f"{where} takes {_FORMS[kind]}, not {_show(value)}.")
    if kind is list:
        return items
    if kind is str:
        return str(value) if value is not items else ",".join(_quote(str(one)) for one in items)
    return value


def read_text(text: str, kind: type, where: str) -> Any:
    """The text behind NAME= in the type of the option; InputError for what is not of it."""
    try:
        if kind is bool:
            return {**dict.fromkeys(_TRUE, True), **dict.fromkeys(_FALSE, False)}[text.lower()]
        if kind in (int, float):
            return kind(text)
    except (ValueError, KeyError):
        raise InputError(f"{where} takes {_FORMS[kind]}, not {_show(text)}.") from None
    return [text] if kind is list else text


def _is_number(value: Any) -> bool:
    # To Python, true is a whole number.
    return isinstance(value, int | float) and not isinstance(value, bool)


def _quote(name: str) -> str:
    """A name in a list, in double quotes where a comma is part of it."""
    return f'"{name}"' if "," in name else name


def _show(value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"
