"""`--profile-loader`: whether training waits for its images or for its arithmetic."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from xlite import console
from xlite.results.trials import LoaderProfile
from xlite.training.device import wait_for
from xlite.training.trials.trial_run import draw_batches, open_trial, take_step

if TYPE_CHECKING:
    from xlite.loading.loader import Batch
    from xlite.settings import Runtime, TrainSettings
    from xlite.training.data import StudyData

SECONDS = 20.0
_LEAST_BATCHES = 2
"""Of each measurement, however long they take; a first one, which warms up, is not counted."""
_MARGIN = 1.2
"""By so much one has to be slower than the other to be the one that binds."""


def profile_run(
    settings: TrainSettings, data: StudyData, runtime: Runtime, *, seconds: float = SECONDS
) -> LoaderProfile:
    """Images/s of a run's loader alone, of its steps on one fixed batch, and of both together.

    seconds: of the three measurements together; each takes two batches at least. Weights are thrown
    away. Figures are of this machine, as busy as it is.
    """
    begun = time.monotonic()
    with (
        open_trial(settings, data.read_by(settings), runtime) as run,
        console.progress_bar(3, f"profiling {run.title}", "part") as bar,
    ):
        batches = draw_batches(run)
        fixed = next(batches)

        def compute(batch: Batch) -> None:
            take_step(run, batch, lr_factor=0.0)
            wait_for(run.fabric.device)

        loading = _measure(lambda: next(batches), seconds / 3)
        bar.update()
        computing = _measure(lambda: _computed(fixed, compute), seconds / 3)
        bar.update()
        together = _measure(lambda: _computed(next(batches), compute), seconds / 3)
        bar.update()
        num_workers = run.loaders.num_workers
    binds = _name_bound(loading, computing, num_workers)
    return LoaderProfile(
        model=settings.model,
        batch_size=settings.batch_size,
        num_workers=num_workers,
        loading=loading,
        computing=computing,
        together=together,
        binds=binds,
        advice=tuple(_advise(settings, data, binds, num_workers, loading, computing)),
        seconds=round(time.monotonic() - begun, 1),
    )


def _computed(batch: Batch, compute: Callable[[Batch], None]) -> Batch:
    compute(batch)
    return batch


def _measure(work: Callable[[], Batch], seconds: float) -> float:
    """Images/s of the work over so many seconds."""
    work()
    begun = time.perf_counter()
    num_images = num_batches = 0
    while True:
        num_images += len(work().index)
        num_batches += 1
        passed = time.perf_counter() - begun
        if passed >= seconds and num_batches >= _LEAST_BATCHES:
            return num_images / passed


def _name_bound(loading: float, computing: float, num_workers: int) -> str:
    """What training waits for.

    >>> _name_bound(5000.0, 20.0, 0), _name_bound(15.0, 20.0, 0), _name_bound(15.0, 20.0, 4)
    ('computing', 'loading', 'loading')
    """
    if loading > _MARGIN * computing:
        return "computing"
    if computing > _MARGIN * loading:
        return "loading"
    return "both"


def _advise(
    settings: TrainSettings,
    data: StudyData,
    binds: str,
    num_workers: int,
    loading: float,
    computing: float,
) -> Iterator[str]:
    num_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    size = settings.image_size or data.image_size
    if binds == "computing":
        yield (
            "Loading is not what takes the time: more --workers change nothing. A smaller "
            "--image-size or model does, --precision bf16 where the device has it, and --tune "
            "looks for the fastest way to compute."
        )
        return
    if not data.is_cached:
        yield (
            "CLAHE is computed at each loading. Run `xlite cache-clahe` once, and pass --cache "
            "instead of --images."
        )
    if num_workers < (num_cores or 1):
        yield (
            f"{num_workers} loader processes for {num_cores} cores: pass --workers {num_cores}. "
            "They load while the model computes; without any, the two take turns."
        )
    if data.is_cached and size < data.image_size:
        yield (
            f"Each film is brought from {data.image_size} to {size} pixels anew: a cache of "
            f"--size {size} spares that."
        )
    if settings.augment == "strong":
        yield "--augment strong takes 1.6 times as long as medium, for its noise."
    if not num_workers:
        share = 100 * (1 / loading) / (1 / loading + 1 / computing)
        yield f"Of a step {share:.0f} % is loading now."
