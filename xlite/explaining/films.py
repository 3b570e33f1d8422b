"""The films that are explained: whose they are, what is true of them, and their pixels.

N films, C labels of the run.
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
from xlite.loading.loader import RadiographDataset, build_loader, resize_images
from xlite.loading.runtime_clahe import RuntimeClahe
from xlite.sampling.sampler import EpochSampler
from xlite.tables.image_folder import is_image_name, locate_images
from xlite.tables.manifest import Manifest
from xlite.training.loaders import count_workers

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch.utils.data import DataLoader

    from xlite.loading.loader import Batch
    from xlite.settings import ClaheSettings, Runtime

_BATCH = 32

Images = str | Path | Sequence[str | Path]
"""A folder, a film, or several."""


def find_films(images: Images, labels: Sequence[str], table: Manifest | None) -> Manifest:
    """The located films of a table, or those of `images` alone, with the C labels of the run.

    Without a table nothing is known of them, and each counts as a patient of its own. A label of
    the run that the table has not is unknown. Raises InputError for films that are missing, for
    files that are no films, and for a table without any of the labels.
    """
    if table is None:
        paths = _list_films(images)
        return _without_labels(paths, labels)
    if not isinstance(images, str | Path):
        raise InputError("with --labels, --images is the folder that holds the table's films.")
    shared = [name for name in labels if name in table.vocabulary]
    if not shared:
        raise InputError(
            f"the run and the label table have no label in common: the run predicts "
            f"{', '.join(labels)}, and the table has {', '.join(table.vocabulary)}."
        )
    located = locate_images(table, Path(images), skip_missing=None)
    targets = np.full((len(located), len(labels)), UNKNOWN, dtype=np.int8)
    for name in shared:
        targets[:, labels.index(name)] = located.labels[:, table.vocabulary.index(name)]
    return replace(located, labels=targets, vocabulary=tuple(labels), codes=None)


class FilmSource:
    """The pixels of located films, equalised and reduced as a model takes them.

    Raises InputError, which names some, where films can't be read.
    """

    def __init__(self, films: Manifest, clahe: ClaheSettings, image_size: int) -> None:
        self._source = RuntimeClahe([films], clahe)
        self._source.require_readable()
        self._dataset = RadiographDataset(films, self._source, image_size=image_size)
        self._image_size = image_size

    def load(self, runtime: Runtime, *, has_gpu: bool) -> DataLoader[Batch]:
        """Batches of all films in their order; InputError for one that is found to be damaged."""
        return build_loader(
            self._dataset,
            EpochSampler(len(self._dataset), batch_size=_BATCH, seed=0, shuffle=False),
            num_workers=count_workers(runtime, is_cached=False, has_gpu=has_gpu),
            pin_memory=has_gpu,
        )

    def read(self, rows: NDArray[np.int64]) -> torch.Tensor:
        """Some of the films: (B, 1, S, S) uint8."""
        pixels = resize_images(self._source.read_many(rows), self._image_size)
        return torch.from_numpy(pixels[:, None])


def _list_films(images: Images) -> list[Path]:
    given = [images] if isinstance(images, str | Path) else list(images)
    found: list[Path] = []
    for path in map(Path, given):
        if path.is_dir():
            files = (one for one in path.rglob("*") if is_image_name(one.name) and one.is_file())
            found += sorted(files)
        elif path.exists():
            found.append(path)
        else:
            raise InputError(f"{path} does not exist. Pass a film, or a folder of films.")
    if not found:
        raise InputError(f"{', '.join(map(str, given))} holds no film. Pass another --images.")
    return found


def _without_labels(paths: Sequence[Path], labels: Sequence[str]) -> Manifest:
    names = [path.name for path in paths]
    if len(set(names)) < len(names):
        names = list(map(str, paths))
    text = {"image_id": names, "path": list(map(str, paths)), "patient_id": names}
    table = pd.DataFrame({**text, "view": "", "age": np.nan, "sex": ""})
    targets = np.full((len(paths), len(labels)), UNKNOWN, dtype=np.int8)
    return Manifest(table, targets, tuple(labels))
