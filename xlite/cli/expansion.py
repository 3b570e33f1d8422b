"""Groups of options that several commands share, each a dataclass and written once.

A command takes a group as one parameter; `expand_groups` shows its fields to Typer as options:

    app.command("train", cls=SettingsCommand)(expand_groups(train))
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any, Final, get_type_hints

RARE: Final = "rare"
"""In the annotation of an option: `--help-all` shows it, `--help` does not."""


def expand_groups(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the fields of its dataclass parameters as parameters of their own.

    `rare_parameters` of what is returned are the names of those that few people need.
    """
    hints = get_type_hints(command, include_extras=True)
    own = inspect.signature(command).parameters
    groups = {name: hints[name] for name in own if dataclasses.is_dataclass(hints[name])}
    parameters = [
        parameter.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY)
        for name, parameter in own.items()
        if name not in groups
    ]
    for group in groups.values():
        field_hints = get_type_hints(group, include_extras=True)
        parameters += [
            inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=field.default,
                annotation=field_hints[field.name],
            )
            for field in dataclasses.fields(group)
        ]

    def expanded(**values: Any) -> None:
        for name, group in groups.items():
            fields = {field.name: values.pop(field.name) for field in dataclasses.fields(group)}
            values[name] = group(**fields)
        command(**values)

    expanded.__name__, expanded.__doc__ = command.__name__, _unwrap(command.__doc__)
    expanded.__annotations__ = {p.name: p.annotation for p in parameters}
    expanded.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    expanded.rare_parameters = frozenset(  # type: ignore[attr-defined]
        p.name for p in parameters if RARE in getattr(p.annotation, "__metadata__", ())
    )
    return expanded


def _unwrap(text: str | None) -> str:
    # Typer keeps the source's line breaks, which a narrower terminal would break again.
    paragraphs = inspect.cleandoc(text or "").split("\n\n")
    return "\n\n".join(paragraph.replace("\n", " ") for paragraph in paragraphs)
