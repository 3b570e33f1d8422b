"""The count of looks at a test set: each one spends a little of what it is worth.

A number that was chosen because of its test score is no longer an estimate of anything. So test
scores are not in a run's `scores.json`; they are computed when asked for, and each time is noted:
in one file for all runs of an experiments folder, since ten models that are looked at once choose
as well as one that is looked at ten times. A test set is known by its images and patients, so that
a look at a run's predictions file counts as one at the run, whatever the split was called.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from xlite.files import write_json
from xlite.ids import canonical_image_names, canonical_patient_ids
from xlite.judging.labelled_predictions import LabelledPredictions
from xlite.results import Result
from xlite.results.evaluation import Look
from xlite.run_folder.file_names import RUNS
from xlite.run_folder.listing import find_run_of
from xlite.studies.progress import current_time
from xlite.tables.manifest import Manifest

TEST_LOOKS = "test_looks.json"
_LOCK = ".test_looks.lock"


@dataclass(frozen=True, kw_only=True)
class LooksAtTest(Result):
    """All looks that a file holds, oldest first."""

    looks: tuple[Look, ...]


def record_test_look(
    folder: Path,
    labelled: LabelledPredictions,
    command: str,
    *,
    run: str | None,
    is_once: bool = False,
) -> list[Look]:
    """All looks at the test set of these images, oldest first, after noting that one is taken now.

    folder: where looks are kept (`looks_folder`). run: the name of the run that is judged, if any.
    is_once: the same command at the same run is the same look, taken up after it was cut off.
    """
    digest = digest_test_set(labelled)
    folder.mkdir(parents=True, exist_ok=True)
    # Of two commands that look at the same time, the second has to see the first one's look.
    with FileLock(folder / _LOCK):
        noted = _read_looks(folder / TEST_LOOKS)
        look = Look(time=current_time(), command=command, test_set=digest, run=run)
        before = [place for place, other in enumerate(noted) if _is_same(look, other)]
        if is_once and before:
            del noted[before[0] + 1 :]  # what it saw then
        else:
            noted.append(look)
            write_json(folder / TEST_LOOKS, LooksAtTest(looks=tuple(noted)).to_json())
    # Looks that version 0.1 kept with each run are of the test part that the run was judged on.
    older = [
        look for path in sorted(folder.glob(f"{RUNS}/*/{TEST_LOOKS}")) for look in _read_looks(path)
    ]
    same = [look for look in noted if look.test_set in (digest, None)]
    return sorted([*older, *same], key=lambda look: look.time)


def read_looks(folder: Path) -> list[Look]:
    """All looks that are kept in an experiments folder, at whichever test set, oldest first.

    Raises InputError for a file that is damaged.
    """
    noted = _read_looks(folder / TEST_LOOKS)
    older = [
        dataclasses.replace(look, run=look.run or path.parent.name)
        for path in sorted(folder.glob(f"{RUNS}/*/{TEST_LOOKS}"))
        for look in _read_looks(path)
    ]
    return sorted([*older, *noted], key=lambda look: look.time)


def _is_same(look: Look, other: Look) -> bool:
    return (look.command, look.test_set, look.run) == (other.command, other.test_set, other.run)


def count_test_looks(folder: Path, images: LabelledPredictions | Manifest) -> int:
    """How often the test set of these images has been looked at, by what an experiments folder
    keeps.
    """
    digest = digest_test_set(images)
    noted = _read_looks(folder / TEST_LOOKS)
    older = [_read_looks(path) for path in folder.glob(f"{RUNS}/*/{TEST_LOOKS}")]
    return sum(look.test_set in (digest, None) for look in noted) + sum(map(len, older))


def has_look(run_dir: Path) -> bool:
    """Whether the test scores of a run have been looked at."""
    noted = _read_looks(looks_folder(run_dir) / TEST_LOOKS)
    return any(look.run == run_dir.name for look in noted) or bool(
        _read_looks(run_dir / TEST_LOOKS)
    )


def looks_folder(run_dir: Path) -> Path:
    """Where looks at a run's test set are kept: its experiments folder, or its own.

    A run that was moved out of its experiments folder keeps count by itself.
    """
    place = run_dir.absolute().parent
    return place.parent if place.name == RUNS else run_dir


def find_test_run(predictions: Path) -> Path | None:
    """The folder of the run whose test predictions a file is, links followed; None for others."""
    run = find_run_of(predictions, "test")
    return None if run is None else run.path


def digest_test_set(labelled: LabelledPredictions | Manifest) -> str:
    """SHA-256 of the images and patients of a test or validation set, in any order and spelling.

    Labels do not take part: a test set whose labels were corrected has been looked at all the same.
    """
    names = [str(name).rpartition("/")[2] for name in canonical_image_names(labelled.image_ids)]
    patients = canonical_patient_ids(labelled.patient_ids)
    lines = sorted(f"{name}\t{patient}" for name, patient in zip(names, patients, strict=True))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _read_looks(path: Path) -> list[Look]:
    # lexists: looks that are a link to nothing are lost, not none.
    if not os.path.lexists(path):
        return []
    remedy = "Restore it from a backup; without it looks can't be counted."
    return list(LooksAtTest.read(path, remedy=remedy).looks)
