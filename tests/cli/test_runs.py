"""What the commands make of run folders: whose they are, what is in them, and damaged ones."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

BCE, FOCAL = "golden_net-bce-none-s0-fd0c0621", "golden_net-focal-none-s0-97e10347"
DATA = ("--split", "splits", "--cache", "cache")
TRAINING = ("--batch-size", 16, "--lr", 3e-3, "--no-pretrained", "--device", "cpu", "--workers", 0)
TRAIN = ("train", "--models", "golden_net", *TRAINING, "--loss", "bce")


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_variants_of_the_budget_have_folders_of_their_own(golden: Path, xlite_ok: Any) -> None:
    ablate = ("ablate", "--model", "golden_net", *TRAINING, *DATA, "--out", "e", "--loss", "bce")
    xlite_ok(*ablate, "--vary", "epochs=1,2")
    epochs = {read(path)["epochs"] for path in golden.glob("e/runs/*/scores.json")}
    assert epochs == {1, 2}
    rows = read(golden / "e/ablation.json")["variants"]
    assert len({row["runs"][0]["run"] for row in rows}) == 2
    before = contents(golden / "e/runs")
    xlite_ok(*ablate, "--vary", "epochs=1,2", "--resume")
    # What is not varied is still what a longer run continues.
    xlite_ok(*TRAIN, *DATA, "--out", "e", "--epochs", 1)
    xlite_ok(*TRAIN, *DATA, "--out", "e", "--epochs", 3, "--resume")
    assert {path: path.read_bytes() for path in before} == before
    assert len(list(golden.glob("e/runs/*"))) == 3


def test_a_run_says_how_its_images_were_made_and_what_it_ran_on(
    golden: Path, xlite_ok: Any
) -> None:
    xlite_ok(*TRAIN, *DATA, "--out", "e", "--epochs", 1, "--image-size", 48)
    [run] = golden.glob("e/runs/*")
    config = read(run / "config.json")
    assert config["schema_version"] == 2
    assert config["preprocessing"] == {
        "clahe": {"size": 32, "clip": 2.0, "grid": 4, "fit": "pad"},
        "image_size": 48,
        "mean": [0.5] * 3,
        "std": [0.5] * 3,
    }
    assert config["labels"][0] == "Atelectasis"
    [sitting] = read(run / "sittings.json")["sittings"]
    assert sitting["outcome"] == "finished"
    assert sitting["environment"]["num_threads"] >= 1
    assert sitting["environment"]["device"] == "cpu"


def test_a_longer_run_keeps_what_the_shorter_one_had_reached_and_says_what_changed(
    golden: Path, xlite_ok: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = golden / "experiments/runs" / BCE
    config = (run / "config.json").read_bytes()
    old = {name: (run / name).read_bytes() for name in ("scores.json", "predictions_val.csv")}
    monkeypatch.setattr("torch.get_num_threads", lambda: 5)
    arguments = (*TRAIN, *DATA, "--out", "experiments", "--seed", 0, "--epochs", 3, "--resume")
    result = xlite_ok(*arguments)
    assert "threads 1 before, 5 now" in result.stderr
    assert result.stderr.count("continues on something else") == 1
    assert result.stderr.count("sums are") == 1, "it is said once"
    sittings = read(run / "sittings.json")["sittings"]
    assert [sitting["environment"]["num_threads"] for sitting in sittings] == [1, 5]
    assert {name: (run / "before_1" / name).read_bytes() for name in old} == old
    assert (run / "config.json").read_bytes() == config
    log = (golden / "experiments" / "EXPERIMENT_LOG.md", golden / "EXPERIMENT_LOG.md")
    [text] = [path.read_text() for path in log if path.exists()]
    assert "- Sitting 2: " in text


def test_between_predictions_and_scores_a_run_counts_as_unfinished(
    golden: Path, xlite: Any, xlite_ok: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = golden / "experiments/runs" / BCE
    arguments = (*TRAIN, *DATA, "--out", "experiments", "--seed", 0, "--epochs", 3, "--resume")

    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("xlite.training.run.finish_run", stop)
        xlite(*arguments)
    assert (run / "predictions_val.csv").exists()
    for command in (
        ("evaluate", f"experiments/runs/{BCE}", "--split", "splits"),
        ("evaluate", f"experiments/runs/{BCE}", "--split", "splits", "--tta", "--cache", "cache"),
        ("compare", BCE, FOCAL, "--split", "splits"),
    ):
        result = xlite(*command)
        assert result.exit_code == 2
        assert "is not finished" in result.stderr
    xlite_ok(*arguments)
    assert read(run / "scores.json")["epochs"] == 3


def test_images_that_are_equalised_while_loading_are_part_of_what_a_run_is(
    project: Any, xlite_ok: Any, golden: Path
) -> None:
    one, other = golden / "one", golden / "other"
    shutil.copytree(project.images, one)
    shutil.copytree(project.images, other)
    first, second, *_ = sorted(other.iterdir())
    first.write_bytes(second.read_bytes())
    for images in (one, other):
        xlite_ok(
            *(*TRAIN, "--split", project.split, "--images", images, "--out", "e"),
            *("--epochs", 1, "--resume", "--image-size", 32),
        )
    assert len(list(golden.glob("e/runs/*"))) == 2
    # A copy elsewhere is the same data, whenever it was made.
    moved = golden / "moved"
    one.rename(moved)
    for path in moved.iterdir():
        path.touch()
    result = xlite_ok(
        *(*TRAIN, "--split", project.split, "--images", moved, "--out", "e"),
        *("--epochs", 1, "--resume", "--image-size", 32),
    )
    assert "finished already" in result.stderr


def test_a_damaged_run_is_named_and_stops_nothing(golden: Path, xlite: Any, xlite_ok: Any) -> None:
    runs = golden / "experiments/runs"
    scores = runs / FOCAL / "scores.json"
    scores.write_text(scores.read_text().replace('"val"', '"eval"'))
    before = contents(runs / BCE)
    train = (*TRAIN, *DATA, "--out", "experiments", "--seed", 0, "--epochs", 2, "--resume")
    result = xlite_ok(*train)
    assert f"{scores.relative_to(golden)} has no 'val'" in result.stderr
    table = (golden / "experiments/baseline_results.csv").read_text()
    assert BCE in table
    assert FOCAL not in table
    report = xlite_ok("report", "--experiments", "experiments", *DATA)
    assert f"{FOCAL} is left out" in report.stderr
    assert f"{FOCAL} is left out" in xlite_ok("log", "add", "--experiments", "experiments").stderr
    xlite_ok("status", "--out", "experiments")
    compared = xlite("compare", "--split", "splits", "--out", "experiments")
    assert compared.exit_code == 2, "one model is left"
    assert f"{FOCAL} is left out" in compared.stderr
    asked = xlite("compare", BCE, FOCAL, "--split", "splits", "--out", "experiments")
    assert asked.exit_code == 2
    assert f"{scores.relative_to(golden)} has no 'val'" in asked.stderr
    assert contents(runs / BCE) == before


@pytest.mark.parametrize("lost", ["half of the images", "a label", "a digit"])
def test_predictions_that_are_not_the_whole_of_what_a_run_wrote_are_refused(
    golden: Path, xlite: Any, xlite_ok: Any, lost: str
) -> None:
    run = golden / "experiments/runs" / BCE
    if lost == "a digit":
        xlite_ok(*TRAIN, *DATA, "--out", "experiments", "--seed", 0, "--epochs", 3, "--resume")
    path = run / "predictions_val.csv"
    lines = path.read_text().splitlines()
    if lost == "half of the images":
        lines = lines[: len(lines) // 2]
    elif lost == "a label":
        lines = [line.rpartition(",")[0] for line in lines]
    else:
        lines[1] = lines[1][:-1] + ("1" if lines[1][-1] != "1" else "2")
    path.write_text("\n".join(lines) + "\n")
    for command in (
        ("evaluate", f"experiments/runs/{BCE}", "--split", "splits"),
        ("compare", BCE, FOCAL, "--split", "splits", "--out", "experiments"),
        ("report", "--experiments", "experiments", *DATA, "--runs", BCE),
    ):
        result = xlite(*command)
        assert result.exit_code == 2, command
        assert BCE in result.stderr
        if command[0] != "report" or lost != "a digit":
            assert "is not what the run wrote" in result.stderr


def test_a_deleted_run_is_said_and_leaves_the_results(golden: Path, xlite_ok: Any) -> None:
    shutil.rmtree(golden / "experiments/runs" / FOCAL)
    status = json.loads(xlite_ok("status", "--out", "experiments", "--json").stdout)
    assert [run["status"] for run in status["runs"]] == ["finished", "deleted"]
    xlite_ok(*TRAIN, *DATA, "--out", "experiments", "--seed", 0, "--epochs", 2, "--resume")
    assert FOCAL not in (golden / "experiments/baseline_results.csv").read_text()


def test_a_moved_experiments_folder_keeps_working(golden: Path, xlite_ok: Any) -> None:
    moved = golden / "elsewhere" / "tried"
    moved.parent.mkdir()
    (golden / "experiments").rename(moved)
    before = contents(moved / "runs")
    train = (*TRAIN, *DATA, "--out", moved, "--seed", 0, "--epochs", 2, "--resume")
    assert "finished already" in xlite_ok(*train).stderr
    xlite_ok("compare", "--split", "splits", "--out", moved)
    xlite_ok("report", "--experiments", moved, *DATA)
    xlite_ok("log", "add", "--experiments", moved)
    assert BCE in (moved / "EXPERIMENT_LOG.md").read_text()
    assert "finished" in xlite_ok("status", "--out", moved).stdout
    assert {path: path.read_bytes() for path in before} == before
