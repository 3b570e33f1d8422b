"""The data of a study: the three parts of a split and where their images come from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xlite import console
from xlite.artifacts import SPLIT_PARTS
from xlite.config import ClaheSettings, fingerprint_of
from xlite.dataset.cache import ClaheCache
from xlite.dataset.images import locate_images
from xlite.dataset.loader import ImageSource, RuntimeClahe
from xlite.dataset.manifest import Manifest
from xlite.dataset.split import Split
from xlite.errors import InputError
from xlite.scores.ranking import auroc

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class StudyData:
    """What every run of a study shares."""

    parts: dict[str, Manifest]
    source: ImageSource
    is_cached: bool
    image_size: int
    """Side in pixels of what `source` gives."""
    split_sha256: dict[str, str]
    """SHA-256 of each part's file."""
    source_fingerprint: str
    """What the pixels depend on."""

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """The C labels."""
        return self.parts["train"].vocabulary

    @property
    def fingerprint(self) -> str:
        """Changes when an image, a label or a side of the split does."""
        return fingerprint_of([self.split_sha256, self.source_fingerprint])


def load_study_data(split: Split, cache_dir: Path, *, images_dir: Path | None = None) -> StudyData:
    """The data of a split whose images lie in a CLAHE cache.

    Without a cache, and with `images_dir`, CLAHE is computed while loading, with a warning.
    Raises InputError when a part is too poor to train or to judge on.
    """
    source: ImageSource
    parts = split.parts
    if images_dir is not None:
        settings = ClaheSettings()
        console.warn(
            f"CLAHE is computed at each loading from {images_dir}, an order of magnitude slower "
            "than from a cache. For more than a quick look run `xlite cache-clahe` first."
        )
        parts = {
            name: locate_images(part, images_dir, skip_missing=None) for name, part in parts.items()
        }
        source = RuntimeClahe(list(parts.values()), settings)
        source.require_readable()
        size, fingerprint = settings.size, settings.fingerprint()
    else:
        cache = ClaheCache.open(cache_dir)
        cache.require_whole()
        source, size, fingerprint = cache, cache.size, cache.fingerprint
        parts = _leave_out(parts, cache.failed_ids())
    _check_parts(parts)
    return StudyData(
        parts=parts,
        source=source,
        is_cached=images_dir is None,
        image_size=size,
        split_sha256=split.sha256,
        source_fingerprint=fingerprint,
    )


def _leave_out(parts: dict[str, Manifest], failed: list[str]) -> dict[str, Manifest]:
    """The parts without images that the cache could not read, which are counted and named."""
    kept = {name: part.select(~np.isin(part.image_ids, failed)) for name, part in parts.items()}
    num_left_out = sum(len(part) - len(kept[name]) for name, part in parts.items())
    if num_left_out:
        console.warn(
            f"{num_left_out} images are left out: they could not be read when the cache was "
            f"built (first: {', '.join(failed[:5])})."
        )
    return kept


def _check_parts(parts: dict[str, Manifest]) -> None:
    for name in SPLIT_PARTS:
        if name not in parts or not len(parts[name]):
            raise InputError(f"the {name} part of the split is empty. Run `xlite split` again.")
    for name in ("train", "val"):
        if not _judgeable(parts[name].labels).any():
            raise InputError(
                f"no label has both a positive and a negative image in the {name} part. "
                "Split a larger label table."
            )


def _judgeable(labels: NDArray[np.int8]) -> NDArray[np.bool_]:
    result: NDArray[np.bool_] = ~np.isnan(auroc(labels, np.zeros(labels.shape)))
    return result
