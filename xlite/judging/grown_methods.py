"""Methods whose seeds were added one by one: what a single look says of them is too sure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from xlite import console
from xlite.errors import InputError
from xlite.judging.choices import read_choices
from xlite.places import ABLATION_RECORD
from xlite.results.ablation import Ablation
from xlite.results.comparison import GrownMethods

if TYPE_CHECKING:
    from pathlib import Path

    from xlite.judging.compared_runs import RunGroups
    from xlite.results.selection import SeedLook

_REMEDY = "Run `xlite ablate --until-decided --resume` again, or move the file away."
_ELSEWHERE = (
    "the study's decisions on seeds, or in what `xlite ablate --until-decided --resume` writes "
    "again"
)
_UNKNOWN = "Whether its runs were looked at after each seed is not known."


def find_grown_methods(groups: RunGroups, *, but: int | None = None) -> GrownMethods | None:
    """The methods with a run that was looked at after each seed; None without any.

    What tells of it are the ledger of choices of the experiments folder that a run is in, which
    forgets no look, and its `ablation.json`. What can't be read is warned of. but: the most seeds
    of looks that count as none, since limits hold for them.
    """
    grown: dict[str, int] = {}
    folders: dict[Path, dict[str, int]] = {}
    for name, by_seed in groups.items():
        for run_dir in by_seed.values():
            folder = run_dir.resolve().parent.parent
            if folder not in folders:
                folders[folder] = _find_looked_at(folder, but)
            most = folders[folder].get(run_dir.name)
            if most is not None:
                grown[name] = max(most, grown.get(name, 0))
    if not grown:
        return None
    found = GrownMethods(methods=tuple(grown), max_seeds=max(grown.values()))
    records = [record for record in map(_read_ablation, folders) if record is not None]
    has_limits = any(record.max_seeds for record in records)
    return found if has_limits else replace(found, where=_ELSEWHERE)


def _find_looked_at(folder: Path, but: int | None) -> dict[str, int]:
    """By the folder of a run that was looked at after each seed: the most seeds there might be."""
    looks = [(one.max_seeds, one.runs) for one in _list_looks(folder)]
    ablation = _read_ablation(folder)
    if ablation is not None and ablation.max_seeds:
        looks.append((ablation.max_seeds, ablation.run_names))
    found: dict[str, int] = {}
    for most, runs in looks:
        if most != but:
            found |= {run: max(most, found.get(run, 0)) for run in runs}
    return found


def _list_looks(folder: Path) -> list[SeedLook]:
    try:
        return [one.growth for one in read_choices(folder) if one.growth is not None]
    except InputError as error:
        console.warn(f"{error} {_UNKNOWN}")
        return []


def _read_ablation(folder: Path) -> Ablation | None:
    path = folder / ABLATION_RECORD
    if not path.is_file():
        return None
    try:
        return Ablation.read(path, remedy=_REMEDY)
    except InputError as error:
        console.warn(f"{error} {_UNKNOWN}")
        return None
