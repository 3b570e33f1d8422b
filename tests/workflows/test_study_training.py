"""Work items of kind `train`: paused and promoted, they leave the bytes of a straight run."""

from __future__ import annotations

import pickle
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from training.run_comparison import find_differences

from xlite import console
from xlite.errors import InterruptedRunError, RunInUseError
from xlite.files import sha256_of_file
from xlite.run_folder.folder import RunFolder
from xlite.run_folder.lock import hold_lock
from xlite.settings import LossSettings, Runtime, TrainSettings
from xlite.signals import StopRequest
from xlite.splitting.split_folder import read_split
from xlite.studies.folder import StudyFolder
from xlite.studies.item_result import ItemResult, ItemStart
from xlite.studies.study_plan import Phase, ScoreName, StudyPlan
from xlite.studies.work_item import WorkItem
from xlite.training.data import StudyData, load_study_data
from xlite.training.run import train_run
from xlite.training.state import EpochReport
from xlite.workflows.study_items import perform

CPU = Runtime(device="cpu", num_workers=0)
PLAIN = TrainSettings(
    model="test_resnet",
    initial_weights="none",
    loss=LossSettings(name="bce"),
    batch_size=16,
    lr=1e-3,
    epochs=5,
    seed=3,
)
# After the first epoch nothing counts as a gain: the rate is cut after epochs 3 and 5.
AVERAGED = PLAIN.model_copy(update={"ema_decay": 0.9, "min_delta": 10.0, "plateau_patience": 1})
# And the run ends early, after epoch 3 of 5.
SHORT = AVERAGED.model_copy(update={"early_stopping": 2})


@pytest.fixture
def folder(tmp_path: Path) -> StudyFolder:
    return StudyFolder(tmp_path / "experiments" / "studies" / "tuning")


@pytest.fixture
def plan(project: Any) -> StudyPlan:
    return StudyPlan(name="tuning", split=project.split, cache=project.cache)


@pytest.fixture(scope="module")
def data(project: Any) -> StudyData:
    return load_study_data(read_split(project.split), project.cache, split_dir=project.split)


def item_of(settings: TrainSettings, *, until: int | None = None, **changes: Any) -> WorkItem:
    name = f"train:search/1:s{settings.seed}" + (f":e{until}" if until else "")
    return WorkItem(
        id=name,
        kind="train",
        subject="search/1",
        settings=settings,
        until_epoch=until,
        **changes,
    )


def do(item: WorkItem, folder: StudyFolder, plan: StudyPlan, **options: Any) -> ItemResult:
    options = {"runtime": CPU, "stop": StopRequest(), **options}
    *_, result = perform(item, folder, plan, **options)
    assert isinstance(result, ItemResult)
    return result


def run_of(result: ItemResult, folder: StudyFolder) -> Path:
    assert result.run is not None
    return folder.experiments / result.run


@pytest.mark.parametrize("settings", [PLAIN, AVERAGED], ids=["plain", "averaged"])
def test_a_run_that_pauses_at_rungs_has_the_bytes_of_a_straight_one(
    settings: TrainSettings, folder: StudyFolder, plan: StudyPlan, data: StudyData, tmp_path: Path
) -> None:
    train_run(settings, data, tmp_path / "runs" / "straight", runtime=CPU)
    results = [do(item_of(settings, until=until), folder, plan) for until in (1, 3, 5)]
    assert [result.outcome for result in results] == ["paused", "paused", "finished"]
    assert [result.epochs for result in results] == [1, 3, 5]
    assert len({result.run for result in results}) == 1
    found = find_differences(tmp_path / "runs" / "straight", run_of(results[0], folder))
    assert found == ["config.json out_dir", "scores.json files config.json"]
    sittings = RunFolder(run_of(results[0], folder)).sittings
    assert [one.outcome for one in sittings] == ["interrupted", "interrupted", "finished"]


@pytest.mark.parametrize(("first", "second"), [(2, 1), (1, 2)])
def test_a_run_of_another_number_of_epochs_stays_as_it_is(
    first: int, second: int, folder: StudyFolder, plan: StudyPlan
) -> None:
    """Two studies may differ in it alone, and so may an edited plan from the one before."""
    lengths = [PLAIN.model_copy(update={"epochs": epochs}) for epochs in (first, second)]
    begun = do(item_of(lengths[0]), folder, plan)
    before = sha256_of_file(run_of(begun, folder) / "scores.json")
    other = do(item_of(lengths[1]), folder, plan)
    assert (begun.epochs, other.epochs) == (first, second)
    assert run_of(other, folder) != run_of(begun, folder)
    assert sha256_of_file(run_of(begun, folder) / "scores.json") == before
    for settings, result in zip(lengths, (begun, other), strict=True):
        assert do(item_of(settings), folder, plan) == result


def test_a_kill_between_pauses_changes_nothing(
    folder: StudyFolder, plan: StudyPlan, data: StudyData, tmp_path: Path
) -> None:
    train_run(AVERAGED, data, tmp_path / "runs" / "straight", runtime=CPU)
    assert do(item_of(AVERAGED, until=1), folder, plan).outcome == "paused"
    eager = CPU.model_copy(update={"checkpoint_minutes": 0.0})
    news = perform(item_of(AVERAGED, until=4), folder, plan, runtime=eager, stop=StopRequest())
    kinds = [type(next(news)) for _ in range(2)]
    assert kinds == [ItemStart, EpochReport]
    news.close()  # after epoch 2, as an agent that dies
    result = do(item_of(AVERAGED, until=4), folder, plan)
    assert (result.outcome, result.epochs) == ("paused", 4)
    # And once more within an epoch.
    stop = StopRequest()
    stop.signal_number = 15
    with pytest.raises(InterruptedRunError):
        do(item_of(AVERAGED, until=5), folder, plan, stop=stop)
    result = do(item_of(AVERAGED, until=5), folder, plan)
    assert result.outcome == "finished"
    found = find_differences(tmp_path / "runs" / "straight", run_of(result, folder))
    assert found == ["config.json out_dir", "scores.json files config.json"]


_DIE = """
import os, pickle, signal, sys
from xlite.settings import Runtime
from xlite.signals import StopRequest
from xlite.training import saved_state
from xlite.workflows.study_items import perform

item, folder, plan, runtime, left = pickle.load(sys.stdin.buffer)
save = saved_state.save_checkpoint

def save_and_die(*arguments, **options):
    global left
    save(*arguments, **options)
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)

saved_state.save_checkpoint = save_and_die
list(perform(item, folder, plan, runtime=runtime, stop=StopRequest()))
"""


def test_sigkill_within_a_rung_and_at_its_end_loses_nothing(
    folder: StudyFolder, plan: StudyPlan, data: StudyData, tmp_path: Path
) -> None:
    train_run(AVERAGED, data, tmp_path / "runs" / "straight", runtime=CPU)
    assert do(item_of(AVERAGED, until=1), folder, plan).outcome == "paused"
    item = item_of(AVERAGED, until=3)
    each_step = CPU.model_copy(update={"checkpoint_minutes": 0.0})
    # An epoch is 7 steps: after the 4th of the second, and when the third is saved, before anybody
    # is told.
    for num_saved in (4, 3 + 1 + 7 + 1):
        given = pickle.dumps((item, folder, plan, each_step, num_saved))
        child = subprocess.run([sys.executable, "-c", _DIE], input=given, check=False)
        assert child.returncode == -signal.SIGKILL
    result = do(item, folder, plan)
    assert (result.outcome, result.epochs) == ("paused", 3)
    run = run_of(result, folder)
    assert len(RunFolder(run).sittings) == 4
    assert do(item_of(AVERAGED), folder, plan).outcome == "finished"
    found = find_differences(tmp_path / "runs" / "straight", run)
    assert found == ["config.json out_dir", "scores.json files config.json"]


def test_an_early_stop_before_the_pause_is_the_end(folder: StudyFolder, plan: StudyPlan) -> None:
    result = do(item_of(SHORT, until=4), folder, plan)
    assert (result.outcome, result.epochs) == ("finished", 3)
    assert result.details == {"best_epoch": 1, "stopped_early": True}
    at_rung = do(item_of(SHORT.model_copy(update={"seed": 4}), until=3), folder, plan)
    assert (at_rung.outcome, at_rung.epochs) == ("finished", 3)


def test_a_longer_run_tells_what_it_was_at_the_pause(folder: StudyFolder, plan: StudyPlan) -> None:
    paused = do(item_of(PLAIN, until=2), folder, plan)
    unfinished = do(item_of(PLAIN, until=3), folder, plan)
    assert do(item_of(PLAIN, until=2), folder, plan) == paused
    finished = do(item_of(PLAIN), folder, plan)
    assert [unfinished.outcome, finished.outcome] == ["paused", "finished"]
    assert do(item_of(PLAIN, until=2), folder, plan) == paused
    assert do(item_of(PLAIN, until=5), folder, plan) == finished


def test_the_scores_are_those_of_the_best_epoch_so_far(
    folder: StudyFolder, plan: StudyPlan
) -> None:
    label = "Effusion"
    phase = Phase(
        id="search",
        method="random",
        settings=PLAIN,
        score=ScoreName("val", "sensitivity", label),
    )
    asked = StudyPlan(name="tuning", split=plan.split, cache=plan.cache, phases=(phase,))
    result = do(item_of(PLAIN, until=3), folder, asked)
    rows = RunFolder(run_of(result, folder)).history
    best = max(rows, key=lambda row: row["val_auroc"])
    assert result.details["best_epoch"] == best["epoch"]
    assert result.scores["val.auroc"].point == best["val_auroc"]
    assert result.scores["val.sensitivity"].point == best["val_recall"]
    assert f"val.sensitivity.{label}" in result.scores
    assert f"val.auroc.{label}" not in result.scores


def test_what_goes_wrong_is_the_result(folder: StudyFolder, plan: StudyPlan) -> None:
    wrong = item_of(PLAIN.model_copy(update={"model": "no_such_model"}))
    result = do(wrong, folder, plan)
    assert result.outcome == "failed"
    assert result.error is not None
    assert "no_such_model" in result.error
    absent = StudyPlan(name="tuning", split=plan.split / "absent", cache=plan.cache)
    result = do(item_of(PLAIN), folder, absent)
    assert result.error is not None
    assert "does not exist" in result.error


def test_a_run_of_another_process_is_no_failure(
    folder: StudyFolder, plan: StudyPlan, data: StudyData
) -> None:
    result = do(item_of(PLAIN, until=1), folder, plan)
    with hold_lock(run_of(result, folder)), pytest.raises(RunInUseError):
        do(item_of(PLAIN, until=2), folder, plan)


def test_weights_have_to_be_the_file_that_the_settings_name(
    folder: StudyFolder, plan: StudyPlan, tmp_path: Path
) -> None:
    first = do(item_of(PLAIN, until=1), folder, plan)
    weights = run_of(first, folder) / "best.safetensors"
    settings = PLAIN.model_copy(
        update={"warm_start": f"sha256:{sha256_of_file(weights)}", "seed": 9}
    )
    warm = do(item_of(settings, until=1, warm_start=weights), folder, plan)
    assert warm.outcome == "paused"
    other = tmp_path / "other.safetensors"
    other.write_bytes(b"other")
    result = do(item_of(settings, until=2, warm_start=other), folder, plan)
    assert result.error is not None
    assert "is not the file that it was" in result.error
    result = do(item_of(settings, until=2), folder, plan)
    assert result.error is not None
    assert "names no file" in result.error


def test_each_sitting_adds_what_is_said_to_the_log_of_the_item(
    folder: StudyFolder, plan: StudyPlan, capsys: pytest.CaptureFixture[str]
) -> None:
    console.set_verbosity(console.QUIET)
    try:
        item = item_of(PLAIN, until=2)
        for _ in perform(item, folder, plan, runtime=CPU, stop=StopRequest()):
            console.warn("what the agent says is not of this run")
        do(item, folder, plan)
    finally:
        console.set_verbosity(console.NORMAL)
    text = folder.log_of(item.id).read_text()
    assert text.count("train:search/1:s3:e2, process") == 2
    assert "test_resnet bce epoch 2/5: train loss" in text
    assert "the agent" not in text
    assert "train loss" not in capsys.readouterr().err


def test_runs_are_found_whatever_their_folder_is_called(
    folder: StudyFolder, plan: StudyPlan
) -> None:
    finished = do(item_of(SHORT), folder, plan)
    renamed = run_of(finished, folder).with_name("a-person-s-name")
    run_of(finished, folder).rename(renamed)
    again = do(item_of(SHORT), folder, plan)
    assert again.run == "runs/a-person-s-name"
    assert again.scores == finished.scores
    assert not run_of(finished, folder).exists()
