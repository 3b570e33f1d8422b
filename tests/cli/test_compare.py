from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from xlite.files import sha256_of_file


@pytest.fixture(scope="module")
def trained(project: Any, xlite_ok: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("experiments")
    xlite_ok(
        *("train", "--models", "test_resnet,test_efficientnet", "--seeds", "0,1", "--out", out),
        *("--split", project.split, "--cache", project.cache, "--no-pretrained", "--epochs", 1),
        *("--batch-size", 16, "--workers", 0, "--loss", "bce"),
    )
    return out


def command(project: Any, out: Path, *more: object) -> tuple[object, ...]:
    return ("compare", "--split", project.split, "--out", out, *more)


def runs_of(out: Path) -> list[Path]:
    return sorted((out / "runs").iterdir())


def test_all_finished_runs_are_compared_by_model(
    project: Any, trained: Path, xlite_ok: Any
) -> None:
    shown = xlite_ok(*command(project, trained))
    assert "◀" in shown.stdout
    table = pd.read_csv(trained / "comparison.csv")
    assert set(table["name"]) == {"test_resnet", "test_efficientnet"}
    assert table["seeds"].tolist() == [2, 2]
    record = json.loads((trained / "comparison.json").read_text())
    assert record["order"] == ["val.auroc", "val.average_precision", "val.recall"]
    assert {len(seeds) for seeds in record["runs"].values()} == {2}
    for row in record["rows"]:
        scores = [
            json.loads((trained / "runs" / run / "scores.json").read_text())
            for run in record["runs"][row["name"]].values()
        ]
        mean = sum(one["val"]["macro"]["auroc"] for one in scores) / 2
        assert row["auroc"] == pytest.approx(mean, abs=1e-6)
    assert "test" not in record
    assert not list(trained.glob("runs/*/test_looks.json"))


def test_each_look_at_the_test_part_is_counted(project: Any, trained: Path, xlite_ok: Any) -> None:
    for number in (1, 2):
        content = json.loads(xlite_ok(*command(project, trained, "--show-test", "--json")).stdout)
        # All four runs are judged on one test set: looks are its, whoever is looked at.
        assert [row["looks"] for row in content["test"]] == list(
            range(4 * number - 3, 4 * number + 1)
        )
    chosen = json.loads(xlite_ok(*command(project, trained, "--json")).stdout)
    assert chosen["chosen"] == content["chosen"]
    assert "test" not in chosen


def test_a_file_stands_beside_a_run(
    project: Any, trained: Path, xlite: Any, xlite_ok: Any, tmp_path: Path
) -> None:
    one, *_, last = runs_of(trained)
    table = pd.read_csv(last / "predictions_val.csv").iloc[1:]
    table.to_csv(tmp_path / "theirs.csv", index=False)
    arguments = command(project, trained, one.name, tmp_path / "theirs.csv", "--by", "f1")
    refused = xlite(*arguments)
    assert refused.exit_code == 2
    assert "1 of " in refused.stderr
    assert "images of the label table have no prediction" in refused.stderr
    shown = xlite_ok(*arguments, "--allow-partial")
    assert "1 images are not in all" in shown.stderr
    assert "fewer than two seeds" in shown.stderr
    assert "is the best by chance, too" in shown.stderr
    assert set(pd.read_csv(trained / "comparison.csv")["name"]) >= {"theirs"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--by", "test.auroc"), "the test set never selects"),
        (("--then", "val.recall", "--then", "test.auroc"), "the test set never selects"),
        (("--by", "val.mcc"), "use one of"),
        (("nowhere",), "nowhere is neither"),
    ],
)
def test_wrong_usage_is_explained(
    project: Any, trained: Path, xlite: Any, options: tuple[str, ...], message: str
) -> None:
    result = xlite(*command(project, trained, *options))
    assert result.exit_code == 2
    assert message in result.stderr


def test_one_model_alone_is_no_comparison(project: Any, trained: Path, xlite: Any) -> None:
    seeds = [run for run in runs_of(trained) if run.name.startswith("test_resnet")]
    result = xlite(*command(project, trained, *seeds))
    assert result.exit_code == 2
    assert "count as one" in result.stderr


def test_runs_of_another_split_are_refused(
    project: Any, trained: Path, xlite: Any, xlite_ok: Any, tmp_path: Path
) -> None:
    other = tmp_path / "splits"
    xlite_ok("split", "--labels", project.table, "--out", other, "--seed", 7)
    result = xlite("compare", "--split", other, "--out", trained)
    assert result.exit_code == 2
    assert "another split" in result.stderr
    moved = tmp_path / "moved"
    shutil.copytree(runs_of(trained)[0], moved)
    config = json.loads((moved / "config.json").read_text())
    config["data"]["split_sha256"]["val"] = "0" * 64
    (moved / "config.json").write_text(json.dumps(config))
    # As a run of another split has it: the sum in its scores is that of its own record.
    scores = json.loads((moved / "scores.json").read_text())
    scores["files"]["config.json"] = sha256_of_file(moved / "config.json")
    (moved / "scores.json").write_text(json.dumps(scores))
    result = xlite(*command(project, trained, moved, runs_of(trained)[-1]))
    assert result.exit_code == 2
    assert "another split" in result.stderr


def test_results_are_written_before_a_terminal_can_fail(
    project: Any, trained: Path, xlite: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in ("comparison.csv", "comparison.json"):
        (trained / path).unlink(missing_ok=True)

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no terminal")

    monkeypatch.setattr("xlite.cli.compare.print_comparison", fail)
    with pytest.raises(RuntimeError, match="no terminal"):
        xlite(*command(project, trained))
    assert json.loads((trained / "comparison.json").read_text())["chosen"]
    assert (trained / "comparison.csv").exists()
