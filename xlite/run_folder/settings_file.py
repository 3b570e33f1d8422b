"""Settings files: TOML with the names of options, or the record of a run."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xlite.errors import InputError, did_you_mean
from xlite.inputs import MEBIBYTE
from xlite.records import MAX_JSON_BYTES, parse_validated, read_own_bytes
from xlite.run_folder.records import RunConfig
from xlite.settings.by_name import flatten_tables
from xlite.settings.names import PARTS, setting_places

_REMEDY = "Pass --config FILE, a TOML file or a run's config.json."
_RECORD_REMEDY = "Pass the config.json of a run as xlite wrote it, or a TOML file."
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
    if path.suffix == ".json":
        content = read_own_bytes(path, max_bytes=MAX_JSON_BYTES, remedy=_RECORD_REMEDY)
        return parse_record(content, path)
    content = read_own_bytes(path, max_bytes=MEBIBYTE, remedy=_REMEDY)
    return parse_toml_settings(decode_toml(content, path, remedy=_REMEDY), path)


def decode_toml(content: bytes, path: Path, *, remedy: str) -> str:
    """The text of a TOML file; InputError for bytes that are no UTF-8."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path} is not UTF-8 text. {remedy}") from None


def parse_toml(text: str, where: str) -> dict[str, Any]:
    """The tree of a TOML text; InputError with the line for one that is none."""
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        end = f"at line {len(text.splitlines())}, its end"
        fault = str(error).replace("at end of document", end)
        raise InputError(f"{where} is not valid TOML: {fault}.") from None


def parse_toml_settings(text: str, path: Path) -> SettingsFile:
    """The values in the text of a TOML file; InputError as `read_settings_file`."""
    tree = parse_toml(text, str(path))
    for name, value in tree.items():
        if isinstance(value, dict) and name not in PARTS:
            hint = did_you_mean(name, PARTS) or f" Tables: {', '.join(f'[{p}]' for p in PARTS)}."
            raise InputError(f"{path}: there is no table [{name}].{hint}")
    return SettingsFile(path, dict(flatten_tables(tree)), is_record=False)


def parse_record(content: bytes, path: Path) -> SettingsFile:
    """The values in a run's record; InputError as `read_settings_file`."""
    record = parse_validated(
        content,
        RunConfig.model_validate_json,
        where=str(path),
        newest_schema=RunConfig.newest_schema,
        remedy=_RECORD_REMEDY,
    )
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
    values = {key: value for key, value in flatten_tables(settings) if not _is_default(key, value)}
    return SettingsFile(path, values, is_record=True, weights=tuple(weights))


def _is_default(key: tuple[str, ...], value: Any) -> bool:
    """Whether a recorded value is what an option without a default of its own stands for."""
    if len(key) == 1 or value is None:
        return value is None
    kind, field = PARTS[key[0]], key[1]
    return kind.shown(field).is_unset and value == kind.model_fields[field].default


def _require_known(settings: Mapping[str, Any], path: Path) -> None:
    places = set(setting_places().values())
    for key, _ in flatten_tables(settings):
        part, field = (None, *key) if len(key) == 1 else key
        if (part, field) not in places:
            hint = did_you_mean(field, [name for one, name in places if one == part])
            raise InputError(f"{path}: there is no setting {'.'.join(key)!r}.{hint}")
