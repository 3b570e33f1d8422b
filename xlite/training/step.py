"""One optimizer step: forward, loss, backward, clip, update, over all parts and processes.

B images of a process's share of a batch, C classes.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor

from xlite.config import TrainSettings
from xlite.dataset.loader import Batch
from xlite.errors import CheckFailedError
from xlite.labels import UNKNOWN
from xlite.losses.training_loss import TrainingLoss
from xlite.models.attention import redraw_performer_features
from xlite.models.classifier import Classifier
from xlite.models.layers import assign_layers
from xlite.randomness import derive_seed
from xlite.signals import StopRequest
from xlite.training.device import is_out_of_memory
from xlite.training.optimizer import build_optimizer, freeze_layers, set_lr_factor
from xlite.training.processes import gather_rows, sum_over_processes
from xlite.training.state import TrainState
from xlite.training.weight_average import build_weight_average

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


class StepOutOfMemoryError(Exception):
    """A step did not fit into memory; the optimizer has not moved."""


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
        self.image_ids = image_ids
        self.layer_map = assign_layers(model)
        self._bare_optimizer = build_optimizer(model, self.layer_map, settings)
        self._wrapped_model, self._optimizer = fabric.setup(model, self._bare_optimizer)
        self.average = (
            build_weight_average(model, settings.ema_decay) if settings.ema_decay else None
        )

    @property
    def judged_model(self) -> torch.nn.Module:
        """The model that validation judges: the average of the weights where there is one."""
        return self.model if self.average is None else self.average.module

    @property
    def parts(self) -> dict[str, Any]:
        """What a checkpoint saves and restores, by name."""
        # The precision plugin holds the gradient scaler of fp16, and nothing otherwise.
        parts = {
            "model": self.model,
            "optimizer": self._bare_optimizer,
            "precision": self.fabric.strategy.precision,
        }
        return parts if self.average is None else parts | {"average": self.average}

    def begin_epoch(self, state: TrainState) -> None:
        """Freeze, thaw and redraw what is due in the state's epoch; safe to repeat."""
        settings, epoch = self.settings, state.epoch
        is_due = settings.redraw_features and epoch and epoch % settings.redraw_features == 0
        if is_due and state.step == 0:
            seed = derive_seed("features", settings.seed, epoch)
            redraw_performer_features(self.model, torch.Generator().manual_seed(seed))
        freeze_layers(self.model, self.layer_map, settings, epoch)

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
        StepOutOfMemoryError.
        """
        fabric, tally = self.fabric, state.tally
        images = batch.images.to(fabric.device, non_blocking=True)
        targets = batch.targets.to(fabric.device, torch.float32, non_blocking=True)
        num_known = float((targets != UNKNOWN).sum())
        # Processes have to agree on when to stop, or one of them waits for the others for ever.
        total_known, num_stops = sum_over_processes(fabric, [num_known, float(bool(stop))])
        set_lr_factor(self._bare_optimizer, lr_factor)
        try:
            logits, own = self._descend(images, targets, state, total_known)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            raise StepOutOfMemoryError from error
        components = dict(zip(own, sum_over_processes(fabric, list(own.values())), strict=True))
        loss = sum(components.values())
        if not np.isfinite(loss):
            is_ours = not np.isfinite(sum(own.values()))
            raise self._describe_bad_batch(f"the loss is {loss}", batch if is_ours else None)
        state.tally.add_norm(self._update(batch, tally.seconds))
        tally.add_step(
            components,
            gather_rows(fabric, logits, share_sizes),
            gather_rows(fabric, targets, share_sizes),
        )
        return num_stops > 0, loss

    def release_memory(self) -> None:
        """Drop what a step that did not fit has left behind."""
        self._optimizer.zero_grad(set_to_none=True)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _descend(
        self, images: Tensor, targets: Tensor, state: TrainState, total_known: float
    ) -> tuple[Tensor, dict[str, float]]:
        """Leave the gradient of this process's share; returns logits (B, C) and its loss.

        Losses are means over known entries, so parts weighed by their share of these add up to
        the loss of the whole batch.
        """
        fabric, seconds = self.fabric, state.tally.seconds
        num_parts = min(state.num_parts, len(images))
        components: dict[str, float] = {}
        logits = []
        parts = zip(images.tensor_split(num_parts), targets.tensor_split(num_parts), strict=True)
        for place, (part_images, part_targets) in enumerate(parts):
            begun = time.monotonic()
            # Dropout draws from torch's default generator; seeded a part, its noise is a
            # function of (seed, epoch, step, rank, part), and no generator has to be saved.
            key = (self.settings.seed, state.epoch, state.step, fabric.global_rank, place)
            torch.manual_seed(derive_seed("noise", *key))
            share = float((part_targets != UNKNOWN).sum()) / max(total_known, 1.0)
            is_last = place == num_parts - 1
            with fabric.no_backward_sync(self._wrapped_model, enabled=not is_last):
                part_logits = self._wrapped_model(part_images)
                terms = self.loss.components(part_logits, part_targets, epoch=state.epoch)
                turned = time.monotonic()
                # Data parallelism divides the sum of gradients by the number of processes.
                weight = share * fabric.world_size
                fabric.backward(torch.stack(list(terms.values())).sum() * weight)
            for name, value in terms.items():
                components[name] = components.get(name, 0.0) + float(value.detach()) * share
            logits.append(part_logits.detach().float())
            seconds["forward"] += turned - begun
            seconds["backward"] += time.monotonic() - turned
        return torch.cat(logits), components

    def _update(self, batch: Batch, seconds: dict[str, float]) -> float:
        """Clip the gradient and move the weights; returns the norm before clipping."""
        begun = time.monotonic()
        clipped = self.fabric.clip_gradients(
            self.model, self._optimizer, max_norm=self.settings.clip_norm, error_if_nonfinite=False
        )
        norm = float("nan") if clipped is None else float(clipped)
        # The scaler of fp16 meets infinities by design, skips the step and lowers its scale.
        if not np.isfinite(norm) and self.settings.precision != "fp16":
            raise self._describe_bad_batch(f"the gradient's norm is {norm}", batch)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
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
