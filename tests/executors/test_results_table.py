from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from xlite.executors.results_table import write_results
from xlite.settings import TrainSettings, fingerprint_of
from xlite.studies.progress import ProgressFile

X_LITE_COLUMNS = (
    "model_name,backbone,attention,num_parameters,model_size_mb,best_val_auc,best_epoch,"
    "final_train_auc,final_val_auc,final_train_f1,final_val_f1,final_train_pr_auc,"
    "final_val_pr_auc,final_train_precision,final_val_precision,final_train_recall,"
    "final_val_recall,training_time_minutes,use_clahe,timestamp"
)
SPLIT = {"train": "aa", "val": "bb", "test": "cc"}
HISTORY = """\
epoch,train_loss,train_auroc,train_f1,val_auroc,val_average_precision,val_recall
1,1.5,0.1,0.2,0.3,0.4,0.5
2,1.2,0.6,0.65,0.7,,0.9
"""


def finish(
    make_run: Any, out: Path, name: str, model: str, auroc: float | None, history: str = HISTORY
) -> None:
    run_dir = out / "runs" / name
    macro = {"auroc": auroc, "average_precision": 0.2, "f1": 0.1}
    per_class = {"Mass": {"auroc": auroc}, "Edema": {"auroc": None}}
    make_run(
        run_dir,
        TrainSettings(model=model, seed=3, epochs=2),
        config={"data": {"split_sha256": SPLIT}},
        scores={"num_parameters": 2**20, "val": {"macro": macro, "per_class": per_class}},
        history=history or None,
    )
    entry = {"run": f"runs/{name}", "status": "finished", "finished": "2026-01-02T03:04:05+00:00"}
    ProgressFile(out / "training_progress.json").update({name: entry})


def write(out: Path) -> pd.DataFrame:
    write_results(out, ProgressFile(out / "training_progress.json"))
    return pd.read_csv(out / "baseline_results.csv")


def test_the_first_columns_are_those_of_x_lite(make_run: Any, tmp_path: Path) -> None:
    finish(make_run, tmp_path, "a", "efficientnet_b0_mhsa", 0.8)
    table = write(tmp_path)
    assert ",".join(table.columns) == (
        f"{X_LITE_COLUMNS},name,model,loss,sampler,seed,parameters,epochs,minutes,val_auroc,val_average_precision,"
        "val_f1,val_auroc_Mass,val_auroc_Edema,run,split,fingerprint"
    )
    row = table.iloc[0]
    assert (row["model_name"], row["backbone"], row["attention"]) == (
        "efficientnet_b0_mhsa",
        "efficientnet_b0",
        "mhsa",
    )
    assert (row["num_parameters"], row["model_size_mb"]) == (2**20, 4.0)
    assert (row["best_val_auc"], row["best_epoch"]) == (0.8, 1)
    assert (row["training_time_minutes"], row["use_clahe"]) == (1.5, True)
    assert row["timestamp"] == "2026-01-02T03:04:05+00:00"
    assert (row["loss"], row["sampler"], row["seed"]) == ("pos-weight", "none", 3)
    assert row["split"] == fingerprint_of(SPLIT)


def test_final_scores_are_those_of_the_last_epoch(make_run: Any, tmp_path: Path) -> None:
    finish(make_run, tmp_path, "a", "resnet18", 0.8)
    row = write(tmp_path).iloc[0]
    assert (row["final_train_auc"], row["final_val_auc"]) == (0.6, 0.7)
    assert (row["final_train_f1"], row["final_val_recall"]) == (0.65, 0.9)
    undefined = ["final_val_pr_auc", "final_train_pr_auc", "final_val_precision"]
    assert row[undefined].isna().all()


@pytest.mark.parametrize("history", ["", "epoch,train_loss,val_auroc\n"])
def test_a_run_without_a_history_has_no_final_scores(
    make_run: Any, tmp_path: Path, history: str
) -> None:
    finish(make_run, tmp_path, "a", "resnet18", 0.8, history)
    row = write(tmp_path).iloc[0]
    assert row[[name for name in row.index if name.startswith("final_")]].isna().all()
    assert row["val_auroc"] == 0.8


def test_rows_are_ranked_and_undefined_scores_come_last(make_run: Any, tmp_path: Path) -> None:
    for name, auroc in {"a": 0.6, "b": None, "c": 0.8, "d": 0.6}.items():
        finish(make_run, tmp_path, name, "resnet18", auroc)
    table = write(tmp_path)
    assert table["name"].tolist() == ["c", "a", "d", "b"]
    assert table["val_auroc"].isna().tolist() == [False, False, False, True]
    assert table["val_auroc_Edema"].isna().all()


def test_a_run_whose_folder_is_gone_is_left_out(make_run: Any, tmp_path: Path) -> None:
    finish(make_run, tmp_path, "a", "resnet18", 0.8)
    finish(make_run, tmp_path, "b", "resnet18", 0.7)
    (tmp_path / "runs" / "a").rename(tmp_path / "elsewhere")
    assert write(tmp_path)["name"].tolist() == ["b"]


def test_a_damaged_run_is_named_and_stops_nothing(make_run: Any, tmp_path: Path) -> None:
    for name in "ab":
        finish(make_run, tmp_path, name, "resnet18", 0.8)
    (tmp_path / "runs" / "a" / "scores.json").write_text('{"epochs": 3}')
    [fault] = write_results(tmp_path, ProgressFile(tmp_path / "training_progress.json"))
    assert "scores.json has no 'model'" in fault
    assert pd.read_csv(tmp_path / "baseline_results.csv")["name"].tolist() == ["b"]


def test_the_table_goes_with_the_last_of_its_runs(make_run: Any, tmp_path: Path) -> None:
    finish(make_run, tmp_path, "a", "resnet18", 0.8)
    write(tmp_path)
    (tmp_path / "runs" / "a").rename(tmp_path / "elsewhere")
    assert write_results(tmp_path, ProgressFile(tmp_path / "training_progress.json")) == []
    assert not (tmp_path / "baseline_results.csv").exists()
