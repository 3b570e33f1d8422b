"""What is to be known before maps are believed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xlite.errors import InputError
from xlite.ids import match_image_names
from xlite.places import VALIDATION
from xlite.splitting.split_folder import read_split

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.run_folder.folder import RunFolder
    from xlite.tables.manifest import Manifest

_FEW_CELLS = 5


def note_faults(
    run: RunFolder,
    films: Manifest,
    maps: NDArray[np.floating[Any]],
    *,
    split_dir: Path | None = None,
) -> tuple[str, ...]:
    """Sentences on films that the run was trained on, on coarse maps, and on empty ones.

    The split is looked for in `split_dir`, else where the run says that it lay; of one that has
    moved nothing is said.
    """
    notes = []
    place = split_dir or run.data.split_dir
    try:
        parts = {} if place is None else read_split(Path(place)).parts
    except InputError:
        parts = {}
    for part, what in (("train", "trained on"), (VALIDATION, "chosen by")):
        if part in parts:
            seen = int((match_image_names(films.image_ids, parts[part].image_ids) >= 0).sum())
            if seen:
                notes.append(f"{seen:,} of {len(films):,} films are among those it was {what}.")
    height, width = maps.shape[1:]
    if len(maps) and min(height, width) < _FEW_CELLS:
        notes.append(
            f"A map has {height} x {width} cells: what is smaller than a cell can't be pointed to. "
            "A larger --image-size has more."
        )
    empty = int((maps.max(axis=(1, 2)) <= 0).sum()) if len(maps) else 0
    if empty:
        notes.append(f"{empty:,} of {len(maps):,} maps are empty: nothing speaks for the label.")
    return tuple(notes)
