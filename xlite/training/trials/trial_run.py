"""A run that is opened to be looked at: it trains as any other and nothing of it is kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from xlite import console
from xlite.errors import CheckFailedError, InputError
from xlite.signals import StopRequest
from xlite.training.device import build_fabric, isolated_torch_seed
from xlite.training.identity import RunIdentity
from xlite.training.open_run import OpenRun, open_run
from xlite.training.out_of_memory import OutOfMemoryError
from xlite.training.preflight import require_one_piece
from xlite.training.state import EpochTally

if TYPE_CHECKING:
    from xlite.loading.loader import Batch
    from xlite.settings import Runtime, TrainSettings
    from xlite.training.data import StudyData


@contextmanager
def open_trial(settings: TrainSettings, data: StudyData, runtime: Runtime) -> Iterator[OpenRun]:
    """A run at its start, in training mode; torch's generators are afterwards as before.

    data: as the run reads them (`StudyData.read_by`). Raises InputError for several devices, and
    CheckFailedError when a step in the block runs out of memory.
    """
    if runtime.devices * runtime.num_nodes > 1:
        raise InputError("what is tried before a run takes one device. Leave out --devices.")
    require_one_piece(settings)
    fabric = build_fabric(runtime, settings.precision)
    with isolated_torch_seed(fabric.device):
        identity = RunIdentity.of(settings, data)
        # Warnings about labels and weights belong to the run, which says them.
        with console.hushed():
            run = open_run(identity, data, Path(), fabric=fabric, runtime=runtime)
        run.stepper.begin_epoch(run.state)
        try:
            yield run
        except OutOfMemoryError:
            raise CheckFailedError(
                f"a batch of {settings.batch_size} does not fit into memory. Lower --batch-size or "
                "--image-size, or raise --accumulate (xlite models --memory says what is needed)."
            ) from None


def take_step(run: OpenRun, batch: Batch, *, lr_factor: float) -> float:
    """Move the weights by one batch; returns its loss. The state counts steps and nothing else."""
    run.state.tally = EpochTally()
    _, loss = run.stepper.take_step(
        batch,
        run.state,
        lr_factor=lr_factor,
        share_sizes=[len(batch.index)],
        stop=StopRequest(),
    )
    run.state.step += 1
    return loss


def draw_batches(run: OpenRun) -> Iterator[Batch]:
    """The training batches of the first epoch, the second, and so on."""
    epoch = 0
    while True:
        run.sampler.set_epoch(epoch)
        yield from run.train_loader
        epoch += 1
