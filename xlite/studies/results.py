"""`baseline_results.csv`: one row a finished run, for a spreadsheet."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from xlite.artifacts import (
    BASELINE_RESULTS,
    RUN_CONFIG,
    RUN_HISTORY,
    atomic_path,
    read_json,
)
from xlite.config import fingerprint_of
from xlite.models.catalogue import parse_model_name
from xlite.studies.progress import FINISHED, Entry, ProgressFile
from xlite.training.run import is_finished, read_scores

_FINAL_SCORES = {
    "auc": "auroc",
    "f1": "f1",
    "pr_auc": "average_precision",
    "precision": "precision",
    "recall": "recall",
}
"""The scores of the last epoch: X-Lite's name of each, and that of history.csv."""

_BYTES_A_PARAMETER = 4


def write_results(out: Path, progress: ProgressFile) -> None:
    """Write the results of the runs that have finished, best validation AUROC first.

    The first columns are those of X-Lite's table, in its order, so that what read that one can
    read this one. Scores are those of the training and the validation part: the test part is not
    for choosing among models.
    """
    import pandas as pd

    # Under the lock, so that of two commands the one that saw more writes last.
    with progress.hold() as entries:
        rows: dict[str, dict[str, Any]] = {}
        for name, entry in entries.items():
            run_dir = out / entry["run"]
            # An ablation's baseline can be a run that was trained before under its model's name.
            is_listed = entry["run"] in rows
            if entry["status"] == FINISHED and not is_listed and is_finished(run_dir):
                rows[entry["run"]] = _describe_run(name, entry, run_dir)
        if not rows:
            return
        table = pd.DataFrame(list(rows.values()))
        table = table.sort_values("val_auroc", ascending=False, kind="stable")
        with atomic_path(out / BASELINE_RESULTS) as temporary:
            table.to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")


def _describe_run(name: str, entry: Entry, run_dir: Path) -> dict[str, Any]:
    scores = read_scores(run_dir)
    config = read_json(run_dir / RUN_CONFIG, remedy="Train the run again.")
    settings, val = config["settings"], scores["val"]
    spec = parse_model_name(scores["model"])
    last_epoch = _read_last_epoch(run_dir / RUN_HISTORY)
    num_parameters = scores["num_parameters"]
    return {
        "model_name": spec.name,
        "backbone": spec.timm_name,
        "attention": spec.attention,
        "num_parameters": num_parameters,
        "model_size_mb": round(num_parameters * _BYTES_A_PARAMETER / 2**20, 2),
        "best_val_auc": val["macro"]["auroc"],
        "best_epoch": scores["best_epoch"],
        **{
            f"final_{part}_{score}": last_epoch.get(f"{part}_{column}")
            for score, column in _FINAL_SCORES.items()
            for part in ("train", "val")
        },
        "training_time_minutes": round(scores["seconds"] / 60, 2),
        # There is no other way: images come from the CLAHE cache or are equalised while loading.
        "use_clahe": True,
        "timestamp": entry["finished"],
        "name": name,
        "model": scores["model"],
        "loss": settings["loss"]["name"],
        "sampler": settings["sampler"]["name"],
        "seed": settings["seed"],
        "parameters": num_parameters,
        "epochs": scores["epochs"],
        "minutes": round(scores["seconds"] / 60, 2),
        "val_auroc": val["macro"]["auroc"],
        "val_average_precision": val["macro"]["average_precision"],
        "val_f1": val["macro"]["f1"],
        **{f"val_auroc_{label}": row["auroc"] for label, row in val["per_class"].items()},
        "run": entry["run"],
        "split": fingerprint_of(config["data"]["split_sha256"]),
        "fingerprint": scores["fingerprint"],
    }


def _read_last_epoch(history: Path) -> dict[str, float | None]:
    """The last row of a history; a column that is not there, or empty, has no entry or None."""
    if not history.exists():
        return {}
    with history.open(encoding="utf-8", newline="") as file:
        *_, last = [{}, *csv.DictReader(file)]
    return {name: float(text) if text else None for name, text in last.items()}
