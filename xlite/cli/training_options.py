"""The options of training, shared by every command that trains or judges a sampler."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xlite.cli.names import split_names
from xlite.errors import InputError

if TYPE_CHECKING:
    from xlite.config import LossSettings, Runtime, SamplerSettings, TrainSettings

_LOSS = "Loss"
_SAMPLING = "Sampling"
_OPTIMISATION = "Optimisation"
_RUNNING = "Running"


@dataclass(frozen=True)
class LossOptions:
    """The settings of the loss, but for its name."""

    pos_weight: Annotated[
        str | None,
        typer.Option(
            help="Weights of positives: neg-over-pos, sqrt, inverse, effective-number, or one "
            "number a label, separated by commas. Default: neg-over-pos.",
            rich_help_panel=_LOSS,
        ),
    ] = None
    pos_weight_power: Annotated[
        float, typer.Option(help="Exponent of the inverse scheme.", rich_help_panel=_LOSS)
    ] = 1.0
    pos_weight_smoothing: Annotated[
        float,
        typer.Option(help="inverse: images added to each count.", rich_help_panel=_LOSS),
    ] = 1.0
    pos_weight_beta: Annotated[
        float, typer.Option(help="β of the effective number.", rich_help_panel=_LOSS)
    ] = 0.9999
    allow_extreme: Annotated[
        bool,
        typer.Option(
            "--allow-extreme",
            help="Accept weights that call most classes positive everywhere.",
            rich_help_panel=_LOSS,
        ),
    ] = False
    focal_alpha: Annotated[
        float, typer.Option(help="Weight of positives in the focal loss.", rich_help_panel=_LOSS)
    ] = 0.25
    focal_gamma: Annotated[
        float, typer.Option(help="Focusing exponent of the focal loss.", rich_help_panel=_LOSS)
    ] = 2.0

    def to_settings(self, name: str) -> LossSettings:
        """Validated settings of the loss called `name`."""
        from xlite.config import LossSettings

        return LossSettings.parse(
            name=name,
            pos_weight=_parse_pos_weight(self.pos_weight or "neg-over-pos"),
            power=self.pos_weight_power,
            smoothing=self.pos_weight_smoothing,
            beta=self.pos_weight_beta,
            allow_extreme=self.allow_extreme,
            focal_alpha=self.focal_alpha,
            focal_gamma=self.focal_gamma,
        )


def _parse_pos_weight(text: str) -> str | tuple[float, ...]:
    try:
        return tuple(float(number) for number in split_names(text))
    except ValueError:
        return text


@dataclass(frozen=True)
class SamplerOptions:
    """The settings of the sampler, but for its name."""

    no_finding: Annotated[
        str,
        typer.Option(
            help="Weight of images without a finding: smallest (class weight), natural (their "
            "share stays), share:0.3 (it becomes 0.3), a number, or auto.",
            rich_help_panel=_SAMPLING,
        ),
    ] = "auto"
    strength: Annotated[
        float,
        typer.Option(
            help="max-entropy: from 0 (shares as found) to 1 (equal shares).",
            rich_help_panel=_SAMPLING,
        ),
    ] = 1.0
    min_ess: Annotated[
        float | None,
        typer.Option(
            help="max-entropy: the strongest that keeps this effective sample size, 0 to 1.",
            rich_help_panel=_SAMPLING,
        ),
    ] = None
    max_repeat: Annotated[
        float | None,
        typer.Option(
            help="max-entropy: largest expected number of draws of an image in an epoch.",
            rich_help_panel=_SAMPLING,
        ),
    ] = None
    nearest_feasible: Annotated[
        bool,
        typer.Option(
            "--nearest-feasible",
            help="max-entropy: take the nearest shares that can be met.",
            rich_help_panel=_SAMPLING,
        ),
    ] = False
    draw: Annotated[
        str,
        typer.Option(
            help="replacement (independent draws) or systematic (same exposure, less chance).",
            rich_help_panel=_SAMPLING,
        ),
    ] = "replacement"
    sampler_power: Annotated[
        float,
        typer.Option(help="inverse-*: exponent of the count.", rich_help_panel=_SAMPLING),
    ] = 1.0
    smoothing: Annotated[
        float,
        typer.Option(help="inverse-*: images added to each count.", rich_help_panel=_SAMPLING),
    ] = 1.0
    threshold: Annotated[
        float,
        typer.Option(
            help="repeat-factor: prevalence under which a class is repeated.",
            rich_help_panel=_SAMPLING,
        ),
    ] = 0.05

    def to_settings(self, name: str) -> SamplerSettings:
        """Validated settings of the sampler called `name`."""
        from xlite.config import SamplerSettings

        return SamplerSettings.parse(
            name=name,
            no_finding=self.no_finding,
            draw=self.draw,
            power=self.sampler_power,
            smoothing=self.smoothing,
            threshold=self.threshold,
            strength=self.strength,
            min_ess=self.min_ess,
            max_repeat=self.max_repeat,
            nearest_feasible=self.nearest_feasible,
        )


@dataclass(frozen=True)
class TrainingOptions:
    """How a model is trained; the defaults are the baseline experiment's."""

    epochs: Annotated[int, typer.Option(help="Epochs, at most.", rich_help_panel=_OPTIMISATION)] = (
        20
    )
    batch_size: Annotated[
        int, typer.Option(help="Images a step.", rich_help_panel=_OPTIMISATION)
    ] = 32
    image_size: Annotated[
        int | None,
        typer.Option(help="Side in pixels. Default: the cache's.", rich_help_panel=_OPTIMISATION),
    ] = None
    lr: Annotated[
        float, typer.Option(help="Learning rate of AdamW.", rich_help_panel=_OPTIMISATION)
    ] = 1e-4
    weight_decay: Annotated[
        float, typer.Option(help="Weight decay of AdamW.", rich_help_panel=_OPTIMISATION)
    ] = 1e-5
    early_stopping: Annotated[
        int,
        typer.Option(
            help="Epochs without a better validation AUROC before the end.",
            rich_help_panel=_OPTIMISATION,
        ),
    ] = 10
    dropout: Annotated[
        float, typer.Option(help="Dropout in the head.", rich_help_panel=_OPTIMISATION)
    ] = 0.1
    augment: Annotated[
        str,
        typer.Option(help="none, light, medium or strong.", rich_help_panel=_OPTIMISATION),
    ] = "medium"
    horizontal_flip: Annotated[
        bool,
        typer.Option(
            "--horizontal-flip",
            help="Flip half of the images. It swaps the heart's side.",
            rich_help_panel=_OPTIMISATION,
        ),
    ] = False
    precision: Annotated[
        str,
        typer.Option(
            help="auto (bf16 or fp16 on a GPU, else fp32), fp32, bf16 or fp16.",
            rich_help_panel=_OPTIMISATION,
        ),
    ] = "auto"
    weights: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Backbone weights, .safetensors. Default: timm's, from its hub.",
            rich_help_panel=_RUNNING,
        ),
    ] = None
    pretrained: Annotated[
        bool,
        typer.Option(
            "--pretrained/--no-pretrained",
            help="Start from ImageNet weights.",
            rich_help_panel=_RUNNING,
        ),
    ] = True
    device: Annotated[
        str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.", rich_help_panel=_RUNNING)
    ] = "auto"
    workers: Annotated[
        int | None,
        typer.Option(help="Loader processes. Default: chosen.", rich_help_panel=_RUNNING),
    ] = None

    def to_settings(
        self, *, model: str, loss: LossSettings, sampler: SamplerSettings, seed: int
    ) -> TrainSettings:
        """Validated settings of one run."""
        from xlite.artifacts import sha256_of_file
        from xlite.config import TrainSettings

        initial_weights = "hub" if self.pretrained else "none"
        if self.weights is not None:
            if not self.pretrained:
                raise InputError("--weights and --no-pretrained exclude each other. Pass one.")
            if not self.weights.is_file():
                raise InputError(
                    f"weights file {self.weights} does not exist. Pass --weights FILE."
                )
            initial_weights = f"sha256:{sha256_of_file(self.weights)}"
        return TrainSettings.parse(
            model=model,
            initial_weights=initial_weights,
            loss=loss,
            sampler=sampler,
            epochs=self.epochs,
            batch_size=self.batch_size,
            image_size=self.image_size,
            lr=self.lr,
            weight_decay=self.weight_decay,
            early_stopping=self.early_stopping,
            dropout=self.dropout,
            augment=self.augment,
            horizontal_flip=self.horizontal_flip,
            precision=self._resolve_precision(),
            seed=seed,
        )

    def to_runtime(self) -> Runtime:
        """Where and with how many processes to run."""
        from xlite.config import Runtime

        return Runtime.parse(device=self.device, num_workers=self.workers)

    def _resolve_precision(self) -> str:
        if self.precision != "auto":
            return self.precision
        import torch

        if self.device == "cpu" or not torch.cuda.is_available():
            return "fp32"
        return "bf16" if torch.cuda.is_bf16_supported() else "fp16"
