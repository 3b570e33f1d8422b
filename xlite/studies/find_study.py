"""A study by its folder or its name."""

from __future__ import annotations

from pathlib import Path

from xlite.errors import InputError, did_you_mean
from xlite.places import STUDIES
from xlite.studies.folder import StudyFolder


def list_studies(experiments: Path) -> list[StudyFolder]:
    """The studies of an experiments folder that have begun, by name."""
    studies = experiments / STUDIES
    if not studies.is_dir():
        return []
    folders = [StudyFolder(path) for path in sorted(studies.iterdir())]
    return [folder for folder in folders if folder.ledger.path_of(1).exists()]


def find_study(study: str | Path, experiments: Path) -> StudyFolder:
    """The study whose folder is `study`, or that is called so in an experiments folder.

    Raises InputError where there is none; it names those that are like it.
    """
    for path in (experiments / STUDIES / study, Path(study)):
        folder = StudyFolder(path)
        if folder.ledger.path_of(1).exists():
            return folder
    # A folder that studies lie below: the experiments' own, or its folder of studies.
    parent = Path(study).parent if Path(study).name == STUDIES else Path(study)
    below = [folder.path.as_posix() for folder in list_studies(parent)]
    if below:
        raise InputError(
            f"{study} is no study, but the folder of {len(below)}: {', '.join(below[:10])}. Pass "
            "one of them."
        )
    names = [folder.path.name for folder in list_studies(experiments)]
    if not names:
        raise InputError(
            f"{study} is no study, and {experiments} holds none. Pass a folder that `xlite study "
            "run PLAN.toml` made, or --out DIR."
        )
    hint = did_you_mean(str(study), names) or f" There are: {', '.join(names[:10])}."
    raise InputError(f"{experiments} holds no study called {study}.{hint}")
