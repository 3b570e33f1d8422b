"""The options of training, shared by every command that trains.

Their defaults are those of `TrainSettings`, written again here because importing pydantic would
slow down every `--help`; a test holds the two together.
"""

from dataclasses import dataclass, fields
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from xlite.cli.running_options import RunningOptions
    from xlite.settings import LossSettings, SamplerSettings, TrainSettings

_option = partial(typer.Option, rich_help_panel="Optimisation")
_model_option = partial(typer.Option, rich_help_panel="Model")


@dataclass(frozen=True)
class TrainingOptions:
    """How a model is trained; the defaults are the baseline experiment's."""

    epochs: Annotated[int, _option(help="Epochs, at most.")] = 20
    batch_size: Annotated[
        int, _option(help="Images of an optimizer step, over all devices and parts.")
    ] = 32
    accumulate: Annotated[
        int, _option(help="Parts in which a step is computed, to save memory: same batch.")
    ] = 1
    image_size: Annotated[int | None, _option(help="Side in pixels. Default: the cache's.")] = None
    lr: Annotated[float, _option(help="Learning rate of AdamW.")] = 1e-4
    attention_lr: Annotated[
        float | None, _option(help="Learning rate of the attention. Default: --lr.")
    ] = None
    head_lr: Annotated[float | None, _option(help="Learning rate of the head. Default: --lr.")] = (
        None
    )
    layer_decay: Annotated[
        float, _option(help="Factor of the learning rate from a backbone layer to the one before.")
    ] = 1.0
    freeze_epochs: Annotated[
        int, _option(help="Epochs at the start in which the backbone is not trained.")
    ] = 0
    unfreeze_epochs: Annotated[
        int, _option(help="Epochs after those over which it thaws, last layers first.")
    ] = 0
    weight_decay: Annotated[float, _option(help="Weight decay of AdamW.")] = 1e-5
    schedule: Annotated[
        str, _option(help="Of the learning rate after the warm-up: plateau, cosine or constant.")
    ] = "plateau"
    warmup_epochs: Annotated[
        float, _option(help="Epochs, also parts of one, over which the rate rises from 0.")
    ] = 0.0
    min_lr_factor: Annotated[
        float, _option(help="Share of the rate under which plateau and cosine never go.")
    ] = 0.0
    plateau_patience: Annotated[
        int, _option(help="plateau: epochs without a gain before the rate is cut.")
    ] = 5
    plateau_factor: Annotated[float, _option(help="plateau: what it is cut by.")] = 0.5
    monitor: Annotated[
        str,
        _option(
            help="Validation score that chooses the best epoch, cuts the rate and stops early: "
            "auroc, average_precision, f1, precision, recall or loss."
        ),
    ] = "auroc"
    early_stopping: Annotated[
        int, _option(help="Epochs without a gain in --monitor before the end.")
    ] = 10
    min_delta: Annotated[float, _option(help="Smallest change of --monitor that is a gain.")] = 0.0
    ema_decay: Annotated[
        float,
        _option(help="Decay of a moving average of the weights, which is then judged; 0: none."),
    ] = 0.0
    clip_norm: Annotated[float, _option(help="Largest 2-norm of the gradient.")] = 1.0
    augment: Annotated[str, _option(help="none, light, medium or strong.")] = "medium"
    horizontal_flip: Annotated[
        bool,
        _option("--horizontal-flip", help="Flip half of the images. It swaps the heart's side."),
    ] = False
    dropout: Annotated[float, _model_option(help="Dropout in the head.")] = 0.1
    position_encoding: Annotated[
        bool, _model_option("--position-encoding", help="Tell attention where its tokens are.")
    ] = False
    redraw_features: Annotated[
        int,
        _model_option(help="Performer: epochs between two draws of its random features; 0: never."),
    ] = 0

    def to_settings(
        self,
        running: "RunningOptions",
        *,
        model: str,
        loss: "LossSettings",
        sampler: "SamplerSettings",
        seed: int,
    ) -> "TrainSettings":
        """Validated settings of one run.

        An automatic precision is fp32 in them until `RunningOptions.settle_precision`, which needs
        torch: a wrong name should be refused in less time than its import takes.
        """
        from xlite.executors.power_safe import split_steps
        from xlite.settings import TrainSettings

        settings = TrainSettings.parse(
            model=model,
            loss=loss,
            sampler=sampler,
            seed=seed,
            **running.describe_weights(),
            precision="fp32" if running.precision == "auto" else running.precision,
            **{field.name: getattr(self, field.name) for field in fields(self)},
        )
        return split_steps(settings) if running.power_safe else settings
