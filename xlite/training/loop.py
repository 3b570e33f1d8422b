"""The training loop: epochs of steps, each closed by a validation and a checkpoint.

All that the loop carries along is in `TrainState` and in the stepper's parts: see `exact_resume`.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from xlite import console
from xlite.errors import CheckFailedError, InterruptedRunError
from xlite.run_folder.folder import RunFolder
from xlite.training.device import isolated_torch_seed
from xlite.training.open_run import OpenRun
from xlite.training.out_of_memory import OutOfMemoryError
from xlite.training.saved_state import load_state, save_state, write_best
from xlite.training.schedule import record_epoch
from xlite.training.state import EpochReport, EpochTally
from xlite.training.validation import validate

if TYPE_CHECKING:
    from torch.utils.data import DataLoader

    from xlite.loading.loader import Batch
    from xlite.signals import StopRequest

_MOST_HALVINGS = 3


def train_epochs(
    run: OpenRun, *, stop: StopRequest, until_epoch: int | None = None
) -> Iterator[EpochReport]:
    """Train to the last epoch or the early stop; yields a report after each epoch, once saved.

    until_epoch: go no further than to so many finished epochs, all else as if they were the first
    of a straight run: what is saved then is what an interrupted run leaves between two epochs.
    Raises InterruptedRunError, state saved, when `stop` is set, and CheckFailedError when the loss
    or the gradient is no longer finite.
    """
    stepper, sampler = run.stepper, run.sampler
    last_epoch = run.settings.epochs if until_epoch is None else until_epoch
    while not run.is_trained and run.state.epoch < last_epoch:
        state = run.state
        stepper.begin_epoch(state)
        sampler.set_epoch(state.epoch, first_batch=state.step)
        is_stopped = is_too_large = False
        row = None
        try:
            with _show_steps(run) as show_step, isolated_torch_seed(run.fabric.device):
                for batch in _time_loading(run.train_loader, state.tally.seconds):
                    is_stopped, loss = stepper.take_step(
                        batch,
                        state,
                        lr_factor=run.lr_factor(state.step),
                        share_sizes=sampler.share_sizes(state.step),
                        stop=stop,
                    )
                    state.step += 1
                    show_step(loss)
                    if is_stopped:
                        break
                    if time.monotonic() - run.saved_at >= run.checkpoint_seconds:
                        save_state(run)
            if not is_stopped:
                stepper.end_epoch(state)
                row = validate(run, stop)
        except OutOfMemoryError:
            is_too_large = True
        if is_too_large:
            # Out of the block, in which the exception still holds the tensors of the step.
            _split_steps(run)
            continue
        if row is None:
            save_state(run)
            raise _describe_stop(run, stop)
        _finish_epoch(run, row)
        save_state(run)
        yield state.report


def _finish_epoch(run: OpenRun, row: dict[str, float]) -> None:
    """Count the epoch in whose row of the history is given, and keep its weights if it is best."""
    state, settings = run.state, run.settings
    is_best = record_epoch(settings, state, row)
    state.history.append(row)
    state.epoch += 1
    state.step, state.tally = 0, EpochTally()
    is_picked = is_best and settings.select == "best"
    if is_best:
        # safetensors refuses channels_last strides; the values are what counts.
        run.best_weights = {
            name: tensor.detach().to("cpu", copy=True).contiguous()
            for name, tensor in run.stepper.judged_model.state_dict().items()
        }
        write_best(run)
    console.say(
        f"{run.title} epoch {state.epoch}/{settings.epochs}: "
        f"train loss {row['train_loss']:.4f}, {_describe_validation(row, is_best=is_picked)}"
        f"{row['images_per_second']:.1f} images/s"
    )


def _describe_validation(row: dict[str, float], *, is_best: bool) -> str:
    if "val_loss" not in row:
        return ""
    best = " (best)" if is_best else ""
    return f"val loss {row['val_loss']:.4f}, val AUROC {row['val_auroc']:.4f}{best}, "


def _split_steps(run: OpenRun) -> None:
    """Go back to the checkpoint and compute steps in twice as many parts from there."""
    settings, num_parts = run.settings, 2 * run.state.num_parts
    share = settings.batch_size // run.fabric.world_size
    if not run.stepper.loss.is_additive:
        raise CheckFailedError(
            f"out of memory with batches of {settings.batch_size}, and --loss "
            f"{settings.loss.name} compares the images of a batch with each other: it can't be "
            "computed in parts. Lower --batch-size or --image-size, or choose a smaller model."
        )
    if num_parts > min(share, settings.accumulate * 2**_MOST_HALVINGS):
        raise CheckFailedError(
            f"out of memory with batches of {settings.batch_size} in {num_parts // 2} parts. "
            "Lower --batch-size or --image-size, raise --accumulate, or choose a smaller model."
        )
    run.stepper.release_memory()
    load_state(run)
    run.state.num_parts = num_parts
    # The main process replaces the file that the others are reading.
    run.fabric.barrier()
    save_state(run)
    console.warn(
        f"{run.title}: out of memory. From epoch {run.state.epoch + 1}, step "
        f"{run.state.step + 1} on, a batch is computed in {num_parts} parts; the batch that "
        f"the optimizer sees is still of {settings.batch_size} images."
    )


def _describe_stop(run: OpenRun, stop: StopRequest) -> InterruptedRunError:
    return InterruptedRunError(
        f"stopped in epoch {run.state.epoch + 1} of {run.settings.epochs} after "
        f"step {run.state.step}; {RunFolder(run.run_dir).last_checkpoint} is saved. The same "
        "command with --resume continues from there.",
        signal_number=stop.signal_number or signal.SIGTERM,
    )


def _time_loading(loader: DataLoader[Batch], seconds: dict[str, float]) -> Iterator[Batch]:
    """The loader's batches; the time that they are waited for is added to that of "data"."""
    asked = time.monotonic()
    for batch in loader:
        seconds["data"] += time.monotonic() - asked
        yield batch
        asked = time.monotonic()


@contextmanager
def _show_steps(run: OpenRun) -> Iterator[Callable[[float], None]]:
    """A bar over the steps of the epoch, moved by telling it a finished step's loss."""
    state = run.state
    description = f"{run.title} epoch {state.epoch + 1}/{run.settings.epochs}"
    with console.progress_bar(
        run.sampler.num_batches, description, "step", initial=state.step, shows_rate=False
    ) as bar:
        started, earlier = time.monotonic(), state.tally.num_images

        def show_step(loss: float) -> None:
            speed = (state.tally.num_images - earlier) / (time.monotonic() - started)
            bar.set_postfix_str(f"loss {loss:.4f}, {speed:.1f} images/s", refresh=False)
            bar.update()

        yield show_step
