from __future__ import annotations

import dataclasses
import errno
import json
import os
import pickle
import re
import signal
import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from xlite.errors import InputError, InterruptedRunError, LostProcessError, explain
from xlite.files import write_json
from xlite.run_folder.folder import RunFolder
from xlite.run_folder.lock import hold_lock
from xlite.settings import Runtime, TrainSettings
from xlite.signals import catch_stop_signals
from xlite.studies.outcome import Outcome
from xlite.studies.plan import PlannedRun
from xlite.studies.progress import ProgressFile
from xlite.training.data import DataPlaces
from xlite.training.state import EpochReport
from xlite.workflows.training_queue import run_plan

RUNTIME = Runtime(device="cpu", num_workers=0)


@dataclasses.dataclass
class FakeData:
    """All that the runner asks of the data: what enters a run's name, and the labels."""

    source_fingerprint: str = "f"
    split_sha256: dict[str, str] = dataclasses.field(default_factory=lambda: {"train": "5p1"})
    vocabulary: tuple[str, ...] = ("Mass",)
    places: DataPlaces = dataclasses.field(default_factory=DataPlaces)


def scores_of(run_dir: Path, model: str, auroc: float | None) -> dict[str, Any]:
    return {
        "run_id": run_dir.name,
        "model": model,
        "fingerprint": "0123456789ab",
        "num_parameters": 1000,
        "epochs": 2,
        "stopped_early": True,
        "accumulate": 1,
        "best_epoch": 1,
        "seconds": 90.0,
        "val": {
            "macro": {"auroc": auroc, "average_precision": 0.2, "f1": 0.1},
            "per_class": {"Mass": {"auroc": auroc}, "Edema": {"auroc": None}},
        },
    }


class FakeTraining:
    """Stands for `follow_run`: two epochs, then scores, or whatever `faults` says of a model."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.aurocs: dict[str, float | None] = {}
        self.faults: dict[str, BaseException] = {}
        self.trained: list[str] = []
        self.num_parts = 1
        self.seen: list[dict[str, Any]] = []

    def __call__(
        self,
        settings: TrainSettings,
        data: FakeData,
        run_dir: Path,
        **_: Any,
    ) -> Generator[EpochReport, None, dict[str, Any]]:
        self.trained.append(settings.model)
        run_dir.mkdir(parents=True, exist_ok=True)
        sums = {"split_sha256": data.split_sha256, "source": data.source_fingerprint}
        counts = {"images": {"val": 5}, "train_positives": [2]}
        write_json(
            run_dir / "config.json",
            {
                "settings": settings.model_dump(mode="json"),
                "labels": ["Mass"],
                "data": counts | sums,
            },
        )
        self._look()
        yield EpochReport(1, 0.6, 1.235)
        self._look()
        if settings.model in self.faults:
            raise self.faults[settings.model]
        (run_dir / "history.csv").write_text("epoch,train_loss,val_auroc\n1,0.5,0.6\n2,0.4,0.7\n")
        scores = scores_of(run_dir, settings.model, self.aurocs.get(settings.model, 0.7))
        scores["accumulate"] = self.num_parts
        write_json(run_dir / "scores.json", scores)
        return RunFolder(run_dir).require_scores()

    def _look(self) -> None:
        if (self.out / "training_progress.json").exists():
            self.seen.append(read_progress(self.out)["models"])


@pytest.fixture
def training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeTraining:
    fake = FakeTraining(tmp_path)
    monkeypatch.setattr("xlite.workflows.study_training.follow_run", fake)
    monkeypatch.setattr("xlite.workflows.training_queue.check_runs", lambda *_: None)
    return fake


def plan(*models: str) -> list[PlannedRun]:
    return [PlannedRun(model, TrainSettings(model=model)) for model in models]


def run(out: Path, *models: str, resume: bool = False) -> list[Outcome]:
    data: Any = FakeData()
    return run_plan(plan(*models), data, out, runtime=RUNTIME, resume=resume)


def read_progress(out: Path) -> dict[str, Any]:
    return json.loads((out / "training_progress.json").read_text())


def statuses(models: dict[str, Any]) -> list[str]:
    return [entry["status"] for entry in models.values()]


def test_progress_is_told_before_during_and_after(training: FakeTraining, tmp_path: Path) -> None:
    outcomes = run(tmp_path, "a", "b")
    assert [statuses(models) for models in training.seen] == [
        ["running", "pending"],
        ["running", "pending"],
        ["finished", "running"],
        ["finished", "running"],
    ]
    during = training.seen[1]["a"]
    assert (during["epochs_done"], during["best_val_auroc"]) == (1, 0.6)
    assert during["seconds"] == 1.235
    progress = read_progress(tmp_path)
    assert progress["completed_models"] == ["a", "b"]
    entry = progress["models"]["a"]
    assert entry["status"] == "finished"
    assert (entry["epochs_done"], entry["epochs"], entry["best_val_auroc"]) == (2, 20, 0.7)
    assert entry["error"] is None
    assert entry["started"] <= entry["finished"] <= progress["last_updated"]
    assert [outcome.name for outcome in outcomes] == ["a", "b"]
    assert [outcome.run_dir for outcome in outcomes] == [
        tmp_path / progress["models"][name]["run"] for name in "ab"
    ]


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (InputError("no weights. Pass --weights."), "no weights. Pass --weights."),
        (
            ValueError("shape\nand more"),
            "internal error: ValueError: shape. Please report it with what --debug shows.",
        ),
        (MemoryError("12 GB"), "memory ran out. 12 GB"),
        (OSError(28, "No space left on device", "last.pt"), "No space left on device: last.pt"),
    ],
)
def test_a_run_that_fails_is_recorded_and_the_next_goes_on(
    training: FakeTraining,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    fault: Exception,
    message: str,
) -> None:
    training.faults["a"] = fault
    failed, finished = run(tmp_path, "a", "b")
    assert failed.scores is None
    message = failed.error if failed.error and failed.error.startswith(message) else message
    assert failed.error == message
    assert failed.is_internal is isinstance(fault, ValueError)
    assert finished.scores is not None
    assert finished.error is None
    progress = read_progress(tmp_path)
    assert statuses(progress["models"]) == ["failed", "finished"]
    assert progress["models"]["a"]["error"] == message
    assert progress["models"]["a"]["finished"] is None
    assert progress["completed_models"] == ["b"]
    error = capsys.readouterr().err
    assert f"error: a failed: {message}\n" in error
    assert "Traceback" not in error
    assert pd.read_csv(tmp_path / "baseline_results.csv")["name"].tolist() == ["b"]


def test_debug_shows_the_traceback(
    training: FakeTraining,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    training.faults["a"] = ValueError("shape")
    monkeypatch.setattr("xlite.console._shows_tracebacks", True)
    run(tmp_path, "a")
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    "fault", [InterruptedRunError("saved", signal_number=2), KeyboardInterrupt]
)
def test_an_interruption_ends_the_plan_and_resume_goes_on(
    training: FakeTraining, tmp_path: Path, fault: BaseException
) -> None:
    training.faults["b"] = fault
    with pytest.raises((InterruptedRunError, KeyboardInterrupt)):
        run(tmp_path, "a", "b", "c")
    assert training.trained == ["a", "b"]
    assert statuses(read_progress(tmp_path)["models"]) == ["finished", "interrupted", "pending"]
    del training.faults["b"]
    first_end = read_progress(tmp_path)["models"]["a"]["finished"]
    outcomes = run(tmp_path, "a", "b", "c", resume=True)
    assert training.trained == ["a", "b", "b", "c"], "a finished run is not trained again"
    assert all(outcome.scores for outcome in outcomes)
    progress = read_progress(tmp_path)
    assert statuses(progress["models"]) == ["finished"] * 3
    assert progress["models"]["a"]["finished"] == first_end


def test_a_failure_is_forgotten_when_the_run_succeeds(
    training: FakeTraining, tmp_path: Path
) -> None:
    training.faults["a"] = ValueError("shape")
    run(tmp_path, "a")
    training.faults.clear()
    run(tmp_path, "a", resume=True)
    entry = read_progress(tmp_path)["models"]["a"]
    assert (entry["status"], entry["error"]) == ("finished", None)


def test_without_resume_an_existing_run_stops_everything_before_it_starts(
    training: FakeTraining, tmp_path: Path
) -> None:
    run(tmp_path, "b")
    before = (tmp_path / "training_progress.json").read_bytes()
    with pytest.raises(InputError, match=r"1 of 2 runs exist already \(first: .*b-pos.*--resume"):
        run(tmp_path, "a", "b")
    assert training.trained == ["b"]
    assert (tmp_path / "training_progress.json").read_bytes() == before


def test_skipped_runs_say_so_and_keep_their_scores(
    training: FakeTraining, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    [first] = run(tmp_path, "a")
    [again] = run(tmp_path, "a", resume=True)
    assert again == first
    assert f"a: finished already, skipped ({first.run_dir})" in capsys.readouterr().err


def test_a_run_under_two_names_is_listed_once(training: FakeTraining, tmp_path: Path) -> None:
    run(tmp_path, "a")
    same = [PlannedRun("a:pos-weight", TrainSettings(model="a"))]
    data: Any = FakeData()
    run_plan(same, data, tmp_path, runtime=RUNTIME, resume=True)
    assert training.trained == ["a"]
    assert list(read_progress(tmp_path)["models"]) == ["a", "a:pos-weight"]
    assert pd.read_csv(tmp_path / "baseline_results.csv")["name"].tolist() == ["a"]


def test_without_a_finished_run_there_is_no_results_file(
    training: FakeTraining, tmp_path: Path
) -> None:
    training.faults["a"] = ValueError("shape")
    run(tmp_path, "a")
    assert not (tmp_path / "baseline_results.csv").exists()


def test_other_data_is_another_run(training: FakeTraining, tmp_path: Path) -> None:
    first: Any = FakeData("first split")
    second: Any = FakeData("second split")
    for data in (first, second):
        run_plan(plan("a"), data, tmp_path, runtime=RUNTIME)
    assert training.trained == ["a", "a"]
    assert len(list((tmp_path / "runs").iterdir())) == 2


def test_a_progress_file_that_cannot_be_read_is_not_overwritten(
    training: FakeTraining, tmp_path: Path
) -> None:
    path = tmp_path / "training_progress.json"
    path.write_text("{")
    with pytest.raises(InputError, match="training_progress.json is not valid JSON.*Move it away"):
        run(tmp_path, "a")
    assert path.read_text() == "{"
    assert training.trained == []


def test_a_displaced_run_keeps_its_entry_and_its_line(
    training: FakeTraining, tmp_path: Path
) -> None:
    for seed in (1, 2):
        seeded = [PlannedRun("a", TrainSettings(model="a", seed=seed))]
        data: Any = FakeData()
        run_plan(seeded, data, tmp_path, runtime=RUNTIME)
    models = read_progress(tmp_path)["models"]
    assert models["a"]["seed"] == 2
    [displaced] = models.keys() - {"a"}
    assert displaced.startswith("a-pos-weight-none-s1-")
    assert (models[displaced]["seed"], models[displaced]["status"]) == (1, "finished")
    assert sorted(pd.read_csv(tmp_path / "baseline_results.csv")["seed"]) == [1, 2]


def test_a_run_of_another_command_is_left_to_it(training: FakeTraining, tmp_path: Path) -> None:
    [first] = run(tmp_path, "a")
    (first.run_dir / "scores.json").unlink()
    training.faults["a"] = InputError("process 1 has been training")
    record = ProgressFile(tmp_path / "training_progress.json")
    run_name = first.run_dir.relative_to(tmp_path).as_posix()
    record.update({"a": {"run": run_name, "status": "running", "epochs_done": 7}})
    with hold_lock(first.run_dir):
        [outcome, other] = run(tmp_path, "a", "b", resume=True)
    assert outcome.error == "process 1 has been training"
    assert other.scores is not None
    entry = read_progress(tmp_path)["models"]["a"]
    assert (entry["status"], entry["epochs_done"], entry["error"]) == ("running", 7, None)
    # ensure the above was a meaningful test
    [outcome] = run(tmp_path, "a", resume=True)
    assert read_progress(tmp_path)["models"]["a"]["status"] == "failed"


def test_halvings_for_want_of_memory_are_noted(training: FakeTraining, tmp_path: Path) -> None:
    training.num_parts = 4
    run(tmp_path, "a")
    note = read_progress(tmp_path)["models"]["a"]["note"]
    assert note == "out of memory: steps were computed in 4 parts instead of 1"


def test_the_runner_rests_between_two_runs_only(
    training: FakeTraining, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data: Any = FakeData()
    run(tmp_path, "b")
    resting = RUNTIME.model_copy(update={"pause_seconds": 0.3})
    run_plan(plan("a", "b", "c"), data, tmp_path, runtime=resting, resume=True)
    rests = re.findall("resting (.*) s before (.*)", capsys.readouterr().err)
    assert rests == [("0.3", "c")], "b is finished: nothing is between it and another"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_rest(training: FakeTraining, tmp_path: Path, number: int) -> None:
    data: Any = FakeData()
    resting = RUNTIME.model_copy(update={"pause_seconds": 600.0})
    threading.Timer(1.0, os.kill, (os.getpid(), number)).start()
    with pytest.raises(InterruptedRunError, match=r"stopped before b\. .*--resume") as stopped:
        run_plan(plan("a", "b"), data, tmp_path, runtime=resting, stopping=catch_stop_signals)
    assert stopped.value.exit_code == 128 + number
    assert statuses(read_progress(tmp_path)["models"]) == ["finished", "pending"]


@pytest.mark.parametrize("other", [{"devices": 2}, {"num_nodes": 2}])
def test_jobs_and_devices_exclude_each_other(
    training: FakeTraining, tmp_path: Path, other: dict[str, int]
) -> None:
    data: Any = FakeData()
    runtime = RUNTIME.model_copy(update={"jobs": 2, **other})
    with pytest.raises(InputError, match="--jobs .*exclude each other"):
        run_plan(plan("a", "b"), data, tmp_path, runtime=runtime)
    assert not (tmp_path / "training_progress.json").exists()


def test_only_the_main_process_writes_and_the_others_do_what_it_tells(
    training: FakeTraining, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data: Any = FakeData()
    told: list[Any] = []
    monkeypatch.setattr("xlite.workflows.other_processes.share_from_main", told.append)
    both = RUNTIME.model_copy(update={"devices": 2})
    monkeypatch.setattr("xlite.workflows.training_queue.launch_processes", lambda _: None)
    outcomes = run_plan(plan("a", "b"), data, tmp_path / "main", runtime=both)
    assert [one.id for one in told[:-1]] == ["train:a:s42", "train:b:s42"]
    assert told[-1] == outcomes
    training.trained.clear()
    training.faults["b"] = InputError("no weights")
    (tmp_path / "training_progress.json").write_text('{"models": {}}')
    monkeypatch.setattr("xlite.workflows.training_queue.is_main_process", lambda: False)
    monkeypatch.setattr("xlite.workflows.other_processes.share_from_main", lambda _: told.pop(0))
    assert run_plan(plan("a", "b"), data, tmp_path, runtime=both) == outcomes
    assert training.trained == ["a", "b"]
    assert (tmp_path / "training_progress.json").read_text() == '{"models": {}}'
    assert not (tmp_path / "baseline_results.csv").exists()
    assert not (tmp_path / "queues").exists()


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the main process of two tells the other."""
    found: list[Any] = []
    monkeypatch.setattr("xlite.workflows.other_processes.share_from_main", found.append)
    monkeypatch.setattr("xlite.workflows.training_queue.launch_processes", lambda _: None)
    return found


BOTH = RUNTIME.model_copy(update={"devices": 2})


def test_a_full_disk_between_two_runs_ends_the_other_processes_too(
    training: FakeTraining, told: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")

    def fail(*_: Any) -> None:
        raise full

    monkeypatch.setattr("xlite.executors.agent_entries.AgentEntries.end", fail)
    data: Any = FakeData()
    with pytest.raises(OSError, match="No space left"):
        run_plan(plan("a", "b"), data, tmp_path / "main", runtime=BOTH)
    assert [type(one).__name__ for one in told] == ["WorkItem", "LostProcessError"]
    monkeypatch.setattr("xlite.workflows.training_queue.is_main_process", lambda: False)
    monkeypatch.setattr("xlite.workflows.other_processes.share_from_main", lambda _: told.pop(0))
    with pytest.raises(LostProcessError, match="Free some space"):
        run_plan(plan("a", "b"), data, tmp_path / "other", runtime=BOTH)


@pytest.mark.parametrize(
    ("fault", "exit_code"),
    [(ValueError("a bug"), 70), (OSError(errno.EIO, "gone", "x"), 2), (LostProcessError("oom"), 1)],
)
def test_what_goes_wrong_in_the_main_process_alone_ends_the_command_and_is_not_told(
    training: FakeTraining, told: list[Any], tmp_path: Path, fault: Exception, exit_code: int
) -> None:
    training.faults["a"] = fault
    data: Any = FakeData()
    with pytest.raises(LostProcessError) as raised:
        run_plan(plan("a", "b"), data, tmp_path, runtime=BOTH)
    assert (raised.value.exit_code, str(raised.value)) == (exit_code, explain(fault)[0])
    # The other is within a step: it would take whatever it hears for a sum of gradients.
    assert [one.id for one in told] == ["train:a:s42"]
    assert training.trained == ["a"]


def test_the_other_processes_hear_while_the_main_one_rests_and_that_it_was_stopped(
    training: FakeTraining, told: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xlite.workflows.other_processes._SECONDS_UNTOLD", 0.0)
    data: Any = FakeData()

    def tell(one: Any) -> None:
        told.append(pickle.loads(pickle.dumps(one)))
        if one is None:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr("xlite.workflows.other_processes.share_from_main", tell)
    resting = BOTH.model_copy(update={"pause_seconds": 60.0})
    with pytest.raises(InterruptedRunError, match="stopped before b"):
        run_plan(
            plan("a", "b"), data, tmp_path / "main", runtime=resting, stopping=catch_stop_signals
        )
    assert [type(one).__name__ for one in told] == ["WorkItem", "NoneType", "InterruptedRunError"]
    monkeypatch.setattr("xlite.workflows.training_queue.is_main_process", lambda: False)
    monkeypatch.setattr("xlite.workflows.other_processes.share_from_main", lambda _: told.pop(0))
    with pytest.raises(InterruptedRunError, match="stopped before b") as raised:
        run_plan(plan("a", "b"), data, tmp_path / "other", runtime=resting)
    assert raised.value.exit_code == 128 + signal.SIGTERM
