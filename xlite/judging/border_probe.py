"""The probe of films' borders: whether marks there go with a label, beyond what the table tells.

N images. One film of each patient is looked at, drawn by chance, so that a patient with many films
is one observation.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from xlite.clahe_cache.radiograph import read_radiograph
from xlite.clahe_cache.store import ClaheCache
from xlite.judging.shortcut_floor import deal_folds, score_table
from xlite.randomness import derive_generator
from xlite.results.border_probe import BorderMark, BorderProbe
from xlite.scores.border_marks import GRID, LEVEL, find_marks, measure_contrast
from xlite.tables.image_folder import find_images

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from xlite.judging.labelled_predictions import LabelledPredictions
    from xlite.judging.shortcut_floor import FloorQuestion

_SIDE = 8 * GRID
_BATCH = 256


def probe_borders(
    labelled: LabelledPredictions, asked: FloorQuestion | None, *, images: Path | None, cache: Path
) -> BorderProbe:
    """The labels that go with marks on the border and in the corners of the judged films.

    asked: what the table says, within whose strata is tested. images: a folder of films; None takes
    the pixels of the CLAHE cache. Raises InputError for images that are missing, and
    UnreadableImageError for damaged ones.
    """
    order = derive_generator("border probe").permutation(len(labelled))
    _, first = np.unique(labelled.patient_ids[order].astype(str), return_index=True)
    chosen = labelled.select(np.sort(order[first]))
    names = [str(name) for name in chosen.image_ids]
    films = _read_cache(names, cache) if images is None else _read_folder(names, images)
    contrast = np.stack([measure_contrast(_shrink(film)) for film in films])
    scores = np.zeros(chosen.targets.shape)
    folds = deal_folds(labelled)
    if asked is not None and asked.columns and folds is not None:
        of_all = np.nan_to_num(score_table(labelled, asked, list(asked.columns), folds))
        scores = of_all[np.sort(order[first])]
    return BorderProbe(
        films=len(chosen),
        level=LEVEL,
        flagged=tuple(
            BorderMark(
                label=labelled.vocabulary[one.column],
                **{name: value for name, value in vars(one).items() if name != "column"},
            )
            for one in find_marks(contrast, chosen.targets, scores)
        ),
    )


def _read_cache(names: Sequence[str], folder: Path) -> Iterator[NDArray[np.uint8]]:
    cache = ClaheCache.open(folder)
    rows = cache.rows_of(names)
    for start in range(0, len(rows), _BATCH):
        yield from cache.read_many(rows[start : start + _BATCH])


def _read_folder(names: Sequence[str], folder: Path) -> Iterator[NDArray[np.uint8]]:
    for path in find_images(names, folder, skip_missing=None):
        film = read_radiograph(str(path))
        # 16-bit films by their upper byte.
        yield (film >> 8 if film.dtype == np.uint16 else film).astype(np.uint8)


def _shrink(film: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The film as (128, 128), areas averaged."""
    is_larger = min(film.shape) >= _SIDE
    shrunk = cv2.resize(
        film, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA if is_larger else cv2.INTER_NEAREST
    )
    return np.asarray(shrunk, dtype=np.uint8)
