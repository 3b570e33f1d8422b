"""The value of a setting as TOML, or the text of --set, has it, in the setting's type."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xlite.errors import InputError

_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
_FORMS: dict[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    Path: "a path as text",
    str: "text, a number or a list of them",
    list: "text, a number or a list of them",
}


def read_value(value: Any, kind: type, where: str) -> Any:
    """A value of a file as an option of type `kind` takes it; InputError for another type.

    Several names or numbers become the text that a command line has, with commas between them.
    """
    items = value if isinstance(value, list) else [value]
    has_form = {
        bool: isinstance(value, bool),
        int: isinstance(value, int) and is_number(value),
        float: is_number(value),
        Path: isinstance(value, str),
        str: all(isinstance(one, str) or is_number(one) for one in items),
        list: all(isinstance(one, str) or is_number(one) for one in items),
    }
    if not has_form[kind]:
        raise InputError(f"{where} takes {_FORMS[kind]}, not {show_value(value)}.")
    if kind is list:
        return [str(one) for one in items]
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
        raise InputError(f"{where} takes {_FORMS[kind]}, not {show_value(text)}.") from None
    return [text] if kind is list else text


def is_number(value: Any) -> bool:
    """Whether a value is one of TOML's numbers: to Python, true is a whole number as well."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def show_value(value: Any) -> str:
    """A value as a message shows it, in at most 60 characters."""
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"


def _quote(name: str) -> str:
    """A name in a list, in double quotes where a comma is part of it."""
    return f'"{name}"' if "," in name else name
