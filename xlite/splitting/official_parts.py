"""A source's official parts, kept as they are; what it has none of is carved out by patient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from xlite.errors import InputError
from xlite.places import SPLIT_PARTS
from xlite.splitting.carving import TRAIN
from xlite.splitting.patient_disjoint import assign_patients

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.splitting.strata import Strata
    from xlite.tables.manifest import Manifest

_PLACES = {name: place for place, name in enumerate(SPLIT_PARTS)} | {"train_val": TRAIN}


def name_official_parts(manifest: Manifest) -> tuple[str, ...]:
    """The official parts that a table names, in the order of a split; InputError for none."""
    named = set(manifest.table.get("part", ())) - {""}
    if not named:
        raise InputError(
            "--official: the table says of no image which official part it is in. Name the folder "
            "with all of the source's files as --labels and the source as --dataset "
            "(docs/datasets.md says which have parts), or leave --official out."
        )
    return tuple(name for name in _PLACES if name in named)


def keep_official_parts(
    manifest: Manifest,
    *,
    shares: Sequence[float],
    seed: int,
    strata: Strata | None = None,
) -> NDArray[np.int64]:
    """(N,) where each image is, by its place in `SPLIT_PARTS`.

    A part that the source has stays whole; one that it has not, and that has a share, is carved
    out of the official training images by patient. shares: of training, validation and test.
    Raises InputError for images without a part, and where there is nobody to train on.
    """
    named = name_official_parts(manifest)
    texts = manifest.table["part"].to_numpy(dtype=object)
    strangers = ~np.isin(texts, [*_PLACES])
    if strangers.any():
        raise InputError(
            f"--official: {int(strangers.sum()):,} images are in no official part (first: "
            f"{manifest.image_ids[strangers][0]}). Name the folder with all of the source's files "
            "as --labels, or leave --official out."
        )
    part = np.array([_PLACES[text] for text in texts], dtype=np.int64)
    is_train = part == TRAIN
    if not is_train.any():
        raise InputError(
            f"--official: the table has {' and '.join(named)} alone, and no training part. Leave "
            "--official out, or judge on the table as it is."
        )
    if shares[1] == 0 and "val" in named:
        raise InputError(
            "--no-val: the source has an official validation part. Leave one of the two out."
        )
    missing = [
        place
        for name, place in _PLACES.items()
        if place != TRAIN and name not in named and shares[place] > 0
    ]
    if missing:
        places = np.array([TRAIN, *missing])
        wanted = np.array([shares[place] for place in places])
        dealt = assign_patients(
            manifest.labels[is_train],
            manifest.select(is_train).patient_codes,
            ratios=tuple(wanted / wanted.sum()),
            seed=seed,
            strata=None if strata is None else strata.select(is_train).indicators,
        )
        part[is_train] = places[dealt]
    return part
