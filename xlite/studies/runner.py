"""The runner: trains whatever of a plan is unfinished and keeps the progress file.

`train` and `ablate` are this runner over different plans. A run that fails is recorded with its
error and the others go on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from xlite import console
from xlite.artifacts import (
    BASELINE_RESULTS,
    RUN_CONFIG,
    TRAINING_PROGRESS,
    atomic_path,
    read_json,
    write_json,
)
from xlite.config import Runtime
from xlite.errors import InputError, InterruptedRunError, XliteError
from xlite.studies.plan import PlannedRun
from xlite.training.data import StudyData
from xlite.training.resume import TrainState
from xlite.training.run import is_finished, name_run, read_scores, train_run

PENDING, RUNNING, FINISHED, FAILED, INTERRUPTED = (
    "pending",
    "running",
    "finished",
    "failed",
    "interrupted",
)


@dataclass(frozen=True)
class Outcome:
    """How a planned run ended: its folder, and the scores or the error."""

    name: str
    run_dir: Path
    scores: dict[str, Any] | None
    error: str | None


def run_plan(
    plan: Sequence[PlannedRun],
    data: StudyData,
    out: Path,
    *,
    runtime: Runtime,
    weights_path: Path | None = None,
    resume: bool = False,
) -> list[Outcome]:
    """Train each run of the plan in `out/runs/<run_id>`; returns one outcome a run.

    With `resume` finished runs are taken as they are and unfinished ones continued. Raises
    InputError before anything is trained when a run exists and `resume` is not given, and
    InterruptedRunError, everything saved, when a signal asks for an end.
    """
    folders = [out / "runs" / name_run(planned.settings, data) for planned in plan]
    if not resume:
        existing = [folder for folder in folders if (folder / RUN_CONFIG).exists()]
        if existing:
            raise InputError(
                f"{len(existing)} of {len(plan)} runs exist already (first: {existing[0]}). Pass "
                "--resume to continue or reuse them, or another --seed or --out."
            )
    progress = ProgressFile(out / TRAINING_PROGRESS)
    for planned, folder in zip(plan, folders, strict=True):
        status = FINISHED if is_finished(folder) else PENDING
        progress.update(
            planned.name,
            status=status,
            model=planned.settings.model,
            run=folder.relative_to(out).as_posix(),
            epochs=planned.settings.epochs,
            error=None,
        )
    outcomes = []
    for planned, folder in zip(plan, folders, strict=True):
        outcomes.append(
            _run_one(
                planned,
                folder,
                data,
                progress,
                runtime=runtime,
                weights_path=weights_path,
                resume=resume,
            )
        )
        write_results(out, progress)
    return outcomes


def _run_one(
    planned: PlannedRun,
    folder: Path,
    data: StudyData,
    progress: ProgressFile,
    *,
    runtime: Runtime,
    weights_path: Path | None,
    resume: bool,
) -> Outcome:
    name = planned.name
    if is_finished(folder):
        console.say(f"{name}: finished already, skipped ({folder})")
        scores = read_scores(folder)
        progress.update(name, **_describe_finished(scores))
        return Outcome(name, folder, scores, None)

    def record_epoch(state: TrainState) -> None:
        progress.update(
            name,
            status=RUNNING,
            epochs_done=state.epoch,
            best_val_auroc=state.best_metric,
            seconds=round(state.seconds, 3),
        )

    progress.update(name, status=RUNNING, started=_now())
    try:
        scores = train_run(
            planned.settings,
            data,
            folder,
            runtime=runtime,
            weights_path=weights_path,
            resume=resume,
            on_epoch=record_epoch,
        )
    except (InterruptedRunError, KeyboardInterrupt):
        progress.update(name, status=INTERRUPTED)
        raise
    except Exception as error:  # noqa: BLE001  # whatever one model does, the others go on
        message = str(error) if isinstance(error, XliteError) else _describe(error)
        progress.update(name, status=FAILED, error=message)
        console.error(f"{name} failed: {message}")
        return Outcome(name, folder, None, message)
    progress.update(name, finished=_now(), **_describe_finished(scores))
    return Outcome(name, folder, scores, None)


class ProgressFile:
    """`training_progress.json`: one entry a run name, rewritten whole at each change."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.models: dict[str, dict[str, Any]] = {}
        if path.exists():
            remedy = "Move it away; the run folders hold all that matters."
            self.models = read_json(path, remedy=remedy).get("models", {})

    def update(self, name: str, **fields: Any) -> None:
        """Set fields of one entry and write the file."""
        self.models.setdefault(name, {}).update(fields)
        completed = [key for key, entry in self.models.items() if entry["status"] == FINISHED]
        write_json(
            self.path,
            {
                "models": self.models,
                "completed_models": completed,
                "last_updated": _now(),
            },
        )


def write_results(out: Path, progress: ProgressFile) -> None:
    """Write `baseline_results.csv`: one row a finished run, best validation AUROC first.

    Scores are those of the validation part: the test part is not for choosing among models.
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for name, entry in progress.models.items():
        folder = out / entry["run"]
        # An ablation's baseline can be a run that was trained before under its model's name.
        is_listed = any(row["run"] == entry["run"] for row in rows)
        if entry["status"] != FINISHED or is_listed or not is_finished(folder):
            continue
        scores = read_scores(folder)
        settings = read_json(folder / RUN_CONFIG, remedy="Train the run again.")["settings"]
        val = scores["val"]
        rows.append(
            {
                "name": name,
                "model": scores["model"],
                "loss": settings["loss"]["name"],
                "sampler": settings["sampler"]["name"],
                "seed": settings["seed"],
                "parameters": scores["num_parameters"],
                "epochs": scores["epochs"],
                "best_epoch": scores["best_epoch"],
                "minutes": round(scores["seconds"] / 60, 2),
                "val_auroc": val["macro"]["auroc"],
                "val_average_precision": val["macro"]["average_precision"],
                "val_f1": val["macro"]["f1"],
                **{f"val_auroc_{label}": row["auroc"] for label, row in val["per_class"].items()},
                "run": entry["run"],
                "fingerprint": scores["fingerprint"],
            }
        )
    if not rows:
        return
    table = pd.DataFrame(rows).sort_values("val_auroc", ascending=False, kind="stable")
    with atomic_path(out / BASELINE_RESULTS) as temporary:
        table.to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")


def _describe_finished(scores: dict[str, Any]) -> dict[str, Any]:
    return {
        "status": FINISHED,
        "epochs_done": scores["epochs"],
        "best_val_auroc": scores["val"]["macro"]["auroc"],
        "seconds": scores["seconds"],
    }


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
