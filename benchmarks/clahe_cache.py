"""Building the CLAHE cache against X-Lite's script and a plain OpenCV pipeline."""

from __future__ import annotations

import multiprocessing
import struct
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

# Peers' worker processes import this module: xlite stays out of it until `run` is called.
import cv2
import numpy as np
from kornia_rs.io import decode_image_png_u8
from PIL import Image

from benchmarks.measure import Row, compare_rates, time_in_turns

_PROCESSES = 2
# Several times over the sample: a real data set is a hundred times longer still, and the start of
# the processes would weigh too much.
_PASSES = 12
# The full-size script has no start-up to spread, and is slow.
_FULL_SIZE_IMAGES = 80
_SIZE = 224


def run() -> list[Row]:
    """The rows of whole builds, start of the worker processes included."""
    from benchmarks.radiographs import find_radiographs
    from xlite.own_process import keep_freed_memory

    # As the command does.
    keep_freed_memory()
    paths = find_radiographs().paths
    seconds = time_in_turns(
        {
            "packed": lambda: _in_scratch(_build_cache, paths, "packed"),
            "png": lambda: _in_scratch(_build_cache, paths, "png"),
            "full size": lambda: _in_scratch(_write_full_size, paths[:_FULL_SIZE_IMAGES]),
            "plain": lambda: _in_scratch(_write_plainly, paths * _PASSES),
            "bare": lambda: _in_scratch(_pack_barely, paths * _PASSES),
        },
        warm_up=False,
    )
    unit = "images/s"
    return [
        compare_rates(
            "CLAHE cache, packed: OpenCV to full-size PNG, 1 process",
            seconds,
            ours="packed",
            peer="full size",
            target=5,
            unit=unit,
        ),
        compare_rates(
            "CLAHE cache, packed: plain OpenCV to 224 PNG, 2 processes",
            seconds,
            ours="packed",
            peer="plain",
            target=1.4,
            unit=unit,
        ),
        compare_rates(
            "CLAHE cache, packed: bare loop with the fastest decoder, 2 processes",
            seconds,
            ours="packed",
            peer="bare",
            target=0.95,
            unit=unit,
        ),
        compare_rates(
            "CLAHE cache, png: plain OpenCV to 224 PNG, 2 processes",
            seconds,
            ours="png",
            peer="plain",
            target=None,
            unit=unit,
        ),
    ]


def _in_scratch(work: Callable[..., int], *arguments: object) -> int:
    with tempfile.TemporaryDirectory(prefix="xlite-bench-") as scratch:
        return work(*arguments, out=Path(scratch))


def _build_cache(paths: Sequence[Path], file_format: str, *, out: Path) -> int:
    from xlite.clahe_cache.build import build_cache
    from xlite.clahe_cache.plan import SourceImage
    from xlite.settings import ClaheSettings

    sources = [
        SourceImage(f"{turn}/{path.name}", path) for turn in range(_PASSES) for path in paths
    ]
    summary = build_cache(
        sources,
        out / "cache",
        ClaheSettings(size=_SIZE),
        file_format="png" if file_format == "png" else "packed",
        workers=_PROCESSES,
    )
    return summary.images


def _write_full_size(paths: Sequence[Path], *, out: Path) -> int:
    # As X-Lite does it, grey to colour and back included.
    clahe = cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8))
    for path in paths:
        grey = np.array(Image.open(path).convert("L"))
        colour = cv2.cvtColor(clahe.apply(grey), cv2.COLOR_GRAY2RGB)
        back_to_grey = np.array(Image.fromarray(colour).convert("L"))
        # Written by OpenCV, in 9 ms: Pillow's default compression takes 102 ms an image, and would
        # let anything look fast.
        cv2.imwrite(str(out / path.name), back_to_grey)
    return len(paths)


def _write_plainly(paths: Sequence[Path], *, out: Path) -> int:
    jobs = [(path, out / f"{number}.png") for number, path in enumerate(paths)]
    return _run_in_pool(_write_one, jobs)


def _write_one(job: tuple[Path, Path]) -> int:
    source, target = job
    grey = cv2.imread(str(source), cv2.IMREAD_GRAYSCALE)
    assert grey is not None
    return int(cv2.imwrite(str(target), _equalise_and_reduce(grey)))


def _pack_barely(paths: Sequence[Path], *, out: Path) -> int:
    target = out / "images.u8"
    with target.open("wb") as file:
        file.truncate(len(paths) * _SIZE**2)
    return _run_in_pool(_pack_one, [(path, target, row) for row, path in enumerate(paths)])


def _pack_one(job: tuple[Path, Path, int]) -> int:
    source, target, row = job
    data = source.read_bytes()
    width, height, bits, colour = struct.unpack_from(">IIBB", data, 16)
    if (bits, colour) == (8, 0):
        grey = decode_image_png_u8(data, (height, width), "mono")[:, :, 0]
    else:
        grey = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    with target.open("r+b", buffering=0) as file:
        file.seek(row * _SIZE**2)
        file.write(_equalise_and_reduce(grey).data)
    return 1


def _equalise_and_reduce(grey: Any) -> Any:
    equalised = cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8)).apply(grey)
    return cv2.resize(equalised, (_SIZE, _SIZE), interpolation=cv2.INTER_AREA)


def _run_in_pool(work: Callable[[Any], int], jobs: Sequence[Any]) -> int:
    # A server that has OpenCV loaded starts workers as fast as a plain fork, which may hang once
    # this process has used OpenCV's threads.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    with context.Pool(_PROCESSES, cv2.setNumThreads, (1,)) as pool:
        return sum(pool.imap_unordered(work, jobs, chunksize=8))
