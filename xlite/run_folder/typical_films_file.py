"""`typical_films.safetensors`: what a run keeps of the films that it was trained on."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from xlite.errors import InputError
from xlite.files import atomic_path
from xlite.inputs import open_regular
from xlite.run_folder.file_names import RUN_TYPICAL_FILMS
from xlite.scores.typical_films import TypicalFilms

_SEEN, _UNSEEN = "of the training part", "of the validation part"
_KEY = "xlite"
_TENSORS = ("mean", "directions", "distances")


def write_run_typical_films(run_dir: Path, films: TypicalFilms) -> None:
    """Write what a run keeps of its films, atomically."""
    write_typical_films(run_dir / RUN_TYPICAL_FILMS, films)


def write_typical_films(path: Path, films: TypicalFilms) -> None:
    """Write tensors `mean`, `directions` and `distances` with whose distances they are."""
    from safetensors.numpy import save

    tensors = {name: getattr(films, name) for name in _TENSORS}
    metadata = {_KEY: _UNSEEN if films.is_unseen else _SEEN}
    with atomic_path(path) as temporary:
        temporary.write_bytes(save(tensors, metadata))


def read_typical_films(path: Path, *, remedy: str) -> TypicalFilms:
    """The films in a file of `write_typical_films`.

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
    shapes = [
        tensors[name].shape for name in ("mean", "directions", "distances") if name in tensors
    ]
    is_whole = (
        metadata.get(_KEY) in (_SEEN, _UNSEEN)
        and [len(shape) for shape in shapes] == [1, 2, 1]
        and shapes[0][0] == shapes[1][1]
        and all(t.dtype == np.float32 and np.isfinite(t).all() for t in tensors.values())
    )
    if not is_whole:
        raise InputError(f"{path} does not hold what a run keeps of its films. {remedy}")
    return TypicalFilms(
        mean=tensors["mean"],
        directions=tensors["directions"],
        distances=np.sort(tensors["distances"]),
        is_unseen=metadata[_KEY] == _UNSEEN,
    )
