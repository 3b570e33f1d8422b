"""Batches of 32 images of 224 x 224: the packed cache against what people load without it.

Every contender gives uint8 batches, unnormalised, in an order of its own choosing. Worker
processes live on between rounds, so that only their work is timed.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image

from benchmarks.albumentations_peer import build_transforms
from benchmarks.measure import Row, Work, compare_rates, time_in_turns
from benchmarks.radiographs import find_radiographs
from xlite.clahe_cache.build import build_cache
from xlite.clahe_cache.file_names import CACHE_IMAGES
from xlite.clahe_cache.plan import SourceImage
from xlite.clahe_cache.record import FileFormat
from xlite.clahe_cache.store import ClaheCache
from xlite.loading.loader import PixelSource, RadiographDataset, build_loader
from xlite.loading.runtime_clahe import RuntimeClahe
from xlite.loading.transforms import STRENGTHS, Augmentation
from xlite.models.pretrained import import_timm
from xlite.sampling.sampler import EpochSampler
from xlite.settings import ClaheSettings
from xlite.tables.manifest import Manifest

_BATCH = 32
_SETTINGS = ClaheSettings(size=224)
# The sample's 12 MB would stay in the processor's cache, which makes a copy ten times faster.
_MIN_IMAGES = 1_200
_EPOCHS = {"none": 20, "light": 2}
_RUNTIME_IMAGES = 64


def run() -> list[Row]:
    """The rows of the loader with 0 workers, and one of 0 against 2."""
    sample = find_radiographs().manifest
    manifest = _repeat(sample)
    few = manifest.select(np.arange(_RUNTIME_IMAGES))
    with tempfile.TemporaryDirectory(prefix="xlite-bench-") as scratch:
        packed = _build_cache(manifest, Path(scratch) / "packed", "packed")
        png = _build_cache(sample, Path(scratch) / "png", "png")
        contenders: dict[str, Work] = {"timm": _load_with_timm(png.path)}
        for strength, epochs in _EPOCHS.items():
            contenders |= {
                f"cache {strength}": _load(manifest, packed, strength, epochs),
                f"cache {strength}, 2 workers": _load(
                    manifest, packed, strength, epochs, num_workers=2
                ),
                f"map {strength}": _load_from_map(packed.path, len(manifest), strength, epochs),
                f"runtime {strength}": _load(few, RuntimeClahe([few], _SETTINGS), strength, 1),
                f"bare runtime {strength}": _equalise_while_loading(few, strength),
            }
        if importlib.util.find_spec("torchxrayvision") is not None:
            contenders["torchxrayvision"] = _load_with_torchxrayvision(few)
        seconds = time_in_turns(contenders, rounds=5)
    comparisons: list[tuple[str, str, str, float | None]] = [
        ("light", "runtime light", "runtime CLAHE (xlite), same augmentation", 40),
        ("light", "bare runtime light", "runtime CLAHE (bare loop), same augmentation", 40),
        ("none", "runtime none", "runtime CLAHE (xlite)", 40),
        ("none", "bare runtime none", "runtime CLAHE (bare loop)", 40),
        ("light", "timm", "timm's loader on 224 PNG, similar augmentation, 2 workers", 6),
        ("light", "map light", "bare memory map, same augmentation", 0.9),
        # For information: a copy of 1.6 MB takes 70 µs, and a DataLoader alone as much as a tenth.
        ("none", "map none", "bare memory map", None),
        ("light", "cache light, 2 workers", "2 workers instead of 0", 1),
        ("none", "cache none, 2 workers", "2 workers instead of 0", 1),
    ]
    if "torchxrayvision" in seconds:
        words = "torchxrayvision's dataset from the originals, its default resizing, no CLAHE"
        comparisons.append(("none", "torchxrayvision", words, None))
    return [
        compare_rates(
            f"batches, augmentation {strength}: {words}",
            seconds,
            ours=f"cache {strength}",
            peer=peer,
            target=target,
            unit="images/s",
        )
        for strength, peer, words, target in comparisons
    ]


def _repeat(manifest: Manifest) -> Manifest:
    copies = -(-_MIN_IMAGES // len(manifest))
    repeated = manifest.select(np.tile(np.arange(len(manifest)), copies))
    names = [f"{row}/{image_id}" for row, image_id in enumerate(repeated.image_ids)]
    return replace(repeated, table=repeated.table.assign(image_id=names))


def _build_cache(manifest: Manifest, out: Path, file_format: FileFormat) -> ClaheCache:
    sources = [
        SourceImage(image_id, Path(path))
        for image_id, path in zip(manifest.image_ids, manifest.table["path"], strict=True)
    ]
    build_cache(sources, out, _SETTINGS, file_format=file_format)
    return ClaheCache.open(out)


def _load(
    manifest: Manifest, source: PixelSource, strength: str, epochs: int, *, num_workers: int = 0
) -> Work:
    augmentation = None if strength == "none" else Augmentation(strength, seed=0)
    sampler = EpochSampler(len(manifest), batch_size=_BATCH, seed=0)
    loader = build_loader(
        RadiographDataset(manifest, source, augmentation=augmentation),
        sampler,
        num_workers=num_workers,
    )

    def work() -> int:
        num_images = 0
        for epoch in range(epochs):
            sampler.set_epoch(epoch)
            num_images += sum(len(batch.images) for batch in loader)
        return num_images

    return work


def _load_from_map(cache_dir: Path, num_images: int, strength: str, epochs: int) -> Work:
    edge = _SETTINGS.size
    path = cache_dir / CACHE_IMAGES
    pixels = np.memmap(path, np.uint8, mode="r", shape=(num_images, edge, edge))
    augment = _plain_augmentation(strength)
    rng = np.random.default_rng(0)

    def work() -> int:
        loaded = 0
        for _ in range(epochs):
            order = rng.permutation(num_images)
            for start in range(0, num_images, _BATCH):
                images = pixels[order[start : start + _BATCH]]
                if augment is not None:
                    images = np.stack([augment(image=image)["image"] for image in images])
                loaded += len(torch.from_numpy(images).unsqueeze(1))
        return loaded

    return work


def _equalise_while_loading(manifest: Manifest, strength: str) -> Work:
    paths: Sequence[str] = list(manifest.table["path"])
    augment = _plain_augmentation(strength)
    edge = _SETTINGS.size

    def load(path: str) -> Any:
        grey = np.asarray(Image.open(path).convert("L"))
        equalised = cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8)).apply(grey)
        image = cv2.resize(equalised, (edge, edge), interpolation=cv2.INTER_AREA)
        return image if augment is None else augment(image=image)["image"]

    def work() -> int:
        loaded = 0
        for start in range(0, len(paths), _BATCH):
            images = np.stack([load(path) for path in paths[start : start + _BATCH]])
            loaded += len(torch.from_numpy(images).unsqueeze(1))
        return loaded

    return work


def _plain_augmentation(strength: str) -> Any:
    # The same kind of image as xlite's, put together as albumentations' manual does.
    if strength == "none":
        return None
    transforms = build_transforms(STRENGTHS[strength])
    return importlib.import_module("albumentations").Compose(transforms)


def _load_with_timm(cache_dir: Path) -> Work:
    import_timm()
    data = importlib.import_module("timm.data")
    # The closest that timm's transforms come to "light": crops of 90 to 100 %, no flip, 10 % of
    # exposure. `.loader` is below the step that normalises, which xlite's model does.
    loader = data.create_loader(
        data.ImageDataset(str(cache_dir / "images")),
        input_size=(3, _SETTINGS.size, _SETTINGS.size),
        batch_size=_BATCH,
        is_training=True,
        scale=(0.9, 1.0),
        ratio=(1.0, 1.0),
        hflip=0.0,
        color_jitter=0.1,
        num_workers=2,
        device=torch.device("cpu"),
    ).loader

    def work() -> int:
        return sum(len(images) for images, _ in loader)

    return work


def _load_with_torchxrayvision(manifest: Manifest) -> Work:
    xrv = importlib.import_module("torchxrayvision")
    torchvision = importlib.import_module("torchvision")
    # It says on standard output what would be faster.
    with contextlib.redirect_stdout(io.StringIO()):
        crop = xrv.datasets.XRayCenterCrop()
        reduce = torchvision.transforms.Compose([crop, xrv.datasets.XRayResizer(_SETTINGS.size)])
    paths: Sequence[str] = list(manifest.table["path"])

    def load(path: str) -> Any:
        # As NIH_Dataset.__getitem__ does, which would want a label table of its own.
        image = importlib.import_module("skimage.io").imread(path)
        return reduce(xrv.datasets.normalize(image, maxval=255, reshape=True))

    def work() -> int:
        loaded = 0
        for start in range(0, len(paths), _BATCH):
            images = np.stack([load(path) for path in paths[start : start + _BATCH]])
            loaded += len(torch.from_numpy(images))
        return loaded

    return work
