"""One run: settings in, run folder out.

A run folder is complete when it holds `scores.json`. The folder says what the run is, so the same
command finds it again, whatever it is called.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from xlite import console
from xlite.errors import InputError
from xlite.files import remove_temporary_files
from xlite.loading.loader import default_num_workers
from xlite.losses.class_weights import warn_about_double_corrections
from xlite.losses.training_loss import build_training_loss
from xlite.models.classifier import Classifier, build_classifier, count_parameters
from xlite.models.pretrained import import_timm
from xlite.models.warm_start import warm_start
from xlite.run_folder.ending import finish_run, set_aside_scores
from xlite.run_folder.folder import RunFolder
from xlite.run_folder.lock import hold_lock
from xlite.run_folder.records import write_config
from xlite.sampling.label_sets import find_label_sets
from xlite.sampling.sampling_plan import SamplingPlan, plan_sampling, require_sound_sampling
from xlite.settings import Runtime, TrainSettings
from xlite.signals import StopRequest
from xlite.training.description import describe_run, describe_weights
from xlite.training.device import build_fabric
from xlite.training.engine import Trainer, TrainingData
from xlite.training.identity import RunIdentity, require_same_run
from xlite.training.judge import judge_run
from xlite.training.loaders import RunLoaders
from xlite.training.preflight import needs_hub_weights, require_one_piece, share_batch
from xlite.training.processes import decide_once
from xlite.training.sittings import keep_sitting
from xlite.training.state import TrainState
from xlite.training.step import Stepper

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from xlite.training.data import StudyData


def has_reached(run_dir: Path, settings: TrainSettings) -> bool:
    """Whether a run folder is complete, and trained for all the epochs that are asked for.

    Raises InputError when it was planned for more epochs than that.
    """
    run = RunFolder(run_dir)
    if run.scores is None:
        return False
    planned = RunIdentity.read(run)
    asked = RunIdentity(settings, planned.data, planned.has_fixed_budget)
    require_same_run(planned, asked, where=run_dir)
    return run.scores.stopped_early or settings.epochs <= run.scores.epochs


def train_run(
    settings: TrainSettings,
    data: StudyData,
    run_dir: Path,
    *,
    runtime: Runtime,
    resume: bool = False,
    has_fixed_budget: bool = False,
    stop: StopRequest | None = None,
    on_epoch: Callable[[TrainState], None] | None = None,
) -> dict[str, Any]:
    """Train one model and judge it; returns the content of its `scores.json`.

    With `resume` a finished run is returned as it is and an unfinished one goes on from its last
    checkpoint; a finished one of fewer epochs goes on, too. Without, a run folder that holds
    anything is an InputError: nothing is overwritten. `has_fixed_budget`: the number of epochs is
    part of what the run is. `on_epoch` is told of each finished epoch. Raises
    InterruptedRunError, state saved, once `stop` is set (`catch_stop_signals` gives one that
    signals set); without one no signal is caught, and the last checkpoint is what remains.
    """
    require_one_piece(settings)
    fabric = build_fabric(runtime, settings.precision)
    with ExitStack() as stack:

        def open_run() -> dict[str, Any] | None:
            """The scores, when nothing is left to do; otherwise the folder is ours to write."""
            run_dir.mkdir(parents=True, exist_ok=True)
            stack.enter_context(hold_lock(run_dir))
            if resume and has_reached(run_dir, settings):
                return RunFolder(run_dir).read_scores_content()
            if RunFolder(run_dir).is_begun and not resume:
                raise InputError(
                    f"run {run_dir} exists already. Pass --resume to continue or reuse it, or "
                    "change --seed or --out to train it anew beside it."
                )
            _require_checkpoint(run_dir)
            remove_temporary_files(run_dir)
            return None

        scores = decide_once(fabric, open_run)
        if scores is not None:
            return scores
        return _train_and_judge(
            RunIdentity.of(settings, data, has_fixed_budget=has_fixed_budget),
            data,
            run_dir,
            fabric=fabric,
            runtime=runtime,
            resume=resume,
            stop=StopRequest() if stop is None else stop,
            on_epoch=on_epoch,
        )


def _train_and_judge(
    identity: RunIdentity,
    data: StudyData,
    run_dir: Path,
    *,
    fabric: Fabric,
    runtime: Runtime,
    resume: bool,
    stop: StopRequest,
    on_epoch: Callable[[TrainState], None] | None,
) -> dict[str, Any]:
    settings, train = identity.settings, data.parts["train"]
    has_gpu = fabric.device.type != "cpu"
    num_workers = runtime.num_workers
    if num_workers is None:
        num_workers = default_num_workers(is_cached=data.is_cached, has_gpu=has_gpu)
    loaders = RunLoaders(
        settings,
        data,
        num_workers=num_workers,
        pin_memory=has_gpu,
        rank=fabric.global_rank,
        world_size=fabric.world_size,
    )
    sampling = _plan_sampling(settings, data, fabric)
    loss = build_training_loss(settings.loss, train.labels, train.vocabulary, device=fabric.device)
    if loss.pos_weight is not None and sampling.weights is not None:
        warn_about_double_corrections(
            loss.pos_weight,
            sampling.natural.positives_per_image,
            sampling.exposure.positives_per_image,
            train.vocabulary,
        )
    model = _build_model(settings, data, runtime, fabric)
    config = describe_run(
        identity, data, model, pos_weight=loss.pos_weight, out_dir=run_dir.parent.parent
    )
    trainer = Trainer(
        identity=identity,
        description=describe_weights(settings, data, model),
        stepper=Stepper(
            settings=settings,
            fabric=fabric,
            model=model,
            loss=loss,
            image_ids=train.image_ids,
        ),
        data=TrainingData(
            sampler=sampling.sampler,
            train_loader=loaders.build("train", sampling.sampler, augment=True),
            val_loader=loaders.build_in_order("val"),
            vocabulary=data.vocabulary,
            train_patients=train.patient_ids,
            val_patients=data.parts["val"].patient_ids,
        ),
        run_dir=run_dir,
        checkpoint_minutes=runtime.checkpoint_minutes,
    )
    console.detail(
        f"{trainer.title}: {count_parameters(trainer.stepper.model):,} parameters on "
        f"{fabric.device}, {sampling.sampler.num_batches} batches an epoch, {num_workers} loader "
        f"processes, {run_dir}"
    )
    trainer.prepare(resume=resume)
    sitting: AbstractContextManager[None] = nullcontext()
    if fabric.is_global_zero:
        set_aside_scores(run_dir)
        if not RunFolder(run_dir).is_begun:
            write_config(run_dir, config)
        sitting = keep_sitting(
            run_dir, trainer.state, epochs=settings.epochs, runtime=runtime, fabric=fabric
        )
    with sitting:
        trainer.fit(stop=stop, on_epoch=on_epoch)
        scores = judge_run(trainer, loaders, data, stop=stop)
    if fabric.is_global_zero:
        scores = finish_run(run_dir, scores)
    # As a reader of the file finds it: an undefined score is None.
    kept: dict[str, Any] = console.nan_to_none(scores)
    return kept


def _require_checkpoint(run_dir: Path) -> None:
    """Raise InputError for a finished run that is to go on and has nothing to go on from."""
    run = RunFolder(run_dir)
    if run.is_finished and not run.checkpoints:
        raise InputError(
            f"{run_dir} is finished and its {run.last_checkpoint.name} is gone, so it can't be "
            "trained for more epochs. Ask for as many as it has, or train anew with another --out."
        )


def _plan_sampling(settings: TrainSettings, data: StudyData, fabric: Fabric) -> SamplingPlan:
    train = data.parts["train"]
    sampling = plan_sampling(
        find_label_sets(train.labels),
        settings.sampler,
        train.vocabulary,
        batch_size=share_batch(settings, fabric.world_size),
        seed=settings.seed,
        rank=fabric.global_rank,
        world_size=fabric.world_size,
    )
    require_sound_sampling(sampling, train.vocabulary)
    return sampling


def _build_model(
    settings: TrainSettings, data: StudyData, runtime: Runtime, fabric: Fabric
) -> Classifier:
    model = build_classifier(
        settings.model,
        num_classes=len(data.vocabulary),
        pretrained=needs_hub_weights(settings, runtime, num_classes=len(data.vocabulary)),
        weights_path=runtime.weights_path,
        generator_seed=settings.seed,
        dropout=settings.dropout,
        position_encoding=settings.position_encoding,
    )
    if runtime.warm_start is not None:
        console.say(warm_start(model, runtime.warm_start).describe())
    if fabric.world_size > 1 and fabric.device.type == "cuda":
        # Its statistics are then those of the whole batch; torch has no such layer for CPUs.
        model = import_timm().layers.convert_sync_batchnorm(model)
    if settings.model not in runtime.contiguous_models:
        model.to(memory_format=torch.channels_last)
    return model
