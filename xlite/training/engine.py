"""The training loop: epochs of steps, each closed by a validation and a checkpoint.

All that the loop carries along is in `TrainState` and in the stepper's parts: see `resume`.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from xlite import console
from xlite.errors import CheckFailedError, InputError, InterruptedRunError
from xlite.loading.loader import Batch
from xlite.run_folder.folder import RunFolder
from xlite.run_folder.history import write_history
from xlite.run_folder.records import WeightsDescription
from xlite.run_folder.weights import write_weights
from xlite.sampling.sampler import EpochSampler
from xlite.signals import StopRequest
from xlite.training.device import measure_peak_memory
from xlite.training.history import describe_losses, describe_tally, score_epoch
from xlite.training.identity import RunIdentity
from xlite.training.out_of_memory import OutOfMemoryError
from xlite.training.predict import predict_logits
from xlite.training.resume import load_checkpoint, save_checkpoint
from xlite.training.schedule import lr_factor, record_score
from xlite.training.state import EpochTally, TrainState
from xlite.training.step import Stepper

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_HALVINGS = 3


@dataclass(frozen=True, kw_only=True)
class TrainingData:
    """What the loop reads: this process's loaders, and whose the images are."""

    sampler: EpochSampler
    """Deals every process its share of each batch."""
    train_loader: DataLoader[Batch]
    val_loader: DataLoader[Batch]
    vocabulary: tuple[str, ...]
    train_patients: NDArray[Any]
    """(N,) patient of each training image."""
    val_patients: NDArray[Any]
    """The same of the validation images."""


class Trainer:
    """One run under way, and where it stands (`state`)."""

    def __init__(
        self,
        *,
        identity: RunIdentity,
        stepper: Stepper,
        data: TrainingData,
        description: WeightsDescription,
        run_dir: Path,
        checkpoint_minutes: float,
    ) -> None:
        self.identity, self.settings = identity, identity.settings
        self.stepper, self.fabric = stepper, stepper.fabric
        self.data, self.description, self.run_dir = data, description, run_dir
        self.checkpoint_seconds = 60 * checkpoint_minutes
        self.state = TrainState(num_parts=self.settings.accumulate)
        self.best_weights: dict[str, Tensor] = {}
        self._saved_at = time.monotonic()

    @property
    def title(self) -> str:
        """What bars and lines call the run."""
        return f"{self.settings.model} {self.settings.loss.name}"

    def prepare(self, *, resume: bool) -> None:
        """Go back to the run's checkpoint, or write its first."""
        if not (resume and self._load()):
            self._save()
        elif self.is_trained:
            console.say(f"{self.title}: all epochs are trained, and are judged now")
        else:
            console.say(
                f"{self.title}: continues in epoch {self.state.epoch + 1} after step "
                f"{self.state.step}"
            )

    @property
    def is_trained(self) -> bool:
        """Whether no further epoch is to be trained."""
        settings, state = self.settings, self.state
        is_early = state.epochs_without_gain >= settings.early_stopping
        return is_early or state.epoch >= settings.epochs

    def fit(
        self, *, stop: StopRequest, on_epoch: Callable[[TrainState], None] | None = None
    ) -> None:
        """Train to the last epoch or the early stop.

        Raises InterruptedRunError, state saved, when `stop` is set, and CheckFailedError when
        the loss or the gradient is no longer finite.
        """
        while not self.is_trained:
            try:
                row = self._validate(stop) if self._train_epoch(stop) else None
            except OutOfMemoryError:
                self._split_steps()
                continue
            if row is None:
                self._save()
                raise InterruptedRunError(
                    f"stopped in epoch {self.state.epoch + 1} of {self.settings.epochs} after "
                    f"step {self.state.step}; {RunFolder(self.run_dir).last_checkpoint} is saved. "
                    "The same command with --resume continues from there.",
                    signal_number=stop.signal_number or signal.SIGTERM,
                )
            self._finish_epoch(row)
            self._save()
            if on_epoch is not None:
                on_epoch(self.state)

    def _train_epoch(self, stop: StopRequest) -> bool:
        """Train to the epoch's end; returns whether it was reached."""
        state, sampler = self.state, self.data.sampler
        num_steps = sampler.num_batches
        self.stepper.begin_epoch(state)
        sampler.set_epoch(state.epoch, first_batch=state.step)
        description = f"{self.title} epoch {state.epoch + 1}/{self.settings.epochs}"
        with (
            console.progress_bar(
                num_steps, description, "step", initial=state.step, shows_rate=False
            ) as bar,
            isolated_torch_seed(self.fabric.device),
        ):
            started, earlier = time.monotonic(), state.tally.num_images
            asked = started
            for batch in self.data.train_loader:
                state.tally.seconds["data"] += time.monotonic() - asked
                is_stopped, loss = self.stepper.take_step(
                    batch,
                    state,
                    lr_factor=self._lr_factor(state.step),
                    share_sizes=sampler.share_sizes(state.step),
                    stop=stop,
                )
                state.step += 1
                speed = (state.tally.num_images - earlier) / (time.monotonic() - started)
                bar.set_postfix_str(f"loss {loss:.4f}, {speed:.1f} images/s", refresh=False)
                bar.update()
                if is_stopped:
                    return False
                if time.monotonic() - self._saved_at >= self.checkpoint_seconds:
                    self._save()
                asked = time.monotonic()
        return True

    def _validate(self, stop: StopRequest) -> dict[str, float] | None:
        """The epoch's row of the history, or None when a signal came in between."""
        state, data, stepper = self.state, self.data, self.stepper
        begun = time.monotonic()
        outputs = predict_logits(
            stepper.judged_model, data.val_loader, fabric=self.fabric, should_stop=stop.__bool__
        )
        if outputs is None:
            return None
        tally = state.tally
        rows = data.sampler.drawn_indices(state.epoch)[: tally.num_images]
        train_macro, _ = score_epoch(
            "train",
            torch.cat(tally.targets).numpy(),
            torch.cat(tally.logits).numpy(),
            data.vocabulary,
            data.train_patients[rows],
        )
        val_macro, val_per_class = score_epoch(
            "val", outputs.targets, outputs.logits, data.vocabulary, data.val_patients
        )
        losses = stepper.loss.components(
            torch.from_numpy(outputs.logits).to(self.fabric.device),
            torch.from_numpy(outputs.targets).to(self.fabric.device, torch.float32),
            epoch=state.epoch,
        )
        train_seconds = max(sum(tally.seconds.values()), 1e-9)
        validation_seconds = time.monotonic() - begun
        return {
            "epoch": state.epoch + 1,
            "lr": self.settings.lr * self._lr_factor(state.step - 1),
            **describe_tally(tally),
            **describe_losses("val", {name: float(value) for name, value in losses.items()}),
            **train_macro,
            **val_macro,
            **val_per_class,
            "seconds_validation": validation_seconds,
            "seconds": train_seconds + validation_seconds,
            "images_per_second": tally.num_images / train_seconds,
            "peak_memory_mb": measure_peak_memory(self.fabric.device),
        }

    def _finish_epoch(self, row: dict[str, float]) -> None:
        state, settings = self.state, self.settings
        is_best = record_score(settings, state, row[f"val_{settings.monitor}"])
        state.history.append(row)
        state.epoch += 1
        state.step, state.tally = 0, EpochTally()
        if is_best:
            # safetensors refuses channels_last strides; the values are what counts.
            self.best_weights = {
                name: tensor.detach().to("cpu", copy=True).contiguous()
                for name, tensor in self.stepper.judged_model.state_dict().items()
            }
            self._write_best()
        console.say(
            f"{self.title} epoch {state.epoch}/{settings.epochs}: "
            f"train loss {row['train_loss']:.4f}, val loss {row['val_loss']:.4f}, "
            f"val AUROC {row['val_auroc']:.4f}{' (best)' if is_best else ''}, "
            f"{row['images_per_second']:.1f} images/s"
        )

    def _lr_factor(self, step: int) -> float:
        state, num_steps = self.state, self.data.sampler.num_batches
        return lr_factor(
            self.settings,
            step=state.epoch * num_steps + step,
            steps_per_epoch=num_steps,
            cuts=state.plateau_cuts,
        )

    def _split_steps(self) -> None:
        """Go back to the checkpoint and compute steps in twice as many parts from there."""
        settings, num_parts = self.settings, 2 * self.state.num_parts
        share = settings.batch_size // self.fabric.world_size
        if not self.stepper.loss.is_additive:
            raise CheckFailedError(
                f"out of memory with batches of {settings.batch_size}, and --loss "
                f"{settings.loss.name} compares the images of a batch with each other: it can't be "
                "computed in parts. Lower --batch-size or --image-size, or choose a smaller model."
            )
        if num_parts > min(share, settings.accumulate * 2**_MOST_HALVINGS):
            raise CheckFailedError(
                f"out of memory with batches of {settings.batch_size} in {num_parts // 2} parts. "
                "Lower --batch-size or --image-size, raise --accumulate, or choose a smaller model."
            )
        self.stepper.release_memory()
        self._load()
        self.state.num_parts = num_parts
        # The main process replaces the file that the others are reading.
        self.fabric.barrier()
        self._save()
        console.warn(
            f"{self.title}: out of memory. From epoch {self.state.epoch + 1}, step "
            f"{self.state.step + 1} on, a batch is computed in {num_parts} parts; the batch that "
            f"the optimizer sees is still of {settings.batch_size} images."
        )

    def _save(self) -> None:
        now = time.monotonic()
        self.state.seconds += now - self._saved_at
        self._saved_at = now
        if self.fabric.is_global_zero:
            save_checkpoint(
                self.run_dir,
                parts=self.stepper.parts,
                state=self.state,
                best=self.best_weights,
                identity=self.identity,
            )
            if self.state.history:
                write_history(self.run_dir, self.state.history)

    def _load(self) -> bool:
        """Go back to the checkpoint, and with it whatever was written after it."""
        loaded = load_checkpoint(self.run_dir, parts=self.stepper.parts, identity=self.identity)
        if loaded is None:
            return False
        self.state, self.best_weights = loaded
        num_steps = self.data.sampler.num_batches
        if self.state.step > num_steps or self.state.epoch > self.settings.epochs:
            raise InputError(
                f"the checkpoint in {self.run_dir} can't be true: epoch {self.state.epoch + 1} of "
                f"{self.settings.epochs}, step {self.state.step} of {num_steps}. Delete its "
                "last.pt to go on from the checkpoint before, or to train this run from its start."
            )
        if self.state.num_parts > 1 and not self.stepper.loss.is_additive:
            raise InputError(
                f"{self.run_dir} was trained in {self.state.num_parts} parts a step, which --loss "
                f"{self.settings.loss.name} can't be. Train it anew in another --out."
            )
        if self.fabric.is_global_zero and self.state.history:
            write_history(self.run_dir, self.state.history)
            self._write_best()
        return True

    def _write_best(self) -> None:
        if self.fabric.is_global_zero:
            write_weights(self.run_dir, self.best_weights, self.description)


@contextmanager
def isolated_torch_seed(device: torch.device) -> Iterator[None]:
    """Within the block torch's default generators may be seeded; after it they are as before."""
    devices = [device.index or 0] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        yield
