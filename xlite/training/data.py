"""The data of a study: the three parts of a split and where their images come from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xlite import console
from xlite.clahe_cache.dicom_grey import DICOM_GREY
from xlite.clahe_cache.store import ClaheCache
from xlite.errors import InputError
from xlite.inputs import open_regular
from xlite.loading.loader import PixelSource
from xlite.loading.runtime_clahe import RuntimeClahe
from xlite.places import SPLIT_PARTS, VALIDATION
from xlite.scores.ranking import auroc
from xlite.settings import ClaheSettings, fingerprint_of
from xlite.splitting.split_folder import Split
from xlite.tables.image_folder import locate_images
from xlite.tables.manifest import Manifest
from xlite.tables.training_part import apply_policy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.settings import TrainSettings

_READERS = 4
_BLOCK_BYTES = 1 << 20
_ONLY = "the split"
"""What messages call a split that is no fold."""


@dataclass(frozen=True, kw_only=True)
class DataPlaces:
    """The folders that the data came from, as they were named; None where that is not known."""

    split_dir: Path | None = None
    cache_dir: Path | None = None
    images_dir: Path | None = None
    """Instead of the cache's."""


@dataclass(frozen=True)
class StudyData:
    """What every run of a study shares."""

    parts: dict[str, Manifest]
    source: PixelSource
    is_cached: bool
    image_size: int
    """Side in pixels of what `source` gives."""
    split_sha256: dict[str, str]
    """SHA-256 of each part's file."""
    source_fingerprint: str
    """What the pixels depend on."""
    clahe: ClaheSettings = field(default_factory=ClaheSettings)
    """How they were equalised."""
    dicom: str | None = None
    """How those of DICOM became grey before that; None of a cache that does not say."""
    places: DataPlaces = field(default_factory=DataPlaces)
    train_targets: NDArray[np.float32] | None = None
    """(N, C) what is learnt of the training part where that is not its labels."""

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """The C labels."""
        return self.parts["train"].vocabulary

    @property
    def has_validation(self) -> bool:
        """Whether epochs and runs can be chosen by a part that they don't train on."""
        return VALIDATION in self.parts

    def read_by(self, settings: TrainSettings) -> StudyData:
        """The data as one run is trained on them: its policy applied to the training part.

        Raises InputError as `apply_policy` does.
        """
        part = apply_policy(self.parts["train"], settings.policy, seed=settings.seed)
        parts = {**self.parts, "train": part.manifest}
        return replace(self, parts=parts, train_targets=part.targets)

    @property
    def fingerprint(self) -> str:
        """Changes when an image, a label or a side of the split does."""
        return fingerprint_of([self.split_sha256, self.source_fingerprint])


def load_study_data(
    split: Split,
    cache_dir: Path,
    *,
    images_dir: Path | None = None,
    split_dir: Path | None = None,
) -> StudyData:
    """The data of a split whose images lie in a CLAHE cache; `split_dir` is where the split lies.

    Without a cache, and with `images_dir`, CLAHE is computed while loading, with a warning.
    The split may have no validation part. Raises InputError when a part is too poor to train or to
    judge on.
    """
    (data,) = load_splits_data({_ONLY: (split, split_dir)}, cache_dir, images_dir=images_dir)
    return data


def load_splits_data(
    splits: Mapping[str, tuple[Split, Path | None]],
    cache_dir: Path,
    *,
    images_dir: Path | None = None,
) -> list[StudyData]:
    """The data of splits of the same images, which are opened once for all of them.

    splits: by what messages call them, each with the folder that it lies in. Otherwise as
    `load_study_data`.
    """
    source: PixelSource
    dicom: str | None = DICOM_GREY
    parts = [dict(split.parts) for split, _ in splits.values()]
    if images_dir is not None:
        settings = ClaheSettings()
        console.warn(
            f"CLAHE is computed at each loading from {images_dir}, an order of magnitude slower "
            "than from a cache. For more than a quick look run `xlite cache-clahe` first."
        )
        parts = [
            {name: locate_images(one, images_dir, skip_missing=None) for name, one in each.items()}
            for each in parts
        ]
        distinct = _take_distinct(parts)
        source = RuntimeClahe(distinct, settings)
        source.require_readable()
        fingerprint = fingerprint_files(distinct, settings)
    else:
        cache = ClaheCache.open(cache_dir)
        cache.require_whole()
        source, settings, fingerprint = cache, cache.settings, cache.fingerprint
        dicom = cache.record.dicom
        parts = _leave_out(parts, cache.failed_ids())
    for name, each in zip(splits, parts, strict=True):
        _check_parts(each, name)
    return [
        StudyData(
            parts=each,
            source=source,
            is_cached=images_dir is None,
            image_size=settings.size,
            split_sha256=split.sha256,
            source_fingerprint=fingerprint,
            clahe=settings,
            dicom=dicom,
            places=DataPlaces(
                split_dir=split_dir,
                cache_dir=cache_dir if images_dir is None else None,
                images_dir=images_dir,
            ),
        )
        for each, (split, split_dir) in zip(parts, splits.values(), strict=True)
    ]


def fingerprint_files(parts: Sequence[Manifest], settings: ClaheSettings) -> str:
    """SHA-256 of how images are equalised, and of the name and the bytes of each image file.

    Not of where the files lie or when they were written: a copy of the folder is the same data.
    Every byte is read: on the 400 radiographs of a sample of NIH's (0.41 MB each) that took 0.4 ms
    of a core an image, once a command, where equalising takes 11 ms in every epoch.
    """
    digest = hashlib.sha256(settings.fingerprint().encode())
    places = {
        str(image_id): Path(path)
        for part in parts
        for image_id, path in zip(part.image_ids, part.table["path"], strict=True)
    }
    names = sorted(places)
    # hashlib and reading let go of the interpreter's lock.
    with ThreadPoolExecutor(_READERS) as readers:
        sums = readers.map(_hash_image, (places[name] for name in names))
        for name, found in zip(names, sums, strict=True):
            digest.update(f"{name}\0{found}\n".encode())
    return digest.hexdigest()


def _hash_image(path: Path) -> str:
    digest = hashlib.sha256()
    with open_regular(path, what="image", remedy="Pass another --images DIR.") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _take_distinct(splits: Sequence[Mapping[str, Manifest]]) -> list[Manifest]:
    """Every image of all of the splits once."""
    seen: set[str] = set()
    taken = []
    for part in (part for parts in splits for part in parts.values()):
        is_new = np.array([image_id not in seen for image_id in part.image_ids], dtype=np.bool_)
        seen.update(part.image_ids)
        taken.append(part.select(is_new))
    return taken


def _leave_out(
    splits: Sequence[Mapping[str, Manifest]], failed: list[str]
) -> list[dict[str, Manifest]]:
    """The parts without images that the cache could not read, which are counted and named."""
    if failed:
        num_left_out = sum(
            int(np.isin(part.image_ids, failed).sum()) for part in _take_distinct(splits)
        )
        if num_left_out:
            console.warn(
                f"{num_left_out} images are left out: they could not be read when the cache was "
                f"built (first: {', '.join(failed[:5])})."
            )
    return [
        {name: part.select(~np.isin(part.image_ids, failed)) for name, part in parts.items()}
        for parts in splits
    ]


def _check_parts(parts: Mapping[str, Manifest], where: str) -> None:
    # A split may be made without validation; a part that is there has to be of use.
    for name in SPLIT_PARTS:
        is_absent = name not in parts and name != VALIDATION
        if is_absent or (name in parts and not len(parts[name])):
            raise InputError(f"the {name} part of {where} is empty. Run `xlite split` again.")
    for name in ("train", VALIDATION):
        if name in parts and not _judgeable(parts[name].labels).any():
            raise InputError(
                f"no label has both a positive and a negative image in the {name} part"
                f"{'' if where == _ONLY else f' of {where}'}. Split a larger label table."
            )


def _judgeable(labels: NDArray[np.int8]) -> NDArray[np.bool_]:
    result: NDArray[np.bool_] = ~np.isnan(auroc(labels, np.zeros(labels.shape)))
    return result
