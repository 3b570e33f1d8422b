"""Settings as TOML: a value, and the settings file that gives a run's settings again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from xlite.settings.names import PARTS
from xlite.settings.training import TrainSettings

_ALWAYS = ("model", "loss.name", "sampler.name")
"""Said also where they are the defaults: those of a command may come to differ."""
_WEIGHTS = ("initial_weights", "warm_start")
"""Known by a sum here and by a file to an option."""
_UNTRAINED = "none"


def render_settings_file(
    settings: TrainSettings, *, remarks: Iterable[str] = (), files: Mapping[str, Path] | None = None
) -> str:
    """The text of a settings file that `--config` reads: the model, loss and sampler by name, and
    whatever else is not the default. The seed is left out: it is that of a run.

    remarks: lines of comment at the top. files: by option, as `weights`, the files that the run
    began with, of which the settings have the sums.

    >>> print(render_settings_file(TrainSettings(model="resnet18", lr=3e-4), remarks=["Ours."]))
    # Ours.
    model = "resnet18"
    lr = 0.0003
    <BLANKLINE>
    [loss]
    name = "pos-weight"
    <BLANKLINE>
    [sampler]
    name = "none"
    <BLANKLINE>
    """
    tables = settings_tables(settings)
    tables[""] |= {name: path.as_posix() for name, path in (files or {}).items()}
    if settings.initial_weights == _UNTRAINED:
        tables[""]["pretrained"] = False
    lines = [f"# {' '.join(remark.split())}" for remark in remarks]
    for part, values in tables.items():
        if not values:
            continue
        lines += ["", f"[{part}]"] if part else []
        lines += [f"{name} = {toml_value(value)}" for name, value in values.items()]
    return "\n".join([*lines, ""])


def settings_tables(settings: TrainSettings) -> dict[str, dict[str, Any]]:
    """What is said of settings in a file, by part, "" for what is in none; weights and seed apart.

    >>> settings_tables(TrainSettings(model="resnet18", lr=3e-4))["loss"]
    {'name': 'pos-weight'}
    """
    everything = settings.flatten()
    said = {name: everything[name] for name in _ALWAYS} | settings.changes()
    tables: dict[str, dict[str, Any]] = {"": {}, **{part: {} for part in PARTS}}
    for name, value in said.items():
        part, _, field = name.rpartition(".")
        if name not in (*_WEIGHTS, "seed"):
            tables[part][field] = value
    return tables


def toml_value(value: Any) -> str:
    """A value as TOML has it; of text, JSON's form but for one control character.

    >>> toml_value(True), toml_value([1, 2.5]), toml_value("a b")
    ('true', '[1, 2.5]', '"a b"')
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml_value, value))}]"
    text = str(value) if isinstance(value, Path) else value
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
