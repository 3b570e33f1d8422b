"""A whole study by its commands: run, answer, go on, from here and from elsewhere."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from xlite.errors import InputError
from xlite.settings import TrainSettings
from xlite.studies.folder import StudyFolder
from xlite.studies.ledger_entries import Release
from xlite.training.run import follow_run
from xlite.workflows import study as workflow
from xlite.workflows import study_training
from xlite.workflows.study import run_study_plan, work_on_study
from xlite.workflows.study_beginning import begin_study

PLAN = """
name = "toy"
question = "Does dropout help?"
seeds = [0]
[settings]
model = "test_resnet"
pretrained = false
image-size = 32
epochs = 1
batch-size = 16
[data]
split = "data/splits"
cache = "data/cache"
[running]
device = "cpu"
workers = 0
[[experiment]]
id = "E1"
[[experiment]]
id = "E2"
set = {dropout = 0.3}
[[ask]]
id = "choose"
question = "Which one?"
after = ["E1"]
choices = {"best: E1" = {winner = "E1"}, "more" = {then = ["E2"]}}
[finally]
settings = "winner.toml"
"""


@pytest.fixture
def home(project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:  # type: ignore[no-untyped-def]
    """A project's folder, which is the working folder, with a plan."""
    folder = tmp_path / "home"
    (folder / "data").mkdir(parents=True)
    shutil.copytree(project.split, folder / "data" / "splits")
    shutil.copytree(project.cache, folder / "data" / "cache")
    (folder / "plan.toml").write_text(PLAN)
    monkeypatch.chdir(folder)
    return folder


def test_a_study_asks_is_answered_from_elsewhere_and_ends(
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    xlite,  # type: ignore[no-untyped-def]
) -> None:
    asked = xlite("study", "run", "plan.toml")
    assert asked.exit_code == 3
    assert "Which one?" in asked.output
    assert "study decide experiments/studies/toy 'best: E1' --why" in asked.stderr
    status = json.loads(xlite("study", "status", "--json").stdout)
    assert status["state"] == "waiting"
    assert [one["id"] for one in status["waiting_for"]] == ["choose"]
    assert {item["id"] for item in status["items"]} == {"train:E1:s0", "judge:E1"}

    # The project is seen under another path, as on another machine, from another working folder.
    elsewhere = tmp_path / "mount"
    elsewhere.symlink_to(home)
    monkeypatch.chdir(tmp_path)
    study = elsewhere / "experiments" / "studies" / "toy"
    decide = ("study", "decide", study, "more", "--why", "to be sure", "--who", "Ada")
    assert xlite(*decide).exit_code == 0
    assert xlite("study", "work", study).exit_code == 0
    assert Path.cwd() == tmp_path
    # What the plan names is where it would be, had it been run at home.
    assert (home / "winner.toml").is_file()
    again = xlite(*decide)
    assert again.exit_code == 2
    assert "answered by Ada at 2" in again.stderr
    ended = json.loads(xlite("study", "status", study, "--json").stdout)
    assert ended["state"] == "ended"
    assert [one["subject"] for one in ended["decisions"]] == ["ask:choose", "winner", "end"]
    runs = {item["run"] for item in ended["items"] if item["id"].startswith("train:")}
    assert len(runs) == 2
    settings = [json.loads((study.parents[1] / run / "config.json").read_text()) for run in runs]
    assert {one["settings"]["dropout"] for one in settings} == {0.1, 0.3}


def test_the_runs_of_a_study_are_seen_like_those_of_train(
    home: Path,
    xlite,  # type: ignore[no-untyped-def]
) -> None:
    begin_study("plan.toml")
    waiting = xlite("status")
    assert waiting.exit_code == 0
    assert "study toy: stopped" in waiting.stdout
    assert xlite("study", "run", "plan.toml").exit_code == 3
    status = json.loads(xlite("status", "--json").stdout)
    assert [(run["name"], run["status"], run["epochs_done"]) for run in status["runs"]] == [
        ("E1:s0", "finished", 1)
    ]
    assert [study["state"] for study in status["studies"]] == ["waiting"]
    rows = (home / "experiments" / "baseline_results.csv").read_text().splitlines()
    assert len(rows) == 2
    log = (home / "EXPERIMENT_LOG.md").read_text()
    assert Path(status["runs"][0]["run"]).name in log
    study = json.loads((home / "experiments" / "studies" / "toy" / "study.json").read_text())
    assert study["state"] == "waiting"
    assert len(study["questions"]) == 1


def test_an_item_that_fails_ends_in_exit_code_1_and_the_others_go_on(
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    xlite,  # type: ignore[no-untyped-def]
) -> None:
    def follow(settings: TrainSettings, *arguments: object, **options: object):  # type: ignore[no-untyped-def]
        if settings.dropout == 0.3:
            raise InputError("its weights are of another model.")
        return (yield from follow_run(settings, *arguments, **options))  # type: ignore[arg-type]

    monkeypatch.setattr(study_training, "follow_run", follow)
    plan = PLAN.replace('["E1"]', '["E1", "E2"]').replace('"more" = {then = ["E2"]}', '"no" = {}')
    Path("plan.toml").write_text(plan)
    assert xlite("study", "run", "plan.toml").exit_code == 3
    assert xlite("study", "decide", "toy", "best: E1", "--why", "w").exit_code == 0
    ended = xlite("study", "run", "plan.toml")
    assert ended.exit_code == 1
    assert "train:E2:s0" in ended.stderr
    assert "another model" in ended.stdout
    status = json.loads(xlite("study", "status", "--json").stdout)
    assert {item["id"]: item["status"] for item in status["items"]}["train:E1:s0"] == "finished"


def test_what_is_no_entry_of_the_ledger_is_said_and_left_alone(home: Path, xlite) -> None:  # type: ignore[no-untyped-def]
    notes = begin_study("plan.toml").ledger.folder / "notes.txt"
    notes.write_text("mine")
    done = xlite("study", "work", "toy")
    assert done.exit_code == 3
    assert "holds notes.txt, which is no entry" in done.stderr
    assert notes.read_text() == "mine"


def test_a_project_that_was_moved_goes_on(home: Path, tmp_path: Path) -> None:
    assert run_study_plan("plan.toml").state == "waiting"
    moved = tmp_path / "moved"
    os.chdir(tmp_path)
    home.rename(moved)
    assert work_on_study(moved / "experiments" / "studies" / "toy").state == "waiting"


def test_an_answer_that_can_not_be_given_is_explained(home: Path, xlite) -> None:  # type: ignore[no-untyped-def]
    folder = begin_study("plan.toml")
    early = xlite("study", "decide", "toy", "more", "--why", "w")
    assert early.exit_code == 2
    assert "choose is not asked yet: it waits for E1" in early.stderr
    wrong = xlite("study", "decide", "toy", "mor", "--why", "w")
    assert wrong.exit_code == 2
    assert 'they are "best: E1", "more". Did you mean more?' in wrong.stderr
    unknown = xlite("study", "decide", "tyo", "more", "--why", "w")
    assert unknown.exit_code == 2
    assert "no study called tyo. Did you mean toy?" in unknown.stderr
    assert len(list(folder.ledger.folder.iterdir())) == 1


def test_a_study_begins_once_and_goes_on_by_the_same_plan(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = begin_study("plan.toml")
    assert begin_study("plan.toml").path == folder.path
    assert len(list(folder.ledger.folder.iterdir())) == 1
    folder.plan_file.write_text("# a remark\n" + PLAN)
    begin_study("plan.toml")
    assert "is a copy, and was edited" in capsys.readouterr().err


def test_an_edited_plan_is_compared_and_its_change_recorded(
    home: Path,
    xlite,  # type: ignore[no-untyped-def]
) -> None:
    assert xlite("study", "run", "plan.toml").exit_code == 3
    study = StudyFolder(home / "experiments" / "studies" / "toy")
    before = len(list(study.ledger.folder.iterdir()))
    remark = "# as before\n" + PLAN
    Path("plan.toml").write_text(remark)
    assert xlite("study", "run", "plan.toml").exit_code == 3
    Path("plan.toml").write_text(PLAN.replace("epochs = 1", "epochs = 2"))
    refused = xlite("study", "run", "plan.toml")
    assert refused.exit_code == 2
    assert "epochs" in refused.stderr
    assert "train:E1:s0" in refused.stderr
    assert "--accept-change" in refused.stderr
    assert len(list(study.ledger.folder.iterdir())) == before
    accepted = xlite("study", "run", "plan.toml", "--accept-change")
    assert accepted.exit_code == 3
    status = json.loads(xlite("study", "status", "--json").stdout)
    assert [item["epochs_done"] for item in status["items"] if "train" in item["id"]] == [2]
    assert "epochs = 2" in study.plan_file.read_text()
    assert xlite("study", "run", "plan.toml").exit_code == 3


def test_two_studies_run_at_once_are_two_agents(home: Path) -> None:
    def run() -> None:
        command = [sys.executable, "-m", "xlite", "study", "run", "plan.toml"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        codes.append((done.returncode, done.stderr[-2000:]))

    codes: list[tuple[int, str]] = []
    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [code for code, _ in codes] == [3, 3], codes
    ledger = StudyFolder(home / "experiments" / "studies" / "toy").ledger
    ledger.refresh()
    kinds = [entry.kind for entry in ledger.entries]
    assert kinds.count("begin") == 1
    assert kinds.count("end") == 2


def test_the_plan_says_how_many_agents_work_and_how_long_they_rest(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, object] = {}
    plan = PLAN.replace("workers = 0", "workers = 0\njobs = 3\npause = 7")
    Path("plan.toml").write_text(plan)
    with monkeypatch.context() as patch:
        patch.setattr(workflow, "work_on_study", lambda *_, **options: asked.update(options))
        run_study_plan("plan.toml")
        assert asked["jobs"] == 3
        run_study_plan("plan.toml", jobs=1)
        assert asked["jobs"] == 1
    monkeypatch.setattr(workflow, "work", lambda *_, **options: asked.update(options))
    work_on_study(home / "experiments" / "studies" / "toy")
    assert asked["rest_seconds"] == 7


def test_a_run_on_several_devices_is_refused(home: Path) -> None:
    Path("plan.toml").write_text(PLAN.replace("workers = 0", "workers = 0\ndevices = 2"))
    with pytest.raises(InputError, match="several devices"):
        begin_study("plan.toml")
    assert not (home / "experiments").exists()


def test_a_signal_saves_what_each_agent_is_at(home: Path) -> None:
    Path("plan.toml").write_text(PLAN.replace("epochs = 1", "epochs = 400"))
    process = subprocess.Popen(
        [sys.executable, "-m", "xlite", "study", "run", "plan.toml", "--jobs", "2"],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "epoch 2/400" in line:
            assert line.startswith(("agent 1 | ", "agent 2 | "))
            break
    process.terminate()
    rest = process.stderr.read()
    assert process.wait(60) == 143, rest
    ledger = StudyFolder(home / "experiments" / "studies" / "toy").ledger
    ledger.refresh()
    last = ledger.entries[-1]
    assert isinstance(last, Release)
    assert last.reason == "stopped"


def test_remains_of_a_study_are_not_taken_for_a_new_one(home: Path) -> None:
    folder = begin_study("plan.toml")
    shutil.rmtree(folder.ledger.folder)
    with pytest.raises(InputError, match=r"holds plan\.toml and not the beginning of a ledger"):
        begin_study("plan.toml")
    (home / "experiments" / "studies" / "toy" / "plan.toml").unlink()
    folder.ledger.folder.mkdir()
    (folder.ledger.folder / "000002.json").write_text("{}")
    with pytest.raises(InputError, match=r"holds ledger/000002\.json"):
        begin_study("plan.toml")


def test_a_ledger_with_a_gap_or_a_damaged_entry_is_refused(home: Path, xlite) -> None:  # type: ignore[no-untyped-def]
    folder = begin_study("plan.toml")
    later = folder.ledger.path_of(3)
    later.write_text("{}")
    gap = xlite("study", "work", "toy")
    assert gap.exit_code == 2
    assert "000002.json is missing, and 000003.json is there" in gap.stderr
    later.rename(folder.ledger.path_of(2))
    for command in (("study", "work", "toy"), ("study", "status", "toy")):
        damaged = xlite(*command)
        assert damaged.exit_code == 2
        assert "000002.json" in damaged.stderr


def test_a_study_whose_project_is_not_there_says_so(home: Path, tmp_path: Path) -> None:
    folder = begin_study("plan.toml")
    lost = tmp_path / "a" / "b" / "c" / "toy"
    shutil.copytree(folder.path, lost)
    (lost / "ledger" / "000001.json").write_text(
        (lost / "ledger" / "000001.json").read_text().replace('"../../.."', '"../../../gone"')
    )
    with pytest.raises(InputError, match="paths start from .*gone, which does not exist"):
        work_on_study(lost)
    assert not StudyFolder(lost).agents.exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_can_not_be_written_to_is_named(home: Path) -> None:
    (home / "experiments").mkdir(mode=0o555)
    with pytest.raises(InputError, match="can't be written to"):
        begin_study("plan.toml")
