"""What `track` tells a tracker of: runs and studies, found anew at each look at their folders."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from xlite import console
from xlite.errors import InputError, did_you_mean
from xlite.executors.queue_status import read_queue_status
from xlite.executors.study_status import read_study_status
from xlite.judging.evaluation_folder import find_evaluations_dir
from xlite.places import STUDIES
from xlite.reporting.begun_studies import read_study_files
from xlite.reporting.judged_studies import read_studies
from xlite.reporting.log_begun_studies import describe_begun_study
from xlite.reporting.log_markdown import render_body
from xlite.reporting.log_runs import describe_run
from xlite.reporting.log_studies import describe_study, identify_study
from xlite.reporting.score_figures import FIGURES
from xlite.results.ablation import Ablation
from xlite.results.study_status import StudyStatus
from xlite.run_folder.file_names import RUNS
from xlite.run_folder.folder import RunFolder
from xlite.run_folder.listing import find_run_folders
from xlite.run_folder.lock import is_held
from xlite.studies.find_study import find_study, list_studies
from xlite.studies.folder import StudyFolder
from xlite.tracking.run_replay import replay_run
from xlite.tracking.tracked import Tracked
from xlite.workflows.study_record import record_study


@dataclass
class Entries:
    """What was asked to be tracked."""

    runs: list[RunFolder] = field(default_factory=list)
    studies: list[StudyFolder] = field(default_factory=list)
    projects: list[Path] = field(default_factory=list)
    """Experiments folders, of which everything is tracked."""
    _finished: set[Path] = field(default_factory=set)
    """Runs that are told for good."""
    _said: set[str] = field(default_factory=set)

    def read(self) -> Iterator[Tracked]:
        """Each as far as it has come; of finished runs only what was not told before.

        Raises InputError for one that was named and is damaged; of others it is said.
        """
        runs = {run.path: None for run in self.runs}
        studies = [*self.studies]
        for project in self.projects:
            studies += list_studies(project)
            runs |= {run.path: None for run in find_run_folders(project / RUNS)}
        of_study: dict[Path, str] = {}
        for folder in studies:
            with self._left_out(folder.path, unless=folder in self.studies):
                status = read_study_status(folder.path)
                for item in status.items:
                    if item.run is not None:
                        of_study[folder.experiments / item.run] = status.name
                yield _read_study(folder, status)
        for path in dict.fromkeys([*runs, *of_study]):
            run = RunFolder(path)
            if path in self._finished or not run.is_begun:
                continue
            with self._left_out(path, unless=any(path == one.path for one in self.runs)):
                tracked = _read_run(run, of_study.get(path))
                yield tracked
                if tracked.state == "finished":
                    self._finished.add(path)
        for project in self.projects:
            yield from self._read_judged(project)

    def have_ended(self) -> bool:
        """Whether nobody is at work on any of them."""
        return not (
            any(not run.is_finished and is_held(run.path) for run in self.runs)
            or any(read_study_status(one.path).state == "running" for one in self.studies)
            or any(_is_at_work(project) for project in self.projects)
        )

    def _read_judged(self, experiments: Path) -> Iterator[Tracked]:
        """The newest ablation and comparison."""
        found, faults = read_studies(experiments)
        for fault in faults:
            self._say(fault)
        for path, study in found.items():
            entry = describe_study(
                study, path=path, log_dir=experiments, finished="", environment=""
            )
            yield Tracked(
                name=f"{study.kind}-{identify_study(study)}",
                kind="ablation" if isinstance(study, Ablation) else "comparison",
                state="finished",
                ended=_read_time(study.time),
                facts={"decision": entry.decision, "key_result": entry.key_result},
                text=render_body(entry),
            )

    @contextlib.contextmanager
    def _left_out(self, path: Path, *, unless: bool) -> Iterator[None]:
        try:
            yield
        except InputError as error:
            if unless:
                raise
            self._say(f"{path.name} is left out: {error}")

    def _say(self, sentence: str) -> None:
        """Warn, once however often it is looked at."""
        if sentence not in self._said:
            self._said.add(sentence)
            console.warn(sentence)


def find_entries(asked: Sequence[str | Path], experiments: Path) -> Entries:
    """What is asked for: run folders or their names, studies or theirs, experiments folders.

    Nothing asked for: all of `experiments`. Raises InputError for what is none of them, and where
    there is nothing yet.
    """
    entries = Entries()
    for one in asked or [experiments]:
        path = Path(one)
        named = RunFolder(experiments / RUNS / path)
        if RunFolder(path).is_begun:
            entries.runs.append(RunFolder(path))
        elif named.is_begun:
            entries.runs.append(named)
        elif (path / RUNS).is_dir() or list_studies(path):
            entries.projects.append(path)
        elif not asked:
            raise InputError(
                f"{experiments} holds no run and no study. Begin one, or pass --experiments DIR."
            )
        elif _is_study(path, experiments):
            entries.studies.append(find_study(path, experiments))
        else:
            names = [run.name for run in find_run_folders(experiments / RUNS)]
            raise InputError(
                f"{path} is no run, no study and no experiments folder."
                f"{did_you_mean(path.name, names)} Pass a folder, or a name in {experiments}."
            )
    return entries


def _is_study(path: Path, experiments: Path) -> bool:
    places = (experiments / STUDIES / path, path)
    return any(StudyFolder(place).ledger.path_of(1).exists() for place in places)


def _read_run(run: RunFolder, study: str | None) -> Tracked:
    text = ""
    if run.is_finished:
        ended = run.sittings[-1].ended if run.sittings else None
        text = render_body(describe_run(run, finished=ended or "", log_dir=run.path.parent))
    evaluation = find_evaluations_dir(run.path) / run.name
    return replay_run(
        run,
        is_at_work=not run.is_finished and is_held(run.path),
        study=study,
        text=text,
        figures={
            name: evaluation / f"{name}.png"
            for name in FIGURES
            if (evaluation / f"{name}.png").is_file()
        },
    )


def _read_study(folder: StudyFolder, status: StudyStatus) -> Tracked:
    with contextlib.suppress(OSError):  # of an archive that can't be written to: as it was
        record_study(folder)
    files = read_study_files(folder.path)
    study = files.study
    entry = describe_begun_study(files, folder=folder.path, log_dir=folder.experiments)
    state = {"running": "running", "ended": "finished"}.get(status.state, "stopped")
    facts = {
        "question": study.question,
        "state": status.state,
        "winner": study.winner,
        "why": study.why,
        "entries": study.entries,
    }
    return Tracked(
        name=f"study-{folder.path.name}",
        kind="study",
        state=state,  # type: ignore[arg-type]
        started=_read_time(study.begun),
        ended=_read_time(study.updated) if state == "finished" else None,
        facts={name: value for name, value in facts.items() if value is not None},
        text=render_body(entry),
    )


def _is_at_work(experiments: Path) -> bool:
    """Whether something is trained there, or waits for that."""
    if any(study.state == "running" for study in _read_statuses(experiments)):
        return True
    try:
        return not read_queue_status(experiments).has_ended
    except InputError:  # nothing was trained there by a command
        return any(is_held(run.path) for run in find_run_folders(experiments / RUNS))


def _read_statuses(experiments: Path) -> Iterator[StudyStatus]:
    for folder in list_studies(experiments):
        with contextlib.suppress(InputError):
            yield read_study_status(folder.path)


def _read_time(text: str) -> float | None:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None
