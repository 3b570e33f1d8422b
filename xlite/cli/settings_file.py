"""Settings files: TOML with the names of options, or the record of a run."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xlite.errors import InputError, did_you_mean
from xlite.inputs import MEBIBYTE
from xlite.records import read_own_bytes
from xlite.run_folder.records import RunConfig
from xlite.settings.names import PARTS, setting_places

_REMEDY = "Pass --config FILE, a TOML file or a run's config.json."
_WEIGHTS_FILE = "sha256:"


@dataclass(frozen=True)
class SettingsFile:
    """What a file says: values by their keys, those of a table after its name."""

    path: Path
    values: Mapping[tuple[str, ...], Any]
    is_record: bool
    """Whether it is a run's, which holds more than most commands read."""
    weights: tuple[str, ...] = ()
    """The options for the files of weights that the run began with, of which it has the hashes."""


def read_settings_file(path: Path) -> SettingsFile:
    """The values in `path`, by its ending a run's config.json or TOML.

    Raises InputError, which names the file and where there is one the key or the line, for a file
    that can't be read, has another form, or is of a newer schema.
    """
    return _read_record(path) if path.suffix == ".json" else _read_toml(path)


def _read_toml(path: Path) -> SettingsFile:
    content = read_own_bytes(path, max_bytes=MEBIBYTE, remedy=_REMEDY)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path} is not UTF-8 text. {_REMEDY}") from None
    try:
        tree = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        end = f"at line {len(text.splitlines())}, its end"
        fault = str(error).replace("at end of document", end)
        raise InputError(f"{path} is not valid TOML: {fault}.") from None
    for name, value in tree.items():
        if isinstance(value, dict) and name not in PARTS:
            hint = did_you_mean(name, PARTS) or f" Tables: {', '.join(f'[{p}]' for p in PARTS)}."
            raise InputError(f"{path}: there is no table [{name}].{hint}")
    return SettingsFile(path, dict(_flatten(tree)), is_record=False)


def _read_record(path: Path) -> SettingsFile:
    remedy = "Pass the config.json of a run as xlite wrote it, or a TOML file."
    record = RunConfig.read(path, remedy=remedy)
    settings = dict(record.settings)
    _require_known(settings, path)
    weights = []
    if str(settings.pop("warm_start", None)).startswith(_WEIGHTS_FILE):
        weights.append("warm_start")
    initial = str(settings.pop("initial_weights", "hub"))
    if initial.startswith(_WEIGHTS_FILE):
        weights.append("weights")
    else:
        settings["pretrained"] = initial != "none"
    if record.preprocessing is not None:
        settings |= record.preprocessing.clahe.model_dump()
    values = {key: value for key, value in _flatten(settings) if not _is_default(key, value)}
    return SettingsFile(path, values, is_record=True, weights=tuple(weights))


def _flatten(tree: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, value in tree.items():
        if name in PARTS and isinstance(value, dict):
            yield from (((name, key), part) for key, part in value.items())
        else:
            yield (name,), value


def _is_default(key: tuple[str, ...], value: Any) -> bool:
    """Whether a recorded value is what an option without a default of its own stands for."""
    if len(key) == 1 or value is None:
        return value is None
    kind, field = PARTS[key[0]], key[1]
    return kind.shown(field).is_unset and value == kind.model_fields[field].default


def _require_known(settings: Mapping[str, Any], path: Path) -> None:
    places = set(setting_places().values())
    for key, _ in _flatten(settings):
        part, field = (None, *key) if len(key) == 1 else key
        if (part, field) not in places:
            hint = did_you_mean(field, [name for one, name in places if one == part])
            raise InputError(f"{path}: there is no setting {'.'.join(key)!r}.{hint}")
