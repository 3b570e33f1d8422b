"""One run: settings in, run folder out.

A run folder is complete when it holds `scores.json`. Its name follows from the settings and the
data, so the same command finds it again.
"""

from __future__ import annotations

import platform
import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from filelock import FileLock, Timeout

from xlite import __version__, console
from xlite.artifacts import (
    RUN_BEST,
    RUN_CONFIG,
    RUN_HISTORY,
    RUN_SCORES,
    Predictions,
    atomic_path,
    predictions_name,
    read_json,
    write_json,
    write_predictions,
)
from xlite.config import Runtime, TrainSettings, fingerprint_of
from xlite.dataset.label_sets import find_label_sets
from xlite.dataset.loader import default_num_workers
from xlite.dataset.sampling_plan import plan_sampling, require_sound_sampling
from xlite.errors import CheckFailedError, InputError
from xlite.losses.binary import build_loss
from xlite.losses.class_weights import choose_pos_weight, warn_about_double_corrections
from xlite.models.classifier import build_classifier, count_parameters
from xlite.scores.summary import summarize_scores
from xlite.training.device import build_fabric
from xlite.training.engine import Trainer
from xlite.training.loaders import RunLoaders
from xlite.training.predict import predict_logits, to_probs
from xlite.training.resume import TrainState, catch_stop_signals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from xlite.training.data import StudyData


def run_fingerprint(settings: TrainSettings, data: StudyData) -> str:
    """What decides a run's result: settings, split, pixels."""
    return fingerprint_of([settings.model_dump(mode="json"), data.fingerprint])


def name_run(settings: TrainSettings, data: StudyData) -> str:
    """The run's folder name: model, loss, sampler, seed for the eye, a fingerprint for the rest."""
    model = re.sub(r"[^A-Za-z0-9_.+-]", "-", settings.model)
    return (
        f"{model}-{settings.loss.name}-{settings.sampler.name}-s{settings.seed}-"
        f"{run_fingerprint(settings, data)[:8]}"
    )


def is_finished(run_dir: Path) -> bool:
    """Whether a run folder is complete."""
    return (run_dir / RUN_SCORES).exists()


def read_scores(run_dir: Path) -> dict[str, Any]:
    """The scores of a finished run."""
    return read_json(run_dir / RUN_SCORES, remedy="Train the run to its end with --resume.")


def train_run(
    settings: TrainSettings,
    data: StudyData,
    run_dir: Path,
    *,
    runtime: Runtime,
    weights_path: Path | None = None,
    resume: bool = False,
    on_epoch: Callable[[TrainState], None] | None = None,
) -> dict[str, Any]:
    """Train one model and judge it; returns the content of its `scores.json`.

    With `resume` a finished run is returned as it is and an unfinished one goes on from its last
    checkpoint. Without, a run folder that holds anything is an InputError: nothing is overwritten.
    `on_epoch` is told of each finished epoch.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    with _hold_lock(run_dir):
        if is_finished(run_dir) and resume:
            return read_scores(run_dir)
        if (run_dir / RUN_CONFIG).exists() and not resume:
            raise InputError(
                f"run {run_dir} exists already. Pass --resume to continue or reuse it, or change "
                "--seed or --out to train it anew beside it."
            )
        return _train_and_judge(
            settings,
            data,
            run_dir,
            runtime=runtime,
            weights_path=weights_path,
            resume=resume,
            on_epoch=on_epoch,
        )


def _train_and_judge(
    settings: TrainSettings,
    data: StudyData,
    run_dir: Path,
    *,
    runtime: Runtime,
    weights_path: Path | None,
    resume: bool,
    on_epoch: Callable[[TrainState], None] | None,
) -> dict[str, Any]:
    fabric = build_fabric(runtime.device, settings.precision)
    model = build_classifier(
        settings.model,
        num_classes=len(data.vocabulary),
        pretrained=settings.initial_weights != "none",
        weights_path=weights_path,
        generator_seed=settings.seed,
        dropout=settings.dropout,
    )
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks it
    train = data.parts["train"]
    fingerprint = run_fingerprint(settings, data)
    num_workers = runtime.num_workers
    has_gpu = fabric.device.type != "cpu"
    if num_workers is None:
        num_workers = default_num_workers(is_cached=data.is_cached, has_gpu=has_gpu)
    loaders = RunLoaders(settings, data, num_workers=num_workers, pin_memory=has_gpu)
    sampling = plan_sampling(
        find_label_sets(train.labels),
        settings.sampler,
        train.vocabulary,
        batch_size=settings.batch_size,
        seed=settings.seed,
    )
    require_sound_sampling(sampling, train.vocabulary)
    sampler = sampling.sampler
    pos_weight = None
    if settings.loss.name == "pos-weight":
        pos_weight = choose_pos_weight(settings.loss, train.labels, train.vocabulary)
        if sampling.weights is not None:
            warn_about_double_corrections(
                pos_weight,
                sampling.natural.positives_per_image,
                sampling.exposure.positives_per_image,
                train.vocabulary,
            )
    loss = build_loss(
        settings.loss.name,
        pos_weight=None
        if pos_weight is None
        else torch.tensor(pos_weight, dtype=torch.float32, device=fabric.device),
        focal_alpha=settings.loss.focal_alpha,
        focal_gamma=settings.loss.focal_gamma,
    )
    trainer = Trainer(
        settings=settings,
        fabric=fabric,
        model=model,
        loss=loss,
        sampler=sampler,
        train_loader=loaders.build("train", sampler, augment=True),
        val_loader=loaders.build_in_order("val"),
        vocabulary=data.vocabulary,
        image_ids=train.image_ids,
        run_dir=run_dir,
        fingerprint=fingerprint,
    )
    console.detail(
        f"{trainer.title}: {count_parameters(model):,} parameters on {fabric.device}, "
        f"{sampler.num_batches} batches an epoch, {num_workers} loader processes, {run_dir}"
    )
    record = _describe_run(settings, data, fingerprint, pos_weight, runtime)
    write_json(run_dir / RUN_CONFIG, record)
    with catch_stop_signals() as stop:
        state = trainer.fit(resume=resume, stop=stop, on_epoch=on_epoch)
    _write_history(run_dir / RUN_HISTORY, state)
    return _judge(trainer, loaders, data, state, run_dir)


def _judge(
    trainer: Trainer, loaders: RunLoaders, data: StudyData, state: TrainState, run_dir: Path
) -> dict[str, Any]:
    from safetensors.torch import load_model

    load_model(trainer.model, run_dir / RUN_BEST)
    thresholds = None
    parts: dict[str, Any] = {}
    for part in ("val", "test"):
        manifest = data.parts[part]
        logits, targets = predict_logits(
            trainer.model,
            loaders.build_in_order(part),
            device=trainer.fabric.device,
            description=f"{trainer.title} {part}",
        )
        probs = to_probs(logits)
        write_predictions(
            run_dir / predictions_name(part),
            Predictions(manifest.image_ids, probs, data.vocabulary),
        )
        parts[part] = summarize_scores(
            targets, probs, data.vocabulary, groups=manifest.patient_ids, thresholds=thresholds
        )
        if part == "val":
            per_class = parts[part]["per_class"].values()
            thresholds = np.array([scores["threshold"] for scores in per_class])
    scores = {
        "run_id": run_dir.name,
        "model": trainer.settings.model,
        "fingerprint": trainer.fingerprint,
        "num_parameters": count_parameters(trainer.model),
        "epochs": state.epoch,
        "best_epoch": state.best_epoch + 1,
        "seconds": round(state.seconds, 3),
        **parts,
    }
    write_json(run_dir / RUN_SCORES, scores)
    return scores


def _describe_run(
    settings: TrainSettings,
    data: StudyData,
    fingerprint: str,
    pos_weight: NDArray[np.float64] | None,
    runtime: Runtime,
) -> dict[str, Any]:
    return {
        "fingerprint": fingerprint,
        "settings": settings.model_dump(mode="json"),
        "runtime": runtime.model_dump(mode="json"),
        "labels": list(data.vocabulary),
        "pos_weight": None if pos_weight is None else [float(weight) for weight in pos_weight],
        "data": {
            "images": {name: len(part) for name, part in data.parts.items()},
            "train_positives": data.parts["train"].positives.tolist(),
            "split_sha256": data.split_sha256,
            "source": data.source_fingerprint,
        },
        "environment": {
            "xlite": __version__,
            "torch": torch.__version__,
            "python": platform.python_version(),
            "machine": platform.machine(),
            "num_threads": torch.get_num_threads(),
        },
    }


def _write_history(path: Path, state: TrainState) -> None:
    import pandas as pd

    table = pd.DataFrame(state.history)
    table.insert(0, "epoch", table.pop("epoch"))
    with atomic_path(path) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")


@contextmanager
def _hold_lock(run_dir: Path) -> Iterator[None]:
    lock = FileLock(run_dir / ".lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise CheckFailedError(
            f"another process is training {run_dir}. Wait for it, or use another --out."
        ) from None
    try:
        yield
    finally:
        lock.release()
