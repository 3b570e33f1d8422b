"""A run that this process trains: its model, loss, sampler and loaders, and where it stands."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from xlite import console
from xlite.loading.loader import Batch
from xlite.losses.class_weights import warn_about_double_corrections
from xlite.losses.training_loss import build_training_loss
from xlite.models.classifier import Classifier, build_described, count_parameters
from xlite.models.normalisation import require_normalisation
from xlite.models.pretrained import import_timm
from xlite.models.warm_start import warm_start
from xlite.places import VALIDATION
from xlite.sampling.sampler import EpochSampler
from xlite.sampling.sampling_plan import SamplingPlan, plan_sampling, require_sound_sampling
from xlite.sampling.source_sets import find_sampling_sets
from xlite.training.loaders import RunLoaders, count_workers
from xlite.training.preflight import needs_hub_weights, share_batch
from xlite.training.schedule import lr_factor
from xlite.training.state import TrainState
from xlite.training.step import Stepper

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from xlite.settings import Runtime, TrainSettings
    from xlite.training.data import StudyData
    from xlite.training.identity import RunIdentity


@dataclass(kw_only=True)
class OpenRun:
    """What the loop works with; `state` and `best_weights` are what it changes."""

    identity: RunIdentity
    data: StudyData
    run_dir: Path
    stepper: Stepper
    loaders: RunLoaders
    sampler: EpochSampler
    """Deals every process its share of each batch."""
    train_loader: DataLoader[Batch]
    val_loader: DataLoader[Batch] | None
    """None where the split has no validation part: then all epochs are trained, and the last
    weights are kept."""
    checkpoint_seconds: float
    """How often a checkpoint is written within an epoch."""
    state: TrainState
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    """Those of the best epoch, on the CPU."""
    saved_at: float = field(default_factory=time.monotonic)
    """When the last checkpoint was written, or the run was opened."""

    @property
    def settings(self) -> TrainSettings:
        """What decides the run's result."""
        return self.identity.settings

    @property
    def fabric(self) -> Fabric:
        """Where it computes."""
        return self.stepper.fabric

    @property
    def title(self) -> str:
        """What bars and lines call the run."""
        return f"{self.settings.model} {self.settings.loss.name}"

    @property
    def is_trained(self) -> bool:
        """Whether no further epoch is to be trained."""
        settings, state = self.settings, self.state
        is_early = state.epochs_without_gain >= settings.early_stopping
        return (is_early and settings.select == "best") or state.epoch >= settings.epochs

    def lr_factor(self, step: int) -> float:
        """What the learning rates are multiplied with in a step of the epoch under way."""
        state, num_steps = self.state, self.sampler.num_batches
        return lr_factor(
            self.settings,
            step=state.epoch * num_steps + step,
            steps_per_epoch=num_steps,
            cuts=state.plateau_cuts,
        )


def open_run(
    identity: RunIdentity, data: StudyData, run_dir: Path, *, fabric: Fabric, runtime: Runtime
) -> OpenRun:
    """A run at its start, in memory; nothing is written.

    Raises InputError for a sampler that the labels don't allow, and for weights that can't be read.
    """
    settings, train = identity.settings, data.parts["train"]
    loaders = _open_loaders(settings, data, fabric, runtime)
    sampling = _plan_sampling(settings, data, fabric)
    loss = build_training_loss(settings.loss, train.labels, train.vocabulary, device=fabric.device)
    if loss.pos_weight is not None and sampling.weights is not None:
        warn_about_double_corrections(
            loss.pos_weight,
            sampling.natural.positives_per_image,
            sampling.exposure.positives_per_image,
            train.vocabulary,
        )
    stepper = Stepper(
        settings=settings,
        fabric=fabric,
        model=_build_model(settings, data, runtime, fabric),
        loss=loss,
        image_ids=train.image_ids,
    )
    run = OpenRun(
        identity=identity,
        data=data,
        run_dir=run_dir,
        stepper=stepper,
        loaders=loaders,
        sampler=sampling.sampler,
        train_loader=loaders.build("train", sampling.sampler, augment=True),
        val_loader=loaders.build_in_order(VALIDATION) if data.has_validation else None,
        checkpoint_seconds=60 * runtime.checkpoint_minutes,
        state=TrainState(num_parts=settings.accumulate),
    )
    if run.val_loader is None or settings.select != "best":
        console.say(_describe_fixed_epochs(run))
    console.detail(
        f"{run.title}: {count_parameters(stepper.model):,} parameters on "
        f"{fabric.device}, {run.sampler.num_batches} batches an epoch, {loaders.num_workers} "
        f"loader processes, {run_dir}"
    )
    return run


def _describe_fixed_epochs(run: OpenRun) -> str:
    settings = run.settings
    weights = "average of the weights" if settings.ema_decay else "last weights"
    if settings.select == "average":
        first = settings.first_averaged_epoch + 1
        weights = f"mean of the weights after epochs {first} to {settings.epochs}"
    kept = f"all {settings.epochs} epochs are trained and the {weights} kept"
    if run.val_loader is not None:
        return (
            f"{run.title}: --select {settings.select} picks nothing on validation: {kept}. "
            "--early-stopping is not in force."
        )
    rate = "; --schedule plateau never cuts the rate" if settings.schedule == "plateau" else ""
    return (
        f"{run.title}: the split has no validation part, so nothing is selected: {kept}. "
        f"--monitor and --early-stopping are not in force{rate}."
    )


def _open_loaders(
    settings: TrainSettings, data: StudyData, fabric: Fabric, runtime: Runtime
) -> RunLoaders:
    has_gpu = fabric.device.type != "cpu"
    return RunLoaders(
        settings,
        data,
        num_workers=count_workers(runtime, is_cached=data.is_cached, has_gpu=has_gpu),
        pin_memory=has_gpu,
        rank=fabric.global_rank,
        world_size=fabric.world_size,
    )


def _plan_sampling(settings: TrainSettings, data: StudyData, fabric: Fabric) -> SamplingPlan:
    train = data.parts["train"]
    sampling = plan_sampling(
        find_sampling_sets(train, settings.sampler),
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
    model = build_described(
        settings,
        num_classes=len(data.vocabulary),
        pretrained=needs_hub_weights(settings, runtime, num_classes=len(data.vocabulary)),
        weights_path=runtime.weights_path,
        seed=settings.seed,
        drop_path=settings.drop_path,
        drop_rate=settings.drop_rate,
    )
    require_normalisation(model.backbone, settings.batch_norm)
    if runtime.warm_start is not None:
        console.say(warm_start(model, runtime.warm_start).describe())
    if fabric.world_size > 1 and fabric.device.type == "cuda":
        # Its statistics are then those of the whole batch; torch has no such layer for CPUs.
        model = import_timm().layers.convert_sync_batchnorm(model)
    if settings.model not in runtime.contiguous_models:
        model.to(memory_format=torch.channels_last)
    return model
