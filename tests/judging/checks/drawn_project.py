"""Projects that are drawn at random: tables, splits and runs in the files that xlite writes.

Nothing is trained: a run's predictions are drawn with some skill, and its scores are theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from xlite.files import sha256_of_file, write_json
from xlite.run_folder.history import write_history
from xlite.run_folder.predictions import Predictions, write_predictions
from xlite.run_folder.records import (
    ClaheRecord,
    Environment,
    PartScores,
    Preprocessing,
    RunConfig,
    RunData,
    RunScores,
    Sitting,
    write_config,
    write_sittings,
)
from xlite.scores.summary import summarize_scores
from xlite.settings import TrainSettings
from xlite.splitting.split import split_by_patient
from xlite.splitting.split_folder import Split, read_split
from xlite.tables.table_format import TableFormat

LABELS = ("Mass", "Edema", "Effusion")


def draw_table(
    seed: int = 0,
    *,
    num_patients: int = 700,
    labels: Sequence[str] = LABELS,
    prevalence: float = 0.25,
    ap_share: float = 0.35,
) -> pd.DataFrame:
    """A label table in NIH's columns, one to four images a patient, labels and view unrelated."""
    rng = np.random.default_rng(seed)
    patients = np.repeat(np.arange(1, num_patients + 1), rng.integers(1, 5, num_patients))
    number = pd.Series(patients).groupby(patients).cumcount()
    shares = prevalence * rng.uniform(0.8, 1.6, len(labels))
    is_there = rng.random((len(patients), len(labels))) < shares
    texts = ["|".join(np.asarray(labels)[row]) or "No Finding" for row in is_there]
    sex = rng.choice(["M", "F"], num_patients)[patients - 1]
    age = rng.integers(20, 90, num_patients)[patients - 1]
    return pd.DataFrame(
        {
            "Image Index": [f"{p:08}_{n:03}.png" for p, n in zip(patients, number, strict=True)],
            "Finding Labels": texts,
            "Follow-up #": number,
            "Patient ID": patients,
            "Patient Age": age,
            "Patient Gender": sex,
            "View Position": np.where(rng.random(len(patients)) < ap_share, "AP", "PA"),
        }
    )


def write_split(
    folder: Path, table: pd.DataFrame, *, seed: int = 0, vocabulary: Sequence[str] = LABELS
) -> Path:
    """The split that `xlite split` makes of a table, half of it for training, in `folder`."""
    split_by_patient(
        table,
        ratios=(0.5, 0.25, 0.25),
        seed=seed,
        table_format=TableFormat(vocabulary=tuple(vocabulary)),
        out=folder,
    )
    return folder


def write_parts(folder: Path, **parts: pd.DataFrame) -> Path:
    """Somebody else's split: a CSV a part, and nothing beside them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in parts.items():
        table.to_csv(folder / f"{name}.csv", index=False)
    return folder


def deal_by_patient(
    table: pd.DataFrame, column: str = "Patient ID", *, seed: int = 0
) -> dict[str, pd.DataFrame]:
    """The rows of a table by part, whole patients each: half for training."""
    patients = table[column].unique()
    dealt = np.random.default_rng(seed).random(len(patients))
    part = pd.Series(np.digitize(dealt, [0.5, 0.75]), index=patients)
    of_row = table[column].map(part).to_numpy()
    return {name: table[of_row == place] for place, name in enumerate(("train", "val", "test"))}


def write_run(
    folder: Path,
    split: Path | Split,
    *,
    seed: int = 0,
    settings: TrainSettings | None = None,
    skill: float = 1.5,
    epochs: int = 3,
    config: dict[str, Any] | None = None,
    sittings: Sequence[Sitting] | None = None,
    history: Sequence[dict[str, float]] | None = None,
    probs: dict[str, Any] | None = None,
) -> Path:
    """A finished run on a split, with drawn predictions of validation and test.

    config, sittings, history: what differs from that of a plain run. probs: predictions to take
    instead of drawn ones, by part.
    """
    rng = np.random.default_rng(seed)
    read = split if isinstance(split, Split) else read_split(split)
    train = read.parts["train"]
    settings = settings or TrainSettings(model="test_resnet", epochs=epochs, seed=seed)
    settings = settings.model_copy(update={"epochs": epochs})
    described = {
        "schema_version": RunConfig.newest_schema,
        "fingerprint": f"{seed:012x}",
        "settings": settings.model_dump(mode="json"),
        "out_dir": "experiments",
        "labels": list(train.vocabulary),
        "data": RunData(
            images={name: len(part) for name, part in read.parts.items()},
            train_positives=train.positives.tolist(),
            split_sha256=read.sha256,
            source="d" * 64,
            split_dir=None if isinstance(split, Split) else str(split),
        ),
        "preprocessing": Preprocessing(
            clahe=ClaheRecord(size=512, clip=2.0, grid=8, fit="pad"),
            image_size=settings.image_size or 512,
            mean=[0.5] * 3,
            std=[0.25] * 3,
        ),
        **(config or {}),
    }
    folder.mkdir(parents=True)
    write_config(folder, RunConfig(**described))
    write_sittings(folder, sittings or [draw_sitting(epochs=epochs)])
    val: dict[str, Any] = {}
    for name in ("val", "test"):
        part = read.parts[name]
        shown = (probs or {}).get(name)
        if shown is None:
            logits = rng.normal(size=part.labels.shape) + skill * (part.labels - 0.5)
            shown = 1 / (1 + np.exp(-logits))
        write_predictions(folder, name, Predictions(part.image_ids, shown, part.vocabulary))
        if name == "val":
            val = summarize_scores(part.labels, shown, part.vocabulary, groups=part.patient_ids)
    auroc = val["macro"]["auroc"]
    write_history(folder, history or draw_history(epochs, auroc))
    names = ("config.json", "predictions_val.csv", "predictions_test.csv")
    scores = RunScores(
        schema_version=RunScores.newest_schema,
        run_id=folder.name,
        model=settings.model,
        fingerprint=f"{seed:012x}",
        num_parameters=1000,
        epochs=epochs,
        best_epoch=epochs,
        stopped_early=False,
        accumulate=1,
        seconds=60.0,
        val=PartScores(**val),
        files={name: sha256_of_file(folder / name) for name in names},
    )
    write_json(folder / "scores.json", scores.to_json())
    return folder


def draw_history(epochs: int, auroc: float) -> list[dict[str, float]]:
    """A row an epoch of a run that gets better, and ends with this macro AUROC on validation."""
    return [
        {
            "epoch": epoch + 1,
            "lr": 1e-4,
            "train_loss": 0.5 / (epoch + 1),
            "val_loss": 0.55 / (epoch + 1),
            "val_auroc": auroc - 0.01 * (epochs - 1 - epoch),
        }
        for epoch in range(epochs)
    ]


def draw_sitting(*, epochs: int = 3, from_epoch: int = 0, **environment: Any) -> Sitting:
    """A sitting that trained from an epoch to the end; environment: what differs from usual."""
    usual: dict[str, Any] = {
        "xlite": "0.2.0",
        "torch": "2.9.0",
        "python": "3.12.1",
        "machine": "x86_64",
        "num_threads": 2,
        "device": "cpu",
    }
    return Sitting(
        started=f"2026-03-0{1 + from_epoch}T08:00:00+00:00",
        ended=f"2026-03-0{1 + from_epoch}T09:00:00+00:00",
        outcome="finished",
        epochs=epochs,
        from_epoch=from_epoch,
        from_step=0,
        environment=Environment(**{**usual, **environment}),
        runtime={"num_workers": 0},
    )
