"""Settings by the names of their options, as settings files, plans and axes give them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from xlite.errors import InputError, did_you_mean
from xlite.settings.described import type_of_field
from xlite.settings.names import PARTS, current_name, setting_places
from xlite.settings.settings import Settings
from xlite.settings.training import TrainSettings
from xlite.settings.typed_values import read_value

Place = tuple[str | None, str]
"""The part of `TrainSettings`, None for itself, and the field in it."""

NONE: Final = "none"
"""What a file or an axis has for None."""


def flatten_tables(tree: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Values by their keys, those of a part's table after its name.

    >>> dict(flatten_tables({"lr": 1e-3, "loss": {"name": "focal"}}))
    {('lr',): 0.001, ('loss', 'name'): 'focal'}
    """
    for name, value in tree.items():
        if name in PARTS and isinstance(value, dict):
            yield from (((name, key), part) for key, part in value.items())
        else:
            yield (name,), value


def option_name(key: tuple[str, ...]) -> str:
    """The name of the option for a key: in a table, the field's or the option's own.

    >>> option_name(("loss", "power")), option_name(("batch_size",))
    ('pos-weight-power', 'batch-size')
    """
    *tables, name = key
    if not tables:
        return current_name(name)
    kind, field = PARTS[tables[0]], name.replace("-", "_")
    return kind.option(field).lstrip("-") if field in kind.model_fields else current_name(name)


def require_place(key: tuple[str, ...], where: str) -> Place:
    """Where the setting of a key is kept; InputError for a key that is none's."""
    places, name = setting_places(), option_name(key)
    if name in places:
        return places[name]
    known = PARTS[key[0]].model_fields if len(key) > 1 else places
    hint = did_you_mean(key[-1], known) or did_you_mean(name, places)
    raise InputError(f"{where}: there is no setting {'.'.join(key)!r}.{hint}")


def read_setting(value: Any, place: Place, where: str) -> Any:
    """A typed value, as TOML has it, for the field at `place`; InputError for another type.

    The text "none" is None where the setting may be that. Ranges and names are not looked at.
    """
    part, field = place
    kind, is_optional = type_of_field(_owner_of(part), field)
    return None if is_optional and value == NONE else read_value(value, kind, where)


def change_settings(
    settings: TrainSettings, values: Mapping[str, Any], *, where: str
) -> TrainSettings:
    """The settings with other values, by the names of their options.

    values: numbers, text, truth values, "none", or a list where a setting takes one number a
    label; the tables `loss`, `sampler` and `policy` may hold those of their own. Raises
    InputError, which begins with `where`, for a name that no setting has, one that is there twice,
    and a value of another type, outside its range, or unfit for the others.

    >>> base = TrainSettings(model="resnet18")
    >>> change_settings(base, {"lr": 3e-4, "loss": "focal"}, where="set").changes()
    {'model': 'resnet18', 'loss.name': 'focal', 'lr': 0.0003}
    """
    changes: dict[Place, Any] = {}
    for key, value in flatten_tables(values):
        shown = f"{where}: {'.'.join(key)}"
        place = require_place(key, where)
        if place in changes:
            raise InputError(f"{shown} is there already, under another name. Keep one.")
        changes[place] = read_setting(value, place, shown)
    try:
        return replace_fields(settings, changes)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def replace_fields(settings: TrainSettings, changes: Mapping[Place, Any]) -> TrainSettings:
    """The settings with other values at these places, validated all together.

    Text is turned into a field's type. Raises InputError as `Settings.parse` does.
    """
    own = {field: value for (part, field), value in changes.items() if part is None}
    for part, kind in PARTS.items():
        of_part = {field: value for (one, field), value in changes.items() if one == part}
        if of_part:
            own[part] = kind.parse(**(_values(getattr(settings, part)) | of_part))
    return TrainSettings.parse(**(_values(settings) | own))


def setting_at(settings: TrainSettings, place: Place) -> Any:
    """The value at a place."""
    part, field = place
    return getattr(settings if part is None else getattr(settings, part), field)


def _owner_of(part: str | None) -> type[Settings]:
    return TrainSettings if part is None else PARTS[part]


def _values(settings: Settings) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in type(settings).model_fields}
