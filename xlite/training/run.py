"""One run: settings in, run folder out.

A run folder is complete when it holds `scores.json`. The folder says what the run is, so the same
command finds it again, whatever it is called.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from xlite.errors import InputError
from xlite.files import remove_temporary_files
from xlite.run_folder.ending import finish_run, set_aside_scores
from xlite.run_folder.folder import RunFolder
from xlite.run_folder.lock import hold_lock
from xlite.run_folder.records import RunScores, write_config
from xlite.settings import Runtime, TrainSettings
from xlite.signals import StopRequest
from xlite.training.description import describe_run, require_true_description
from xlite.training.device import build_fabric
from xlite.training.identity import RunIdentity, require_same_run
from xlite.training.judge import judge_run
from xlite.training.loop import train_epochs
from xlite.training.open_run import OpenRun, open_run
from xlite.training.preflight import require_one_piece
from xlite.training.processes import decide_once
from xlite.training.saved_state import begin_or_continue
from xlite.training.sittings import keep_sitting
from xlite.training.state import EpochReport

if TYPE_CHECKING:
    from xlite.training.data import StudyData


def has_reached(run_dir: Path, settings: TrainSettings, data: StudyData) -> bool:
    """Whether a run folder is complete, and trained for all the epochs that are asked for.

    Raises InputError when the run was planned for more epochs than that, and when its folder is
    damaged, of a newer version, edited or not the whole of it.
    """
    run = RunFolder(run_dir)
    if not (run.is_begun or run.is_finished):
        return False
    planned = RunIdentity.read(run)
    asked = RunIdentity(settings, planned.data, planned.has_fixed_budget)
    require_same_run(planned, asked, where=run_dir)
    require_true_description(run, data)
    if run.scores is None:
        return False
    is_reached = run.scores.stopped_early or settings.epochs <= run.scores.epochs
    if is_reached:
        run.require_whole()
    return is_reached


def train_run(
    settings: TrainSettings,
    data: StudyData,
    run_dir: Path,
    *,
    runtime: Runtime,
    resume: bool = False,
    has_fixed_budget: bool = False,
    stop: StopRequest | None = None,
) -> RunScores:
    """Train one model and judge it; returns what its `scores.json` holds.

    With `resume` a finished run is returned as it is and an unfinished one goes on from its last
    checkpoint; a finished one of fewer epochs goes on, too. Without, a run folder that holds
    anything is an InputError: nothing is overwritten. `has_fixed_budget`: the number of epochs is
    part of what the run is. Raises InterruptedRunError, state saved, once `stop` is set
    (`catch_stop_signals` gives one that signals set); without one no signal is caught, and the
    last checkpoint is what remains.
    """
    epochs = follow_run(
        settings,
        data,
        run_dir,
        runtime=runtime,
        resume=resume,
        has_fixed_budget=has_fixed_budget,
        stop=StopRequest() if stop is None else stop,
    )
    while True:
        try:
            next(epochs)
        except StopIteration as end:
            scores: RunScores = end.value  # it never pauses
            return scores


def follow_run(
    settings: TrainSettings,
    data: StudyData,
    run_dir: Path,
    *,
    runtime: Runtime,
    resume: bool,
    has_fixed_budget: bool,
    stop: StopRequest,
    until_epoch: int | None = None,
) -> Generator[EpochReport, None, RunScores | None]:
    """As `train_run`, which returns what this does; yields a report after each finished epoch.

    until_epoch: pause after so many finished epochs, everything saved, and return None; a run that
    has come to its end by then is judged as any other. The next call with `resume` goes on to the
    same bytes as a run that never paused.
    """
    require_one_piece(settings)
    fabric = build_fabric(runtime, settings.precision)
    with ExitStack() as stack:
        scores = decide_once(
            fabric, lambda: _claim_folder(run_dir, settings, data, resume=resume, until=stack)
        )
        if scores is not None:
            return scores
        identity = RunIdentity.of(settings, data, has_fixed_budget=has_fixed_budget)
        run = open_run(identity, data.read_by(settings), run_dir, fabric=fabric, runtime=runtime)
        probe_losses = begin_or_continue(run, resume=resume, stop=stop)
        with _begin_sitting(run, runtime, probe_losses):
            yield from train_epochs(run, stop=stop, until_epoch=until_epoch)
            if not run.is_trained:
                return None
            judged = judge_run(run, stop=stop)
        return finish_run(run_dir, judged) if fabric.is_global_zero else judged


def _claim_folder(
    run_dir: Path, settings: TrainSettings, data: StudyData, *, resume: bool, until: ExitStack
) -> RunScores | None:
    """The scores, when nothing is left to do; otherwise the folder is ours to write.

    It is locked until the stack is left.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    until.enter_context(hold_lock(run_dir))
    if resume and has_reached(run_dir, settings, data):
        return RunFolder(run_dir).require_scores()
    if RunFolder(run_dir).is_begun and not resume:
        raise InputError(
            f"run {run_dir} exists already. Pass --resume to continue or reuse it, or "
            "change --seed or --out to train it anew beside it."
        )
    _require_checkpoint(run_dir)
    remove_temporary_files(run_dir)
    return None


def _begin_sitting(
    run: OpenRun, runtime: Runtime, probe_losses: Sequence[float]
) -> AbstractContextManager[None]:
    """The block in which the run is trained; what it is and runs on is written down before."""
    if not run.fabric.is_global_zero:
        return nullcontext()
    set_aside_scores(run.run_dir)
    if not RunFolder(run.run_dir).is_begun:
        config = describe_run(
            run.identity,
            run.data,
            run.stepper.model,
            pos_weight=run.stepper.loss.pos_weight,
            out_dir=run.run_dir.parent.parent,
        )
        write_config(run.run_dir, config)
    return keep_sitting(
        run.run_dir,
        run.state,
        epochs=run.settings.epochs,
        runtime=runtime,
        fabric=run.fabric,
        probe_losses=probe_losses,
        is_trained=lambda: run.is_trained,
    )


def _require_checkpoint(run_dir: Path) -> None:
    """Raise InputError for a finished run that is to go on and has nothing to go on from."""
    run = RunFolder(run_dir)
    if run.is_finished and not run.checkpoints:
        raise InputError(
            f"{run_dir} is finished and its {run.last_checkpoint.name} is gone, so it can't be "
            "trained for more epochs. Ask for as many as it has, or train anew with another --out."
        )
