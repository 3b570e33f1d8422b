"""An epoch of training, end to end, against timm's training script and a bare loop.

mobilenetv3_large_100 with 14 outputs, batches of 32 at 224 x 224, float32 on the CPU; 320 images
to train on, 64 to validate on. timm's script is no part of its package: its epoch is put together
here from the same public pieces with the script's defaults (SGD, random crops, flips and colour
jitter, 4 loader processes, running averages, accuracy, a checkpoint), from 224 PNGs, which spares
it CLAHE. The bare loop has its batches in memory already, and does nothing beside the step. Each
contender has a process of its own.
"""

from __future__ import annotations

import importlib
import tempfile
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks.measure import Row, Work, compare_rates, in_own_processes, time_in_turns
from benchmarks.study import (
    BATCH_SIZE,
    IMAGE_SIZE,
    NUM_TRAIN,
    NUM_VAL,
    build_cache,
    build_study,
    choose_settings,
    open_study_run,
)
from xlite import console
from xlite.models.pretrained import import_timm
from xlite.signals import StopRequest
from xlite.training.loop import train_epochs
from xlite.training.state import TrainState

_MODEL = "mobilenetv3_large_100"
_NUM_CLASSES = 14
_TITLE = "training epoch, mobilenetv3_large_100"


def run() -> list[Row]:
    """The rows of the whole epoch, validation and checkpoint included."""
    with tempfile.TemporaryDirectory(prefix="xlite-bench-") as folder:
        scratch = Path(folder)
        build_cache(scratch, "png")
        images = scratch / "png" / "images"
        timm = partial(_train_as_timm, images, scratch)
        preparations: dict[str, Callable[[], Work]] = {
            "xlite": partial(_train, scratch),
            "bare": _train_barely,
            "timm channels_last": partial(timm, memory_format="channels_last"),
            "timm": partial(timm, memory_format="contiguous_format"),
        }
        with in_own_processes(preparations) as contenders:
            seconds = time_in_turns(contenders)
    comparisons: list[tuple[str, str, float | None]] = [
        ("timm", "timm's script as it comes", 1.15),
        ("timm channels_last", "timm's script with --channels-last", None),
        ("bare", "bare channels_last loop", 0.97),
    ]
    return [
        compare_rates(
            f"{_TITLE}: {words}", seconds, ours="xlite", peer=peer, target=target, unit="images/s"
        )
        for peer, words, target in comparisons
    ]


def _train(scratch: Path) -> Work:
    console.set_verbosity(console.QUIET)
    data = build_study(build_cache(scratch))
    run = open_study_run(choose_settings(_MODEL), data, scratch / "run")

    def work() -> int:
        run.state = TrainState()
        for _ in train_epochs(run, stop=StopRequest()):
            pass
        return NUM_TRAIN

    return work


def _train_barely() -> Work:
    model = import_timm().create_model(_MODEL, num_classes=_NUM_CLASSES)
    model = model.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters())
    lose = torch.nn.BCEWithLogitsLoss()
    shape = (BATCH_SIZE, 3, IMAGE_SIZE, IMAGE_SIZE)
    images = torch.randn(shape).to(memory_format=torch.channels_last)
    targets = (torch.rand(BATCH_SIZE, _NUM_CLASSES) < 0.1).float()

    def work() -> int:
        model.train()
        for _ in range(NUM_TRAIN // BATCH_SIZE):
            loss = lose(model(images), targets)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        model.eval()
        with torch.inference_mode():
            for _ in range(NUM_VAL // BATCH_SIZE):
                model(images)
        return NUM_TRAIN

    return work


def _train_as_timm(images: Path, scratch: Path, *, memory_format: str) -> Work:
    timm, data, utils = import_timm(), _import("timm.data"), _import("timm.utils")
    channels: Any = getattr(torch, memory_format)
    device = torch.device("cpu")
    model = timm.create_model(_MODEL, num_classes=_NUM_CLASSES).to(memory_format=channels)
    optimizer = _import("timm.optim").create_optimizer_v2(
        model, opt="sgd", lr=0.05, weight_decay=2e-5, momentum=0.9
    )
    scheduler, _ = _import("timm.scheduler").create_scheduler_v2(optimizer, num_epochs=300)
    lose = _import("timm.loss").LabelSmoothingCrossEntropy(smoothing=0.1)
    dataset = data.ImageDataset(str(images))
    shared = {
        "input_size": (3, IMAGE_SIZE, IMAGE_SIZE),
        "batch_size": BATCH_SIZE,
        "num_workers": 4,
        "device": device,
    }
    # 4 processes are its default, whatever the machine has.
    warnings.filterwarnings("ignore", "This DataLoader will create 4 worker processes")
    train_set, val_set = _Repeated(dataset, NUM_TRAIN), _Repeated(dataset, NUM_VAL)
    train_loader = data.create_loader(
        train_set,
        is_training=True,
        hflip=0.5,
        color_jitter=0.4,
        interpolation="random",
        **shared,
    )
    val_loader = data.create_loader(val_set, is_training=False, interpolation="bicubic", **shared)

    def work() -> int:
        losses, top1 = utils.AverageMeter(), utils.AverageMeter()
        model.train()
        for batch, target in train_loader:
            loss = lose(model(batch.contiguous(memory_format=channels)), target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.update(loss.item(), len(batch))
        model.eval()
        with torch.no_grad():
            for batch, target in val_loader:
                output = model(batch.contiguous(memory_format=channels))
                top1.update(utils.accuracy(output, target, topk=(1,))[0].item(), len(batch))
        scheduler.step(1, top1.avg)
        state = {"state_dict": model.state_dict(), "optimizer": optimizer.state_dict()}
        torch.save(state, scratch / "timm.pt")
        return NUM_TRAIN

    return work


class _Repeated(torch.utils.data.Dataset[Any]):
    """The first `length` images of a timm dataset that begins anew at its end."""

    def __init__(self, dataset: Any, length: int) -> None:
        self._dataset, self._length = dataset, length

    @property
    def transform(self) -> Any:
        return self._dataset.transform

    @transform.setter
    def transform(self, transform: Any) -> None:
        self._dataset.transform = transform

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, position: int) -> Any:
        return self._dataset[position % len(self._dataset)]


def _import(name: str) -> Any:
    return importlib.import_module(name)
