"""What the folders of studies hold for people: read here, for page, log and card."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from xlite.errors import InputError
from xlite.places import (
    ON_SPLIT,
    SEALED_LOOK,
    STUDIES,
    STUDY_COMPARISON,
    STUDY_RECORD,
    STUDY_VERDICTS,
)
from xlite.results import Result
from xlite.results.comparison import Comparison
from xlite.results.study import SealedLook, Study, StudyVerdicts

_REMEDY = "Delete it: `xlite study status` writes the study's record again."
_JUDGED_REMEDY = "Move it away; the run folders hold all that it was made of."

_Kind = TypeVar("_Kind", bound=Result)


@dataclass(frozen=True, kw_only=True)
class StudyFiles:
    """A study, and what was written at its end, as far as it has come."""

    study: Study
    comparison: Comparison | None = None
    """On the study's own split."""
    verdicts: StudyVerdicts | None = None
    elsewhere: Mapping[str, Comparison] = field(default_factory=dict)
    """The comparisons on other splits, by the name of the split."""
    look: SealedLook | None = None


def read_study_files(folder: Path) -> StudyFiles:
    """What a study's folder holds; InputError for a file that is missing or damaged."""
    return StudyFiles(
        study=Study.read(folder / STUDY_RECORD, remedy=_REMEDY),
        comparison=_read_if_there(Comparison, folder / STUDY_COMPARISON),
        verdicts=_read_if_there(StudyVerdicts, folder / STUDY_VERDICTS),
        elsewhere={
            path.parent.name.removeprefix(ON_SPLIT): Comparison.read(path, remedy=_JUDGED_REMEDY)
            for path in sorted(folder.glob(f"{ON_SPLIT}*/{STUDY_COMPARISON}"))
        },
        look=_read_if_there(SealedLook, folder / SEALED_LOOK),
    )


def find_studies(experiments_dir: Path) -> tuple[dict[Path, StudyFiles], list[str]]:
    """The studies of an experiments folder by their folders, in the order in which they began, and
    a sentence for each that can't be read.
    """
    found: dict[Path, StudyFiles] = {}
    faults = []
    for path in sorted((experiments_dir / STUDIES).glob(f"*/{STUDY_RECORD}")):
        try:
            found[path.parent] = read_study_files(path.parent)
        except InputError as error:
            faults.append(f"the study {path.parent.name} is left out: {error}")
    return dict(sorted(found.items(), key=lambda item: item[1].study.begun)), faults


def _read_if_there(kind: type[_Kind], path: Path) -> _Kind | None:
    return kind.read(path, remedy=_JUDGED_REMEDY) if os.path.lexists(path) else None
