"""A study on the benchmark's radiographs, and a trainer of one of its runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.radiographs import find_radiographs
from xlite.clahe_cache import build
from xlite.clahe_cache.plan import SourceImage
from xlite.clahe_cache.record import FileFormat
from xlite.clahe_cache.store import ClaheCache
from xlite.losses.training_loss import build_training_loss
from xlite.models.classifier import build_classifier
from xlite.sampling.label_sets import find_label_sets
from xlite.sampling.sampling_plan import plan_sampling
from xlite.settings import ClaheSettings, LossSettings, Runtime, TrainSettings
from xlite.training.data import StudyData
from xlite.training.device import build_fabric
from xlite.training.engine import Trainer, TrainingData
from xlite.training.identity import RunIdentity
from xlite.training.loaders import RunLoaders
from xlite.training.step import Stepper

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


def build_study(cache: ClaheCache) -> StudyData:
    """The radiographs over and over: 320 to train on and 64 to validate on."""
    manifest = find_radiographs().manifest

    def take(number: int) -> NDArray[np.int64]:
        return np.arange(number) % len(manifest)

    parts = {"train": manifest.select(take(NUM_TRAIN)), "val": manifest.select(take(NUM_VAL))}
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


def build_trainer(settings: TrainSettings, data: StudyData, run_dir: Path) -> Trainer:
    """A trainer as `xlite train` makes it on the CPU, its run folder there."""
    run_dir.mkdir(parents=True)
    train = data.parts["train"]
    fabric = build_fabric(Runtime(device="cpu"), settings.precision)
    loaders = RunLoaders(settings, data, num_workers=0, pin_memory=False)
    sampler = plan_sampling(
        find_label_sets(train.labels),
        settings.sampler,
        train.vocabulary,
        batch_size=settings.batch_size,
        seed=settings.seed,
    ).sampler
    model = build_classifier(
        settings.model,
        num_classes=len(train.vocabulary),
        pretrained=False,
        generator_seed=settings.seed,
        dropout=settings.dropout,
    )
    model.to(memory_format=torch.channels_last)
    return Trainer(
        identity=RunIdentity.of(settings, data),
        stepper=Stepper(
            settings=settings,
            fabric=fabric,
            model=model,
            loss=build_training_loss(
                settings.loss, train.labels, train.vocabulary, device=fabric.device
            ),
            image_ids=train.image_ids,
        ),
        data=TrainingData(
            sampler=sampler,
            train_loader=loaders.build("train", sampler, augment=True),
            val_loader=loaders.build_in_order("val"),
            vocabulary=data.vocabulary,
            train_patients=train.patient_ids,
            val_patients=data.parts["val"].patient_ids,
        ),
        run_dir=run_dir,
        checkpoint_minutes=10,
    )
