"""Where a run stands, in its folder: the checkpoint, the history and the best weights."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from xlite import console
from xlite.errors import InputError
from xlite.run_folder.history import write_history
from xlite.run_folder.weights import write_weights
from xlite.training.description import describe_weights
from xlite.training.exact_resume import load_checkpoint, save_checkpoint
from xlite.training.linear_probe import probe_head

if TYPE_CHECKING:
    from xlite.signals import StopRequest
    from xlite.training.open_run import OpenRun


def begin_or_continue(run: OpenRun, *, resume: bool, stop: StopRequest) -> list[float]:
    """Go back to the run's checkpoint, or write its first; returns the losses of its probe, if it
    had one now.

    The first checkpoint is that of a probed head, so that a kill before it starts the probe over.
    Raises InterruptedRunError when `stop` is set in the probe.
    """
    if not (resume and load_state(run)):
        losses = probe_head(run, stop) if run.settings.probe_epochs else []
        save_state(run)
        return losses
    if run.is_trained:
        console.say(f"{run.title}: all epochs are trained, and are judged now")
    else:
        console.say(
            f"{run.title}: continues in epoch {run.state.epoch + 1} after step {run.state.step}"
        )
    return []


def save_state(run: OpenRun) -> None:
    """Write the checkpoint, and the history once there is one."""
    now = time.monotonic()
    run.state.seconds += now - run.saved_at
    run.saved_at = now
    if run.fabric.is_global_zero:
        save_checkpoint(
            run.run_dir,
            parts=run.stepper.parts,
            state=run.state,
            best=run.best_weights,
            identity=run.identity,
        )
        if run.state.history:
            write_history(run.run_dir, run.state.history)


def load_state(run: OpenRun) -> bool:
    """Go back to the checkpoint, and take back whatever was written after it; whether there is one.

    Raises InputError for a checkpoint that this run can't have left.
    """
    loaded = load_checkpoint(run.run_dir, parts=run.stepper.parts, identity=run.identity)
    if loaded is None:
        return False
    run.state, run.best_weights = loaded
    state, settings, num_steps = run.state, run.settings, run.sampler.num_batches
    if state.step > num_steps or state.epoch > settings.epochs:
        raise InputError(
            f"the checkpoint in {run.run_dir} can't be true: epoch {state.epoch + 1} of "
            f"{settings.epochs}, step {state.step} of {num_steps}. Delete its "
            "last.pt to go on from the checkpoint before, or to train this run from its start."
        )
    if state.num_parts > 1 and not run.stepper.loss.is_additive:
        raise InputError(
            f"{run.run_dir} was trained in {state.num_parts} parts a step, which --loss "
            f"{settings.loss.name} can't be. Train it anew in another --out."
        )
    if run.fabric.is_global_zero and state.history:
        write_history(run.run_dir, state.history)
        write_best(run)
    return True


def write_best(run: OpenRun) -> None:
    """Write the weights of the best epoch, in the main process."""
    if run.fabric.is_global_zero:
        description = describe_weights(run.settings, run.data, run.stepper.model)
        write_weights(run.run_dir, run.best_weights, description)
