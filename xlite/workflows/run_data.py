"""The data that a finished run was trained on, opened again to judge something on them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from xlite.errors import InputError
from xlite.workflows.loaded_data import load_split_data

if TYPE_CHECKING:
    from xlite.run_folder.folder import RunFolder
    from xlite.training.data import StudyData

_REMEDY = "Pass --split DIR and --cache DIR."


def load_run_data(
    run: RunFolder, split: Path | None, cache: Path | None, images: Path | None, *, purpose: str
) -> tuple[StudyData, Path]:
    """The parts of the run's split with its images, and the folder of the split.

    split, cache, images: where they lie; by default where the run was trained from. purpose: what
    they are for, a clause that messages begin with. Raises InputError where they are not there, or
    are not those of the run.
    """
    places = run.data
    found = split or _path(places.split_dir)
    if cache is None and images is None:
        cache, images = _path(places.cache_dir), _path(places.images_dir)
    if found is None or (cache is None and images is None):
        raise InputError(f"{purpose}, and {run.path} does not say where they lie. {_REMEDY}")
    try:
        data = load_split_data(found, None, cache or Path(), images)
    except InputError as error:
        raise InputError(f"{purpose}: {error} {_REMEDY}") from None
    if data.split_sha256 != places.split_sha256:
        raise InputError(
            f"{found} is another split than that of {run.path}. Pass its split with --split DIR."
        )
    if data.source_fingerprint != places.source:
        raise InputError(
            f"{cache or images} holds other pixels than those that {run.path} was trained on. Pass "
            "its cache with --cache DIR."
        )
    return data, found


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)
