"""The runner: trains whatever of a plan is unfinished, one after the other or side by side.

`train` and `ablate` are this runner over different plans. A run that fails is recorded with its
error and the others go on. The runner adds order and records and nothing that a run needs: any
other scheduler can call `train_run`, one run a call, each in a folder of its own.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from xlite import console
from xlite.errors import InputError, InterruptedRunError
from xlite.executors.side_by_side import train_side_by_side
from xlite.executors.study_record import StudyRecord
from xlite.executors.training_job import run_training_job
from xlite.run_folder.file_names import RUNS
from xlite.run_folder.folder import RunFolder
from xlite.settings import Runtime
from xlite.signals import StopRequest, StopSource, heed_no_signals
from xlite.studies.outcome import Outcome, StudyRun
from xlite.studies.plan import PlannedRun
from xlite.training.device import is_main_process, launch_processes
from xlite.training.folded_data import AnyData, data_of
from xlite.training.identity import (
    RunIdentity,
    locate_run,
    read_identities,
    refuse_changed_settings,
)
from xlite.training.preflight import check_runs
from xlite.training.run import has_reached

__all__ = ["Outcome", "run_plan"]

_POLL_SECONDS = 0.1


def run_plan(
    plan: Sequence[PlannedRun],
    data: AnyData,
    out: Path,
    *,
    runtime: Runtime,
    resume: bool = False,
    stopping: StopSource = heed_no_signals,
) -> list[Outcome]:
    """Train each run of the plan in `out/runs/<run_id>`; returns one outcome a run.

    With `resume` finished runs are taken as they are and unfinished ones continued. Raises
    InputError before anything is trained when a run exists and `resume` is not given, when it was
    begun with other settings, and for whatever else is known to end one of them (`check_runs`);
    InterruptedRunError, everything saved, when what `stopping` gives is set; by default nothing
    sets it, and no signal is caught.
    """
    if runtime.jobs > 1 and runtime.devices * runtime.num_nodes > 1:
        raise InputError(
            "--jobs trains runs side by side, --devices and --nodes one run on several devices: "
            "they exclude each other. Pass one."
        )
    launch_processes(runtime)
    identities = [
        RunIdentity.of(
            planned.settings, data_of(data, planned.fold), has_fixed_budget=planned.has_fixed_budget
        )
        for planned in plan
    ]
    existing = read_identities(out / RUNS)
    runs = [
        StudyRun(planned, locate_run(out / RUNS, identity, existing))
        for planned, identity in zip(plan, identities, strict=True)
    ]
    is_main = is_main_process()
    if is_main and resume:
        refuse_changed_settings(out / RUNS, identities, existing)
    elif is_main:
        _refuse_existing(runs)
    record = StudyRecord(out, is_writer=is_main)
    outcomes: dict[str, Outcome] = {}
    for run in runs:
        if has_reached(run.run_dir, run.settings, data_of(data, run.planned.fold)):
            console.say(f"{run.name}: finished already, skipped ({run.run_dir})")
            scores = RunFolder(run.run_dir).require_scores()
            outcomes[run.name] = Outcome(run.name, run.run_dir, scores, None)
    unfinished = [run for run in runs if run.name not in outcomes]
    for fold in dict.fromkeys(run.planned.fold for run in unfinished):
        of_fold = [run.settings for run in unfinished if run.planned.fold == fold]
        check_runs(of_fold, data_of(data, fold), runtime)
    record.enter(unfinished)
    for run in runs:
        if run.name in outcomes:
            record.end(run, outcomes[run.name], is_new=False)
    train = train_side_by_side if runtime.jobs > 1 else _train_in_turn
    with stopping() as stop:
        for outcome in train(unfinished, data, record, runtime=runtime, resume=resume, stop=stop):
            outcomes[outcome.name] = outcome
    return [outcomes[run.name] for run in runs]


def _refuse_existing(runs: Sequence[StudyRun]) -> None:
    existing = [run.run_dir for run in runs if RunFolder(run.run_dir).is_begun]
    if existing:
        raise InputError(
            f"{len(existing)} of {len(runs)} runs exist already (first: {existing[0]}). Pass "
            "--resume to continue or reuse them, or another --seed or --out."
        )


def _train_in_turn(
    runs: Sequence[StudyRun],
    data: AnyData,
    record: StudyRecord,
    *,
    runtime: Runtime,
    resume: bool,
    stop: StopRequest,
) -> list[Outcome]:
    outcomes = []
    for number, run in enumerate(runs):
        if number:
            _rest(runtime.pause_seconds, before=run, stop=stop)
        record.claim(run)
        record.start(run)
        try:
            own = data_of(data, run.planned.fold)
            for news in run_training_job(run, own, runtime=runtime, resume=resume, stop=stop):
                if isinstance(news, Outcome):
                    record.end(run, news)
                    outcomes.append(news)
                else:
                    record.report(run, news)
        except (InterruptedRunError, KeyboardInterrupt):
            record.interrupt(run)
            raise
    return outcomes


def _rest(seconds: float, *, before: StudyRun, stop: StopRequest) -> None:
    """Wait, unless an end is asked for: InterruptedRunError, since nothing is lost."""
    if seconds:
        console.say(f"resting {seconds:g} s before {before.name}")
    deadline = time.monotonic() + seconds
    while not stop and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    if stop:
        raise InterruptedRunError(
            f"stopped before {before.name}. The same command with --resume continues there.",
            signal_number=stop.signal_number or 0,
        )
