from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from huggingface_hub import constants
from safetensors.torch import save_file

from xlite.errors import CheckFailedError
from xlite.models.classifier import build_classifier
from xlite.run_folder.lock import is_held
from xlite.run_folder.signs_of_life import read_owner
from xlite.workflows import study_training


def arguments(project: Any, out: Path, models: str, *more: object) -> tuple[str, ...]:
    values = (
        *("train", "--models", models, "--split", project.split, "--cache", project.cache),
        *("--out", out, "--no-pretrained", "--batch-size", 16, "--lr", 1e-3, "--epochs", 2),
        *more,
    )
    return tuple(str(value) for value in values)


@pytest.fixture(scope="module")
def trained(project: Any, xlite_ok: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("experiments")
    xlite_ok(*arguments(project, out, "test_resnet+mhsa,test_efficientnet+performer"))
    return out


def read_progress(out: Path) -> dict[str, Any]:
    return json.loads((out / "training_progress.json").read_text())


def test_progress_results_and_runs_agree(trained: Path) -> None:
    progress = read_progress(trained)
    names = ["test_resnet+mhsa", "test_efficientnet+performer"]
    assert progress["completed_models"] == names
    assert progress["last_updated"]
    table = pd.read_csv(trained / "baseline_results.csv").set_index("name")
    assert table["val_auroc"].is_monotonic_decreasing
    for name in names:
        entry = progress["models"][name]
        assert (entry["status"], entry["epochs_done"], entry["error"]) == ("finished", 2, None)
        scores = json.loads((trained / entry["run"] / "scores.json").read_text())
        assert table.loc[name, "val_auroc"] == pytest.approx(
            scores["val"]["macro"]["auroc"], rel=1e-5
        )
        assert table.loc[name, "parameters"] == scores["num_parameters"]
        assert entry["best_val_auroc"] == scores["val"]["macro"]["auroc"]


def test_the_experiment_log_has_a_record_of_each_run(trained: Path) -> None:
    records = re.findall(r"<!-- run:(\S+) (\S+) -->", (trained / "EXPERIMENT_LOG.md").read_text())
    runs = {Path(entry["run"]).name for entry in read_progress(trained)["models"].values()}
    assert [key for key, _ in records] == ["EXP-001", "EXP-002"]
    assert {run for _, run in records} == runs


def test_resume_skips_finished_models(project: Any, xlite: Any, trained: Path) -> None:
    command = arguments(project, trained, "test_resnet+mhsa,test_efficientnet+performer")
    again = xlite(*command)
    assert again.exit_code == 2
    assert "--resume" in again.stderr
    resumed = xlite(*command, "--resume")
    assert resumed.exit_code == 0
    assert resumed.stderr.count("finished already, skipped") == 2


def test_a_model_that_fails_is_recorded_and_the_others_go_on(
    project: Any, xlite: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = study_training.follow_run

    def fail_with_attention(settings: Any, *rest: Any, **options: Any) -> Any:
        if settings.model.endswith("+mhsa"):
            raise CheckFailedError("the loss is nan")
        return train(settings, *rest, **options)

    monkeypatch.setattr(study_training, "follow_run", fail_with_attention)
    result = xlite(*arguments(project, tmp_path, "test_efficientnet+mhsa,test_resnet"))
    assert result.exit_code == 1
    progress = read_progress(tmp_path)["models"]
    assert progress["test_efficientnet+mhsa"]["status"] == "failed"
    assert progress["test_efficientnet+mhsa"]["error"] == "the loss is nan"
    assert progress["test_resnet"]["status"] == "finished"
    assert "1 of 2 runs failed: test_efficientnet+mhsa." in result.stderr


def save_weights(folder: Path, model: str, *, whole: bool) -> Path:
    """Weights of that model's backbone in timm's naming, or of all of it in xlite's."""
    built = build_classifier(model, pretrained=False, seed=5)
    path = folder / f"{model}.safetensors"
    save_file((built if whole else built.backbone.model).state_dict(), path)
    return path


@pytest.mark.parametrize(
    ("models", "more", "message"),
    [
        ("test_resnet,test_efficientnet", ("--weights", "FILE"), "weights of test_efficientnet"),
        ("test_resnet,test_efficientnet", ("--warm-start", "FILE"), "nothing of .* fits"),
        ("test_resnet,test_resnet+mhsa", ("--image-size", 32), "attention needs more than one"),
        ("test_resnet+mhsa,test_resnet", ("--position-encoding",), "no attention that a position"),
        ("test_resnet,test_resnet+gem", ("--image-size", 32), "its head needs more than one"),
        ("test_resnet+csra,test_resnet", ("--csra-lambda", 0.3), "this model has the plain one"),
        ("test_resnet,test_vit", ("--image-size", 96), "--image-size 160"),
        ("test_resnet", ("--loss", "pos-weight", "--pos-weight", "1,2"), "2 numbers for 14"),
        ("test_resnet", ("--loss", "two-way", "--accumulate", 2), "two-way compares the images"),
        ("test_resnet", ("--loss", "two-way", "--power-safe"), "computed in 2 parts"),
        ("test_resnet", ("--nodes", 2), "--nodes 2 needs torchrun or Slurm"),
    ],
)
def test_nothing_is_trained_when_one_run_is_known_to_fail(
    project: Any, xlite: Any, tmp_path: Path, models: str, more: tuple[object, ...], message: str
) -> None:
    whole = "--warm-start" in more
    if "FILE" in more:
        more = (more[0], save_weights(tmp_path, "test_resnet", whole=whole), "--pretrained")
    result = xlite(*arguments(project, tmp_path / "out", models, *more))
    assert result.exit_code == 2, result.output
    assert re.search(message, result.stderr)
    assert not list(tmp_path.glob("out/runs/*"))


def test_a_checkpoint_that_covers_the_backbone_needs_no_other_weights(
    project: Any, xlite: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    start = save_weights(tmp_path, "test_resnet", whole=True)
    command = arguments(
        project, tmp_path / "out", "test_resnet+mhsa", "--pretrained", "--epochs", 1
    )
    alone = xlite(*command)
    assert alone.exit_code == 2
    assert "HF_HUB_OFFLINE is set" in alone.stderr
    result = xlite(*command, "--warm-start", start)
    assert result.exit_code == 0, result.output


def test_an_internal_error_in_a_run_of_its_own_process_is_one_line_and_70(
    project: Any, tmp_path: Path
) -> None:
    # Every Python process imports it first; those of the runs break what they train with.
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "if 'spawn_main' in ' '.join(sys.orig_argv):\n"
        "    import xlite.training.open_run as run\n"
        "    run.build_described = None\n"
    )
    models = "test_resnet,test_efficientnet"
    command = arguments(project, tmp_path / "out", models, "--jobs", 2)
    done = subprocess.run(
        [sys.executable, "-m", "xlite", *map(str, command)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 70, done.stderr
    assert "internal error: TypeError: 'NoneType' object is not callable" in done.stderr
    assert "2 of 2 runs failed" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("models", "more", "message"),
    [
        ("no_such_model", (), "no_such_model"),
        ("resnet10t+magic", (), "magic"),
        ("test_resnet,test_resnet", (), "more than once"),
        ("test_resnet", ("--loss", "hinge"), "--loss: "),
        ("test_resnet", ("--epochs", 0), "--epochs"),
        ("test_resnet", ("--pretrained", "--weights", "absent.safetensors"), "absent.safetensors"),
        ("test_resnet", ("--cache", "absent"), "cache-clahe"),
        ("test_resnet", ("--split", "absent"), "xlite split"),
        ("test_resnet", ("--seed", 1, "--seeds", "1,2"), "--seed and --seeds exclude each other"),
        ("test_resnet", ("--seeds", "1,two"), "--seeds: 'two' is no whole number"),
        ("test_resnet", ("--seeds", ","), "--seeds: ',' is no whole number"),
        ("test_resnet", ("--seeds", "1,1"), "--seeds names 1 more than once"),
        ("test_resnet", ("--jobs", 2, "--devices", 2), "--jobs"),
        ("test_resnet", ("--jobs", 0), "--jobs"),
        ("test_resnet", ("--pause", -1), "--pause"),
        ("test_resnet", ("--nodes", 0), "--nodes"),
        ("test_resnet", ("--checkpoint-minutes", -1), "--checkpoint-minutes"),
    ],
)
def test_wrong_usage_is_explained(
    project: Any, xlite: Any, tmp_path: Path, models: str, more: tuple[object, ...], message: str
) -> None:
    result = xlite(*arguments(project, tmp_path / "e", models, *more))
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_power_safe_says_what_it_spares_and_keeps_what_is_given(
    project: Any, xlite_ok: Any, tmp_path: Path
) -> None:
    result = xlite_ok(
        *arguments(project, tmp_path, "test_resnet", "--power-safe", "--pause", 0, "--workers", 0)
    )
    assert (
        "power-safe: 0 loader processes, each step of 16 images in 2 parts, 0 s of rest between "
        "runs, a checkpoint every 2 minutes\n"
    ) in result.stderr
    [config] = [json.loads(path.read_text()) for path in tmp_path.glob("runs/*/config.json")]
    assert (config["settings"]["accumulate"], config["settings"]["batch_size"]) == (2, 16)
    [record] = [json.loads(path.read_text()) for path in tmp_path.glob("runs/*/sittings.json")]
    runtime = record["sittings"][0]["runtime"]
    assert runtime["checkpoint_minutes"] == 2
    assert runtime["pause_seconds"] == 0
    assert runtime["num_workers"] == 0


def start(command: tuple[str, ...]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "xlite", *command], stderr=subprocess.PIPE, text=True
    )


def await_epochs(out: Path, process: subprocess.Popen[str], *names: str) -> dict[str, Any]:
    """The progress entries once each of the runs has finished an epoch."""
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        if (out / "training_progress.json").exists():
            entries = read_progress(out)["models"]
            if all(entries[name]["epochs_done"] for name in names):
                return entries
        time.sleep(0.02)
    process.kill()
    raise AssertionError(process.communicate()[1])


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_training_that_resumes(
    project: Any, xlite_ok: Any, tmp_path: Path, number: int, code: int
) -> None:
    command = arguments(project, tmp_path, "test_resnet+mhsa", "--epochs", 15, "--resume")
    process = start(command)
    await_epochs(tmp_path, process, "test_resnet+mhsa")
    process.send_signal(number)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == code, stderr
    assert "--resume continues from there" in stderr
    assert read_progress(tmp_path)["models"]["test_resnet+mhsa"]["status"] == "interrupted"
    done = xlite_ok(*command)
    assert "continues in epoch" in done.stderr
    assert read_progress(tmp_path)["completed_models"] == ["test_resnet+mhsa"]


NAMES = ["test_resnet+mhsa:s0", "test_resnet+mhsa:s1"]


def jobs_command(project: Any, out: Path, *more: object) -> tuple[str, ...]:
    options = ("--seeds", "0,1", "--jobs", 2, "--resume", "--early-stopping", 100)
    return arguments(project, out, "test_resnet+mhsa", *options, *more)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "to_group", "code"),
    [(signal.SIGINT, True, 130), (signal.SIGTERM, False, 143)],
)
def test_a_signal_ends_runs_side_by_side_once_they_are_saved(
    project: Any, tmp_path: Path, number: int, to_group: bool, code: int
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "xlite", *jobs_command(project, tmp_path, "--epochs", 400)],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    entries = await_epochs(tmp_path, process, *NAMES)
    assert [entries[name]["status"] for name in NAMES] == ["running", "running"]
    # A terminal sends Ctrl-C to the whole group, `kill` to the one process.
    if to_group:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == code, stderr
    assert "the state of 2 is saved. The same command with --resume continues" in stderr
    assert f"{NAMES[1]} | test_resnet+mhsa pos-weight epoch 1/400: " in stderr
    assert "Traceback" not in stderr
    entries = read_progress(tmp_path)["models"]
    assert [entries[name]["status"] for name in NAMES] == ["interrupted", "interrupted"]
    assert all((tmp_path / entries[name]["run"] / "last.pt").exists() for name in NAMES)


@pytest.mark.slow
def test_a_run_that_is_killed_fails_and_the_others_go_on(
    project: Any, xlite_ok: Any, tmp_path: Path
) -> None:
    command = jobs_command(project, tmp_path, "--epochs", 12)
    process = start(command)
    entries = await_epochs(tmp_path, process, NAMES[0])
    owner = read_owner(tmp_path / entries[NAMES[0]]["run"])
    assert owner is not None
    assert owner.pid != process.pid
    os.kill(owner.pid, signal.SIGKILL)
    _, stderr = process.communicate(timeout=240)
    assert process.returncode == 1, stderr
    assert f"1 of 2 runs failed: {NAMES[0]}." in stderr
    entries = read_progress(tmp_path)["models"]
    assert [entries[name]["status"] for name in NAMES] == ["failed", "finished"]
    assert "killed by SIGKILL (exit code -9)" in entries[NAMES[0]]["error"]
    done = xlite_ok(*command)
    assert "continues in epoch" in done.stderr
    assert read_progress(tmp_path)["completed_models"] == NAMES
    assert sorted(pd.read_csv(tmp_path / "baseline_results.csv")["seed"]) == [0, 1]


@pytest.mark.slow
def test_runs_side_by_side_save_and_end_when_their_parent_dies(
    project: Any, xlite_ok: Any, tmp_path: Path
) -> None:
    process = start(jobs_command(project, tmp_path, "--epochs", 400))
    entries = await_epochs(tmp_path, process, *NAMES)
    process.kill()
    folders = [tmp_path / entries[name]["run"] for name in NAMES]
    deadline = time.monotonic() + 60
    while any(is_held(folder) for folder in folders) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(is_held(folder) for folder in folders)
    process.communicate(timeout=60)
    # An orderly end removes the lock's record; a killed process would leave it.
    assert [read_owner(folder) for folder in folders] == [None, None]
    shown = json.loads(xlite_ok("status", "--out", tmp_path, "--json").stdout)
    assert [run["status"] for run in shown["runs"]] == ["stopped", "stopped"]
