"""The settings that a run folder holds, whichever version wrote them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from xlite.errors import InputError
from xlite.settings import TrainSettings
from xlite.settings.names import PARTS


def parse_settings(content: Mapping[str, Any], *, where: Path) -> TrainSettings:
    """The settings that another version may have written into the run folder `where`.

    Raises InputError, which names the folder and the setting, where this version knows none of
    that name or does not take its value.
    """
    strangers = [name for name in content if name not in TrainSettings.model_fields]
    for part, kind in PARTS.items():
        fields = content.get(part)
        names = fields if isinstance(fields, Mapping) else {}
        strangers += [f"{part}.{name}" for name in names if name not in kind.model_fields]
    if strangers:
        raise InputError(
            f"{where} was trained with the setting {strangers[0]!r}, which this version of xlite "
            "does not know. Use the version that trained it, or move the folder away."
        )
    try:
        return TrainSettings(**content)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in fault["loc"]) or "settings"
        message = fault["msg"].removeprefix("Value error, ")
        raise InputError(
            f"{where} was trained with a {name!r} that this version of xlite does not take: "
            f"{message[:1].lower()}{message[1:]}. Use the version that trained it, or move the "
            "folder away."
        ) from None
