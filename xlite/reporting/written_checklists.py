"""The checklists that an experiments folder keeps: read here, for the page."""

from __future__ import annotations

from pathlib import Path

from xlite.errors import InputError
from xlite.places import CHECKLISTS
from xlite.results.checklist import Checklist

CHECKLIST_FILES = ("claim.json", "tripod.json", "stard.json")
"""In the folder of a run or a study, each beside its Markdown."""


def read_checklists(experiments: Path) -> tuple[list[Checklist], list[str]]:
    """The checklists of an experiments folder, by folder, CLAIM first, and a sentence for each that
    can't be read.
    """
    found, faults = [], []
    folders = (experiments / CHECKLISTS).glob("*/")
    for path in (folder / name for folder in sorted(folders) for name in CHECKLIST_FILES):
        if not path.exists():
            continue
        try:
            found.append(Checklist.read(path, remedy="Run `xlite checklist` again."))
        except InputError as error:
            faults.append(f"{path.parent.name}/{path.name} is left out: {error}")
    return found, faults
