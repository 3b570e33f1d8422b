"""`typical_films.safetensors`: what a run keeps of the films that it was trained on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xlite.errors import InputError
from xlite.files import atomic_path
from xlite.inputs import open_regular
from xlite.run_folder.file_names import RUN_TYPICAL_FILMS
from xlite.scores.mean_film import SIDE
from xlite.scores.typical_films import Appearance, TypicalFilms

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SEEN, _UNSEEN = "of the training part", "of the validation part"
_KEY = "xlite"
_OF_FEATURES = ("mean", "directions", "distances")
_OF_APPEARANCE = ("mean_film", "differences", "spreads")


def write_run_typical_films(run_dir: Path, films: TypicalFilms) -> None:
    """Write what a run keeps of its films, atomically."""
    write_typical_films(run_dir / RUN_TYPICAL_FILMS, films)


def write_typical_films(path: Path, films: TypicalFilms) -> None:
    """Write tensors `mean`, `directions` and `distances` with whose distances they are, and
    `mean_film`, `differences` and `spreads` where films' appearance is kept.
    """
    from safetensors.numpy import save

    tensors = {name: getattr(films, name) for name in _OF_FEATURES}
    if films.appearance is not None:
        tensors |= {name: getattr(films.appearance, name) for name in _OF_APPEARANCE}
    metadata = {_KEY: _UNSEEN if films.is_unseen else _SEEN}
    with atomic_path(path) as temporary:
        temporary.write_bytes(save(tensors, metadata))


def read_typical_films(path: Path, *, remedy: str) -> TypicalFilms:
    """The films in a file of `write_typical_films`, or of an earlier version, which kept nothing of
    their appearance.

    Raises InputError, which ends in `remedy`, for another file, and for tensors that don't fit
    together or hold what is no number.
    """
    from safetensors import SafetensorError, safe_open

    with open_regular(path, what="file of typical films", remedy=remedy):
        try:
            with safe_open(path, framework="np") as file:
                metadata = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except SafetensorError as error:
            raise InputError(f"{path} is no whole .safetensors file ({error}). {remedy}") from None
    if metadata.get(_KEY) not in (_SEEN, _UNSEEN) or not _fit_together(tensors):
        raise InputError(f"{path} does not hold what a run keeps of its films. {remedy}")
    has_appearance = _OF_APPEARANCE[0] in tensors
    return TypicalFilms(
        **{name: tensors[name] for name in _OF_FEATURES},
        is_unseen=metadata[_KEY] == _UNSEEN,
        appearance=Appearance(**{name: tensors[name] for name in _OF_APPEARANCE})
        if has_appearance
        else None,
    )


def _fit_together(tensors: dict[str, NDArray[Any]]) -> bool:
    if not set(_OF_FEATURES) <= set(tensors):
        return False
    mean, directions, distances = (tensors[name] for name in _OF_FEATURES)
    shapes = {
        "mean": (mean.size,),
        "directions": (len(directions) if directions.ndim else 0, mean.size),
        "distances": (distances.size,),
    }
    if set(_OF_APPEARANCE) & set(tensors):
        shapes |= {"mean_film": (SIDE, SIDE), "differences": shapes["distances"], "spreads": (2,)}
    return (
        set(shapes) <= set(tensors)
        and all(tensors[name].shape == shape for name, shape in shapes.items())
        and all(t.dtype == np.float32 and np.isfinite(t).all() for t in tensors.values())
        and bool((tensors.get("spreads", np.ones(2)) > 0).all())
    )
