"""The runs of a command carried out: `train` and `ablate` are this over different lists.

A list of runs is a study that the command's options write, whose agents this process or its
children are. A run that fails is recorded with its error and the others go on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import isnan
from pathlib import Path

from xlite import console
from xlite.errors import InputError, LostProcessError, RunInUseError, XliteError
from xlite.executors.agent import Listener, WorkEnd, work
from xlite.executors.agent_crew import work_side_by_side
from xlite.executors.queue_words import QueueParent, QueueWords, describe_death
from xlite.executors.study_view import StudyView, outcome_of
from xlite.places import CACHE_DIR, SPLIT_DIR
from xlite.run_folder.file_names import RUNS
from xlite.run_folder.folder import RunFolder
from xlite.settings import Runtime
from xlite.signals import StopRequest, StopSource, heed_no_signals
from xlite.studies.folder import StudyFolder
from xlite.studies.item_result import ItemResult
from xlite.studies.ledger_entries import Score
from xlite.studies.next_step import Step
from xlite.studies.outcome import Outcome, StudyRun
from xlite.studies.plan import PlannedRun, plan_folds
from xlite.studies.recorded_plan import read_state
from xlite.studies.rules.next_step import describe_loss, find_next_step
from xlite.studies.study_plan import StudyPlan
from xlite.studies.study_state import StudyState
from xlite.studies.training_queue import QueuePlaces, list_queue_items, name_queue, plan_queue
from xlite.studies.work_item import WorkItem
from xlite.training.device import is_main_process, launch_processes
from xlite.training.folded_data import AnyData, FoldedData, data_of, list_folds
from xlite.training.identity import (
    RunIdentity,
    locate_run,
    read_identities,
    refuse_changed_settings,
)
from xlite.training.preflight import check_runs
from xlite.training.run import has_reached
from xlite.workflows.item_attempt import Doing, attempt, say_failure
from xlite.workflows.other_processes import OtherProcesses
from xlite.workflows.queue_beginning import begin_queue
from xlite.workflows.study_training import FoundRun, train_item

_MOST_READY = 100


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

    Over folds each is one run a fold, the folds of one after the other. With `resume` finished
    runs are taken as they are and unfinished ones continued. Raises
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
    queue = _find_runs(plan, data, out, runtime=runtime, resume=resume)
    finished = {}
    for item, run in queue.runs.items():
        if has_reached(run.run_dir, run.settings, data_of(data, run.planned.fold)):
            console.say(f"{run.name}: finished already, skipped ({run.run_dir})")
            scores = RunFolder(run.run_dir).require_scores()
            finished[item] = Outcome(run.name, run.run_dir, scores, None)
    left = {item: run for item, run in queue.runs.items() if item not in finished}
    for fold in dict.fromkeys(run.planned.fold for run in left.values()):
        of_fold = [run.settings for run in left.values() if run.planned.fold == fold]
        check_runs(of_fold, data_of(data, fold), runtime)
    if not is_main_process():
        with stopping() as stop:
            return queue.follow_main(stop)
    try:
        outcomes = queue.lead(finished, StudyView(out, queue.runs), stopping)
    except Exception as error:
        queue.others.tell_error(error)
        raise
    queue.others.tell(outcomes)
    return outcomes


def _find_runs(
    plan: Sequence[PlannedRun], data: AnyData, out: Path, *, runtime: Runtime, resume: bool
) -> _Queue:
    """The queue of a plan, with the folder of each run, none of which may be in the way."""
    folded = plan_folds(plan, list_folds(data))
    identities = [
        RunIdentity.of(
            planned.settings, data_of(data, planned.fold), has_fixed_budget=planned.has_fixed_budget
        )
        for planned in folded
    ]
    existing = read_identities(out / RUNS)
    runs = [
        StudyRun(planned, locate_run(out / RUNS, identity, existing))
        for planned, identity in zip(folded, identities, strict=True)
    ]
    if is_main_process() and resume:
        refuse_changed_settings(out / RUNS, identities, existing)
    elif is_main_process():
        _refuse_existing(runs)
    keys = [(run.name, identity.key) for run, identity in zip(runs, identities, strict=True)]
    study = plan_queue(plan, name_queue(keys), _find_places(data, out), runtime)
    num_folds = len(data.folds) if isinstance(data, FoldedData) else 0
    items = list_queue_items(study, num_folds)
    return _Queue(
        plan=study,
        folds={study.split: num_folds},
        runs=dict(zip(items, runs, strict=True)),
        data=data,
        runtime=runtime,
        others=OtherProcesses(are_there=runtime.devices * runtime.num_nodes > 1),
    )


def _refuse_existing(runs: Sequence[StudyRun]) -> None:
    existing = [run.run_dir for run in runs if RunFolder(run.run_dir).is_begun]
    if existing:
        raise InputError(
            f"{len(existing)} of {len(runs)} runs exist already (first: {existing[0]}). Pass "
            "--resume to continue or reuse them, or another --seed or --out."
        )


def _describe(outcome: Outcome) -> ItemResult:
    """What the item of a run comes to that had finished before."""
    scores = outcome.scores
    assert scores is not None
    auroc = scores.val_macro["auroc"]
    return ItemResult(
        outcome="finished",
        run=f"{RUNS}/{outcome.run_dir.name}",
        epochs=scores.epochs,
        seconds=scores.seconds,
        scores={"val.auroc": Score(point=None if isnan(auroc) else auroc)},
    )


def _find_places(data: AnyData, out: Path) -> QueuePlaces:
    is_folded = isinstance(data, FoldedData)
    places = data_of(data, list_folds(data)[0]).places
    split = places.split_dir
    if is_folded and split is not None:
        split = split.parent
    return QueuePlaces(
        split=split or SPLIT_DIR,
        out=out,
        cache=places.cache_dir or CACHE_DIR,
        images=places.images_dir,
    )


@dataclass(frozen=True, kw_only=True)
class _Queue:
    """The runs of a command, and what their agents do by."""

    plan: StudyPlan
    folds: Mapping[Path, int]
    runs: Mapping[str, StudyRun]
    """By the ids of their items, in their order."""
    data: AnyData
    runtime: Runtime
    others: OtherProcesses

    def lead(
        self, finished: Mapping[str, Outcome], view: StudyView, stopping: StopSource
    ) -> list[Outcome]:
        """Train all but what has finished; returns the outcomes in the order of the runs."""
        left = {item: run for item, run in self.runs.items() if item not in finished}
        view.record.enter(list(left.values()))
        for item, outcome in finished.items():
            view.record.end(self.runs[item], outcome, is_new=False)
        outcomes = dict(finished)
        if left:
            ended = {item: _describe(outcome) for item, outcome in finished.items()}
            folder = begin_queue(self.plan, left=left, ended=ended)
            outcomes |= self._carry_out(folder, left, view, stopping)
        return [outcomes[item] for item in self.runs]

    def _carry_out(
        self,
        folder: StudyFolder,
        left: Mapping[str, StudyRun],
        view: StudyView,
        stopping: StopSource,
    ) -> dict[str, Outcome]:
        """Train what is left, in this process or side by side; returns the outcomes by item."""
        deaths: dict[str, ItemResult] = {}
        if self.runtime.jobs > 1:
            parent = QueueParent(folder, view, num_runs=len(left))
            agent = partial(self.take_part, folder.path, describe_loss=describe_death)
            jobs = min(self.runtime.jobs, len(left))
            work_side_by_side(agent, jobs=jobs, stopping=stopping, parent=parent)
            deaths = parent.deaths
        else:
            self.take_part(folder.path, listener=view, stopping=stopping)
        state = read_state(folder)
        ends = {item: deaths.get(item) or state.end_of(item) for item in left}
        return {item: outcome_of(left[item], end) for item, end in ends.items() if end is not None}

    def take_part(
        self,
        study: Path,
        *,
        listener: Listener,
        stopping: StopSource,
        describe_loss: Callable[[StudyState, str], str | None] = describe_loss,
    ) -> WorkEnd:
        """Be an agent until no run is left."""
        folder = StudyFolder(study)

        def find_step(state: StudyState) -> Step:
            return find_next_step(self.plan, state, folds=self.folds, most_ready=_MOST_READY)

        return work(
            folder,
            find_step=find_step,
            perform=partial(self._perform, folder),
            describe_loss=describe_loss,
            listener=listener,
            words=QueueWords(study),
            waiting=self.others.keep_waiting,
            rest_seconds=self.runtime.pause_seconds,
            stopping=stopping,
        )

    def follow_main(self, stop: StopRequest) -> list[Outcome]:
        """Train what the main process does, which tells; returns the outcomes that it tells."""
        for told in self.others.listen():
            if isinstance(told, XliteError):
                raise told
            if not isinstance(told, WorkItem):
                return list(told)
            try:
                for _ in self._train(told, StudyFolder(Path()), stop):
                    pass
            except LostProcessError:
                raise
            except XliteError:
                continue  # the main process has the same, and tells what comes of it
        raise RuntimeError("the main process has told no end")

    def _perform(self, folder: StudyFolder, item: WorkItem, stop: StopRequest) -> Doing:
        """Train the run of an item, whatever keeps it from being trained now being its failure."""
        self.others.tell(item)
        doing = self._train(item, folder, stop)
        try:
            yield from self.others.join_in(
                attempt(item, doing, folder, has_others=self.others.are_there)
            )
        except (RunInUseError, OSError) as error:
            yield say_failure(item, error, resumes=True)

    def _train(self, item: WorkItem, folder: StudyFolder, stop: StopRequest) -> Doing:
        run = self.runs[item.id]
        own = data_of(self.data, run.planned.fold)
        found = FoundRun(own, run.run_dir, run.planned.has_fixed_budget)
        return train_item(item, folder, self.plan, runtime=self.runtime, stop=stop, found=found)
