"""The settings of a plan: its base, and what each experiment or phase makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from xlite.errors import InputError
from xlite.files import sha256_of_file
from xlite.settings import TrainSettings
from xlite.settings.by_name import change_settings
from xlite.settings.typed_values import read_value
from xlite.studies.plan_tables import Faults

_WEIGHTS = {"weights": Path, "warm-start": Path, "pretrained": bool}
"""What a run begins with, by the names of options, and the types."""

_ELSEWHERE = {
    "seed": "Seeds are a list beside the settings: seeds = [0, 1, 2].",
    "seeds": "Seeds stand beside the settings, not among them.",
    "initial-weights": "Name a file by weights = FILE, or say pretrained = false.",
}


@dataclass(frozen=True)
class Start:
    """The weights that a run begins with."""

    weights: Path | None = None
    warm_start: Path | None = None
    is_pretrained: bool = True


@dataclass(frozen=True)
class PlannedSettings:
    """Settings, and the files that they begin with: what `set` changes."""

    settings: TrainSettings = field(default_factory=lambda: TrainSettings(model=""))
    """Its model is empty where none is named yet."""
    start: Start = Start()

    def change(self, values: Mapping[str, Any], *, where: str) -> PlannedSettings:
        """Others with values by the names of options; InputError, which begins with `where`."""
        start, rest = self.start, {}
        given: dict[str, Any] = {}
        for key, value in values.items():
            name = key.replace("_", "-")
            if name in _ELSEWHERE:
                raise InputError(f"{where}: {key} is not set here. {_ELSEWHERE[name]}")
            if name not in _WEIGHTS:
                rest[key] = value
            elif name in given:
                raise InputError(f"{where}: {key} is there already, under another name. Keep one.")
            elif value == "none" and _WEIGHTS[name] is Path:
                given[name] = None
            else:
                given[name] = read_value(value, _WEIGHTS[name], f"{where}: {key}")
        if given.get("weights") and given.get("pretrained") is False:
            raise InputError(f"{where}: weights and pretrained = false exclude each other.")
        if "warm-start" in given:
            start = replace(start, warm_start=_path(given["warm-start"]))
        if "weights" in given or "pretrained" in given:
            # One displaces the other, as on the command line.
            start = replace(
                start,
                weights=_path(given.get("weights")),
                is_pretrained=given.get("pretrained", True),
            )
        return PlannedSettings(change_settings(self.settings, rest, where=where), start)


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)


_UNKNOWN = "sha256:" + 64 * "0"
"""What stands for the sum of a file that is not looked at."""


@dataclass
class WeightFiles:
    """The hashes of the files of weights that a plan names, each read once."""

    root: Path | None
    """The folder that their paths start from; None where none of them is to be looked at."""
    faults: Faults
    known: dict[Path, str | None] = field(default_factory=dict)

    def settle(self, planned: PlannedSettings, where: str) -> TrainSettings:
        """The settings with the hashes of the files in them; an absent file is a fault."""
        start = planned.start
        initial = self._hash(start.weights, "weights", where)
        return planned.settings.model_copy(
            update={
                "initial_weights": initial or ("hub" if start.is_pretrained else "none"),
                "warm_start": self._hash(start.warm_start, "warm_start", where),
            }
        )

    def _hash(self, path: Path | None, key: str, where: str) -> str | None:
        if path is None:
            return None
        if self.root is None:
            return _UNKNOWN
        if path not in self.known:
            file = self.root / path
            self.known[path] = f"sha256:{sha256_of_file(file)}" if file.is_file() else None
        if self.known[path] is None:
            self.faults.add(f"{where}: {key} {path} does not exist. Name a file of weights.")
        return self.known[path]
