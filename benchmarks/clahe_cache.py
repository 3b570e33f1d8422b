"""Building the CLAHE cache against the precursor's script and a plain OpenCV pipeline."""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

# Peers' worker processes import this module: xlite stays out of it until `run` is called.
import cv2
import numpy as np
from PIL import Image

from benchmarks.measure import Row, compare_rates, time_in_turns

_PROCESSES = 2
# Twice over the sample, since both start two processes and a real data set is longer still.
_PASSES = 2
# The precursor's script has no start-up to spread, and is slow.
_PRECURSOR_IMAGES = 40
_SIZE = 224


def run() -> list[Row]:
    """The rows of whole builds, start of the worker processes included."""
    from benchmarks.radiographs import find_radiographs

    paths = find_radiographs().paths
    seconds = time_in_turns(
        {
            "packed": lambda: _in_scratch(_build_cache, paths, "packed"),
            "png": lambda: _in_scratch(_build_cache, paths, "png"),
            "precursor": lambda: _in_scratch(_write_as_precursor, paths[:_PRECURSOR_IMAGES]),
            "plain": lambda: _in_scratch(_write_plainly, paths * _PASSES),
        },
        warm_up=False,
    )
    unit = "images/s"
    return [
        compare_rates(
            "CLAHE cache, packed: precursor's script (full-size PNG, 1 process)",
            seconds,
            ours="packed",
            peer="precursor",
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
    from xlite.config import ClaheSettings
    from xlite.dataset.cache_build import ImageSource, cache_clahe

    sources = [
        ImageSource(f"{turn}/{path.name}", path) for turn in range(_PASSES) for path in paths
    ]
    summary = cache_clahe(
        sources,
        out / "cache",
        ClaheSettings(size=_SIZE),
        file_format="png" if file_format == "png" else "packed",
        workers=_PROCESSES,
    )
    return summary.images


def _write_as_precursor(paths: Sequence[Path], *, out: Path) -> int:
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
    # A server that has OpenCV loaded starts workers as fast as a plain fork, which may hang once
    # this process has used OpenCV's threads.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    jobs = [(path, out / f"{number}.png") for number, path in enumerate(paths)]
    with context.Pool(_PROCESSES, cv2.setNumThreads, (1,)) as pool:
        return sum(pool.imap_unordered(_write_one, jobs, chunksize=8))


def _write_one(job: tuple[Path, Path]) -> bool:
    source, target = job
    grey = cv2.imread(str(source), cv2.IMREAD_GRAYSCALE)
    assert grey is not None
    equalised = cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8)).apply(grey)
    resized = cv2.resize(equalised, (_SIZE, _SIZE), interpolation=cv2.INTER_AREA)
    return bool(cv2.imwrite(str(target), resized))
