"""A study on the benchmark's radiographs, and one of its runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.radiographs import find_radiographs
from xlite.clahe_cache import build
from xlite.clahe_cache.plan import SourceImage
from xlite.clahe_cache.record import FileFormat
from xlite.clahe_cache.store import ClaheCache
from xlite.own_process import keep_freed_memory
from xlite.settings import ClaheSettings, LossSettings, Runtime, TrainSettings
from xlite.training.data import StudyData
from xlite.training.device import build_fabric
from xlite.training.identity import RunIdentity
from xlite.training.open_run import OpenRun, open_run

IMAGE_SIZE = 224
NUM_TRAIN, NUM_VAL = 320, 64
BATCH_SIZE = 32


def build_cache(scratch: Path, file_format: FileFormat = "packed") -> ClaheCache:
    """The radiographs' cache, in a folder of its own below `scratch`."""
    manifest = find_radiographs().manifest
    sources = [
        SourceImage(image_id, Path(path))
        for image_id, path in zip(manifest.image_ids, manifest.table["path"], strict=True)
    ]
    out = scratch / file_format
    build.build_cache(sources, out, ClaheSettings(size=IMAGE_SIZE), file_format=file_format)
    return ClaheCache.open(out)


def build_study(cache: ClaheCache, *, num_train: int = NUM_TRAIN) -> StudyData:
    """The radiographs over and over: 320 to train on, or `num_train`, and 64 to validate on."""
    manifest = find_radiographs().manifest

    def take(number: int) -> NDArray[np.int64]:
        return np.arange(number) % len(manifest)

    parts = {"train": manifest.select(take(num_train)), "val": manifest.select(take(NUM_VAL))}
    return StudyData(
        parts={**parts, "test": parts["val"]},
        source=cache,
        is_cached=True,
        image_size=IMAGE_SIZE,
        split_sha256={},
        source_fingerprint=cache.fingerprint,
    )


def choose_settings(model: str) -> TrainSettings:
    """An epoch of that model from random weights, light augmentation, and else the defaults."""
    return TrainSettings(
        model=model,
        initial_weights="none",
        loss=LossSettings(name="bce"),
        epochs=1,
        batch_size=BATCH_SIZE,
        augment="light",
    )


def open_study_run(settings: TrainSettings, data: StudyData, run_dir: Path) -> OpenRun:
    """A run as `xlite train` opens it on the CPU, its run folder there."""
    run_dir.mkdir(parents=True)
    runtime = Runtime(device="cpu", num_workers=0)
    keep_freed_memory()
    fabric = build_fabric(runtime, settings.precision)
    return open_run(RunIdentity.of(settings, data), data, run_dir, fabric=fabric, runtime=runtime)
