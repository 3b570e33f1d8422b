"""Time and peak memory against size: `python -m benchmarks.scale [work ...]`.

Rows are label sets drawn as NIH's, 10^4 to 10^7; images are the benchmarks' radiographs over and
over, 10^2 to 10^4. Every figure comes from a process of its own, so that its peak is its own:
memory is what the process has used at most beyond its imports, the input included. Prints a
table and brings `benchmarks/scale.json` up to date.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.radiographs import find_radiographs
from xlite import console, files
from xlite.clahe_cache.build import build_cache
from xlite.clahe_cache.plan import SourceImage
from xlite.sampling.exposure import expected_exposure
from xlite.sampling.label_sets import find_label_sets
from xlite.sampling.max_entropy import fit_max_entropy
from xlite.sampling.sampler import EpochSampler
from xlite.scores.ranking import ranking_scores
from xlite.settings import ClaheSettings
from xlite.splitting.patient_disjoint import assign_patients
from xlite.synthetic.label_draws import draw_series_labels, draw_series_lengths

RESULTS = Path(__file__).with_name("scale.json")

_ROWS = (10**4, 10**5, 10**6, 10**7)
_IMAGES = (10**2, 10**3, 10**4)
_PROCESSES = 2
_TIMEOUT_SECONDS = 1800
_LEFT_OUT = "did not end in half an hour"

Labels = NDArray[np.int8]


def main() -> None:
    """Measure what the command line names, all of it by default."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("works", nargs="*", metavar="work", help=", ".join(WORKS))
    parser.add_argument("--size", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    unknown = [work for work in arguments.works if work not in WORKS]
    if unknown:
        parser.error(f"nothing is called {', '.join(unknown)}. There are: {', '.join(WORKS)}.")
    if arguments.size is not None:
        sys.stdout.write(json.dumps(_measure(arguments.works[0], arguments.size)))
        return
    record = files.read_json(RESULTS, remedy="Remove it.") if RESULTS.exists() else {}
    for work in arguments.works or WORKS:
        record[work] = []
        for size in _IMAGES if work == "cache" else _ROWS:
            record[work].append(_measure_apart(work, size))
            files.write_json(RESULTS, record)
    print_table(record)


def print_table(record: dict[str, list[dict[str, Any]]]) -> None:
    """A line a measurement, with the time and memory of a million rows or images at that rate."""
    cells = []
    for work, lines in record.items():
        for line in lines:
            size, seconds, memory = line["size"], line["seconds"], line["memory_mb"]
            if seconds is None:
                cells.append([work, f"{size:,}", _LEFT_OUT, "", ""])
                continue
            per_unit = 1e6 * seconds / size
            cells.append(
                [work, f"{size:,}", f"{seconds:.3g} s", f"{per_unit:.3g} µs", f"{memory:,.0f} MB"]
            )
    console.table("Growth", ["", "rows or images", "time", "for each", "peak memory"], cells)


def _measure_apart(work: str, size: int) -> dict[str, Any]:
    console.say(f"{work} {size:,} …")
    command = [sys.executable, "-m", "benchmarks.scale", work, "--size", str(size)]
    try:
        done = subprocess.run(
            command, check=True, stdout=subprocess.PIPE, timeout=_TIMEOUT_SECONDS, text=True
        )
    except subprocess.TimeoutExpired:
        return {"size": size, "seconds": None, "memory_mb": None}
    return {"size": size, **json.loads(done.stdout)}


def _measure(work: str, size: int) -> dict[str, float]:
    console.set_verbosity(console.QUIET)
    idle = _peak_mb()
    do = WORKS[work](size)
    started = time.perf_counter()
    do()
    seconds = time.perf_counter() - started
    memory = _peak_mb() - idle
    if work == "cache":
        # Of its workers the system keeps the largest alone.
        memory += _PROCESSES * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**10
    return {"seconds": seconds, "memory_mb": memory}


def _peak_mb() -> float:
    divisor = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / divisor


def _prepare_split(size: int) -> Callable[[], object]:
    labels, patients = _draw(size)
    return lambda: assign_patients(labels, patients, ratios=(0.7, 0.1, 0.2), seed=0)


def _prepare_exposure(size: int) -> Callable[[], object]:
    labels, patients = _draw(size)
    weights = np.random.default_rng(1).random(size)
    return lambda: expected_exposure(labels, weights, patients=patients)


def _prepare_max_entropy(size: int) -> Callable[[], object]:
    labels, _ = _draw(size)

    def work() -> object:
        sets = find_label_sets(labels)
        return fit_max_entropy(sets).set_weights[sets.inverse]

    return work


def _prepare_sampler(size: int) -> Callable[[], object]:
    weights = np.random.default_rng(1).choice([0.1, 1.0, 2.0, 30.0], size)
    sampler = EpochSampler(size, batch_size=32, seed=0, weights=weights)
    return lambda: sum(len(batch) for batch in sampler)


def _prepare_scores(size: int) -> Callable[[], object]:
    labels, _ = _draw(size)
    rng = np.random.default_rng(1)
    probs = rng.random(labels.shape)
    probs += 0.3 * labels
    return lambda: ranking_scores(labels, probs)


def _prepare_cache(size: int) -> Callable[[], object]:
    paths = find_radiographs().paths
    sources = [SourceImage(f"{number}.png", paths[number % len(paths)]) for number in range(size)]

    def work() -> object:
        with tempfile.TemporaryDirectory(prefix="xlite-scale-") as scratch:
            return build_cache(
                sources, Path(scratch) / "cache", ClaheSettings(size=224), workers=_PROCESSES
            )

    return work


def _draw(size: int) -> tuple[Labels, NDArray[np.int64]]:
    """(N, 14) labels with findings that persist within patients, and (N,) patient codes."""
    rng = np.random.default_rng(0)
    lengths = draw_series_lengths(size, rng=rng)
    return draw_series_labels(lengths, rng=rng), np.repeat(np.arange(len(lengths)), lengths)


WORKS: dict[str, Callable[[int], Callable[[], object]]] = {
    "split": _prepare_split,
    "exposure": _prepare_exposure,
    "max-entropy": _prepare_max_entropy,
    "sampler": _prepare_sampler,
    "scores": _prepare_scores,
    "cache": _prepare_cache,
}


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
