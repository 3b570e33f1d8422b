"""`baseline_results.csv`: one row a finished run, for a spreadsheet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xlite.errors import InputError
from xlite.files import atomic_path, write_table
from xlite.models.catalogue import parse_model_name
from xlite.places import BASELINE_RESULTS
from xlite.run_folder.folder import RunFolder
from xlite.settings import fingerprint_of
from xlite.studies.progress import FINISHED, Entry, ProgressFile

_FINAL_SCORES = {
    "auc": "auroc",
    "f1": "f1",
    "pr_auc": "average_precision",
    "precision": "precision",
    "recall": "recall",
}
"""The scores of the last epoch: X-Lite's name of each, and that of history.csv."""

_BYTES_A_PARAMETER = 4


def write_results(out: Path, progress: ProgressFile) -> list[str]:
    """Write the results of the runs that have finished, best validation AUROC first.

    The first columns are those of X-Lite's table, in its order, so that what read that one can
    read this one. Scores are those of the training and the validation part: the test part is not
    for choosing among models. A run whose folder is gone is left out, and so is one that can't be
    read: returned is a sentence for each of those.
    """
    import pandas as pd

    rows: dict[str, dict[str, Any]] = {}
    faults = []
    # Under the lock, so that of two commands the one that saw more writes last.
    with progress.hold() as entries:
        for name, entry in entries.items():
            run = RunFolder(out / entry["run"])
            # An ablation's baseline can be a run that was trained before under its model's name.
            is_listed = entry["run"] in rows
            if entry["status"] != FINISHED or is_listed or not run.is_finished:
                continue
            try:
                rows[entry["run"]] = _describe_run(name, entry, run)
            except InputError as error:
                faults.append(f"{name} is not in {BASELINE_RESULTS}: {error}")
        path = out / BASELINE_RESULTS
        if rows:
            table = pd.DataFrame(list(rows.values()))
            table = table.sort_values("val_auroc", ascending=False, kind="stable")
            with atomic_path(path) as temporary:
                write_table(temporary, table)
        else:
            # The last of its runs was deleted: rows of what is no longer there would mislead.
            path.unlink(missing_ok=True)
    return faults


def _describe_run(name: str, entry: Entry, run: RunFolder) -> dict[str, Any]:
    scores, settings = run.require_scores(), run.settings
    macro, labels = scores.val_macro, scores.val.per_class if scores.val is not None else {}
    spec = parse_model_name(settings.model)
    last_epoch = run.history[-1] if run.history else {}
    return {
        "model_name": spec.name,
        "backbone": spec.timm_name,
        "attention": spec.attention,
        "num_parameters": scores.num_parameters,
        "model_size_mb": round(scores.num_parameters * _BYTES_A_PARAMETER / 2**20, 2),
        "best_val_auc": macro["auroc"],
        "best_epoch": scores.best_epoch,
        **{
            f"final_{part}_{score}": last_epoch.get(f"{part}_{column}")
            for score, column in _FINAL_SCORES.items()
            for part in ("train", "val")
        },
        "training_time_minutes": round(scores.seconds / 60, 2),
        # There is no other way: images come from the CLAHE cache or are equalised while loading.
        "use_clahe": True,
        "timestamp": entry["finished"],
        "name": name,
        "model": settings.model,
        "loss": settings.loss.name,
        "sampler": settings.sampler.name,
        "seed": settings.seed,
        **({"fold": entry["fold"]} if "fold" in entry else {}),
        "parameters": scores.num_parameters,
        "epochs": scores.epochs,
        "minutes": round(scores.seconds / 60, 2),
        "val_auroc": macro["auroc"],
        "val_average_precision": macro["average_precision"],
        "val_f1": macro["f1"],
        **{f"val_auroc_{label}": row["auroc"] for label, row in labels.items()},
        "run": entry["run"],
        "split": fingerprint_of(run.config.data.split_sha256),
        "fingerprint": scores.fingerprint,
    }
