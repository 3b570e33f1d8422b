"""A search by an agent over xlite's ledger, beside Optuna with its journal storage and pruner.

The same toy objective, space, number of trials and rungs (1, 3 and 9 epochs, a third going on), TPE
in both; nothing is trained. The first row is decisions a second: settings suggested, trials that
go on or end. Then each search is killed ten times (SIGKILL) and begun again until it is done, and
trials are counted whose training was lost: begun, and neither finished nor stopped by a rung in the
end. Each search is a process of its own:

    python -m benchmarks.study_search xlite|optuna FOLDER [--epoch-seconds S]
"""

from __future__ import annotations

import argparse
import contextlib
import math
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.measure import Row, compare_rates, compare_with_limit, time_in_turns
from xlite.executors.agent import work
from xlite.settings import TrainSettings
from xlite.signals import StopRequest
from xlite.studies.folder import StudyFolder
from xlite.studies.item_result import ItemResult
from xlite.studies.ledger_entries import Begin, Score, entry_time
from xlite.studies.rules.next_step import describe_loss, find_next_step
from xlite.studies.study_plan import Distribution, Phase, Rungs, StudyPlan
from xlite.studies.study_state import StudyState
from xlite.studies.work_item import WorkItem

NUM_TRIALS = 60
NUM_KILLS = 10
_EPOCHS, _FACTOR = 9, 3
_SEED = 0
_EPOCH_SECONDS = 0.03
"""While kills are counted, so that most of them fall into a trial."""
_SPACE = {
    "lr": Distribution(kind="log_uniform", low=1e-5, high=1e-2),
    "dropout": Distribution(kind="uniform", low=0.0, high=0.6),
}


def run() -> list[Row]:
    """The rows: decisions a second, and trials lost by kills."""
    with tempfile.TemporaryDirectory(prefix="xlite-bench-") as folder:
        scratch = Path(folder)
        places = (scratch / str(number) for number in range(1_000_000))
        searches = {"xlite": search_by_ledger, "optuna": search_by_optuna}
        seconds = time_in_turns(
            {name: partial(_time, search, places) for name, search in searches.items()}
        )
        ours, theirs = (_count_losses(name, next(places)) for name in searches)
    return [
        compare_rates(
            f"search of {NUM_TRIALS} trials by rungs: Optuna's journal, flushed",
            seconds,
            ours="xlite",
            peer="optuna",
            target=None,
            unit="decisions/s",
        ),
        compare_with_limit(
            f"trials of {NUM_TRIALS} lost by {NUM_KILLS} kills (limit: Optuna's)",
            [float(ours)],
            limit=max(float(theirs), 1e-9),
            unit="trials",
        ),
    ]


def score_of(lr: float, dropout: float, epoch: int) -> float:
    """What a trial of these settings scores after so many epochs, in (0, 1); no chance in it."""
    best = 1 - 0.06 * (math.log10(lr) + 3.5) ** 2 - 0.4 * (dropout - 0.2) ** 2
    return best * (1 - math.exp(-epoch / (2 + 40 * lr)))


def search_by_ledger(folder: Path, epoch_seconds: float) -> int:
    """Begin the search in a folder, or go on with it, to its end; the number of decisions."""
    study = StudyFolder(folder / "studies" / "toy")
    begin = Begin(at=entry_time(), agent="person", name="toy", plan="", root="../../..")
    if not study.ledger.path_of(1).exists():
        study.ledger.append(begin)
    plan = _plan()
    end = work(
        study,
        find_step=lambda state: find_next_step(plan, state),
        perform=partial(_train, folder, epoch_seconds),
        describe_loss=describe_loss,
    )
    return _count_decisions(end.state)


def search_by_optuna(folder: Path, epoch_seconds: float) -> int:
    """The same by Optuna, as its users write it."""
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    folder.mkdir(parents=True, exist_ok=True)
    study = optuna.create_study(
        storage=JournalStorage(JournalFileBackend(str(folder / "journal.log"))),
        study_name="toy",
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=_SEED),
        pruner=optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=_FACTOR),
        load_if_exists=True,
    )

    def objective(trial: optuna.Trial) -> float:
        lr = trial.suggest_float("lr", 1e-5, 1e-2, log=True)
        dropout = trial.suggest_float("dropout", 0.0, 0.6)
        for epoch in range(1, _EPOCHS + 1):
            time.sleep(epoch_seconds)
            trial.report(score_of(lr, dropout, epoch), epoch)
            if trial.should_prune():
                raise optuna.TrialPruned
        return score_of(lr, dropout, _EPOCHS)

    # A trial that a kill has left stays "running" for ever: a user counts those that have begun.
    left = NUM_TRIALS - len(study.get_trials(deepcopy=False))
    study.optimize(objective, n_trials=max(0, left))
    trials = study.get_trials(deepcopy=False)
    # A trial suggested is one decision, and so is each rung that it came to.
    rungs = [_FACTOR**place for place in range(3)]
    reached = (sum(rung <= len(trial.intermediate_values) for rung in rungs) for trial in trials)
    return len(trials) + sum(reached)


def _plan() -> StudyPlan:
    settings = TrainSettings(model="resnet18", epochs=_EPOCHS, early_stopping=_EPOCHS)
    phase = Phase(
        id="search",
        method="tpe",
        settings=settings,
        space=_SPACE,
        runs=NUM_TRIALS,
        seed=_SEED,
        rungs=Rungs(first=1, factor=_FACTOR),
    )
    return StudyPlan(name="toy", phases=(phase,))


def _train(
    folder: Path, epoch_seconds: float, item: WorkItem, _: StopRequest
) -> Iterator[ItemResult]:
    """Epochs of one trial, each kept in a file, from where it was."""
    if item.kind == "judge":
        yield ItemResult(outcome="finished")
        return
    assert item.settings is not None
    saved = folder / "runs" / f"{item.subject.replace('/', '-')}.txt"
    saved.parent.mkdir(parents=True, exist_ok=True)
    done = len(saved.read_text().split()) if saved.exists() else 0
    until = item.until_epoch or _EPOCHS
    for epoch in range(done + 1, until + 1):
        time.sleep(epoch_seconds)
        with saved.open("a") as file:
            file.write(f"{epoch}\n")
    point = score_of(item.settings.lr, item.settings.dropout, until)
    yield ItemResult(
        outcome="finished" if until == _EPOCHS else "paused",
        run=f"runs/{saved.stem}",
        epochs=until,
        scores={"val.auroc": Score(point=point)},
    )


def _count_decisions(state: StudyState) -> int:
    """Trials suggested, and rungs come to, as they are counted of Optuna."""
    suggested = sum(subject.startswith("suggest:") for subject in state.decisions)
    return suggested + sum(item.has_ended for item in state.items.values())


def _time(search: Any, places: Iterator[Path]) -> int:
    count: int = search(next(places), 0.0)
    return count


def _count_losses(name: str, folder: Path) -> int:
    """Kill a search ten times, let it end, and count the trials that were begun and lost."""
    when = random.Random(_SEED)
    command = [sys.executable, "-m", "benchmarks.study_search", name, str(folder)]
    command += ["--epoch-seconds", str(_EPOCH_SECONDS)]
    for _ in range(NUM_KILLS):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        begun = time.monotonic()
        # Only once it works: what is killed while it imports loses nothing.
        while not _has_begun(name, folder, since=begun) and process.poll() is None:
            time.sleep(0.02)
        time.sleep(when.uniform(0.05, 0.5))
        process.send_signal(signal.SIGKILL)
        process.wait()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return _count_lost_trials(name, folder)


def _has_begun(name: str, folder: Path, *, since: float) -> bool:
    """Whether the search has written something since a time of the monotonic clock."""
    written = folder / ("studies/toy/ledger" if name == "xlite" else "journal.log")
    with contextlib.suppress(FileNotFoundError):
        age = time.time() - written.stat().st_mtime
        return age < time.monotonic() - since
    return False


def _count_lost_trials(name: str, folder: Path) -> int:
    if name == "xlite":
        ledger = StudyFolder(folder / "studies" / "toy").ledger
        ledger.refresh()
        state = StudyState.of(ledger.entries)
        suggested = sum(subject.startswith("suggest:") for subject in state.decisions)
        trained = {item.split(":")[1] for item, one in state.items.items() if one.has_ended}
        return suggested - len(trained)
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = JournalStorage(JournalFileBackend(str(folder / "journal.log")))
    study = optuna.load_study(study_name="toy", storage=storage)
    ended = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)
    return sum(trial.state not in ended for trial in study.get_trials(deepcopy=False))


def main() -> None:
    """Search in a folder, which is what is killed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.study_search")
    parser.add_argument("name", choices=("xlite", "optuna"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--epoch-seconds", type=float, default=0.0)
    arguments = parser.parse_args()
    search = search_by_ledger if arguments.name == "xlite" else search_by_optuna
    search(arguments.folder, arguments.epoch_seconds)


if __name__ == "__main__":
    main()
