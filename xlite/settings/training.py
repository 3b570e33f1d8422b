"""Settings of a training run, and of the machine that it runs on."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from xlite.settings.dataset import SamplerSettings
from xlite.settings.loss import LossSettings
from xlite.settings.settings import LARGEST_SEED, Settings

Precision = Literal["fp32", "bf16", "fp16"]
MemoryFormat = Literal["channels_last", "contiguous"]
Monitor = Literal["auroc", "average_precision", "f1", "precision", "recall", "loss"]


class TrainSettings(Settings):
    """One training run; the defaults are those of the project's baseline experiment."""

    model: str
    """One of the six names, or TIMM_NAME, alone or with +mhsa, +performer or +mean."""
    initial_weights: str = "hub"
    """hub (timm's ImageNet weights), none, or sha256:… of a local file."""
    warm_start: str | None = None
    """sha256:… of the checkpoint whose fitting weights were loaded over the initial ones."""
    position_encoding: bool = False
    """Add a 2-D sine-cosine code to the tokens before attention."""
    redraw_features: int = Field(default=0, ge=0)
    """Epochs between two draws of the Performer's random features; 0 keeps the first."""
    loss: LossSettings = LossSettings()
    sampler: SamplerSettings = SamplerSettings(name="none")
    epochs: int = Field(default=20, ge=1, le=1_000_000)
    """Passes over the training part, at most."""
    batch_size: int = Field(default=32, ge=1)
    """Images of an optimizer step, over all devices and parts."""
    accumulate: int = Field(default=1, ge=1)
    """Parts in which a device computes its share of a step, to save memory."""
    image_size: int | None = Field(default=None, ge=32, le=8192)
    """Side in pixels; None takes the cache's."""
    lr: float = Field(default=1e-4, gt=0)
    """Learning rate of AdamW."""
    attention_lr: float | None = Field(default=None, gt=0)
    """Learning rate of the attention block; None takes `lr`."""
    head_lr: float | None = Field(default=None, gt=0)
    """Learning rate of the head; None takes `lr`."""
    layer_decay: float = Field(default=1.0, gt=0, le=1)
    """Factor of the learning rate from one layer of the backbone to the one before it."""
    freeze_epochs: int = Field(default=0, ge=0)
    """Epochs at the start in which the backbone is not trained."""
    unfreeze_epochs: int = Field(default=0, ge=0)
    """Epochs after those over which the backbone thaws, last layers first; 0 thaws it at once."""
    weight_decay: float = Field(default=1e-5, ge=0)
    """Decoupled weight decay of AdamW."""
    schedule: Literal["plateau", "cosine", "constant"] = "plateau"
    """How the learning rate falls after the warm-up."""
    warmup_epochs: float = Field(default=0.0, ge=0)
    """Epochs, also parts of one, over which the learning rate rises from 0."""
    min_lr_factor: float = Field(default=0.0, ge=0, lt=1)
    """Share of the learning rate under which neither cosine nor plateau goes."""
    plateau_patience: int = Field(default=5, ge=0)
    """Epochs without a gain in the monitored score before the learning rate is cut."""
    plateau_factor: float = Field(default=0.5, gt=0, lt=1)
    """What the learning rate is multiplied with then."""
    monitor: Monitor = "auroc"
    """The macro validation score that chooses the best epoch, cuts the rate and stops early."""
    early_stopping: int = Field(default=10, ge=1)
    """Epochs without a gain in the monitored score before training ends."""
    min_delta: float = Field(default=0.0, ge=0)
    """The smallest change of the monitored score that counts as a gain."""
    ema_decay: float = Field(default=0.0, ge=0, lt=1)
    """Decay of the exponential moving average of the weights, which is then what is judged and
    kept; 0 keeps none."""
    clip_norm: float = Field(default=1.0, gt=0)
    """Largest 2-norm of the gradient."""
    dropout: float = Field(default=0.1, ge=0, lt=1)
    """Dropout in the head."""
    augment: Literal["none", "light", "medium", "strong"] = "medium"
    """Strength of augmentation."""
    horizontal_flip: bool = False
    """Flip half of the images: it swaps the heart's side."""
    precision: Precision = "fp32"
    """Arithmetic of the forward pass."""
    seed: int = Field(default=42, ge=0, le=LARGEST_SEED)
    """Seed of initialisation, order, augmentation and dropout."""

    def changes(self) -> dict[str, Any]:
        """The model, and each setting that is not the default, as plain values by dotted name.

        >>> TrainSettings(model="resnet18", loss=LossSettings(name="focal")).changes()
        {'model': 'resnet18', 'loss.name': 'focal'}
        """
        defaults = TrainSettings(model="").flatten()
        return {name: value for name, value in self.flatten().items() if value != defaults[name]}

    def flatten(self) -> dict[str, Any]:
        """Each setting as a plain value, those of loss and sampler by dotted name."""
        found: dict[str, Any] = {}
        for name, value in self.model_dump(mode="json").items():
            if isinstance(value, dict):
                found |= {f"{name}.{field}": part for field, part in value.items()}
            else:
                found[name] = value
        return found

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if self.accumulate > self.batch_size:
            raise ValueError(
                f"a batch of {self.batch_size} can't be computed in {self.accumulate} parts: "
                "lower --accumulate or raise --batch-size"
            )
        if self.unfreeze_epochs and not self.freeze_epochs:
            raise ValueError("--unfreeze-epochs needs --freeze-epochs: nothing is frozen")
        return self


class Runtime(Settings):
    """What may differ between two sittings of one run without changing its result."""

    options: ClassVar[dict[str, str]] = {
        "num_workers": "--workers",
        "num_nodes": "--nodes",
        "weights_path": "--weights",
        "pause_seconds": "--pause",
    }
    device: str = "auto"
    """auto, cpu, cuda, cuda:N or mps."""
    devices: int = Field(default=1, ge=1, le=1024)
    """Processes on this machine, one a device."""
    num_nodes: int = Field(default=1, ge=1, le=65_536)
    """Machines that train together."""
    num_workers: int | None = Field(default=None, ge=0, le=1024)
    """Loader processes; None chooses."""
    checkpoint_minutes: float = Field(default=10.0, ge=0)
    """Minutes of training after which a checkpoint is due; 0 writes one after each step."""
    jobs: int = Field(default=1, ge=1, le=1024)
    """Runs that train side by side on this machine."""
    pause_seconds: float = Field(default=0.0, ge=0)
    """Rest between two runs."""
    contiguous_models: tuple[str, ...] = ()
    """Models that `--tune` found to be faster in torch's contiguous memory format; the others are
    in channels_last."""
    weights_path: Path | None = None
    """The file whose SHA-256 is in `TrainSettings.initial_weights`."""
    warm_start: Path | None = None
    """The file whose SHA-256 is in `TrainSettings.warm_start`."""
