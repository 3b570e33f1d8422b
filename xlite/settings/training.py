"""Settings of a training run, and of the machine that it runs on."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from xlite.settings.dataset import SamplerSettings
from xlite.settings.loss import UNSMOOTHABLE, LossSettings
from xlite.settings.policy import PolicySettings
from xlite.settings.settings import LARGEST_SEED, Settings, Shown

Precision = Literal["fp32", "bf16", "fp16"]
MemoryFormat = Literal["channels_last", "contiguous"]
Monitor = Literal["auroc", "average_precision", "f1", "precision", "recall", "loss"]

CSRA_LAMBDA = 0.1
"""Weight of the attended logit beside the mean one, as in most experiments of Zhu and Wu 2021."""

_MODEL = "Model"


class TrainSettings(Settings):
    """One training run; the defaults are those of the project's baseline experiment."""

    panel: ClassVar[str] = "Optimisation"

    model: str
    """One of the six names, or TIMM_NAME, alone or with +mhsa, +performer or +mean; behind it
    +linear, +gem, +csra or +query for another head."""
    initial_weights: str = "hub"
    """hub (timm's ImageNet weights), none, or sha256:… of a local file."""
    warm_start: str | None = None
    """sha256:… of the checkpoint whose fitting weights were loaded over the initial ones."""
    position_encoding: Annotated[bool, Shown(panel=_MODEL)] = False
    """Tell attention where its tokens are, by a 2-D sine-cosine code."""
    redraw_features: Annotated[int, Shown(panel=_MODEL)] = Field(default=0, ge=0)
    """Performer: epochs between two draws of its random features; 0: never."""
    csra_lambda: Annotated[float, Shown(panel=_MODEL)] = Field(default=CSRA_LAMBDA, ge=0)
    """csra: weight of the attended logit beside the mean one; 0 is mean pooling."""
    csra_temperature: Annotated[float, Shown(panel=_MODEL)] = Field(default=1.0, gt=0)
    """csra: how much more a place counts that speaks for the label. Of a single head."""
    csra_heads: Annotated[int, Shown(panel=_MODEL)] = Field(default=1, ge=1, le=8)
    """csra: heads, each with a temperature of its own: 1, 2, 4, 6 or 8."""
    loss: LossSettings = LossSettings()
    sampler: SamplerSettings = SamplerSettings(name="none")
    policy: PolicySettings = PolicySettings()
    epochs: Annotated[int, Shown(is_common=True)] = Field(default=20, ge=1, le=1_000_000)
    """Epochs, at most."""
    batch_size: Annotated[int, Shown(is_common=True)] = Field(default=32, ge=1)
    """Images of an optimizer step, over all devices and parts."""
    accumulate: int = Field(default=1, ge=1)
    """Parts in which a device computes its share of a step, to save memory: same batch."""
    image_size: Annotated[int | None, Shown(is_common=True)] = Field(default=None, ge=32, le=8192)
    """Side in pixels. Default: the cache's."""
    lr: Annotated[float, Shown(is_common=True)] = Field(default=1e-4, gt=0)
    """Learning rate of AdamW."""
    attention_lr: float | None = Field(default=None, gt=0)
    """Learning rate of the attention. Default: --lr."""
    head_lr: float | None = Field(default=None, gt=0)
    """Learning rate of the head. Default: --lr."""
    layer_decay: float = Field(default=1.0, gt=0, le=1)
    """Factor of the learning rate from a backbone layer to the one before."""
    probe_epochs: int = Field(default=0, ge=0, le=10_000)
    """Passes before the first epoch in which attention and head alone are trained, on features of
    the unaugmented images that are computed once."""
    freeze_epochs: int = Field(default=0, ge=0)
    """Epochs at the start in which the backbone is not trained."""
    unfreeze_epochs: int = Field(default=0, ge=0)
    """Epochs after those over which it thaws, last layers first; 0 thaws it at once."""
    batch_norm: Literal["train", "frozen", "affine"] = "train"
    """The backbone's batch normalisation: train its scale, shift and statistics; frozen: fix all of
    it; affine: fix its statistics, and of the backbone train scale and shift alone."""
    deep_supervision: float = Field(default=0.0, ge=0)
    """Weight of the mean loss of linear heads on two stages of the backbone, which exist in
    training alone; 0: none."""
    component_weights: Literal["fixed", "balanced"] = "fixed"
    """Weights of a loss's components (combined, --deep-supervision): as they are set, or such that
    each keeps its share whatever its size comes down to"""
    weight_decay: float = Field(default=1e-5, ge=0)
    """Decoupled weight decay of AdamW."""
    schedule: Literal["plateau", "cosine", "constant"] = "plateau"
    """How the learning rate falls after the warm-up"""
    warmup_epochs: float = Field(default=0.0, ge=0)
    """Epochs, also parts of one, over which the rate rises from 0."""
    min_lr_factor: float = Field(default=0.0, ge=0, lt=1)
    """Share of the rate under which plateau and cosine never go."""
    plateau_patience: int = Field(default=5, ge=0)
    """plateau: epochs without a gain in --monitor before the rate is cut."""
    plateau_factor: float = Field(default=0.5, gt=0, lt=1)
    """plateau: what the rate is multiplied with then."""
    monitor: Monitor = "auroc"
    """Macro validation score that chooses the best epoch, cuts the rate and stops early"""
    early_stopping: Annotated[int, Shown(is_common=True)] = Field(default=10, ge=1)
    """Epochs without a gain in --monitor before the end."""
    min_delta: float = Field(default=0.0, ge=0)
    """Smallest change of --monitor that is a gain."""
    select: Literal["best", "last", "average"] = "best"
    """Weights that are kept. best: of the best epoch by --monitor; last: of the last one; average:
    the mean of those after each epoch of the last quarter. Only best picks, and stops early."""
    ema_decay: float = Field(default=0.0, ge=0, lt=1)
    """Decay of a moving average of the weights, which is then judged and kept; 0: none."""
    clip_norm: float = Field(default=1.0, gt=0)
    """Largest 2-norm of the gradient."""
    dropout: Annotated[float, Shown(panel=_MODEL)] = Field(default=0.1, ge=0, lt=1)
    """Dropout in the head."""
    drop_path: Annotated[float | None, Shown(panel=_MODEL)] = Field(default=None, ge=0, lt=1)
    """Stochastic depth: share of images for which the backbone's last block is left out, earlier
    ones less. Default: timm's, mostly 0."""
    drop_rate: Annotated[float | None, Shown(panel=_MODEL)] = Field(default=None, ge=0, lt=1)
    """Dropout within the backbone's blocks, where it has any. Default: timm's, mostly 0."""
    augment: Annotated[Literal["none", "light", "medium", "strong"], Shown(is_common=True)] = (
        "medium"
    )
    """Strength of augmentation"""
    horizontal_flip: bool = False
    """Flip half of the images. It swaps the heart's side."""
    mixup: float = Field(default=0.0, ge=0)
    """α of mixup, which adds the films of a batch up in pairs, and their targets; 0: none."""
    cutmix: float = Field(default=0.0, ge=0)
    """α of CutMix, which puts a box of a film into another. With mixup: one of them a batch."""
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
        """Each setting as a plain value, those of its parts by dotted name."""
        found: dict[str, Any] = {}
        for name, value in self.model_dump(mode="json").items():
            if isinstance(value, dict):
                found |= {f"{name}.{field}": part for field, part in value.items()}
            else:
                found[name] = value
        return found

    @property
    def first_averaged_epoch(self) -> int:
        """The first, from 0, of the epochs over which `select` "average" averages: the last quarter
        of them, rounded up.

        >>> TrainSettings(model="resnet18", select="average", epochs=10).first_averaged_epoch
        7
        """
        return self.epochs - math.ceil(self.epochs / 4)

    @property
    def mixes_films(self) -> bool:
        """Whether what is learnt are mixtures of films."""
        return bool(self.mixup or self.cutmix)

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if self.accumulate > self.batch_size:
            raise ValueError(
                f"a batch of {self.batch_size} can't be computed in {self.accumulate} parts: "
                "lower --accumulate or raise --batch-size"
            )
        if self.policy.is_soft and self.loss.name in UNSMOOTHABLE:
            raise ValueError(
                f"--loss {self.loss.name} compares present with absent labels, and a soft target "
                "is neither: pass --uncertain ignore, zeros or ones, or another loss"
            )
        if self.component_weights == "balanced":
            if self.loss.name != "combined" and not self.deep_supervision:
                raise ValueError(
                    "--component-weights balanced needs several components: pass --loss combined "
                    "or --deep-supervision, too"
                )
            if self.loss.label_weighting != "none":
                raise ValueError(
                    "--component-weights balanced and --label-weighting uncertainty both choose "
                    "how much a loss counts: leave one of them out"
                )
        if self.mixes_films:
            self._check_mixing()
        if self.select == "average":
            self._check_averaging()
        if self.unfreeze_epochs and not self.freeze_epochs:
            raise ValueError("--unfreeze-epochs needs --freeze-epochs: nothing is frozen")
        if self.freeze_epochs >= self.epochs:
            self._check_frozen()
        return self

    def _check_averaging(self) -> None:
        if self.first_averaged_epoch == self.epochs - 1:
            raise ValueError(
                f"--select average takes the mean over the last quarter of the epochs, and of "
                f"{self.epochs} that is one: pass 5 --epochs or more, or --select last"
            )
        if self.redraw_features:
            raise ValueError(
                "--select average would average weights that belong to different random features: "
                "leave --redraw-features at 0, or take --select last"
            )

    def _check_frozen(self) -> None:
        """Refuse what is of the backbone's training alone, which is frozen in every epoch."""
        of_training = {
            "--batch-norm": None if self.batch_norm == "train" else self.batch_norm,
            "--drop-path": self.drop_path,
            "--drop-rate": self.drop_rate,
        }
        for option, value in of_training.items():
            if value is not None:
                raise ValueError(
                    f"{option} {value} changes nothing: --freeze-epochs {self.freeze_epochs} keeps "
                    f"the whole backbone as it is for all {self.epochs} epochs. Leave one of them "
                    "out"
                )

    def _check_mixing(self) -> None:
        option = "--mixup" if self.mixup else "--cutmix"
        if self.loss.name in UNSMOOTHABLE:
            raise ValueError(
                f"--loss {self.loss.name} compares present with absent labels, and a film that "
                f"{option} mixed has labels between: leave {option} at 0, or choose another loss"
            )
        if self.batch_size == 1:
            raise ValueError(
                f"{option} mixes the films of a batch, and a batch of 1 has no two: raise "
                f"--batch-size, or leave {option} at 0"
            )


class Runtime(Settings):
    """What may differ between two sittings of one run without changing its result."""

    panel: ClassVar[str] = "Running"

    device: Annotated[str, Shown(is_common=True)] = "auto"
    """auto, cpu, cuda, cuda:N or mps."""
    devices: int = Field(default=1, ge=1, le=1024)
    """Devices of this machine that train one run."""
    num_nodes: Annotated[int, Shown("--nodes")] = Field(default=1, ge=1, le=65_536)
    """Machines that train one run together, each by this command under torchrun or Slurm."""
    num_workers: Annotated[int | None, Shown("--workers", is_common=True)] = Field(
        default=None, ge=0, le=1024
    )
    """Loader processes. Default: chosen."""
    checkpoint_minutes: Annotated[float, Shown(is_unset=True)] = Field(default=10.0, ge=0)
    """Minutes between two checkpoints within an epoch; 0 writes one after each step. Default: 10,
    with --power-safe 2."""
    jobs: Annotated[int, Shown(is_common=True)] = Field(default=1, ge=1, le=1024)
    """Runs that train side by side on this machine, which share its cores."""
    pause_seconds: Annotated[float, Shown("--pause", is_unset=True)] = Field(default=0.0, ge=0)
    """Seconds of rest between two runs. Default: 0, with --power-safe 30."""
    contiguous_models: tuple[str, ...] = ()
    """Models that `--tune` found to be faster in torch's contiguous memory format; the others are
    in channels_last."""
    weights_path: Annotated[Path | None, Shown("--weights", panel=_MODEL)] = None
    """Backbone weights, .safetensors. Default: timm's, from its hub."""
    warm_start: Annotated[Path | None, Shown(panel=_MODEL)] = None
    """Checkpoint of which whatever fits is loaded: another run's best.safetensors, a file of timm,
    torch or Lightning."""
