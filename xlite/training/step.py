"""One optimizer step: forward, loss, backward, clip, update, over all parts and processes.

B images of a process's share of a batch, C classes.
"""

from __future__ import annotations

import gc
import time
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from xlite.errors import CheckFailedError
from xlite.labels import UNKNOWN
from xlite.loading.loader import Batch
from xlite.losses.training_loss import TrainingLoss
from xlite.models.attention import redraw_performer_features
from xlite.models.classifier import Classifier
from xlite.models.layers import assign_layers
from xlite.randomness import derive_seed
from xlite.settings import TrainSettings
from xlite.signals import StopRequest
from xlite.training.mixing import mix_batch
from xlite.training.objective import Objective, logits_of
from xlite.training.optimizer import build_optimizer, freeze_layers, set_lr_factor
from xlite.training.out_of_memory import agree_on_memory
from xlite.training.processes import (
    average_statistics,
    gather_rows,
    join_rows,
    start_alike,
    sum_gradients,
    sum_over_processes,
)
from xlite.training.state import TrainState
from xlite.training.weight_average import EpochAverage, build_weight_average

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


class Stepper:
    """The model and all that moves it."""

    def __init__(
        self,
        *,
        settings: TrainSettings,
        fabric: Fabric,
        model: Classifier,
        loss: TrainingLoss,
        image_ids: NDArray[Any],
    ) -> None:
        """image_ids: (N,) of the training images, to name those of a bad batch."""
        self.settings, self.fabric, self.model, self.loss = settings, fabric, model, loss
        fabric.to_device(model)
        start_alike(fabric, model)
        self.image_ids = image_ids
        self.layer_map = assign_layers(model)
        self.objective = Objective(settings, model, loss)
        extras = [*self.objective.parts.values()]
        self._bare_optimizer = build_optimizer(model, self.layer_map, settings, self.objective)
        # Without more than the model's it is the model: gradients are clipped in the same order.
        self._trained = nn.ModuleList([model, *extras]) if extras else model
        optimizer = fabric.setup_optimizers(self._bare_optimizer)
        assert not isinstance(optimizer, tuple), "one goes in, one comes out"
        self._optimizer = optimizer
        self._has_shared_statistics = fabric.world_size > 1 and any(
            isinstance(module, torch.nn.SyncBatchNorm) for module in model.modules()
        )
        self.average = (
            build_weight_average(model, settings.ema_decay) if settings.ema_decay else None
        )
        self.epoch_average = (
            EpochAverage(model, settings.first_averaged_epoch)
            if settings.select == "average"
            else None
        )

    @property
    def judged_model(self) -> torch.nn.Module:
        """The model that validation judges: an average of the weights where there is one."""
        over_epochs = None if self.epoch_average is None else self.epoch_average.module
        return self._followed if over_epochs is None else over_epochs

    @property
    def _followed(self) -> torch.nn.Module:
        return self.model if self.average is None else self.average.module

    @property
    def parts(self) -> dict[str, Any]:
        """What a checkpoint saves and restores, by name."""
        # The precision plugin holds the gradient scaler of fp16, and nothing otherwise.
        parts: dict[str, Any] = {
            "model": self.model,
            "optimizer": self._bare_optimizer,
            "precision": self.fabric.strategy.precision,
        }
        if self.average is not None:
            parts["average"] = self.average
        if self.epoch_average is not None:
            parts["epoch_average"] = self.epoch_average.average
        return parts | self.objective.parts

    def begin_epoch(self, state: TrainState) -> None:
        """Freeze, thaw and redraw what is due in the state's epoch; safe to repeat."""
        settings, epoch = self.settings, state.epoch
        is_due = settings.redraw_features and epoch and epoch % settings.redraw_features == 0
        if is_due and state.step == 0:
            seed = derive_seed("features", settings.seed, epoch)
            redraw_performer_features(self.model, torch.Generator().manual_seed(seed))
        freeze_layers(self.model, self.layer_map, settings, epoch)

    def end_epoch(self, state: TrainState) -> None:
        """Count the epoch's weights in, where epochs are averaged; safe to repeat."""
        if self.epoch_average is not None:
            self.epoch_average.take_in(self._followed, state.epoch)

    def take_step(
        self,
        batch: Batch,
        state: TrainState,
        *,
        lr_factor: float,
        share_sizes: Sequence[int],
        stop: StopRequest,
    ) -> tuple[bool, float]:
        """Move the weights by one batch and count it in the state's tally.

        share_sizes: images of each process. Returns whether a process was asked to stop, and the
        loss. Raises CheckFailedError, before the update, when loss or gradient is not finite, and
        OutOfMemoryError.
        """
        fabric, tally = self.fabric, state.tally
        images = batch.images.to(fabric.device, non_blocking=True)
        targets = batch.targets.to(fabric.device, torch.float32, non_blocking=True)
        rows = batch.index.to(fabric.device, non_blocking=True)
        images, targets = self._mix(images, targets, state)
        own_weight = self.loss.weigh(targets)
        # Processes have to agree on when to stop, or one of them waits for the others for ever.
        weight, num_stops = sum_over_processes(fabric, [own_weight, float(bool(stop))])
        set_lr_factor(self._bare_optimizer, lr_factor)
        if self.loss.is_additive or fabric.world_size == 1:
            with self._agree_on_memory():
                logits, own = self._descend(images, targets, rows, state, weight)
        else:
            logits, own = self._descend_together(images, targets, rows, state, share_sizes)
        sum_gradients(fabric, self._trained.parameters())
        components = dict(zip(own, sum_over_processes(fabric, list(own.values())), strict=True))
        loss = sum(components.values())
        if not np.isfinite(loss):
            is_ours = not np.isfinite(sum(own.values()))
            raise self._describe_bad_batch(f"the loss is {loss}", batch if is_ours else None)
        state.tally.add_norm(self._update(batch, tally.seconds))
        self.objective.follow(components)
        tally.add_step(
            components,
            gather_rows(fabric, logits, share_sizes),
            gather_rows(fabric, self._scored(targets), share_sizes),
        )
        return num_stops > 0, loss

    def release_memory(self) -> None:
        """Drop what a step that did not fit has left behind."""
        self._optimizer.zero_grad(set_to_none=True)
        # The step's frames, its tensors in them, hang in a circle on the exception that ended it.
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _mix(self, images: Tensor, targets: Tensor, state: TrainState) -> tuple[Tensor, Tensor]:
        """What is learnt of a share of a batch, before it is cut in parts."""
        if not self.settings.mixes_films:
            return images, targets
        place = (state.epoch, state.step, self.fabric.global_rank)
        return mix_batch(images, targets, self.settings, *place)

    def _scored(self, targets: Tensor) -> Tensor:
        """What training is scored against: nothing is known of a film that was never taken."""
        return torch.full_like(targets, UNKNOWN) if self.settings.mixes_films else targets

    def _descend(
        self, images: Tensor, targets: Tensor, rows: Tensor, state: TrainState, weight: float
    ) -> tuple[Tensor, dict[str, float]]:
        """Leave the gradient of this process's share; returns logits (B, C) and its loss.

        weight: of the whole batch (`TrainingLoss.weigh`). Parts weighed by their share of it add
        up to the loss of the batch, where the loss is additive; another is not split.
        """
        seconds = state.tally.seconds
        num_parts = min(state.num_parts, len(images))
        components: dict[str, float] = {}
        logits = []
        pieces = (tensor.tensor_split(num_parts) for tensor in (images, targets, rows))
        for place, (part_images, part_targets, part_rows) in enumerate(zip(*pieces, strict=True)):
            begun = time.monotonic()
            share = self.loss.weigh(part_targets) / max(weight, 1.0)
            outputs = self._forward(part_images, state, place)
            terms = self.objective.components(
                outputs, part_targets, epoch=state.epoch, rows=part_rows
            )
            turned = time.monotonic()
            self.fabric.backward(torch.stack(list(terms.values())).sum() * share)
            for name, value in terms.items():
                components[name] = components.get(name, 0.0) + float(value.detach()) * share
            logits.append(logits_of(outputs).detach().float())
            seconds["forward"] += turned - begun
            seconds["backward"] += time.monotonic() - turned
        return torch.cat(logits), components

    def _descend_together(
        self,
        images: Tensor,
        targets: Tensor,
        rows: Tensor,
        state: TrainState,
        share_sizes: Sequence[int],
    ) -> tuple[Tensor, dict[str, float]]:
        """As `_descend`, for a loss that compares the images of all processes with each other."""
        fabric, seconds = self.fabric, state.tally.seconds
        begun = time.monotonic()
        with self._agree_on_memory():
            outputs = self._forward(images, state, 0)
        all_outputs = join_rows(fabric, outputs, share_sizes)
        all_targets, all_rows = (gather_rows(fabric, one, share_sizes) for one in (targets, rows))
        with self._agree_on_memory():
            terms = self.objective.components(
                all_outputs, all_targets, epoch=state.epoch, rows=all_rows
            )
            turned = time.monotonic()
            fabric.backward(torch.stack(list(terms.values())).sum())
        seconds["forward"] += turned - begun
        seconds["backward"] += time.monotonic() - turned
        # Every process has the loss of the whole batch: its share of it is an equal one.
        components = {name: float(v.detach()) / fabric.world_size for name, v in terms.items()}
        return logits_of(outputs).detach().float(), components

    def _forward(self, images: Tensor, state: TrainState, part: int) -> Tensor:
        # Dropout draws from torch's default generator; seeded a part, its noise is a
        # function of (seed, epoch, step, rank, part), and no generator has to be saved.
        key = (self.settings.seed, state.epoch, state.step, self.fabric.global_rank, part)
        torch.manual_seed(derive_seed("noise", *key))
        with self.fabric.autocast():
            return self.objective.run(self.model, images)

    def _agree_on_memory(self) -> AbstractContextManager[None]:
        return agree_on_memory(self.fabric, meets_within=self._has_shared_statistics)

    def _update(self, batch: Batch, seconds: dict[str, float]) -> float:
        """Clip the gradient and move the weights; returns the norm before clipping."""
        begun = time.monotonic()
        clipped = self.fabric.clip_gradients(
            self._trained,
            self._optimizer,
            max_norm=self.settings.clip_norm,
            error_if_nonfinite=False,
        )
        norm = float("nan") if clipped is None else float(clipped)
        # The scaler of fp16 meets infinities by design, skips the step and lowers its scale.
        if not np.isfinite(norm) and self.settings.precision != "fp16":
            raise self._describe_bad_batch(f"the gradient's norm is {norm}", batch)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        average_statistics(self.fabric, self.model)
        if self.average is not None:
            self.average.update_parameters(self.model)
        seconds["backward"] += time.monotonic() - begun
        return norm

    def _describe_bad_batch(self, what: str, batch: Batch | None) -> CheckFailedError:
        where = "It came up in another process, which names its images."
        if batch is not None:
            names = ", ".join(self.image_ids[row] for row in batch.index[:8].tolist())
            where = f"The batch begins with {names}. Look at these images, or lower --lr."
        return CheckFailedError(
            f"{what}; training stopped before the update, and the last checkpoint is good. {where}"
        )
