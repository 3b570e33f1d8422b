"""The types that the options of a command have."""

from __future__ import annotations

import inspect
from types import NoneType
from typing import get_args, get_origin


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
