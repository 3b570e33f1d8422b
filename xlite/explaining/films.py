"""The films that are explained: whose they are, what is true of them, and their pixels.

N films, C labels of the run, S side in pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch

from xlite.errors import InputError
from xlite.labels import UNKNOWN
from xlite.predicting.film_batches import read_films
from xlite.predicting.films import FilmFiles, Films, locate_films
from xlite.tables.manifest import Manifest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.settings import ClaheSettings


def tabulate_films(
    images: Sequence[Path], labels: Sequence[str], table: Manifest | None
) -> Manifest:
    """The located films of a table, or those of `images` alone, with the C labels of the run.

    images: as `locate_films` takes them. Without a table nothing is known of the films, and each
    counts as a patient of its own. A label of the run that the table has not is unknown. Raises
    InputError for films that are missing, for files that are no films, and for a table of other
    labels alone.
    """
    shared = () if table is None else _find_shared(labels, table)
    pairs = locate_films(images, manifest=table, skip_missing=None)
    paths = [path for _, path in pairs]
    targets = np.full((len(pairs), len(labels)), UNKNOWN, dtype=np.int8)
    if table is None:
        names = [name for name, _ in pairs]
        text = {"image_id": names, "path": paths, "patient_id": names}
        rows = pd.DataFrame({**text, "view": "", "age": np.nan, "sex": ""})
        return Manifest(rows, targets, tuple(labels))
    for name in shared:
        targets[:, labels.index(name)] = table.labels[:, table.vocabulary.index(name)]
    located = table.table.assign(path=paths)
    return replace(table, table=located, labels=targets, vocabulary=tuple(labels), codes=None)


def open_films(located: Manifest, clahe: ClaheSettings) -> Films:
    """The located films as they are read, equalised as a model takes them."""
    return Films(located.image_ids, FilmFiles(located.table["path"].tolist(), clahe))


def read_again(films: Films, rows: NDArray[np.intp], image_size: int) -> torch.Tensor:
    """Some films that were read before: (B, 1, S, S) uint8; InputError for one that has changed."""
    batches = list(read_films(films, rows.tolist(), image_size=image_size, num_workers=0))
    for batch in batches:
        for row, reason in batch.failures.items():
            raise InputError(
                f"{films.image_ids[row]} was changed while it was explained: {reason}. Run the "
                "command again."
            )
    return torch.from_numpy(np.concatenate([batch.images for batch in batches])[:, None])


def _find_shared(labels: Sequence[str], table: Manifest) -> tuple[str, ...]:
    """The labels of the run that the table has; a table without any label says whose films are."""
    shared = tuple(name for name in labels if name in table.vocabulary)
    if table.vocabulary and not shared:
        raise InputError(
            f"the run and the label table have no label in common: the run predicts "
            f"{', '.join(labels)}, and the table has {', '.join(table.vocabulary)}."
        )
    return shared
