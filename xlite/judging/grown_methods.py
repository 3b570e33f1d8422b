"""Methods whose seeds were added one by one: what a single look says of them is too sure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xlite import console
from xlite.errors import InputError
from xlite.places import ABLATION_RECORD
from xlite.results.ablation import Ablation
from xlite.results.comparison import GrownMethods

if TYPE_CHECKING:
    from pathlib import Path

    from xlite.judging.compared_runs import RunGroups

_REMEDY = "Run `xlite ablate --until-decided --resume` again, or move the file away."


def find_grown_methods(groups: RunGroups) -> GrownMethods | None:
    """The methods with a run of an ablation that was looked at after each seed; None without any.

    What tells of it is the `ablation.json` of the experiments folder that a run is in. One that
    can't be read is warned of, and nothing is known of its runs.
    """
    grown: dict[str, int] = {}
    records: dict[Path, Ablation | None] = {}
    for name, by_seed in groups.items():
        for run_dir in by_seed.values():
            path = run_dir.resolve().parent.parent / ABLATION_RECORD
            if path not in records:
                records[path] = _read(path)
            found = records[path]
            if found is not None and found.max_seeds and run_dir.name in found.run_names:
                grown[name] = max(found.max_seeds, grown.get(name, 0))
    if not grown:
        return None
    return GrownMethods(methods=tuple(grown), max_seeds=max(grown.values()))


def _read(path: Path) -> Ablation | None:
    if not path.is_file():
        return None
    try:
        return Ablation.read(path, remedy=_REMEDY)
    except InputError as error:
        console.warn(f"{error} Whether its runs were looked at after each seed is not known.")
        return None
