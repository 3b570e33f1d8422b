from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import subprocess
import time
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from xlite.clahe_cache.build import build_cache
from xlite.clahe_cache.plan import SourceImage
from xlite.clahe_cache.store import ClaheCache
from xlite.errors import InputError, XliteError
from xlite.loading.loader import (
    RadiographDataset,
    build_loader,
    default_num_workers,
    resize_images,
)
from xlite.loading.runtime_clahe import RuntimeClahe
from xlite.loading.transforms import Augmentation
from xlite.sampling.sampler import EpochSampler
from xlite.settings import ClaheSettings
from xlite.tables.image_folder import locate_images
from xlite.tables.label_table import read_manifest


def load_epochs(
    dataset: RadiographDataset, *, num_workers: int, epochs: tuple[int, ...]
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    weights = np.arange(1, len(dataset) + 1, dtype=float)
    sampler = EpochSampler(len(dataset), batch_size=16, seed=7, weights=weights)
    loader = build_loader(dataset, sampler, num_workers=num_workers)
    batches = []
    for epoch in epochs:
        sampler.set_epoch(epoch)
        batches += [(b.images.numpy(), b.targets.numpy(), b.index.numpy()) for b in loader]
    return batches


def make_dataset(project: Any) -> RadiographDataset:
    return RadiographDataset(
        read_manifest(project.table),
        ClaheCache.open(project.cache),
        augmentation=Augmentation("strong", seed=7, horizontal_flip=True),
    )


def test_batches_are_grey_uint8_with_their_labels(project: Any) -> None:
    manifest = read_manifest(project.table)
    cache = ClaheCache.open(project.cache)
    dataset = RadiographDataset(manifest, cache)
    sampler = EpochSampler(len(manifest), batch_size=16, seed=0)
    batch = next(iter(build_loader(dataset, sampler, num_workers=0)))
    assert batch.images.shape == (16, 1, 64, 64)
    assert batch.images.dtype == torch.uint8
    for image, target, row in zip(batch.images, batch.targets, batch.index.tolist(), strict=True):
        expected = cache.read(cache.rows_of([manifest.image_ids[row]])[0])
        np.testing.assert_array_equal(image[0].numpy(), expected)
        np.testing.assert_array_equal(target.numpy(), manifest.labels[row])


@pytest.mark.parametrize("num_workers", [2, 4])
def test_bytes_do_not_depend_on_the_number_of_workers(project: Any, num_workers: int) -> None:
    dataset = make_dataset(project)
    alone = load_epochs(dataset, num_workers=0, epochs=(0, 1))
    shared = load_epochs(dataset, num_workers=num_workers, epochs=(0, 1))
    assert len(alone) == len(shared) == 20
    for expected, given in zip(alone, shared, strict=True):
        for left, right in zip(expected, given, strict=True):
            np.testing.assert_array_equal(left, right)
    # The test would say nothing if all epochs were alike.
    assert (alone[0][0] != alone[10][0]).any()


def test_an_epoch_does_not_depend_on_those_before(project: Any) -> None:
    dataset = make_dataset(project)
    after = load_epochs(dataset, num_workers=0, epochs=(0, 3))[10:]
    fresh = load_epochs(make_dataset(project), num_workers=0, epochs=(3,))
    for left, right in zip(after, fresh, strict=True):
        np.testing.assert_array_equal(left[0], right[0])


def test_runtime_clahe_gives_the_pixels_of_the_cache(project: Any) -> None:
    manifest = locate_images(read_manifest(project.table), project.images)
    runtime = RuntimeClahe([manifest], ClaheSettings(size=64, grid=4))
    cache = ClaheCache.open(project.cache)
    ids = list(manifest.image_ids[[5, 3, 90]])
    np.testing.assert_array_equal(
        runtime.read_many(runtime.rows_of(ids)), cache.read_many(cache.rows_of(ids))
    )


def test_runtime_clahe_gives_the_pixels_of_the_cache_on_real_images(
    nih_sample: Path, tmp_path: Path
) -> None:
    manifest = read_manifest(nih_sample / "Data_Entry_2017.csv").select(np.arange(6))
    manifest = locate_images(manifest, nih_sample)
    sources = [
        SourceImage(image_id, Path(path))
        for image_id, path in zip(manifest.image_ids, manifest.table["path"], strict=True)
    ]
    build_cache(sources, tmp_path / "cache", ClaheSettings(), workers=1)
    cache = ClaheCache.open(tmp_path / "cache")
    runtime = RuntimeClahe([manifest], ClaheSettings())
    rows = np.arange(6)
    np.testing.assert_array_equal(runtime.read_many(rows), cache.read_many(rows))


def test_images_are_resized_by_area_or_linearly() -> None:
    images = np.full((2, 8, 8), 7, dtype=np.uint8)
    images[:, ::2] = 9
    assert (resize_images(images, 4) == 8).all()
    assert resize_images(images, 16).shape == (2, 16, 16)


def test_the_memory_map_needs_no_workers_on_a_cpu() -> None:
    assert default_num_workers(is_cached=True, has_gpu=False) == 0
    assert default_num_workers(is_cached=False, has_gpu=False) > 0
    assert default_num_workers(is_cached=True, has_gpu=True) > 0


def copy_of_images(project: Any, tmp_path: Path) -> tuple[Path, list[Path]]:
    folder = tmp_path / "images"
    shutil.copytree(project.images, folder)
    return folder, sorted(folder.iterdir())


def damage_in_the_middle(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_broken_image_is_named_with_its_path_in_workers_too(
    project: Any, tmp_path: Path, num_workers: int
) -> None:
    folder, paths = copy_of_images(project, tmp_path)
    damage_in_the_middle(paths[20])
    manifest = locate_images(read_manifest(project.table), folder)
    runtime = RuntimeClahe([manifest], ClaheSettings(size=64))
    runtime.require_readable()
    dataset = RadiographDataset(manifest, runtime)
    sampler = EpochSampler(len(manifest), batch_size=16, seed=0, shuffle=False)
    with pytest.raises(InputError) as caught:
        list(build_loader(dataset, sampler, num_workers=num_workers))
    message = str(caught.value)
    assert message.startswith(f"image {paths[20]}: damaged PNG")
    assert "Replace the files" in message
    assert "Traceback" not in message


def test_what_a_look_shows_is_told_before_training(
    project: Any, tmp_path: Path, xlite: Any
) -> None:
    folder, paths = copy_of_images(project, tmp_path)
    paths[3].write_bytes(paths[3].read_bytes()[:-1])
    paths[4].write_bytes(b"")
    paths[5].unlink()
    os.mkfifo(paths[5])
    paths[6].unlink()
    paths[6].symlink_to("nowhere.png")
    whole = cv2.imread(str(paths[7]), cv2.IMREAD_GRAYSCALE)
    paths[7].write_bytes(cv2.imencode(".jpg", whole)[1].tobytes())
    paths[8].write_bytes(cv2.imencode(".bmp", whole)[1].tobytes())
    with paths[9].open("ab") as file:
        file.write(b"after the end")
    result = xlite(
        *("train", "--models", "resnet18", "--split", project.split, "--images", folder),
        *("--out", tmp_path / "out"),
    )
    assert result.exit_code == 2
    reasons = ("truncated PNG", "the file is empty", "is a named pipe")
    for path, reason in zip(paths[3:6], reasons, strict=True):
        assert f"{path}: {reason}" in result.stderr
    assert "4 of 160 images can't be read" in result.stderr
    assert "and 1 others" in result.stderr
    assert not (tmp_path / "out").exists()


class BrokenSource:
    """Images that can't be had; a process that asks for row 0 is killed."""

    def __init__(self, error: type[Exception] | None, *arguments: str) -> None:
        self.error, self.arguments = error, arguments

    def rows_of(self, image_ids: Any) -> np.ndarray:
        return np.arange(len(image_ids))

    def read_many(self, rows: np.ndarray) -> np.ndarray:
        if self.error is None:
            os.kill(os.getpid(), signal.SIGKILL)
        raise self.error(*self.arguments)


class TwoArgumentsError(Exception):
    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")


@pytest.mark.parametrize(
    ("error", "arguments", "expected"),
    [
        (InputError, ("x.png is missing",), InputError),
        # It can't be sent to another process as it is.
        (TwoArgumentsError, ("x.png", "is missing"), RuntimeError),
    ],
)
def test_an_error_in_a_loader_process_is_the_error_itself(
    project: Any, error: type[Exception], arguments: tuple[str, ...], expected: type[Exception]
) -> None:
    source = BrokenSource(error, *arguments)
    dataset = RadiographDataset(read_manifest(project.table), source)
    sampler = EpochSampler(len(dataset), batch_size=16, seed=0)
    with pytest.raises(expected) as caught:
        list(build_loader(dataset, sampler, num_workers=1))
    assert all(text in str(caught.value) for text in arguments)
    assert "Traceback" not in str(caught.value), "its message is shown to the user"
    assert expected is RuntimeError or "read_many" in "".join(caught.value.__notes__)


def test_a_loader_process_that_is_killed_is_said_in_a_sentence(project: Any) -> None:
    dataset = RadiographDataset(read_manifest(project.table), BrokenSource(None))
    sampler = EpochSampler(len(dataset), batch_size=16, seed=0)
    with pytest.raises(XliteError, match="a loader process was killed"):
        list(build_loader(dataset, sampler, num_workers=1))


@pytest.mark.skipif(not hasattr(signal, "sigwaitinfo"), reason="no sender of a signal is known")
def test_loader_processes_outlive_the_end_that_is_asked_of_all_processes_of_a_job(
    project: Any,
) -> None:
    dataset = make_dataset(project)
    sampler = EpochSampler(len(dataset), batch_size=4, seed=0)
    undisturbed = [batch.index.tolist() for batch in build_loader(dataset, sampler)]
    before = multiprocessing.active_children()
    batches = iter(build_loader(dataset, sampler, num_workers=2))
    seen = [next(batches).index.tolist()]
    children = [child for child in multiprocessing.active_children() if child not in before]
    assert len(children) == 2
    # The server that they come from, too: their own state is read from it.
    server = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
    pids = [str(pid) for pid in (server, *(child.pid for child in children))]
    subprocess.run(["kill", "-TERM", *pids], check=True)
    time.sleep(0.5)
    seen += [batch.index.tolist() for batch in batches]
    assert seen == undisturbed
    assert len(seen) > 6  # more than what was ready when the signal came


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="this system masks no signals")
def test_loader_processes_end_when_the_trainer_ends_them(project: Any) -> None:
    """As multiprocessing does at the end of a process that an error has ended."""
    before = multiprocessing.active_children()
    dataset = make_dataset(project)
    sampler = EpochSampler(len(dataset), batch_size=4, seed=0)
    batches = iter(build_loader(dataset, sampler, num_workers=2))
    next(batches)
    children = [child for child in multiprocessing.active_children() if child not in before]
    assert len(children) == 2
    for child in children:
        child.terminate()
    for child in children:
        child.join(20)
        assert not child.is_alive()
