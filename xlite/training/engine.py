"""The training loop, on Lightning Fabric.

B batch, C classes. One step is forward, loss, backward, clip, update; one epoch is its steps,
a validation and a checkpoint. All that the loop carries along is in `TrainState`, the model,
the optimizer and the scheduler: see `resume`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.utils.data import DataLoader

from xlite import console
from xlite.artifacts import RUN_BEST, RUN_LAST, atomic_path
from xlite.config import TrainSettings
from xlite.dataset.loader import Batch
from xlite.dataset.sampler import EpochSampler
from xlite.errors import CheckFailedError, InterruptedRunError
from xlite.randomness import derive_seed
from xlite.scores.ranking import macro_mean, ranking_scores
from xlite.training.predict import predict_logits
from xlite.training.resume import StopRequest, TrainState, load_checkpoint, save_checkpoint

Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class Trainer:
    """One run's fixed surroundings; what changes while it trains is in `TrainState`."""

    settings: TrainSettings
    fabric: Fabric
    model: torch.nn.Module
    loss: Loss
    sampler: EpochSampler
    train_loader: DataLoader[Batch]
    val_loader: DataLoader[Batch]
    vocabulary: tuple[str, ...]
    image_ids: Any
    """(N,) ids of the training images, to name those of a bad batch."""
    run_dir: Path
    fingerprint: str

    @property
    def title(self) -> str:
        """What bars and lines call the run."""
        return f"{self.settings.model} {self.settings.loss.name}"

    def fit(
        self,
        *,
        resume: bool,
        stop: StopRequest,
        on_epoch: Callable[[TrainState], None] | None = None,
    ) -> TrainState:
        """Train to the last epoch or the early stop; returns where training stood then.

        Raises InterruptedRunError, state saved, when `stop` is set, and CheckFailedError when
        the loss or the gradient is no longer finite.
        """
        settings = self.settings
        bare_optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=settings.lr, weight_decay=settings.weight_decay
        )
        model, optimizer = self.fabric.setup(self.model, bare_optimizer)
        scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
            bare_optimizer,
            mode="max",
            factor=settings.plateau_factor,
            patience=settings.plateau_patience,
        )
        # The precision plugin holds the gradient scaler of fp16, and nothing otherwise.
        parts = {
            "model": self.model,
            "optimizer": bare_optimizer,
            "scheduler": scheduler,
            "precision": self.fabric.strategy.precision,
        }
        state = TrainState()
        checkpoint = self.run_dir / RUN_LAST
        if resume and checkpoint.exists():
            state = load_checkpoint(checkpoint, parts=parts, fingerprint=self.fingerprint)
            console.say(f"{self.title}: continues in epoch {state.epoch + 1}")

        def save() -> None:
            save_checkpoint(checkpoint, parts=parts, state=state, fingerprint=self.fingerprint)

        while not state.is_finished(epochs=settings.epochs, early_stopping=settings.early_stopping):
            started = time.monotonic()
            earlier_seconds = state.seconds
            self._train_epoch(model, optimizer, state, stop)
            state.seconds = earlier_seconds + time.monotonic() - started
            if stop:
                save()
                raise InterruptedRunError(
                    f"stopped in epoch {state.epoch + 1} of {settings.epochs} after step "
                    f"{state.step}; {checkpoint} is saved. The same command with --resume "
                    "continues from there.",
                    signal_number=stop.signal_number or 0,
                )
            row = self._validate(model) | {
                "epoch": state.epoch + 1,
                "train_loss": state.loss_sum / state.num_images,
                "lr": bare_optimizer.param_groups[0]["lr"],
            }
            seconds = time.monotonic() - started
            row["seconds"] = seconds
            row["images_per_second"] = state.num_images / seconds
            self._finish_epoch(state, row)
            scheduler.step(row["val_auroc"])
            state.seconds = earlier_seconds + time.monotonic() - started
            save()
            if on_epoch is not None:
                on_epoch(state)
        return state

    def _train_epoch(
        self, model: Any, optimizer: Any, state: TrainState, stop: StopRequest
    ) -> None:
        settings, epoch = self.settings, state.epoch
        model.train()
        self.sampler.set_epoch(epoch, first_batch=state.step)
        description = f"{self.title} epoch {epoch + 1}/{settings.epochs}"
        with (
            console.progress_bar(
                self.sampler.num_batches, description, "batch", initial=state.step
            ) as bar,
            isolated_torch_seed(self.fabric.device),
        ):
            started, num_images = time.monotonic(), 0
            for batch in self.train_loader:
                # Dropout draws from torch's default generator; seeded a step, its noise is a
                # function of (seed, epoch, step), and no generator state has to be saved.
                torch.manual_seed(derive_seed("noise", settings.seed, epoch, state.step))
                loss = self._step(model, optimizer, batch)
                state.step += 1
                state.loss_sum += loss * len(batch.index)
                state.num_images += len(batch.index)
                num_images += len(batch.index)
                speed = num_images / (time.monotonic() - started)
                bar.set_postfix_str(f"loss {loss:.4f}, {speed:.1f} images/s", refresh=False)
                bar.update()
                if stop:
                    return

    def _step(self, model: Any, optimizer: Any, batch: Batch) -> float:
        images, targets = self._to_device(batch)
        loss = self.loss(model(images), targets)
        value = float(loss.detach())
        if not np.isfinite(value):
            raise CheckFailedError(self._describe_bad_batch(f"the loss is {value}", batch))
        self.fabric.backward(loss)
        norm = self.fabric.clip_gradients(
            self.model,
            optimizer,
            max_norm=self.settings.clip_norm,
            error_if_nonfinite=False,
        )
        # The scaler of fp16 meets infinities by design, skips the step and lowers its scale.
        if self.settings.precision != "fp16" and norm is not None and not torch.isfinite(norm):
            raise CheckFailedError(
                self._describe_bad_batch(f"the gradient's norm is {float(norm)}", batch)
            )
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return value

    def _to_device(self, batch: Batch) -> tuple[Tensor, Tensor]:
        device = self.fabric.device
        images = batch.images.to(device, non_blocking=True)
        return images, batch.targets.to(device, torch.float32, non_blocking=True)

    def _describe_bad_batch(self, what: str, batch: Batch) -> str:
        names = ", ".join(self.image_ids[row] for row in batch.index[:8].tolist())
        return (
            f"{what}; training stopped before the update, and the last checkpoint is good. "
            f"The batch begins with {names}. Look at these images, or lower --lr."
        )

    def _validate(self, model: Any) -> dict[str, float]:
        logits, targets = predict_logits(model, self.val_loader, device=self.fabric.device)
        loss = self.loss(
            torch.from_numpy(logits).to(self.fabric.device),
            torch.from_numpy(targets).to(self.fabric.device, torch.float32),
        )
        # AUROC and AP depend on ranks alone, so logits serve as well as probs.
        auroc, average_precision = ranking_scores(targets, logits)
        row = {
            "val_loss": float(loss),
            "val_auroc": macro_mean(auroc)[0],
            "val_average_precision": macro_mean(average_precision)[0],
        }
        for name, value in zip(self.vocabulary, auroc, strict=True):
            row[f"val_auroc_{name}"] = float(value)
        return row

    def _finish_epoch(self, state: TrainState, row: dict[str, float]) -> None:
        if row["val_auroc"] > state.best_metric:
            state.best_metric, state.best_epoch = row["val_auroc"], state.epoch
            state.epochs_without_gain = 0
            save_weights(self.run_dir / RUN_BEST, self.model)
        else:
            state.epochs_without_gain += 1
        state.history.append(row)
        state.epoch += 1
        state.step, state.loss_sum, state.num_images = 0, 0.0, 0
        mark = "" if state.epochs_without_gain else " (best)"
        console.say(
            f"{self.title} epoch {state.epoch}/{self.settings.epochs}: "
            f"train loss {row['train_loss']:.4f}, val loss {row['val_loss']:.4f}, "
            f"val AUROC {row['val_auroc']:.4f}{mark}, "
            f"{row['images_per_second']:.1f} images/s"
        )


def save_weights(path: Path, model: torch.nn.Module) -> None:
    """Write a model's weights and buffers as safetensors, atomically."""
    from safetensors.torch import save_file

    # safetensors refuses channels_last strides; the values are what counts.
    tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    with atomic_path(path) as temporary:
        save_file(tensors, temporary)


@contextmanager
def isolated_torch_seed(device: torch.device) -> Iterator[None]:
    """Within the block torch's default generators may be seeded; after it they are as before."""
    devices = [device.index or 0] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        yield
